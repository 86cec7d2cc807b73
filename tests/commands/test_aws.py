"""The AWS commands without a deployment: settings, usage errors, missing credentials, completion."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.support.problems import check_generated
from tools.cli_reference import PATH, generate

from imchat.cli import cli
from imchat.deploy.config import Config, load_config
from imchat.deploy.context import DeployContext
from imchat.errors import ImchatError

pytestmark = pytest.mark.slow

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
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("IMCHAT_STAGE", "IMCHAT_REGION", "IMCHAT_PROFILE", "IMCHAT_CONFIG", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)


def run(*arguments: str, given: str = "", **more: Any) -> Result:
    return CliRunner().invoke(cli, arguments, input=given, **more)


def settings_for(*arguments: str, **environment: str) -> Config:
    """Return the settings that a command uses with these options."""
    configs: list[Config] = []

    def connect(config: Config, *, endpoint_url: str | None) -> DeployContext:
        configs.append(config)
        raise ImchatError("stop here")

    run("status", *arguments, obj=connect, env=environment)
    return configs[0]


def test_init_writes_the_given_settings_and_deploy_reads_them() -> None:
    result = run("init", "--stage", "test", "--region", "eu-central-1", "--sign-up", "invitation")
    assert result.exit_code == 0, result.output
    assert "imchat deploy" in result.output
    assert load_config() == Config(stage="test", region="eu-central-1", sign_up="invitation")
    assert settings_for().stage == "test"


def test_init_overwrites_a_file_only_with_yes() -> None:
    Path("imchat.toml").write_text('stage = "mine"\n', "utf-8")
    result = run("init", "--stage", "test")
    assert isinstance(result.exception, ImchatError)
    assert "--yes" in result.exception.message
    assert load_config().stage == "mine"
    assert run("init", "--stage", "test", "--yes").exit_code == 0
    assert load_config().stage == "test"


def test_init_with_an_invalid_option_names_it_and_writes_nothing() -> None:
    result = run("init", "--stage", "Test!")
    assert isinstance(result.exception, ImchatError)
    assert result.exception.message.startswith("--stage must be ")
    assert not Path("imchat.toml").exists()


def test_options_override_the_environment_which_overrides_the_file() -> None:
    Path("imchat.toml").write_text('stage = "file"\nregion = "eu-west-1"\n', "utf-8")
    assert settings_for().stage == "file"
    assert settings_for(IMCHAT_STAGE="env").stage == "env"
    assert settings_for("--stage", "option", IMCHAT_STAGE="env").stage == "option"
    assert settings_for("--stage", "option").region == "eu-west-1"


def test_the_settings_file_can_be_chosen() -> None:
    Path("test.toml").write_text('stage = "test"\n', "utf-8")
    assert settings_for("--config", "test.toml").stage == "test"
    assert settings_for(IMCHAT_CONFIG="test.toml").stage == "test"


@pytest.mark.parametrize(
    ("arguments", "message"),
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
def test_wrong_usage_exits_with_2_and_says_how_to_fix_it(arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.output


@pytest.mark.parametrize("command", ["deploy --yes", "teardown --yes", "status", "open", "logs", "user list"])
def test_without_credentials_every_command_fails_with_one_line(command: str, tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "imchat", *command.split()],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=CLEAN | {"HOME": str(tmp_path)},
    )
    assert result.returncode == 1
    assert result.stderr.startswith("Error: no AWS credentials were found; ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_each_shell(shell: str) -> None:
    assert "_IMCHAT_COMPLETE" in run("completion", shell).output


def test_completion_suggests_commands() -> None:
    completion = {"_IMCHAT_COMPLETE": "bash_complete", "COMP_WORDS": "imchat tear", "COMP_CWORD": "1"}
    result = subprocess.run(
        [Path(sys.executable).parent / "imchat"],
        capture_output=True,
        text=True,
        check=True,
        env=CLEAN | completion,
    )
    assert result.stdout == "plain,teardown\n"


def test_the_committed_command_reference_is_current() -> None:
    check_generated(PATH, generate())
