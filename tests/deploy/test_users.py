"""User management, tested on moto's Cognito and on the user pool of `imchat local`."""

from __future__ import annotations

import json
import string
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import boto3
import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner, Result
from moto import mock_aws
from tests.support.authenticator import Authenticator
from tests.support.user_pools import open_pool

from imchat.cli import cli
from imchat.deploy import Config, connect
from imchat.deploy.operate.users import Users, connect_aws
from imchat.errors import ConfigError, Conflict, ImchatError, Invalid, NotFound
from imchat.local.data_dir import DataDir
from imchat.local.identity import Purpose
from imchat.local.user_pool_admin import connect_user_pool

pytestmark = pytest.mark.slow

ANN, BOB = "ann@example.com", "bob@example.com"


class Pool:
    """A user pool with its `Users`, and a way to sign in."""

    def __init__(self, client: Any, pool_id: str, client_id: str) -> None:
        self.users = Users(client, pool_id)
        self.client = client
        self.client_id = client_id

    def sign_in(self, email: str, password: str) -> str:
        """Return "signed in", the challenge, or the error code."""
        try:
            response = self.client.initiate_auth(
                ClientId=self.client_id,
                AuthFlow="USER_PASSWORD_AUTH",
                AuthParameters={"USERNAME": email, "PASSWORD": password},
            )
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return str(response.get("ChallengeName") or "signed in")


@pytest.fixture(params=["moto", "local"])
def pool(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pool]:
    if request.param == "local":
        with open_pool(tmp_path) as opened:
            yield Pool(opened.cognito, opened.identity.pool_id, opened.identity.client_id)
        return
    with mock_aws():
        client = boto3.client("cognito-idp", region_name="eu-west-1")
        pool = client.create_user_pool(PoolName="imchat", UsernameAttributes=["email"])["UserPool"]
        client.create_group(UserPoolId=pool["Id"], GroupName="admins")
        app = client.create_user_pool_client(
            UserPoolId=pool["Id"], ClientName="web", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
        )
        yield Pool(client, pool["Id"], app["UserPoolClient"]["ClientId"])


def test_a_new_user_must_choose_a_password_at_first_sign_in(pool: Pool) -> None:
    password = pool.users.create(ANN, name="Ann")
    assert password is not None
    assert len(password) >= 20
    assert pool.sign_in(ANN, password) == "NEW_PASSWORD_REQUIRED"
    (ann,) = pool.users.list()
    assert (ann.email, ann.name, ann.status) == (ANN, "Ann", "FORCE_CHANGE_PASSWORD")
    assert (ann.enabled, ann.admin) == (True, False)


def test_a_user_created_with_a_password_signs_in_with_it(pool: Pool) -> None:
    assert pool.users.create(ANN, password="her own Words 1!") is None
    assert pool.sign_in(ANN, "her own Words 1!") == "signed in"


def test_administrators_can_be_created_promoted_and_demoted(pool: Pool) -> None:
    pool.users.create(ANN, admin=True)
    pool.users.create(BOB)
    assert [user.admin for user in pool.users.list()] == [True, False]
    pool.users.promote(BOB)
    pool.users.promote(BOB)
    pool.users.demote(ANN)
    assert [user.admin for user in pool.users.list()] == [False, True]


def test_a_disabled_user_cannot_sign_in_until_enabled(pool: Pool) -> None:
    pool.users.create(ANN, password="her own Words 1!")
    pool.users.disable(ANN)
    assert [user.enabled for user in pool.users.list()] == [False]
    assert pool.sign_in(ANN, "her own Words 1!") == "NotAuthorizedException"
    pool.users.enable(ANN)
    assert pool.sign_in(ANN, "her own Words 1!") == "signed in"


def test_resetting_a_password_invalidates_the_old_one(pool: Pool) -> None:
    pool.users.create(ANN, password="her own Words 1!")
    password = pool.users.reset_password(ANN)
    assert password is not None
    assert pool.sign_in(ANN, "her own Words 1!") == "NotAuthorizedException"
    assert pool.sign_in(ANN, password) == "NEW_PASSWORD_REQUIRED"


def test_after_a_reset_of_two_step_sign_in_the_password_alone_signs_in(pool: Pool) -> None:
    pool.users.create(ANN, password="her own Words 1!")
    parameters = {"USERNAME": ANN, "PASSWORD": "her own Words 1!"}
    signed_in = pool.client.initiate_auth(
        ClientId=pool.client_id, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=parameters
    )
    token = signed_in["AuthenticationResult"]["AccessToken"]
    secret = pool.client.associate_software_token(AccessToken=token)["SecretCode"]
    # moto's secrets are not base32, and it accepts any code.
    code = "123456" if set(secret) - set(string.ascii_uppercase + "234567") else Authenticator(secret).code()
    pool.client.verify_software_token(AccessToken=token, UserCode=code)
    pool.client.set_user_mfa_preference(
        AccessToken=token, SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": True}
    )
    assert pool.sign_in(ANN, "her own Words 1!") == "SOFTWARE_TOKEN_MFA"
    pool.users.reset_two_step(ANN)
    assert pool.sign_in(ANN, "her own Words 1!") == "signed in"
    pool.users.reset_two_step(ANN)  # it may be off already


def test_a_deleted_user_is_no_longer_an_administrator(pool: Pool) -> None:
    pool.users.create(ANN, admin=True)
    pool.users.delete(ANN)
    assert pool.users.list() == []
    pool.users.create(ANN)
    assert [user.admin for user in pool.users.list()] == [False]


def test_errors_name_the_next_step(pool: Pool) -> None:
    pool.users.create(ANN)
    with pytest.raises(Conflict, match=f"{ANN} .*imchat user reset-password"):
        pool.users.create(ANN)
    users = pool.users
    for action in (users.disable, users.enable, users.delete, users.promote, users.reset_two_step):
        with pytest.raises(NotFound, match="imchat user list"):
            action(BOB)
    with pytest.raises(Invalid):
        pool.users.create("")


def test_an_invalid_e_mail_address_is_an_error(tmp_path: Path) -> None:
    """On the local pool only: moto accepts any user name."""
    with open_pool(tmp_path) as opened:
        users = Users(opened.cognito, opened.identity.pool_id)
        with pytest.raises(Invalid, match="ann is not an e-mail address"):
            users.create("ann")


def test_a_password_that_violates_the_policy_creates_no_user(tmp_path: Path) -> None:
    """On the local pool only: moto does not check temporary passwords."""
    with open_pool(tmp_path) as opened:
        users = Users(opened.cognito, opened.identity.pool_id)
        with pytest.raises(Invalid, match="at least 8 characters"):
            users.create(BOB, password="short")
        assert users.list() == []


def test_a_long_list_is_complete_and_sorted(tmp_path: Path) -> None:
    """On the local pool only: moto needs a second per ten users."""
    with open_pool(tmp_path) as opened:
        users = Users(opened.cognito, opened.identity.pool_id)
        emails = [f"user{number:03}@example.com" for number in range(62)]
        for email in reversed(emails):
            users.create(email, admin=True)
        found = users.list()
    assert [user.email for user in found] == emails
    assert all(user.admin for user in found)


def test_a_filter_matches_an_address_or_a_prefix(tmp_path: Path) -> None:
    with open_pool(tmp_path) as opened:
        for email in (ANN, "anna@example.com", BOB):
            Users(opened.cognito, opened.identity.pool_id).create(email)

        def found(expression: str) -> int:
            response = opened.cognito.list_users(UserPoolId=opened.identity.pool_id, Filter=expression)
            return len(response["Users"])

        assert found(f'email = "{ANN.upper()}"') == 1
        assert found('email ^= "ann"') == 2
        assert found('email ^= "%"') == 0
        with pytest.raises(ClientError, match="Filter"):
            found('name = "x"')


def test_invitations_and_password_resets_are_delivered_by_mail(tmp_path: Path) -> None:
    with open_pool(tmp_path) as opened:
        users = Users(opened.cognito, opened.identity.pool_id)
        users.create(BOB, password="his own words")
        assert users.reset_password(BOB, mail=True) is None
        with pytest.raises(ClientError, match="PasswordResetRequired"):
            opened.sign_in(BOB, "his own words")
        opened.call(
            "confirm_forgot_password", Username=BOB, Password="new words", ConfirmationCode=opened.last_code()
        )
        assert opened.tokens(BOB, "new words")
        assert users.create(ANN, mail=True) is None
        purpose, email, password = opened.mailbox[-1]
        assert (purpose, email) == (Purpose.INVITATION, ANN)
        assert opened.sign_in(ANN, password)["ChallengeName"] == "NEW_PASSWORD_REQUIRED"
        opened.clock.advance_s(8 * 24 * 3600)
        with pytest.raises(ClientError, match="Temporary password has expired"):
            opened.sign_in(ANN, password)


def test_a_disabled_or_reset_user_cannot_refresh(tmp_path: Path) -> None:
    with open_pool(tmp_path) as opened:
        users = Users(opened.cognito, opened.identity.pool_id)
        for email, action, message in (
            (ANN, users.disable, "disabled"),
            (BOB, users.reset_password, "revoked"),
        ):
            opened.sign_up(email)
            token = opened.tokens(email)["RefreshToken"]
            action(email)
            with pytest.raises(ClientError, match=message):
                opened.refresh(token)
        users.enable(ANN)
        with pytest.raises(ClientError, match="revoked"):
            opened.refresh(token)


class _Aws(BaseHTTPRequestHandler):
    """A fake of the two AWS calls that find a stage's pool; records the requested pool ids."""

    requested: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if "X-Amz-Target" in self.headers:
            self.requested.append(json.loads(body)["UserPoolId"])
            self._respond(200, "{}")
        elif "StackName=imchat-test-state" in body:
            self._respond(
                200,
                "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>imchat-test-state</StackName>"
                "<StackId>arn:test</StackId><StackStatus>CREATE_COMPLETE</StackStatus>"
                "<CreationTime>2026-01-31T08:00:00Z</CreationTime>"
                "<Outputs><member><OutputKey>TableName</OutputKey><OutputValue>t</OutputValue></member>"
                "<member><OutputKey>UserPoolId</OutputKey><OutputValue>eu-west-1_abc</OutputValue></member></Outputs>"
                "</member></Stacks></DescribeStacksResult></DescribeStacksResponse>",
            )
        else:
            error = "<Error><Code>ValidationError</Code><Message>Stack does not exist</Message></Error>"
            self._respond(400, f"<ErrorResponse>{error}</ErrorResponse>")

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def _respond(self, status: int, body: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())


def test_the_pool_id_of_a_stage_is_read_from_its_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with HTTPServer(("127.0.0.1", 0), _Aws) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        test, other = (
            connect(Config(stage=stage, region="eu-west-1"), endpoint_url=url) for stage in ("test", "other")
        )
        connect_aws(test).enable(ANN)
        connect_aws(test, pool_id="eu-west-1_other").enable(ANN)
        with pytest.raises(ConfigError, match="imchat-other-state"):
            connect_aws(other)
        server.shutdown()
        thread.join()
    assert _Aws.requested == ["eu-west-1_abc", "eu-west-1_other"]
    with pytest.raises(ConfigError, match="--profile"):
        connect(Config(profile="no-such-profile", region="eu-west-1"))


def run(*arguments: str, given: str = "") -> Result:
    return CliRunner().invoke(cli, ["user", *arguments], input=given)


def test_the_commands_work_on_a_data_directory_without_a_server(tmp_path: Path) -> None:
    options = ("--local", "--data-dir", str(tmp_path / "data"))
    result = run("create", ANN, "--admin", *options)
    assert result.exit_code == 0, result.output
    assert f"Temporary password for {ANN}: " in result.output
    assert run("create", BOB, "--password-stdin", *options, given="his own words\n").exit_code == 0
    assert run("disable", BOB, *options, given="n\n").exit_code == 1
    assert run("disable", BOB, *options, given="y\n").exit_code == 0
    listed = {user["email"]: user for user in json.loads(run("list", "--json", *options).output)}
    assert (listed[ANN]["admin"], listed[BOB]["enabled"], listed[BOB]["status"]) == (True, False, "CONFIRMED")
    assert run("enable", BOB, *options).exit_code == 0
    assert run("promote", BOB, *options).exit_code == 0
    assert run("demote", ANN, *options).exit_code == 0
    assert "Temporary password" in run("reset-password", BOB, *options).output
    assert run("delete", ANN, "--yes", *options).exit_code == 0
    table = run("list", *options).output
    assert ANN not in table
    assert "administrator" in table


@pytest.mark.parametrize("command", ["disable", "delete", "reset-password"])
def test_disable_delete_and_reset_say_how_long_tokens_stay_valid(tmp_path: Path, command: str) -> None:
    options = ("--local", "--data-dir", str(tmp_path / "data"))
    assert run("create", ANN, "--password-stdin", *options, given="his own words\n").exit_code == 0
    result = run(command, ANN, *options, *([] if command == "reset-password" else ["--yes"]))
    assert "access tokens stay valid for up to one hour and open connections for up to three" in result.output


def test_the_commands_reach_the_running_server(tmp_path: Path) -> None:
    folder = DataDir.open(tmp_path)
    with folder.lock(), open_pool(folder.path) as running, folder.announce(running.url):
        with connect_user_pool(folder, lambda *_: None) as reached:
            assert reached.url == running.url
        assert run("create", ANN, "--local", "--data-dir", str(tmp_path)).exit_code == 0
        assert running.admin("admin_get_user", ANN)["Username"]


def test_a_starting_server_is_an_error_to_retry(tmp_path: Path) -> None:
    folder = DataDir.open(tmp_path)
    with folder.lock():
        result = run("list", "--local", "--data-dir", str(tmp_path))
    assert isinstance(result.exception, ImchatError)
    assert "try again" in str(result.exception)


def test_wrong_usage_exits_with_status_2(tmp_path: Path) -> None:
    for arguments in (
        ("create",),
        ("create", ANN, "--mail", "--local"),
        ("create", ANN, "--mail", "--password-stdin"),
        ("create", ANN, "--password-stdin", "--local", "--data-dir", str(tmp_path)),
        ("list", "--data-dir", str(tmp_path)),
    ):
        assert run(*arguments).exit_code == 2, arguments


def test_the_installed_command_prints_an_error_in_one_line_and_exits_with_1(tmp_path: Path) -> None:
    DataDir.open(tmp_path)
    command = [str(Path(sys.executable).with_name("imchat")), "user", "delete", ANN, "--yes", "--local"]
    result = subprocess.run(
        [*command, "--data-dir", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    suggested = f"imchat user list --local --data-dir {tmp_path}"
    assert result.stderr == f"Error: there is no user {ANN}; run `{suggested}` to see all users\n"
