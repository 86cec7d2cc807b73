"""`imchat init` at a terminal: every question leads to the setting that it is about."""

from __future__ import annotations

from pathlib import Path

import click
from click.testing import CliRunner

from imchat.console.init import ask_settings
from imchat.deploy import Config

CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/0000-1111"


def answered(*answers: str) -> tuple[Config | None, str]:
    """The settings that come of these answers, if any do, and what stood on the screen."""

    @click.command()
    def ask() -> Config:
        return ask_settings({}, Path("imchat.toml"))

    done = CliRunner().invoke(ask, input="\n".join(answers) + "\n", standalone_mode=False)
    return done.return_value, done.output


def test_what_is_answered_is_chosen() -> None:
    config, _ = answered(
        "test",
        "",
        "eu-central-1",
        "chat.example.org",
        CERTIFICATE,
        "domain:example.org",
        "",
        "operator@example.org",
    )
    assert config == Config(
        stage="test",
        region="eu-central-1",
        domain_name="chat.example.org",
        certificate_arn=CERTIFICATE,
        sign_up="domain:example.org",
        alarm_mail="operator@example.org",
    )


def test_enter_all_along_keeps_the_defaults_and_asks_for_no_certificate() -> None:
    config, screen = answered(*[""] * 7)
    assert config == Config()
    assert "Its certificate" not in screen


def test_an_answer_that_cannot_be_is_asked_for_again() -> None:
    config, screen = answered("", "", "", "Chat!", "", "example.org", "open", "", "")
    assert config == Config()
    assert "must be a host name in lower case" in screen
