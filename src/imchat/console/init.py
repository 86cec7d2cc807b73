"""The prompts of `imchat init`: one line of help per question, and each answer is validated at once."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from imchat.console import base
from imchat.errors import ConfigError

if TYPE_CHECKING:
    from imchat.deploy.config import Config


class _Question(NamedTuple):
    setting: str
    prompt: str
    help: str
    default: str = ""
    requires: str | None = None
    """Asked only if this setting has a value."""


_QUESTIONS: Final = (
    _Question("stage", "Stage", "Name of this installation; part of every resource name.", "prod"),
    _Question("profile", "AWS profile", "Profile of your AWS configuration; leave empty for the default."),
    _Question("region", "AWS region", "Such as eu-central-1; leave empty to use the profile's region."),
    _Question(
        "domain_name",
        "Domain",
        "Such as chat.example.org; leave empty to use a free CloudFront domain.",
    ),
    _Question(
        "certificate_arn",
        "Certificate",
        "ARN of an ACM certificate for the domain, in us-east-1.",
        requires="domain_name",
    ),
    _Question(
        "sign_up",
        "Sign-up",
        "Who may create an account: open (anyone), invitation (only `imchat user create`) or domain:example.org.",
        "open",
    ),
    _Question(
        "mail_identity_arn",
        "SES identity",
        "ARN of the sender of codes; leave empty to send with Cognito, at most 50 mails a day.",
    ),
    _Question("alarm_mail", "Alarm e-mail", "Address for alarms; leave empty for no mail."),
)


def prompt_for_settings(given: Mapping[str, Any], path: Path) -> Config:
    """Prompt for every setting that is not given, and again after an invalid answer."""
    from imchat.deploy import check_config

    click.echo(f"\n{click.style('imchat init', bold=True)} creates {path}, the settings of `imchat deploy`.")
    click.echo("Press Enter to accept the value in brackets. You can edit the file later.\n")
    answers = dict(given)
    for question in _QUESTIONS:
        if answers.get(question.setting) is None and (
            question.requires is None or answers.get(question.requires)
        ):
            answers[question.setting] = _prompt(question, answers)
    return check_config(answers)


def print_written(path: Path, config: Config) -> None:
    """Print the written file and the next steps."""
    option = "" if path == Path("imchat.toml") else f" --config {shlex.quote(str(path))}"
    base.print_panel(
        f"Wrote {path}",
        [
            ("Stage", f"{config.stage}{' in ' + config.region if config.region else ''}"),
            ("First", f"imchat doctor{option}"),
            ("Then", f"imchat deploy{option}"),
        ],
    )


def _prompt(question: _Question, answers: Mapping[str, Any]) -> str | None:
    from imchat.deploy import check_config

    click.secho(question.help, dim=True)

    def validate(typed: str) -> str | None:
        value = typed.strip() or None
        if value is None and question.requires:
            raise click.BadParameter("is required with a custom domain")
        try:
            check_config({**answers, question.setting: value})
        except ConfigError as error:
            if error.details.get("field") == question.setting:
                raise click.BadParameter(error.message.partition(" ")[2]) from None
        return value

    answer: str | None = click.prompt(
        question.prompt,
        default=question.default,
        show_default=bool(question.default),
        value_proc=validate,
    )
    click.echo()
    return answer
