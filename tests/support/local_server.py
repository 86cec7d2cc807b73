"""Run a `LocalServer` on a free port, with handlers from the test, a real SQLite table and a fake identity service."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

import aiohttp

from imchat.errors import Busy, Unauthenticated
from imchat.local.apigateway.connections import LocalGateway
from imchat.local.apigateway.events import Event
from imchat.local.fair_queue import FairQueue
from imchat.local.http import InputBudget
from imchat.local.identity import CognitoResponse
from imchat.local.server import Handlers, LocalServer, Options
from imchat.local.static_site import Site
from imchat.sign_up_policy import SignUpPolicy
from imchat.storage.sqlite.group_commit_table import GroupCommitTable
from imchat.storage.table import Key, Put

PAGE = b"<!doctype html><title>imchat</title>" + b"<p>page</p>" * 100
SCRIPT = b"console.log(1);\n" * 100
CONNECT_RESPONSE = {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "imchat.v1"}}
AUTHORIZATION = {"Authorization": "Bearer ada"}


class FakeIdentity:
    """Accepts every token but `bad` as a user id. Responds to Cognito requests with the request itself."""

    pool_id = "local_Pool"
    client_id = "client"
    policy = SignUpPolicy.parse("domain:example.org")

    def verify_access_token(self, token: str) -> Mapping[str, Any]:
        if token == "bad":
            raise Unauthenticated("the token is not valid; sign in again")
        return {
            "sub": token,
            "token_use": "access",
            "exp": 1_900_000_000,
            "cognito:groups": ["admins", "ops"],
        }

    def handle(
        self,
        target: str,
        body: bytes,
        headers: Mapping[str, str],  # the real service checks signatures
        *,
        endpoint: str,
        path: str,
    ) -> CognitoResponse:
        request = {"target": target, "body": body.decode(), "endpoint": endpoint, "path": path}
        headers = {"Content-Type": "application/x-amz-json-1.1"}
        return CognitoResponse(200, headers, json.dumps(request).encode())

    def too_many_requests(self, wait_ms: int) -> CognitoResponse:
        return CognitoResponse(400, {"Retry-After": str(wait_ms // 1000)}, b"{}")

    def flush_deliveries(self) -> None:
        pass

    def jwks(self) -> Mapping[str, Any]:
        return {"keys": []}

    def openid_configuration(self, endpoint: str) -> Mapping[str, Any]:
        return {"issuer": f"{endpoint}/{self.pool_id}"}


class PausableTable:
    """A SQLite table whose syncs wait until `sync_allowed` is set. While `broken`, syncs and commits fail."""

    def __init__(self, table: GroupCommitTable) -> None:
        self.table = table
        self.begin = table.begin
        self.checkpoint = table.checkpoint
        self.backfill = table.backfill
        self.purge_expired = table.purge_expired
        self.sync_allowed = threading.Event()
        self.sync_allowed.set()
        self.sync_started = threading.Event()
        self.broken = False
        self.syncs = 0

    @property
    def changed(self) -> bool:
        return self.table.changed

    @property
    def needs_checkpoint(self) -> bool:
        return self.table.needs_checkpoint

    @property
    def has_long_log(self) -> bool:
        return self.table.has_long_log

    def commit(self) -> None:
        if self.broken:
            self.table.rollback()
            raise Busy("the disk is full")
        self.table.commit()

    def sync(self) -> None:
        self.sync_started.set()
        assert self.sync_allowed.wait(10)
        if self.broken:
            raise Busy("the disk is broken")
        self.table.sync()
        self.syncs += 1


class RunningServer:
    """A running server with its table, gateway and handlers."""

    def __init__(self, table: GroupCommitTable, sign_in: FakeIdentity) -> None:
        self.table = table
        self.pausable_table = PausableTable(table)
        self.gateway = LocalGateway()
        self.sign_in = sign_in
        self.websocket_events: list[Event] = []
        """Every WebSocket event, in order."""
        self.requests: list[Event] = []
        """Every HTTP event, in order."""
        self.on_request: Callable[[Event], dict[str, Any]] = lambda _event: {"statusCode": 200, "body": "{}"}
        self.on_connect: Callable[[Event], dict[str, Any]] = lambda _event: CONNECT_RESPONSE
        self.url = ""
        self.unfinished_input = InputBudget()
        self.session: aiohttp.ClientSession
        self.queue: FairQueue[Any]

    def http(self, event: Event, _context: object) -> dict[str, Any]:
        self.requests.append(event)
        return self.on_request(event)

    def websocket(self, event: Event, _context: object) -> dict[str, Any]:
        self.websocket_events.append(event)
        context = event["requestContext"]
        if context["routeKey"] == "$connect":
            return self.on_connect(event)
        if context["routeKey"] == "$default":
            self.gateway.post([context["connectionId"]], event["body"].encode())
        return {"statusCode": 200}

    def authorizer(self, event: Event, _context: object) -> dict[str, Any]:
        headers = {name.lower(): value for name, value in event["headers"].items()}
        offered = headers.get("sec-websocket-protocol", "")
        if "ticket.good" not in offered:
            raise Exception("Unauthorized")  # noqa: TRY002 - what a Lambda authorizer raises
        effect = "Deny" if "ticket.good-but-denied" in offered else "Allow"
        return {
            "principalId": "ada",
            "context": {"plan": "free"},
            "policyDocument": {"Statement": [{"Effect": effect, "Resource": event["methodArn"]}]},
        }

    def write(self, name: str) -> None:
        """Store an item, so that the batch has to be committed."""
        self.table.write(Put(Key("TEST", name), {"name": name}))

    async def connect(self, **options: Any) -> aiohttp.ClientWebSocketResponse:
        offered = ["imchat.v1", "ticket.good"]
        ws: aiohttp.ClientWebSocketResponse
        ws = await self.session.ws_connect(f"{self.url}/ws", protocols=offered, compress=0, **options)
        return ws

    def route_keys(self) -> list[str]:
        return [call["requestContext"]["routeKey"] for call in self.websocket_events]

    async def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait up to ten seconds until the condition is true."""
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110 - the condition changes in the server
                await asyncio.sleep(0.005)


def make_site(folder: Path) -> Path:
    """Create a folder like that of a built web client."""
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_bytes(PAGE)
    (folder / "sw.js").write_bytes(SCRIPT)
    (folder / ".fingerprint").write_text("secret")
    (folder / "assets" / "index-Ab3_9xYz.js").write_bytes(SCRIPT)
    (folder / "assets" / "logo-Ab3_9xYz.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    return folder


@contextlib.asynccontextmanager
async def running_server(
    tmp_path: Path, sign_in: FakeIdentity | None = None, **options: Any
) -> AsyncIterator[RunningServer]:
    """Run a server until the block ends."""
    site = Site(make_site(tmp_path / "site"))
    with GroupCommitTable.open(tmp_path / "imchat.db") as table:
        running = RunningServer(table, sign_in or FakeIdentity())
        server = LocalServer(
            handlers=Handlers(http=running.http, websocket=running.websocket, authorizer=running.authorizer),
            store=running.pausable_table,
            gateway=running.gateway,
            sign_in=running.sign_in,
            purge_accounts=lambda *_: 0,
            site=site,
            options=Options(**options),
        )
        async with aiohttp.ClientSession() as session, server:
            running.url, running.session = server.url, session
            running.unfinished_input = server._http.context.input
            running.queue = server._queue._waiting
            yield running


def run(test: Coroutine[Any, Any, None]) -> None:
    """Run a test's coroutine on uvloop, as the server does."""
    import uvloop  # noqa: PLC0415 - not on every platform

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(test)
