"""The `imchat user` commands: which accounts they use, and the commands that their messages suggest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.support.user_pools import open_pool

from imchat.cli import cli
from imchat.domain.ids import UserId
from imchat.domain.user import User
from imchat.errors import ImchatError
from imchat.local.data_dir import DataDir
from imchat.storage.repositories import users
from imchat.storage.sqlite.table import SqliteTable

ANN = "ann@example.com"


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("IMCHAT_STAGE", "IMCHAT_REGION", "IMCHAT_PROFILE", "IMCHAT_CONFIG", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def run(*arguments: str, given: str = "") -> Result:
    return CliRunner().invoke(cli, arguments, input=given)


def message(result: Result) -> str:
    assert isinstance(result.exception, ImchatError), result.output
    return result.exception.message


@pytest.mark.parametrize(
    "command",
    [
        "list",
        f"delete {ANN}",
        f"disable {ANN}",
        f"promote {ANN}",
        f"reset-password {ANN}",
        f"reset-two-step {ANN}",
    ],
)
def test_a_command_on_a_missing_data_directory_is_an_error_and_creates_nothing(
    tmp_path: Path, command: str
) -> None:
    assert "has no accounts of imchat" in message(
        run("user", *command.split(), "--local", "--data-dir", "nowhere")
    )
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_is_no_data_directory_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    assert "has no accounts of imchat" in message(run("user", "list", "--local", "--data-dir", "letters"))
    assert list((tmp_path / "letters").iterdir()) == []


def test_suggested_commands_have_the_options_that_were_typed() -> None:
    options = ("--local", "--data-dir", "my data")
    typed = "--local --data-dir 'my data'"
    missing = message(run("user", "list", *options))
    assert "`imchat local --data-dir 'my data'`" in missing
    assert f"`imchat user create {typed}`" in missing
    assert run("user", "create", ANN, *options).exit_code == 0
    assert f"`imchat user reset-password {typed}`" in message(run("user", "create", ANN, *options))
    assert f"`imchat user list {typed}`" in message(run("user", "promote", "bob@example.com", *options))
    assert run("user", "delete", ANN, "--yes", *options).exit_code == 0
    assert f"`imchat user create {typed}`" in run("user", "list", *options).output


def test_suggested_commands_get_no_option_that_they_do_not_have() -> None:
    result = run("status", "--config", "test.toml")
    assert "`imchat init --config test.toml`" in message(result)
    result = run("status", "--config", "test.toml", "--stage", "test", "--profile", "x y")
    assert "`imchat init --stage test --profile 'x y' --config test.toml`" in message(result)


@pytest.mark.parametrize("command", ["list", f"create {ANN}", f"promote {ANN}"])
@pytest.mark.parametrize("region", ["", "eu-west-1"])
def test_without_settings_the_answer_mentions_local_accounts(
    monkeypatch: pytest.MonkeyPatch, command: str, region: str
) -> None:
    if region:
        monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    result = message(run("user", *command.split()))
    assert "AWS" in result
    assert "add --local" in result


def test_a_user_who_typed_an_option_for_aws_gets_no_hint_about_local_accounts() -> None:
    assert "--local" not in message(run("user", "list", "--region", "eu-west-1"))


@pytest.mark.parametrize(
    "option", ["--stage", "--profile", "--region", "--endpoint-url", "--config", "--user-pool-id"]
)
def test_an_option_for_aws_cannot_be_used_with_local(option: str) -> None:
    result = run("user", "list", "--local", "--data-dir", "data", option, "value")
    assert result.exit_code == 2
    assert f"{option} cannot be used with --local" in result.output


def test_environment_variables_for_aws_do_not_prevent_local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMCHAT_STAGE", "test")
    assert run("user", "create", ANN, "--local", "--data-dir", "data").exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("local", "--data-dir", ""),
        ("local", "--host", ""),
        ("local", "--host", " "),
        ("user", "list", "--local", "--data-dir", ""),
        ("user", "create", ""),
        ("user", "create", ANN, "--name", ""),
        ("status", "--config", ""),
        ("status", "--stage", ""),
        ("logs", "--function", ""),
        ("iam-policy", "--write", ""),
        ("init", "--config", ""),
        ("chat", "--url", "", "--email", ANN),
    ],
    ids=repr,
)
def test_an_empty_value_is_wrong_usage(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "must not be empty" in result.output
    assert list(tmp_path.iterdir()) == []


def test_the_list_shows_handles_and_the_names_that_users_chose(tmp_path: Path) -> None:
    data = DataDir.open(tmp_path / "data")
    with open_pool(data.path) as pool, SqliteTable.open(data.conversations) as table:
        pool.sign_up(ANN)
        pool.sign_up("bob@example.com")
        attributes = pool.admin("admin_get_user", ANN)["UserAttributes"]
        user_id = UserId(next(pair["Value"] for pair in attributes if pair["Name"] == "sub"))
        created = users.create(table, User(user_id, None, None, 0))
        users.replace(table, created, User(user_id, "ann.h", "Ann", 0))
    options = ("--local", "--data-dir", str(data.path))
    found = json.loads(run("user", "list", "--json", *options).output)
    assert [(user["handle"], user["name"]) for user in found] == [("ann.h", "Ann"), (None, "")]
    assert "ann.h" in run("user", "list", *options).output


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_PROFILE", "nobody"),
        ("AWS_CONFIG_FILE", "broken"),
        ("AWS_DEFAULT_REGION", ""),
        ("HTTP_PROXY", "http://127.0.0.1:9"),
    ],
)
def test_local_accounts_do_not_depend_on_the_aws_configuration(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str
) -> None:
    (tmp_path / "broken").write_text("[profile\nbroken", "utf-8")
    monkeypatch.setenv(name, value)
    result = run("user", "create", ANN, "--local", "--data-dir", "data")
    assert result.exit_code == 0, result.exception


def test_a_password_from_powershell_is_read_without_its_byte_order_mark(tmp_path: Path) -> None:
    options = ("--local", "--data-dir", str(tmp_path / "data"))
    given = "\ufeffher own words\r\n"
    assert run("user", "create", ANN, "--password-stdin", *options, given=given).exit_code == 0
    with open_pool(tmp_path / "data") as pool:
        assert pool.tokens(ANN, "her own words")
