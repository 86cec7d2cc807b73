"""A stage on an emulator of AWS, from its first deployment to its teardown."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.protocol import coverage
from tests.support.authenticator import Authenticator
from tests.support.deployments import Deployment, person
from tests.support.emulator.harness import UsedPermission
from tests.support.emulator.stage import Stage
from tests.support.reference_client import PASSWORD, ReferenceClient, WireLog
from tests.templates.loading import Permission, load, permissions
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from imchat.assets import PACKAGE, site_dir
from imchat.client import Client, session
from imchat.deploy import read_status, render_config, tear_down
from imchat.deploy.operate.users import Users
from imchat.deploy.packaging.bundle import build_code
from imchat.deploy.progress import (
    ArtifactUploaded,
    FileUploaded,
    Invalidated,
    StackFinished,
    StackKind,
)
from imchat.domain.ids import ConnectionId, ConversationId, UserId
from imchat.domain.limits import CONNECTIONS_PER_USER
from imchat.errors import CodeRequired, Conflict, Invalid, SessionEnded, Unauthenticated
from imchat.services import fanout_jobs
from imchat.services.delivery import DIRECT_POSTS
from imchat.storage.dynamodb.table import DynamoTable
from imchat.storage.repositories import connections

pytestmark = pytest.mark.slow

MAX_CALLS_WITHOUT_CHANGES = 8
USED_BY_LAMBDA_ITSELF = {
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
}
"""The service uses these with a function's role, not the function. The emulator does not check them."""
EXECUTED: set[str] = set()
"""The names of the tests of this module that ran."""


@pytest.fixture(autouse=True)
def _record_name(request: pytest.FixtureRequest) -> None:
    EXECUTED.add(request.node.name)


@pytest.fixture
def changed_stage(stage: Stage) -> Iterator[Stage]:
    """Yield the stage for a test that changes or removes it; deploy it as before afterwards."""
    yield stage
    stage.configure(sign_up="open")
    stage.deploy("restored")


def people(stage: Stage, *names: str) -> list[ReferenceClient]:
    deployment = Deployment(stage.deployment.url, stage.emulator.mailed_code, stage.emulator.promote)
    return [person(deployment, WireLog(), name) for name in names]


def get(url: str, method: str = "GET") -> tuple[int, bytes, dict[str, str]]:
    """Return the status, body and headers of a URL."""
    request = urllib.request.Request(url, method=method)  # noqa: S310 - our own process
    try:
        with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310 - our own process
            return response.status, response.read(), dict(response.headers.items())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), dict(error.headers.items())


def add_stale_connections(stage: Stage, user: ReferenceClient, count: int) -> None:
    """Add connections that were lost without `$disconnect`, and so are still in the table, newer than any open one."""
    table = DynamoTable(stage.emulator.client("dynamodb"), stage.deployment.outputs["TableName"])
    for number in range(count):
        connection_id = ConnectionId(f"{user.user_id[:8]}{number:07d}=")
        connections.add(table, UserId(user.user_id), connection_id, now_s=int(time.time()) + 10)


def test_a_message_to_many_connections_is_delivered_through_the_queue(stage: Stage) -> None:
    members = people(stage, "ada", "bob", "eve", "kim")
    where = members[0].create_group(*members[1:])
    with members[1].connect() as phone:
        members[1].catch_up(where)
        for member in members:
            add_stale_connections(stage, member, DIRECT_POSTS // len(members) + 1)
        event = members[0].send_text(where, "Everybody?")
        assert phone.wait_for("events")["events"][-1] == event


def test_a_delayed_job_delivers_to_each_member_the_events_they_may_see(stage: Stage) -> None:
    ada, bob = people(stage, "ada", "bob")
    where = ada.create_group()
    ada.send_text(where, "Alone")
    ada.request("POST", f"/conversations/{where}/members", {"user_ids": [bob.user_id]})
    with ada.connect() as ada_connection, bob.connect() as bob_connection:
        url = stage.emulator.client("sqs").get_queue_url(QueueName="imchat-prod-fanout")["QueueUrl"]
        job = fanout_jobs.encode_job(fanout_jobs.AnnounceJob(ConversationId(where), 2))
        stage.emulator.client("sqs").send_message(QueueUrl=url, MessageBody=job)
        assert [event["seq"] for event in ada_connection.wait_for("events")["events"]] == [1, 2, 3]
        assert [event["seq"] for event in bob_connection.wait_for("events")["events"]] == [3]


def test_the_oldest_of_too_many_connections_is_closed(stage: Stage) -> None:
    [ada] = people(stage, "ada")
    with ada.connect() as oldest:
        add_stale_connections(stage, ada, CONNECTIONS_PER_USER - 1)
        with ada.connect() as newest:
            with pytest.raises(ConnectionClosed):
                oldest.receive()
            assert newest.receive_pending() == []


@pytest.mark.last
def test_each_function_is_allowed_exactly_the_permissions_it_used(stage: Stage) -> None:
    """Missing permissions would fail other tests, because the emulator enforces the policies."""
    if not coverage.SEEN.get("emulator", set()) >= coverage.everything():
        pytest.skip(
            "tests/protocol was not run completely on the emulator before this: run `make test-emulator`"
        )
    required = {
        test_a_message_to_many_connections_is_delivered_through_the_queue.__name__,
        test_a_delayed_job_delivers_to_each_member_the_events_they_may_see.__name__,
        test_the_oldest_of_too_many_connections_is_closed.__name__,
    }
    if not required <= EXECUTED:
        pytest.skip(f"{sorted(required - EXECUTED)} did not run before this: run `make test-emulator`")
    app = load("app")
    names = dict.fromkeys(stage.websocket_apis, "WebSocketApi")
    used: dict[str, set[Permission]] = {}
    for use in stage.emulator.used_permissions():
        if not use.role.startswith("imchat-prod-app-"):
            continue  # the role of the sign-up function, which belongs to another stack
        role = use.role.removeprefix("imchat-prod-app-").partition("-")[0]
        used.setdefault(role, set()).add(Permission(use.action, _named(use, names)))
    allowed = {
        role: {
            permission
            for permission in permissions(app, role)
            if permission.action not in USED_BY_LAMBDA_ITSELF
        }
        for role in ("AuthorizerRole", "FanoutRole", "HttpRole", "WebSocketRole")
    }

    assert used == allowed


def _named(use: UsedPermission, names: dict[str, str]) -> str:
    resource = use.resource
    for physical, logical in names.items():
        resource = resource.replace(physical, logical)
    return resource


def test_the_distribution_serves_the_site_the_api_and_the_websocket(stage: Stage) -> None:
    site = stage.emulator.site
    page = (site_dir() / "index.html").read_bytes()
    for path in ("", "c/some-conversation"):
        status, body, headers = get(site + path)
        assert (status, body) == (200, page)
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["Cache-Control"] == "no-cache"
    script = next((site_dir() / "assets").glob("*.js"))
    status, body, headers = get(f"{site}assets/{script.name}")
    assert (status, body) == (200, script.read_bytes())
    assert "immutable" in headers["Cache-Control"]
    status, body, headers = get(f"{site}api/health")
    assert (status, json.loads(body)["status"]) == (200, "ok")
    assert headers["Cache-Control"] == "no-store"
    assert get(f"{site}api/health", "HEAD")[:2] == (200, b"")
    [ada] = people(stage, "ada")
    protocols = [
        Subprotocol("imchat.v1"),
        Subprotocol(f"ticket.{ada.request('POST', '/realtime/tickets')['ticket']}"),
    ]
    with connect(f"{site.replace('http', 'ws', 1)}ws", subprotocols=protocols, proxy=None) as socket:
        assert socket.subprotocol == "imchat.v1"


def test_deploying_again_changes_nothing(stage: Stage) -> None:
    deployment = stage.deploy("unchanged")

    assert deployment.changed is False
    assert deployment.plan.empty
    assert stage.calls <= MAX_CALLS_WITHOUT_CHANGES
    assert [event for event in stage.events if isinstance(event, FileUploaded | Invalidated)] == []
    assert [event for event in stage.events if isinstance(event, ArtifactUploaded) and event.uploaded] == []
    assert [event.changed for event in stage.events if isinstance(event, StackFinished)] == [False] * 3


def test_the_commands_work_on_the_stage(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "imchat.toml").write_text(render_config(stage.target.config), "utf-8")

    def imchat(*arguments: str, stdin: str = "") -> str:
        command = [sys.executable, "-m", "imchat", *arguments, "--endpoint-url", stage.emulator.url]
        result = subprocess.run(
            command, cwd=tmp_path, input=stdin, capture_output=True, text=True, timeout=60, check=False
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    result = json.loads(imchat("deploy", "--yes", "--json").splitlines()[-1])
    assert result["changed"] is False
    assert result["url"] == stage.deployment.url
    imchat("user", "create", "root@example.com", "--admin", "--password-stdin", stdin="correct horse 9")
    root = ReferenceClient(stage.deployment.url, "root@example.com", WireLog()).sign_in("correct horse 9")
    assert root.request("GET", "/me")["user"]["user_id"] == root.user_id


def test_new_code_changes_only_the_functions(changed_stage: Stage, tmp_path: Path) -> None:
    stage = changed_stage
    package = tmp_path / "imchat"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("site", "__pycache__"))
    init = package / "__init__.py"
    init.write_text(init.read_text("utf-8").replace('__version__ = "', '__version__ = "9.', 1), "utf-8")
    code = build_code(package)

    before = physical_ids(stage)
    deployment = stage.deploy(
        "new code",
        replace(stage.release, code=code, parameters={**stage.release.parameters, "CodeKey": code.key}),
    )

    [step] = [step for step in deployment.plan.stacks if step.action != "none"]
    assert [parameter.name for parameter in step.parameters] == ["CodeKey"]
    # Resources that depend on a function are listed too, in case its name changes, which does not happen.
    functions = {"AuthorizerFunction", "FanoutFunction", "HttpFunction", "WebSocketFunction"}
    assert {change.resource for change in step.changes if change.change == "modify"} == functions
    assert physical_ids(stage) == before
    assert [
        event.kind for event in stage.events if isinstance(event, ArtifactUploaded) and event.uploaded
    ] == ["code"]
    assert json.loads(get(f"{stage.emulator.site}api/health")[1])["version"].startswith("9.")


def test_sign_up_by_e_mail_domain_can_be_turned_on_and_off(changed_stage: Stage) -> None:
    stage = changed_stage
    [ada] = people(stage, "ada")
    before = physical_ids(stage, "state")
    stage.configure(sign_up="domain:example.org,kit.example")
    stage.deploy("sign-up by domain")

    allowed, rejected = (
        ReferenceClient(stage.deployment.url, f"eve@{domain}", WireLog())
        for domain in ("KIT.example", "example.com")
    )
    allowed.sign_up()
    with pytest.raises(
        ClientError, match=r"UserLambdaValidationException.*This e-mail domain may not sign up"
    ):
        rejected.sign_up()
    stage.emulator.client("cognito-idp").admin_create_user(
        UserPoolId=stage.deployment.outputs["UserPoolId"], Username="boss@example.com"
    )
    assert ReferenceClient(stage.deployment.url, ada.email, WireLog()).sign_in().user_id == ada.user_id
    assert physical_ids(stage, "state").keys() - before.keys() == {
        "SignUpFunction",
        "SignUpLogs",
        "SignUpPermission",
        "SignUpRole",
    }

    stage.configure(sign_up="open")
    stage.deploy("sign-up open again")
    rejected.sign_up()
    assert physical_ids(stage, "state") == before


def test_the_python_client_signs_up_confirms_and_signs_in_at_the_user_pool_of_the_stage(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    email, url = "client@example.com", stage.deployment.url.removesuffix("index.html")
    monkeypatch.setattr(session, "RENEW_EARLY_S", 3600.0)  # each request renews the access token

    async def use() -> None:
        account = await Client.sign_up(url, email, PASSWORD)
        assert not account.confirmed
        with pytest.raises(Conflict, match="sign in"):
            await Client.sign_up(url, email, PASSWORD)
        with pytest.raises(Unauthenticated, match="not confirmed"):
            async with Client.sign_in(url, email, PASSWORD):
                pass
        with pytest.raises(Invalid, match="code is wrong"):
            await Client.confirm_sign_up(url, email, "none")
        await Client.confirm_sign_up(url, email, await asyncio.to_thread(stage.emulator.mailed_code, email))
        with pytest.raises(Unauthenticated, match="password is wrong"):
            async with Client.sign_in(url, email, f"not {PASSWORD}"):
                pass
        async with Client.sign_in(url, email, PASSWORD) as me:
            assert me.user_id == account.user_id
            await me.me()
            cognito, pool_id = stage.emulator.client("cognito-idp"), stage.deployment.outputs["UserPoolId"]
            await asyncio.to_thread(cognito.admin_disable_user, UserPoolId=pool_id, Username=email)
            with pytest.raises(SessionEnded):
                await me.me()

    asyncio.run(use())


def test_two_step_sign_in_works_at_the_user_pool_of_the_stage(stage: Stage) -> None:
    email, url = "two-step@example.com", stage.deployment.url.removesuffix("index.html")
    cognito, pool_id = stage.emulator.client("cognito-idp"), stage.deployment.outputs["UserPoolId"]
    users = Users(cognito, pool_id)
    users.create(email, password=PASSWORD)

    async def use() -> None:
        async with Client.sign_in(url, email, PASSWORD) as me:
            app = Authenticator((await me.set_up_two_step()).secret)
            with pytest.raises(Invalid, match="code is wrong"):
                await me.turn_on_two_step(app.wrong_code())
            await me.turn_on_two_step(app.code(steps_from_now=-1))
            assert await me.two_step_is_on()
        with pytest.raises(CodeRequired):
            async with Client.sign_in(url, email, PASSWORD):
                pass
        with pytest.raises(Invalid, match="code is wrong"):
            async with Client.sign_in(url, email, PASSWORD, code=app.wrong_code()):
                pass
        async with Client.sign_in(url, email, PASSWORD, code=app.code()) as me:
            assert await me.me()
        await asyncio.to_thread(users.reset_two_step, email)
        async with Client.sign_in(url, email, PASSWORD) as me:
            assert not await me.two_step_is_on()

    asyncio.run(use())


def test_a_teardown_keeps_users_and_messages_for_the_next_deployment(changed_stage: Stage) -> None:
    stage = changed_stage
    ada, bob = people(stage, "ada", "bob")
    where = ada.create_direct(bob)
    ada.send_text(where, "See you after the move")

    result = tear_down(stage.target)
    assert result.stacks == ("imchat-prod-site", "imchat-prod-app")
    assert "table imchat-prod" in result.kept
    assert read_status(stage.target).url is None
    stage.deploy("after a teardown")

    again = ReferenceClient(stage.deployment.url, bob.email, WireLog()).sign_in()
    assert again.user_id == bob.user_id
    again.catch_up(where)
    assert again.message_bodies(where) == ["See you after the move"]


def test_deleting_the_data_leaves_nothing(changed_stage: Stage) -> None:
    stage = changed_stage
    stage.configure(sign_up="domain:example.org")
    stage.deploy("with every resource")
    result = tear_down(stage.target, delete_data=True)

    assert result.stacks == ("imchat-prod-site", "imchat-prod-app", "imchat-prod-state")
    assert result.remaining == ()
    assert remaining_resources(stage) == {}
    assert tear_down(stage.target, delete_data=True).stacks == ()
    print(json.dumps(stage.figures, indent=1))  # noqa: T201 - for `pytest -rP`


def physical_ids(stage: Stage, kind: StackKind = "app") -> dict[str, str]:
    """Return the physical ids of a stack's resources by their logical ids."""
    pages = stage.emulator.client("cloudformation").get_paginator("list_stack_resources")
    return {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for page in pages.paginate(StackName=f"imchat-prod-{kind}")
        for resource in page["StackResourceSummaries"]
    }


def remaining_resources(stage: Stage) -> dict[str, Any]:
    """Return all resources in the account, by kind."""
    operations = {
        "dynamodb": ("list_tables", "TableNames"),
        "s3": ("list_buckets", "Buckets"),
        "lambda": ("list_functions", "Functions"),
        "apigatewayv2": ("get_apis", "Items"),
        "logs": ("describe_log_groups", "logGroups"),
        "iam": ("list_roles", "Roles"),
        "cloudwatch": ("describe_alarms", "MetricAlarms"),
    }
    found = {
        service: getattr(stage.emulator.client(service), operation)().get(field, [])
        for service, (operation, field) in operations.items()
    }
    found["pools"] = stage.emulator.client("cognito-idp").list_user_pools(MaxResults=60)["UserPools"]
    found["queues"] = stage.emulator.client("sqs").list_queues().get("QueueUrls", [])
    distributions = stage.emulator.client("cloudfront").list_distributions()["DistributionList"]
    found["distributions"] = distributions.get("Items", [])
    return {kind: items for kind, items in found.items() if items}
