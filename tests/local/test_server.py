"""HTTP in `imchat local`: API Gateway's events and limits, sign-in, the web client, and the headers of all responses."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.local_server import AUTHORIZATION, PAGE, SCRIPT, RunningServer, run, running_server

from imchat.errors import ConfigError
from imchat.local.http.parser import MAX_BODY_BYTES
from imchat.storage.sqlite.table import SqliteTable
from imchat.storage.table import Delete, Key, Put


def on_machine(tmp_path: Path, test: Callable[[RunningServer], Awaitable[None]], **options: Any) -> None:
    async def body() -> None:
        async with running_server(tmp_path, **options) as server:
            await test(server)

    run(body())


async def raw(m: RunningServer, request: bytes) -> bytes:
    """Send raw bytes and return the whole response."""
    host, port = m.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    response = await reader.read()
    writer.close()
    return response


async def event_of(m: RunningServer, method: str, path: str, **options: Any) -> dict[str, Any]:
    """Send a request and return the event that it becomes."""
    seen: list[dict[str, Any]] = []

    def reply(event: dict[str, Any]) -> dict[str, Any]:
        seen.append(event)
        return {"statusCode": 200}

    m.on_request = reply
    async with m.session.request(method, f"{m.url}{path}", **options) as response:
        assert response.status == 200
    [event] = seen
    return event


def test_only_reading_the_health_check_needs_no_token(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        for method, status in (("GET", 200), ("POST", 401), ("HEAD", 200)):
            async with m.session.request(method, f"{m.url}/api/health") as response:
                assert response.status == status
        await event_of(m, "POST", "/api/health", headers=AUTHORIZATION)

    on_machine(tmp_path, test)


def test_a_request_becomes_an_event_of_payload_format_2(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        event = await event_of(
            m,
            "PUT",
            "/api/a/b%20c?x=1&y=%C3%A9&x=2",
            data='{"a":"ü"}'.encode(),
            headers=[
                ("Authorization", "bearer ada"),
                ("X-Many", "one"),
                ("X-Many", "two"),
                ("Cookie", "a=1; b=2"),
                ("User-Agent", "test"),
            ],
        )

        assert event["version"] == "2.0"
        assert event["rawPath"] == "/api/a/b c"
        assert event["pathParameters"] == {"proxy": "a/b c"}
        assert event["rawQueryString"] == "x=1&y=%C3%A9&x=2"
        assert event["queryStringParameters"] == {"x": "1,2", "y": "é"}
        assert event["headers"]["x-many"] == "one,two"
        assert "cookie" not in event["headers"]
        assert event["cookies"] == ["a=1", "b=2"]
        assert event["body"] == '{"a":"ü"}'
        assert event["isBase64Encoded"] is False
        context = event["requestContext"]
        assert context["http"] == {
            "method": "PUT",
            "path": "/api/a/b c",
            "protocol": "HTTP/1.1",
            "sourceIp": "127.0.0.1",
            "userAgent": "test",
        }
        assert context["authorizer"]["jwt"]["claims"] == {
            "sub": "ada",
            "token_use": "access",
            "exp": "1900000000",
            "cognito:groups": "[admins ops]",
        }
        assert context["requestId"].endswith("=")
        json.dumps(event)

    on_machine(tmp_path, test)


def test_a_binary_body_is_sent_in_base64(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        event = await event_of(m, "POST", "/api/x", data=b"\xff\x00", headers=AUTHORIZATION)

        assert (event["body"], event["isBase64Encoded"]) == ("/wA=", True)

    on_machine(tmp_path, test)


def test_a_response_has_the_status_headers_and_body_of_the_handler(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        m.on_request = lambda _event: {
            "statusCode": 418,
            "headers": {
                "x-own": "1",
                "content-type": "application/octet-stream",
                "cache-control": "no-cache",
            },
            "body": "/wA=",
            "isBase64Encoded": True,
        }
        async with m.session.get(f"{m.url}/api/x", headers=AUTHORIZATION) as response:
            assert (response.status, await response.read()) == (418, b"\xff\x00")
            assert response.headers["X-Own"] == "1"
            assert response.headers.getall("Cache-Control") == ["no-cache"]

    on_machine(tmp_path, test)


@pytest.mark.parametrize("authorization", [None, "Bearer", "Bearer bad", "Basic YTpi", "ada"])
def test_the_api_requires_a_valid_token(tmp_path: Path, authorization: str | None) -> None:
    async def test(m: RunningServer) -> None:
        headers = {} if authorization is None else {"Authorization": authorization}
        for method in ("GET", "POST", "PATCH", "DELETE", "OPTIONS"):
            async with m.session.request(method, f"{m.url}/api/me", headers=headers) as response:
                assert response.status == 401
                assert response.headers["WWW-Authenticate"] == "Bearer"
                assert (await response.json())["error"]["code"] == "unauthenticated"
        async with m.session.get(f"{m.url}/api/health") as response:
            assert response.status == 200

    on_machine(tmp_path, test)


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("/api/x", MAX_BODY_BYTES),
        ("/cognito", 64 * 1024),
        ("/api/health", MAX_BODY_BYTES),
        ("/ws", 8 * 1024),
        ("/x", 8 * 1024),
    ],
)
def test_a_body_over_the_limit_of_its_route_is_refused_by_its_head(
    tmp_path: Path, path: str, limit: int
) -> None:
    async def test(m: RunningServer) -> None:
        async with m.session.post(f"{m.url}{path}", data=b"x" * limit, headers=AUTHORIZATION) as response:
            assert response.status in {200, 400, 405}
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ada\r\n"
        refused = await raw(m, f"{head}Content-Length: {limit + 1}\r\n\r\n".encode())
        assert refused.startswith(b"HTTP/1.1 413 ")
        error = json.loads(refused.partition(b"\r\n\r\n")[2])["error"]
        assert (error["code"], error["details"]["limit"]) == ("too_large", limit)

    on_machine(tmp_path, test)


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ("", 401),
        ("Authorization: Bearer bad\r\n", 401),
        ("Host: localhost\r\n", 400),
    ],
)
def test_an_api_request_is_refused_before_its_body_arrives(tmp_path: Path, lines: str, status: int) -> None:
    async def test(m: RunningServer) -> None:
        for body in ("Content-Length: 100", "Transfer-Encoding: chunked"):
            head = f"POST /api/x HTTP/1.1\r\nHost: localhost\r\n{lines}{body}\r\n\r\n"
            response = await raw(m, head.encode())
            assert response.startswith(b"HTTP/1.1 %d " % status)
        response = await raw(m, b"POST /api/x HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 1\r\n\r\n")
        assert response.startswith(b"HTTP/1.1 421 ")

    on_machine(tmp_path, test)


def test_an_unexpected_error_has_its_request_id_and_logs_no_data_of_the_request(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(m: RunningServer) -> None:
        def broken(event: dict[str, Any]) -> dict[str, Any]:
            raise ValueError(event["body"] + event["headers"]["authorization"])

        m.on_request = broken
        async with m.session.post(
            f"{m.url}/api/x?secret=s3cret", data=b"s3cret", headers=AUTHORIZATION
        ) as response:
            assert response.status == 500
            error = (await response.json())["error"]
        assert error["code"] == "internal"
        assert error["request_id"] in caplog.text
        assert "broken" in caplog.text
        assert "s3cret" not in caplog.text + json.dumps(error)
        assert "Bearer" not in caplog.text

    with caplog.at_level(logging.DEBUG):
        on_machine(tmp_path, test)


def test_a_ticket_is_never_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def test(m: RunningServer) -> None:
        m.on_connect = lambda _event: {"statusCode": 200}
        ws = await m.connect()
        await ws.close()

    with caplog.at_level(logging.DEBUG):
        on_machine(tmp_path, test)
    assert "ticket" not in caplog.text


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /api/me HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer secret\x00\r\n\r\n",
        b"GET /ws HTTP/1.1\r\nHost: localhost\r\nSec-WebSocket-Protocol: imchat.v1, ticket.secret\x01\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nsecret\r\n",
        b"GET /secret page HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: secret" + b"x" * 40_000 + b"\r\n\r\n",
    ],
)
def test_invalid_http_is_rejected_in_the_common_error_format_and_never_quoted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, request_: bytes
) -> None:
    async def test(m: RunningServer) -> None:
        head, _, body = (await raw(m, request_)).partition(b"\r\n\r\n")
        assert b" 400 " in head.splitlines()[0]
        assert b"aiohttp" not in head
        assert json.loads(body)["error"]["code"] == "invalid"
        assert b"secret" not in body

    with caplog.at_level(logging.DEBUG):
        on_machine(tmp_path, test)
    assert "secret" not in caplog.text


def test_an_aborted_request_is_not_logged_as_an_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(m: RunningServer) -> None:
        _, writer = await asyncio.open_connection(*m.url.removeprefix("http://").split(":"))
        writer.write(
            b"POST /api/x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ada\r\nContent-Length: 9\r\n\r\n{"
        )
        await writer.drain()
        await asyncio.sleep(0.1)
        writer.transport.abort()
        await asyncio.sleep(0.1)
        assert await event_of(m, "GET", "/api/x", headers=AUTHORIZATION)

    on_machine(tmp_path, test)
    assert "unexpected" not in caplog.text


def test_a_body_is_passed_on_without_decompression(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        headers = AUTHORIZATION | {"Content-Encoding": "gzip"}
        event = await event_of(m, "POST", "/api/x", data=b"no gzip", headers=headers)
        assert event["body"] == "no gzip"

    on_machine(tmp_path, test)


def test_header_bytes_that_are_not_utf_8_are_replaced(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        seen: list[str] = []

        def reply(event: dict[str, Any]) -> dict[str, Any]:
            seen.append(event["headers"]["x"])
            return {"statusCode": 200}

        m.on_request = reply
        await raw(
            m,
            b"GET /api/x HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer ada\r\nX: \xc3\xa9\xff\r\n\r\n",
        )
        assert seen == ["é\ufffd"]

    on_machine(tmp_path, test)


@pytest.mark.parametrize("path", ["/", "/cognito", "/cognito/"])
def test_the_cognito_protocol_is_served_at_every_path_that_clients_use(tmp_path: Path, path: str) -> None:
    async def test(m: RunningServer) -> None:
        headers = {"X-Amz-Target": "AWSCognitoIdentityProviderService.SignUp", "X-Forwarded-Proto": "https"}
        async with m.session.post(f"{m.url}{path}", data=b"{}", headers=headers) as response:
            content = await response.json(content_type="application/x-amz-json-1.1")
        assert content == {
            "target": "AWSCognitoIdentityProviderService.SignUp",
            "body": "{}",
            "endpoint": m.url.replace("http", "https"),
            "path": path,
        }

    on_machine(tmp_path, test)


def test_the_web_client_gets_its_configuration(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        async with m.session.get(f"{m.url}/config.json") as response:
            assert response.headers["Cache-Control"] == "no-cache"
            assert await response.json() == {
                "version": 1,
                "api_url": "/api",
                "ws_url": "/ws",
                "auth": {
                    "endpoint": "/cognito",
                    "region": "local",
                    "user_pool_id": "local_Pool",
                    "client_id": "client",
                },
                "sign_up": {"policy": "domain", "domains": ["example.org"]},
            }
        for prefix in ("", "/cognito"):
            base = f"{m.url}{prefix}/local_Pool/.well-known"
            async with m.session.get(f"{base}/jwks.json") as response:
                assert await response.json() == {"keys": []}
            async with m.session.get(f"{base}/openid-configuration") as response:
                assert (await response.json())["issuer"] == f"{m.url}/local_Pool"
            async with m.session.get(f"{base}/else") as response:
                assert response.status == 404

    on_machine(tmp_path, test)


@pytest.mark.parametrize(
    ("path", "kind", "cache", "body"),
    [
        ("/", "text/html; charset=utf-8", "no-cache", PAGE),
        ("/sw.js", "text/javascript; charset=utf-8", "no-cache", SCRIPT),
        (
            "/assets/index-Ab3_9xYz.js",
            "text/javascript; charset=utf-8",
            "public, max-age=31536000, immutable",
            SCRIPT,
        ),
        ("/assets/logo-Ab3_9xYz.svg", "image/svg+xml", "public, max-age=31536000, immutable", None),
    ],
)
def test_files_have_their_content_type_and_cache_headers(
    tmp_path: Path, path: str, kind: str, cache: str, body: bytes | None
) -> None:
    async def test(m: RunningServer) -> None:
        async with m.session.get(f"{m.url}{path}") as response:
            assert response.status == 200
            assert response.headers["Content-Type"] == kind
            assert response.headers["Cache-Control"] == cache
            assert "script-src 'self'" in response.headers["Content-Security-Policy"]
            assert body is None or await response.read() == body
            tag = response.headers["ETag"]
        async with m.session.get(f"{m.url}{path}", headers={"If-None-Match": tag}) as response:
            assert (response.status, await response.read()) == (304, b"")
        async with m.session.head(f"{m.url}{path}") as response:
            assert (response.status, await response.read()) == (200, b"")
        async with m.session.post(f"{m.url}{path}x") as response:
            assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")

    on_machine(tmp_path, test)


@pytest.mark.parametrize("path", ["/c/some-conversation", "/foo/", "/foo?query", "//example.org/page"])
def test_other_pages_are_redirected_to_the_application(tmp_path: Path, path: str) -> None:
    async def test(m: RunningServer) -> None:
        for method in ("GET", "HEAD"):
            async with m.session.request(method, f"{m.url}{path}", allow_redirects=False) as response:
                assert (response.status, response.headers["Location"]) == (302, "/")
                assert await response.read() == b""
                assert response.headers["X-Content-Type-Options"] == "nosniff"

    on_machine(tmp_path, test)


def test_pages_are_compressed_for_clients_that_accept_it(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        response = await raw(
            m, b"GET / HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: br, gzip\r\nConnection: close\r\n\r\n"
        )
        head, _, body = response.partition(b"\r\n\r\n")
        assert b"content-encoding: gzip" in head
        assert b"vary: Accept-Encoding" in head
        assert gzip.decompress(body) == PAGE
        response = await raw(m, b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert response.partition(b"\r\n\r\n")[2] == PAGE

    on_machine(tmp_path, test)


@pytest.mark.parametrize(
    ("accepted", "compressed"),
    [
        ("gzip;q=0", False),
        ("gzip; q=0.000, identity", False),
        ("*;q=0", False),
        ("gzip;q=0, *", False),
        ("gzipped", False),
        ("gzip;q=high", False),
        ("gzip;q=0.001", True),
        ("br;q=1.0, GZIP;q=0.5", True),
        ("x-gzip", True),
        ("*", True),
    ],
)
def test_accept_encoding_is_followed(tmp_path: Path, accepted: str, *, compressed: bool) -> None:
    async def test(m: RunningServer) -> None:
        request = (
            f"GET / HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: {accepted}\r\nConnection: close\r\n\r\n"
        )
        head = (await raw(m, request.encode())).partition(b"\r\n\r\n")[0]
        assert (b"content-encoding: gzip" in head) is compressed

    on_machine(tmp_path, test)


@pytest.mark.parametrize(
    ("condition", "status"),
    [("*", 304), ('"other", {strong}', 304), ("W/{strong}", 304), ("x{strong}", 200), ('"other"', 200)],
)
def test_if_none_match_compares_whole_tags(tmp_path: Path, condition: str, status: int) -> None:
    async def test(m: RunningServer) -> None:
        async with m.session.get(f"{m.url}/sw.js") as response:
            strong = response.headers["ETag"].removeprefix("W/")
        headers = {"If-None-Match": condition.format(strong=strong)}
        async with m.session.get(f"{m.url}/sw.js", headers=headers) as response:
            assert response.status == status

    on_machine(tmp_path, test)


@pytest.mark.parametrize(
    "path",
    [
        b"/../imchat.db",
        b"/assets/../../imchat.db",
        b"/%2e%2e/imchat.db",
        b"/..%2fimchat.db",
        b"/assets/..%5c..%5cimchat.db",
        b"//etc/passwd",
        b"/assets/missing",
        b"/.fingerprint",
        b"/imchat.db%00.html",
    ],
)
def test_files_outside_the_web_client_cannot_be_read(tmp_path: Path, path: bytes) -> None:
    async def test(m: RunningServer) -> None:
        response = await raw(m, b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert response.split(b" ")[1] in {b"404", b"400"} or b"\r\nlocation: /\r\n" in response
        assert b"SQLite" not in response
        assert b"secret" not in response

    on_machine(tmp_path, test)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/missing.js"),
        ("POST", "/elsewhere"),
        ("GET", "/api/health"),
        ("GET", "/api/me"),
        ("GET", "/config.json"),
        ("GET", "/ws"),
        ("POST", "/cognito"),
        ("GET", "/local_Pool/.well-known/jwks.json"),
    ],
)
def test_every_response_has_the_security_headers(tmp_path: Path, method: str, path: str) -> None:
    async def test(m: RunningServer) -> None:
        async with m.session.request(method, f"{m.url}{path}") as response:
            headers = response.headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Server"] == "imchat"

    on_machine(tmp_path, test)


def test_the_error_for_a_used_port_names_the_port(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        port = int(m.url.rpartition(":")[2])
        with pytest.raises(ConfigError, match=rf"port {port} .* in use .* --port {port + 1}"):
            async with running_server(tmp_path / "second", port=port):
                pass

    on_machine(tmp_path, test)


def test_an_address_of_another_machine_is_rejected(tmp_path: Path) -> None:
    async def body() -> None:
        with pytest.raises(ConfigError, match=r"192\.0\.2\.1 is not an address of this machine; .* --host"):
            async with running_server(tmp_path, host="192.0.2.1"):
                pass

    run(body())


def test_expired_items_are_deleted_while_the_server_runs(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        with SqliteTable.open(tmp_path / "imchat.db") as table:
            table.write(Put(Key("TICKET", "old"), {"expires_at": 1}))
            table.write(Put(Key("TICKET", "new"), {"expires_at": 4_000_000_000}))
            await m.wait_until(lambda: table.get(Key("TICKET", "old")) is None)
            assert table.get(Key("TICKET", "new")) is not None

    on_machine(tmp_path, test, purge_every_s=0.05)


def test_deleting_expired_items_is_retried_after_an_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(m: RunningServer) -> None:
        def fail(now_s: int, limit: int) -> int:
            m.pausable_table.purge_expired = m.table.purge_expired
            raise sqlite3.OperationalError("disk I/O error")

        m.pausable_table.purge_expired = fail
        with SqliteTable.open(tmp_path / "imchat.db") as table:
            table.write(Put(Key("TICKET", "old"), {"expires_at": 1}))
            await m.wait_until(lambda: table.get(Key("TICKET", "old")) is None)

    on_machine(tmp_path, test, purge_every_s=0.05)
    assert "expired items could not be deleted: OperationalError at fail" in caplog.text


def test_deleted_data_is_soon_in_no_file_of_an_idle_server(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        with SqliteTable.open(tmp_path / "imchat.db") as table:
            table.write(Put(Key("TEST", "gone"), {"body": "deleted text"}))
            table.write(Delete(Key("TEST", "gone")))
        files = [tmp_path / "imchat.db", tmp_path / "imchat.db-wal"]
        await m.wait_until(lambda: not any(b"deleted text" in file.read_bytes() for file in files))

    on_machine(tmp_path, test, purge_every_s=0.05)


def test_stopping_closes_websockets_and_notifies_the_application(tmp_path: Path) -> None:
    async def body() -> None:
        async with running_server(tmp_path) as m:
            sockets = [await m.connect() for _ in range(5)]
            ends = [asyncio.ensure_future(ws.receive()) for ws in sockets]
        await asyncio.gather(*ends)
        assert [ws.close_code for ws in sockets] == [1001] * 5
        assert m.route_keys().count("$disconnect") == 5

    run(body())
