"""The commands for AWS as an operator meets them, as far as nothing needs to be deployed: settings, usage, refusals."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.support.problems import check_generated
from tools.cli_reference import PLACE, reference

from imchat.cli import commands
from imchat.deploy.config import Config, load_config
from imchat.deploy.context import Target
from imchat.errors import ImchatError

ROOT = Path(__file__).parents[2]
CLEAN = {
    "PATH": os.environ["PATH"],
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
}


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("IMCHAT_STAGE", "IMCHAT_REGION", "IMCHAT_PROFILE", "IMCHAT_CONFIG", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)


def run(*arguments: str, given: str = "", **more: Any) -> Result:
    return CliRunner().invoke(commands, arguments, input=given, **more)


def settings_of(*arguments: str, **environment: str) -> Config:
    """The settings that a command with these options works with."""
    reached: list[Config] = []

    def reach(config: Config, *, endpoint_url: str | None) -> Target:
        reached.append(config)
        raise ImchatError("far enough")

    run("status", *arguments, obj=reach, env=environment)
    return reached[0]


def test_init_writes_what_was_given_and_deploy_reads_it() -> None:
    done = run("init", "--stage", "test", "--region", "eu-central-1", "--sign-up", "invitation")
    assert done.exit_code == 0, done.output
    assert "imchat deploy" in done.output
    assert load_config() == Config(stage="test", region="eu-central-1", sign_up="invitation")
    assert settings_of().stage == "test"


def test_init_overwrites_only_when_told_to() -> None:
    Path("imchat.toml").write_text('stage = "mine"\n', "utf-8")
    refused = run("init", "--stage", "test")
    assert isinstance(refused.exception, ImchatError)
    assert "--yes" in refused.exception.message
    assert load_config().stage == "mine"
    assert run("init", "--stage", "test", "--yes").exit_code == 0
    assert load_config().stage == "test"


def test_init_names_the_option_that_cannot_be_and_writes_nothing() -> None:
    done = run("init", "--stage", "Test!")
    assert isinstance(done.exception, ImchatError)
    assert done.exception.message.startswith("--stage must be ")
    assert not Path("imchat.toml").exists()


def test_an_option_wins_over_the_environment_and_that_over_the_file() -> None:
    Path("imchat.toml").write_text('stage = "file"\nregion = "eu-west-1"\n', "utf-8")
    assert settings_of().stage == "file"
    assert settings_of(IMCHAT_STAGE="env").stage == "env"
    assert settings_of("--stage", "option", IMCHAT_STAGE="env").stage == "option"
    assert settings_of("--stage", "option").region == "eu-west-1"


def test_the_settings_can_lie_elsewhere() -> None:
    Path("test.toml").write_text('stage = "test"\n', "utf-8")
    assert settings_of("--config", "test.toml").stage == "test"
    assert settings_of(IMCHAT_CONFIG="test.toml").stage == "test"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["deploy", "--json"], "--yes"),
        (["teardown", "--json"], "--yes"),
        (["teardown", "--confirm-stage", "prod"], "--delete-data"),
        (["teardown", "--delete-data", "--yes", "--region", "eu-west-1"], "--confirm-stage prod"),
        (["teardown", "--delete-data", "--yes", "--confirm-stage", "x", "--region", "eu-west-1"], "--confirm-stage prod"),
        (["teardown", "--region", "eu-west-1"], "--yes"),
        (["logs", "--since", "yesterday"], "15m"),
        (["completion", "csh"], "bash"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_wrong_usage_ends_with_2_and_says_what_is_right(arguments: list[str], told: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert told in done.output


@pytest.mark.parametrize("command", ["deploy --yes", "teardown --yes", "status", "open", "logs", "user list"])
def test_without_credentials_every_command_says_so_in_one_line(command: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "imchat", *command.split()],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=CLEAN | {"HOME": str(tmp_path)},
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: there are no AWS credentials here; ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_what_the_shell_wants(shell: str) -> None:
    assert "_IMCHAT_COMPLETE" in run("completion", shell).output


def test_completing_offers_commands_and_options() -> None:
    asked = {"_IMCHAT_COMPLETE": "bash_complete", "COMP_WORDS": "imchat tear", "COMP_CWORD": "1"}
    done = subprocess.run(
        [Path(sys.executable).parent / "imchat"],
        capture_output=True,
        text=True,
        check=True,
        env=CLEAN | asked,
    )
    assert done.stdout == "plain,teardown\n"


def test_the_reference_is_what_the_commands_say() -> None:
    check_generated(PLACE, reference())
