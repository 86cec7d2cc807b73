"""A stage on an emulator of AWS, from its large rooms to its end. The tests build on each other, in this order."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.protocol import coverage
from tests.support.deployments import Deployment, person
from tests.support.emulator.harness import Use
from tests.support.emulator.stage import Stage
from tests.support.reference_client import PASSWORD, Record, Stranger
from tests.templates.loading import Permission, load, permissions
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from imchat.assets import PACKAGE, site_dir
from imchat.client import Client, session
from imchat.deploy import read_status, render_config, tear_down
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
from imchat.errors import Conflict, Invalid, SessionEnded, Unauthenticated
from imchat.services import fanout_jobs
from imchat.services.delivery import DIRECT_POSTS
from imchat.storage.dynamodb.table import DynamoTable
from imchat.storage.repositories import connections

pytestmark = pytest.mark.slow

MOST_CALLS_FOR_NOTHING = 8
OF_LAMBDA_ITSELF = {
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
}
"""What the service does with a function's role, not the function: the emulator does it without asking."""


def people(stage: Stage, *names: str) -> list[Stranger]:
    deployment = Deployment(stage.done.url, stage.emulator.mailed_code, stage.emulator.promote)
    return [person(deployment, Record(), name) for name in names]


def get(url: str) -> tuple[int, bytes, dict[str, str]]:
    """Status, body and headers of an address."""
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310 - our own process
            return answer.status, answer.read(), dict(answer.headers.items())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), dict(error.headers.items())


def ghosts(stage: Stage, who: Stranger, count: int) -> None:
    """Connections that ended without a word, as the table still has them; younger than any that is open."""
    table = DynamoTable(stage.emulator.client("dynamodb"), stage.done.outputs["TableName"])
    for number in range(count):
        connection_id = ConnectionId(f"{who.user_id[:8]}{number:07d}=")
        connections.add(table, UserId(who.user_id), connection_id, now_s=int(time.time()) + 10)


def test_a_message_to_more_connections_than_a_request_posts_to_goes_by_way_of_the_queue(stage: Stage) -> None:
    crowd = people(stage, "ada", "bob", "eve", "kim")
    where = crowd[0].start_group(*crowd[1:])
    with crowd[1].connect() as phone:
        crowd[1].catch_up(where)
        for one in crowd:
            ghosts(stage, one, DIRECT_POSTS // len(crowd) + 1)
        event = crowd[0].write(where, "Everybody?")
        assert phone.hear("events")["events"][-1] == event


def test_a_job_that_lay_in_the_queue_brings_each_member_what_they_may_see(stage: Stage) -> None:
    ada, bob = people(stage, "ada", "bob")
    where = ada.start_group()
    ada.write(where, "Alone")
    ada.http("POST", f"/conversations/{where}/members", {"user_ids": [bob.user_id]})
    with ada.connect() as hers, bob.connect() as his:
        url = stage.emulator.client("sqs").get_queue_url(QueueName="imchat-prod-fanout")["QueueUrl"]
        job = fanout_jobs.encode_job(fanout_jobs.AnnounceJob(ConversationId(where), 2))
        stage.emulator.client("sqs").send_message(QueueUrl=url, MessageBody=job)
        assert [event["seq"] for event in hers.hear("events")["events"]] == [1, 2, 3]
        assert [event["seq"] for event in his.hear("events")["events"]] == [3]


def test_the_oldest_of_too_many_connections_is_closed(stage: Stage) -> None:
    [ada] = people(stage, "ada")
    with ada.connect() as oldest:
        ghosts(stage, ada, CONNECTIONS_PER_USER - 1)
        with ada.connect() as newest:
            with pytest.raises(ConnectionClosed):
                oldest.next()
            assert newest.rest() == []


def test_each_function_may_do_what_it_was_seen_to_do_and_no_more(stage: Stage) -> None:
    """Less would have shown: the emulator enforces the policies."""
    if not coverage.SEEN.get("emulator", set()) >= coverage.everything():
        pytest.skip("tests/protocol did not run whole on the emulator before: run `make test-emulator`")
    app = load("app")
    names = {stage.done.outputs["WebSocketApiId"]: "WebSocketApi"}
    used: dict[str, set[Permission]] = {}
    for use in stage.emulator.used():
        role = use.role.removeprefix("imchat-prod-app-").partition("-")[0]
        used.setdefault(role, set()).add(Permission(use.action, _named(use, names)))
    allowed = {
        role: {one for one in permissions(app, role) if one.action not in OF_LAMBDA_ITSELF}
        for role in ("AuthorizerRole", "FanoutRole", "HttpRole", "WebSocketRole")
    }

    assert used == allowed


def _named(use: Use, names: dict[str, str]) -> str:
    resource = use.resource
    for physical, logical in names.items():
        resource = resource.replace(physical, logical)
    return resource


def test_site_api_and_socket_are_at_the_distributions_one_address(stage: Stage) -> None:
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
    [ada] = people(stage, "ada")
    protocols = [
        Subprotocol("imchat.v1"),
        Subprotocol(f"ticket.{ada.http('POST', '/realtime/tickets')['ticket']}"),
    ]
    with connect(f"{site.replace('http', 'ws', 1)}ws", subprotocols=protocols, proxy=None) as socket:
        assert socket.subprotocol == "imchat.v1"


def test_deploying_again_what_is_deployed_changes_nothing(stage: Stage) -> None:
    done = stage.deploy("unchanged")

    assert done.changed is False
    assert done.plan.empty
    assert stage.calls <= MOST_CALLS_FOR_NOTHING
    assert [one for one in stage.said if isinstance(one, FileUploaded | Invalidated)] == []
    assert [one for one in stage.said if isinstance(one, ArtifactUploaded) and one.uploaded] == []
    assert [one.changed for one in stage.said if isinstance(one, StackFinished)] == [False] * 3


def test_the_commands_find_the_stage_and_deploying_it_again_changes_nothing(
    stage: Stage, tmp_path: Path
) -> None:
    (tmp_path / "imchat.toml").write_text(render_config(stage.target.config), "utf-8")

    def imchat(*arguments: str, given: str = "") -> str:
        command = [sys.executable, "-m", "imchat", *arguments, "--endpoint-url", stage.emulator.url]
        done = subprocess.run(
            command, cwd=tmp_path, input=given, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    result = json.loads(imchat("deploy", "--yes", "--json").splitlines()[-1])
    assert result["changed"] is False
    assert result["url"] == stage.done.url
    imchat("user", "create", "root@example.com", "--admin", "--password-stdin", given="correct horse 9")
    root = Stranger(stage.done.url, "root@example.com", Record()).sign_in("correct horse 9")
    assert root.http("GET", "/me")["user"]["user_id"] == root.user_id


def test_new_code_changes_the_functions_and_nothing_else(stage: Stage, tmp_path: Path) -> None:
    package = tmp_path / "imchat"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("site", "__pycache__"))
    init = package / "__init__.py"
    init.write_text(init.read_text("utf-8").replace('__version__ = "', '__version__ = "9.', 1), "utf-8")
    code = build_code(package)

    before = physical_ids(stage)
    done = stage.deploy(
        "new code",
        replace(stage.release, code=code, values={**stage.release.values, "CodeKey": code.key}),
    )

    [step] = [step for step in done.plan.stacks if step.action != "none"]
    assert [one.name for one in step.parameters] == ["CodeKey"]
    # What depends on a function is listed as well, in case that the function gets another name; nothing does.
    functions = {"AuthorizerFunction", "FanoutFunction", "HttpFunction", "WebSocketFunction"}
    assert {one.resource for one in step.changes if one.change == "modify"} == functions
    assert physical_ids(stage) == before
    assert [one.kind for one in stage.said if isinstance(one, ArtifactUploaded) and one.uploaded] == ["code"]
    assert json.loads(get(f"{stage.emulator.site}api/health")[1])["version"].startswith("9.")


def test_sign_up_by_e_mail_domain_comes_and_goes_and_accounts_stay(stage: Stage) -> None:
    [ada] = people(stage, "ada")
    before = physical_ids(stage, "state")
    stage.configured(sign_up="domain:example.org,kit.example")
    stage.deploy("sign-up by domain")

    ours, foreign = (
        Stranger(stage.done.url, f"eve@{domain}", Record()) for domain in ("KIT.example", "example.com")
    )
    ours.sign_up()
    with pytest.raises(
        ClientError, match=r"UserLambdaValidationException.*This e-mail domain may not sign up"
    ):
        foreign.sign_up()
    stage.emulator.client("cognito-idp").admin_create_user(
        UserPoolId=stage.done.outputs["UserPoolId"], Username="boss@example.com"
    )
    assert Stranger(stage.done.url, ada.email, Record()).sign_in().user_id == ada.user_id
    assert physical_ids(stage, "state").keys() - before.keys() == {
        "SignUpFunction",
        "SignUpLogs",
        "SignUpPermission",
        "SignUpRole",
    }

    stage.configured(sign_up="open")
    stage.deploy("sign-up open again")
    foreign.sign_up()
    assert physical_ids(stage, "state") == before


def test_the_python_client_signs_up_confirms_and_signs_in_at_the_user_pool_of_the_stage(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    email, url = "client@example.com", stage.done.url.removesuffix("index.html")
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
            cognito, pool_id = stage.emulator.client("cognito-idp"), stage.done.outputs["UserPoolId"]
            await asyncio.to_thread(cognito.admin_disable_user, UserPoolId=pool_id, Username=email)
            with pytest.raises(SessionEnded):
                await me.me()

    asyncio.run(use())


def test_a_teardown_keeps_people_and_messages_for_the_next_deployment(stage: Stage) -> None:
    ada, bob = people(stage, "ada", "bob")
    where = ada.start_direct(bob)
    ada.write(where, "See you after the move")

    torn = tear_down(stage.target)
    assert torn.stacks == ("imchat-prod-site", "imchat-prod-app")
    assert "table imchat-prod" in torn.kept
    assert read_status(stage.target).url is None
    stage.deploy("after a teardown")

    again = Stranger(stage.done.url, bob.email, Record()).sign_in()
    assert again.user_id == bob.user_id
    again.catch_up(where)
    assert again.bodies(where) == ["See you after the move"]


def test_deleting_the_data_leaves_nothing(stage: Stage) -> None:
    stage.configured(sign_up="domain:example.org")
    stage.deploy("with all that can be there")
    torn = tear_down(stage.target, delete_data=True)

    assert torn.stacks == ("imchat-prod-site", "imchat-prod-app", "imchat-prod-state")
    assert torn.remaining == ()
    assert left(stage) == {}
    assert tear_down(stage.target, delete_data=True).stacks == ()
    print(json.dumps(stage.figures, indent=1))  # noqa: T201 - for `pytest -rP`


def physical_ids(stage: Stage, kind: StackKind = "app") -> dict[str, str]:
    """What a stack holds."""
    pages = stage.emulator.client("cloudformation").get_paginator("list_stack_resources")
    return {
        one["LogicalResourceId"]: one["PhysicalResourceId"]
        for page in pages.paginate(StackName=f"imchat-prod-{kind}")
        for one in page["StackResourceSummaries"]
    }


def left(stage: Stage) -> dict[str, Any]:
    """Whatever is in the account, by kind."""
    asked = {
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
        for service, (operation, field) in asked.items()
    }
    found["pools"] = stage.emulator.client("cognito-idp").list_user_pools(MaxResults=60)["UserPools"]
    found["queues"] = stage.emulator.client("sqs").list_queues().get("QueueUrls", [])
    distributions = stage.emulator.client("cloudfront").list_distributions()["DistributionList"]
    found["distributions"] = distributions.get("Items", [])
    return {kind: things for kind, things in found.items() if things}
