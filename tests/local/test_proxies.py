"""`imchat local` behind real proxies: the configurations of the docs, and the ones that break the WebSocket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
from aiohttp import WSMsgType
from tests.support.browser_harness import PASSWORD
from tests.support.local_server import AUTHORIZATION, PAGE, RunningServer, run, running_server
from tests.support.proxies import KINDS, ORIGIN, Browser, proxied

from imchat.local.data_dir import DataDir
from imchat.local.http import MAX_BODY_BYTES
from imchat.local.run import serve
from imchat.local.server import Options
from imchat.local.server_names import PublicUrl

PUBLIC = PublicUrl.parse(ORIGIN)
PLAIN = "server { listen 443 ssl; ssl_certificate x; ssl_certificate_key x; location / { %s } }"
UPGRADE = (
    'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";'
)
PASS = "proxy_pass http://127.0.0.1:8484;"


def through_nginx(
    tmp_path: Path,
    test: Callable[[Browser, RunningServer], Awaitable[None]],
    directives: str,
    *,
    origin: str = ORIGIN,
    settings: str = "",
    **options: Any,
) -> None:
    async def body() -> None:
        async with (
            running_server(tmp_path, **options) as server,
            proxied(
                tmp_path, "nginx", server.url, PLAIN % directives, origin=origin, settings=settings
            ) as browser,
        ):
            await test(browser, server)

    run(body())


@pytest.mark.parametrize(
    ("directives", "origin", "public_url", "status", "reason"),
    [
        (PASS, ORIGIN, PUBLIC, 400, "proxy_set_header Upgrade $http_upgrade"),
        (PASS, ORIGIN, None, 400, "proxy_set_header Upgrade $http_upgrade"),
        (
            f"{PASS} proxy_set_header Upgrade $http_upgrade; proxy_http_version 1.1;",
            ORIGIN,
            PUBLIC,
            400,
            'proxy_set_header Connection "upgrade"',
        ),
        (f"{PASS} {UPGRADE}", ORIGIN, None, 403, "start with --url"),
        (
            f"{PASS} {UPGRADE} proxy_set_header Host $host;",
            "https://localhost:8443",
            None,
            403,
            "start with --url",
        ),
        (
            f'{PASS} {UPGRADE} proxy_set_header Sec-WebSocket-Protocol "";',
            ORIGIN,
            PUBLIC,
            401,
            "Sec-WebSocket-Protocol",
        ),
    ],
)
def test_a_proxy_that_breaks_only_the_websocket_is_logged_once_with_the_fix(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    directives: str,
    origin: str,
    public_url: PublicUrl | None,
    status: int,
    reason: str,
) -> None:
    async def test(browser: Browser, _server: RunningServer) -> None:
        assert await browser.get("/") == (200, PAGE.decode())
        for _ in range(3):
            assert await browser.refused_connection() == status

    through_nginx(tmp_path, test, directives, origin=origin, public_url=public_url)
    [line] = caplog.messages
    assert reason in line


@pytest.mark.parametrize(
    ("directives", "public_url"),
    [
        (f"{PASS} {UPGRADE}", PUBLIC),
        (f"{PASS} {UPGRADE} proxy_set_header Host Chat.Example.ORG:443;", PUBLIC),
        (f'{PASS} {UPGRADE} proxy_set_header X-Forwarded-Host "chat.example.org, inner";', None),
        (f'{PASS} {UPGRADE} proxy_set_header X-Forwarded-Host "inner, Chat.Example.org:443";', None),
        (f'{PASS} proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";', PUBLIC),
    ],
)
def test_a_proxy_that_passes_the_upgrade_on_is_understood(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, directives: str, public_url: PublicUrl | None
) -> None:
    async def test(browser: Browser, _server: RunningServer) -> None:
        ws = await browser.connect()
        await ws.send_str('"hello"')
        assert await ws.receive_str() == '"hello"'

    through_nginx(tmp_path, test, directives, public_url=public_url)
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("site", "public_url", "fix"),
    [
        ("upstream imchat { server 127.0.0.1:8484; } " + PLAIN % f"proxy_pass http://imchat; {UPGRADE}", PUBLIC,
         "proxy_set_header Host $host;"),
        (None, None, "start with --url"),
    ],
)  # fmt: skip
def test_a_proxy_whose_host_name_is_unknown_is_logged_once_with_the_fix(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, site: str | None, public_url: PublicUrl | None, fix: str
) -> None:
    async def test() -> None:
        async with (
            running_server(tmp_path, public_url=public_url) as server,
            proxied(tmp_path, "nginx", server.url, site) as browser,
        ):
            for _ in range(2):
                assert (await browser.get("/"))[0] == 421
                assert await browser.refused_connection() == 421

    run(test())
    [line] = caplog.messages
    assert fix in line


@pytest.mark.parametrize(
    ("kind", "site"), [("nginx", None), ("caddy", None), ("nginx", PLAIN % f"{PASS} {UPGRADE}")]
)
def test_users_sign_in_and_exchange_messages_through_a_proxy(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str, site: str | None
) -> None:
    """With the configuration of the docs, and with one that passes neither the host nor the scheme on."""

    async def test() -> None:
        options = Options(public_url=PUBLIC)
        data = DataDir.open(tmp_path / "data")
        async with serve(data, deliver=lambda *_: None, options=options) as server:
            assert server.url == ORIGIN
            upstream = json.loads((tmp_path / "data" / "server.json").read_text())["url"]
            async with proxied(tmp_path, kind, upstream, site) as browser:
                assert (await browser.get("/"))[0] == 200
                ada, bob = await _sign_up(browser, "ada"), await _sign_up(browser, "bob")
                new = {"kind": "direct", "member_ids": [bob.id]}
                created = await ada.call("POST", "/conversations", new)
                path = f"/conversations/{created['conversation']['conversation_id']}/messages"
                sockets = await ada.connect(), await bob.connect()
                for number, (sender, receiver) in enumerate([(ada, sockets[1]), (bob, sockets[0])]):
                    message = {"client_message_id": str(number), "body": f"{number}" * 4000}
                    await sender.call("POST", path, message)
                    while not any(
                        event.get("message", {}).get("body") == message["body"]
                        for event in await _receive(receiver, "events")
                    ):
                        pass

    run(test())
    assert caplog.messages == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_silent_connection_outlives_the_proxys_timeout(tmp_path: Path, kind: str) -> None:
    """nginx closes a connection that is silent for `proxy_read_timeout`; the server's pings prevent that."""

    async def test() -> None:
        for ping_s in (0.3, 60):
            folder = tmp_path / str(ping_s)
            folder.mkdir()
            async with (
                running_server(folder, public_url=PUBLIC, ping_s=ping_s) as server,
                proxied(folder, kind, server.url, settings="proxy_read_timeout 1s;") as browser,
            ):
                ws = await browser.connect()
                silence = asyncio.ensure_future(ws.receive())
                await asyncio.wait([silence], timeout=3)
                if ping_s == 60 and kind == "nginx":  # which shows that the timeout is in force
                    assert silence.result().type is WSMsgType.CLOSED
                else:
                    assert not silence.done()
                    await ws.send_str('"still here"')
                    assert (await silence).data == '"still here"'

    run(test())


@pytest.mark.parametrize("kind", KINDS)
def test_the_documented_proxy_states_the_clients_address_and_takes_every_body(
    tmp_path: Path, kind: str
) -> None:
    async def test() -> None:
        async with (
            running_server(tmp_path, public_url=PUBLIC) as server,
            proxied(tmp_path, kind, server.url) as browser,
        ):
            await _check_bodies(browser, server)
            await browser.get("/api/x", headers=AUTHORIZATION | {"X-Forwarded-For": "203.0.113.7"})
            assert server.requests[-1]["headers"]["x-forwarded-for"] == "127.0.0.1"
            assert server.requests[-1]["headers"]["x-forwarded-proto"] == "https"

    run(test())


def test_a_proxy_that_speaks_http_1_0_takes_every_body(tmp_path: Path) -> None:
    """Without `proxy_http_version`, nginx speaks HTTP/1.0 to the server."""

    async def test(browser: Browser, server: RunningServer) -> None:
        await _check_bodies(browser, server)
        assert server.requests[-1]["requestContext"]["http"]["protocol"] == "HTTP/1.0"

    through_nginx(tmp_path, test, PASS, public_url=PUBLIC)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A user who is signed in through a proxy."""

    browser: Browser
    id: str
    token: str

    async def call(self, method: str, path: str, body: object = None) -> Any:
        url, headers = f"{self.browser.origin}/api{path}", {"Authorization": f"Bearer {self.token}"}
        async with self.browser.session.request(method, url, json=body, headers=headers) as response:
            assert response.status < 300, await response.text()
            return await response.json()

    async def connect(self) -> aiohttp.ClientWebSocketResponse:
        """Open the WebSocket, and send and receive a first frame."""
        ws = await self.browser.connect((await self.call("POST", "/realtime/tickets"))["ticket"])
        await ws.send_json({"action": "ping"})
        await _receive(ws, "pong")
        return ws


async def _sign_up(browser: Browser, name: str) -> SignedIn:
    auth = json.loads((await browser.get("/config.json"))[1])["auth"]

    async def call_pool(operation: str, **fields: object) -> Any:
        headers = {"X-Amz-Target": f"AWSCognitoIdentityProviderService.{operation}"}
        body = json.dumps(fields | {"ClientId": auth["client_id"]})
        status, text = await browser.post(auth["endpoint"], data=body, headers=headers)
        assert status == 200, text
        return json.loads(text)

    email = f"{name}@example.org"
    await call_pool("SignUp", Username=email, Password=PASSWORD)
    parameters = {"USERNAME": email, "PASSWORD": PASSWORD}
    tokens = await call_pool("InitiateAuth", AuthFlow="USER_PASSWORD_AUTH", AuthParameters=parameters)
    token = tokens["AuthenticationResult"]["AccessToken"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["iss"] == f"{ORIGIN}/{auth['user_pool_id']}"
    assert (await SignedIn(browser, "", token).call("GET", "/me"))["user"]["user_id"] == claims["sub"]
    return SignedIn(browser, claims["sub"], token)


async def _receive(ws: aiohttp.ClientWebSocketResponse, kind: str) -> Any:
    """Return the events of the next frame of a type."""
    async with asyncio.timeout(10):
        while (frame := await ws.receive_json())["type"] != kind:
            pass
    return frame.get("events")


async def _check_bodies(browser: Browser, server: RunningServer) -> None:
    """Check the largest request body and response, and the response to a body that is too large."""
    server.on_request = lambda event: {"statusCode": 200, "body": event.get("body", "")}
    largest = "x" * MAX_BODY_BYTES
    assert await browser.post("/api/x", data=largest, headers=AUTHORIZATION) == (200, largest)
    for _ in range(3):
        status, text = await browser.post("/api/x", data=largest + "x", headers=AUTHORIZATION)
        assert (status, json.loads(text)["error"]["code"]) == (413, "too_large")
        status, text = await browser.post("/api/x", data=largest)
        assert (status, json.loads(text)["error"]["code"]) == (401, "unauthenticated")
