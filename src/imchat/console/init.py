"""The conversation of `imchat init`: a few questions, each explained in a line, each answer checked at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from imchat.console import base
from imchat.errors import ConfigError

if TYPE_CHECKING:
    from imchat.deploy.config import Config


class _Question(NamedTuple):
    key: str
    words: str
    about: str
    default: str = ""
    after: str | None = None
    """Asked only if this setting was chosen."""


_QUESTIONS: Final = (
    _Question(
        "stage", "Stage", "Names this installation, and becomes part of every resource's name.", "prod"
    ),
    _Question(
        "profile", "AWS profile", "From your AWS configuration; empty takes what your shell is set to."
    ),
    _Question("region", "AWS region", "Where it runs, such as eu-central-1; empty takes the profile's."),
    _Question(
        "domain_name",
        "Own address",
        "Such as chat.example.org; empty takes one from CloudFront, at no cost.",
    ),
    _Question(
        "certificate_arn",
        "Its certificate",
        "The ARN of an ACM certificate for it, in us-east-1.",
        after="domain_name",
    ),
    _Question(
        "sign_up",
        "Sign-up",
        "Who may make an account: open (anybody), invitation (only `imchat user create` does) or domain:example.org.",
        "open",
    ),
    _Question(
        "mail_identity_arn",
        "SES identity",
        "Its ARN, to mail codes from; empty takes Cognito's own: 50 mails a day at most.",
    ),
    _Question("alarm_mail", "Alarms to", "An e-mail address for what needs you; empty mails nobody."),
)


def ask_settings(given: Mapping[str, Any], place: Path) -> Config:
    """Ask for every setting that is not given. An answer that cannot be is refused on the spot."""
    from imchat.deploy import check_config

    click.echo(
        f"\n{click.style('imchat init', bold=True)} writes {place}, which tells `imchat deploy` what you want."
    )
    click.echo("Enter takes what stands in brackets; the file can be changed later.\n")
    answers = dict(given)
    for question in _QUESTIONS:
        wanted = answers.get(question.key) is None and (question.after is None or answers.get(question.after))
        if wanted:
            answers[question.key] = _ask(question, answers)
    return check_config(answers)


def written(place: Path, config: Config) -> None:
    """What lies there now, and what to do next."""
    option = "" if place == Path("imchat.toml") else f" --config {place}"
    base.panel(
        f"{place} is written",
        [
            ("Stage", f"{config.stage}{' in ' + config.region if config.region else ''}"),
            ("First", f"imchat doctor{option}"),
            ("Then", f"imchat deploy{option}"),
        ],
    )


def _ask(question: _Question, answers: Mapping[str, Any]) -> str | None:
    from imchat.deploy import check_config

    click.secho(question.about, dim=True)

    def accept(typed: str) -> str | None:
        value = typed.strip() or None
        if value is None and question.after:
            raise click.BadParameter("is needed with an address of your own")
        try:
            check_config({**answers, question.key: value})
        except ConfigError as error:
            if error.details.get("field") == question.key:
                raise click.BadParameter(error.message.partition(" ")[2]) from None
        return value

    answer: str | None = click.prompt(
        question.words, default=question.default, show_default=bool(question.default), value_proc=accept
    )
    click.echo()
    return answer
