"""The prompts of `imchat init` and the settings they result in."""

from __future__ import annotations

from pathlib import Path

import click
from click.testing import CliRunner

from imchat.console.init import prompt_for_settings
from imchat.deploy import Config

CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/0000-1111"


def answer(*answers: str) -> tuple[Config | None, str]:
    """Return the settings for these answers, if valid, and the output."""

    @click.command()
    def prompt() -> Config:
        return prompt_for_settings({}, Path("imchat.toml"))

    result = CliRunner().invoke(prompt, input="\n".join(answers) + "\n", standalone_mode=False)
    return result.return_value, result.output


def test_answers_become_settings() -> None:
    config, _ = answer(
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


def test_empty_answers_keep_the_defaults_and_skip_the_certificate() -> None:
    config, output = answer(*[""] * 7)
    assert config == Config()
    assert "Certificate" not in output


def test_an_invalid_answer_is_prompted_for_again() -> None:
    config, output = answer("", "", "", "Chat!", "", "example.org", "open", "", "")
    assert config == Config()
    assert "must be a host name in lower case" in output
