"""The WebSocket API of `imchat local` behaves like API Gateway's."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import tracemalloc
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeAlias

import aiohttp
import pytest
import websockets
from aiohttp import WSMsgType
from tests.support.local_server import AUTHORIZATION, CONNECT_RESPONSE, RunningServer, run, running_server
from websockets.asyncio.client import connect

from imchat.errors import TooLarge
from imchat.local.apigateway.connections import MAX_MESSAGE_BYTES, LocalGateway, encode_text_frame
from imchat.local.apigateway.websocket import MAX_FRAME_BYTES

Test: TypeAlias = Callable[[RunningServer], Awaitable[None]]


def on_machine(tmp_path: Path, test: Test, **options: Any) -> None:
    async def body() -> None:
        async with running_server(tmp_path, **options) as server:
            await test(server)

    run(body())


def test_a_connection_sends_connect_default_and_disconnect_events(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        ws = await m.connect(headers={"User-Agent": "test"})
        assert ws.protocol == "imchat.v1"
        await ws.send_str('{"hello":1}')
        assert await ws.receive_str() == '{"hello":1}'
        await ws.close(code=1000)
        await m.wait_until(lambda: "$disconnect" in m.route_keys())

        connect, message, end = m.websocket_events
        assert m.route_keys() == ["$connect", "$default", "$disconnect"]
        contexts = [call["requestContext"] for call in m.websocket_events]
        assert len({context["connectionId"] for context in contexts}) == 1
        assert re.fullmatch(r"[A-Za-z0-9+/]{15}=", contexts[0]["connectionId"])
        assert [context["eventType"] for context in contexts] == ["CONNECT", "MESSAGE", "DISCONNECT"]
        assert all(context["authorizer"] == {"principalId": "ada", "plan": "free"} for context in contexts)
        assert connect["headers"]["Sec-WebSocket-Protocol"] == "imchat.v1,ticket.good"
        assert message["body"] == '{"hello":1}'
        assert message["requestContext"]["messageId"]
        assert end["requestContext"]["disconnectStatusCode"] == 1000

    on_machine(tmp_path, test)


def test_a_client_that_disconnects_without_closing_is_not_an_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(m: RunningServer) -> None:
        def reply(_event: dict[str, Any]) -> dict[str, Any]:
            m.write("something")
            return {"statusCode": 200}

        m.on_request = reply
        reader, writer = await asyncio.open_connection(*m.url.removeprefix("http://").split(":"))
        writer.write(HANDSHAKE)
        await reader.readuntil(b"\r\n\r\n")
        m.pausable_table.sync_allowed.clear()
        m.pausable_table.sync_started.clear()
        response = asyncio.ensure_future(m.session.get(f"{m.url}/api/x", headers=AUTHORIZATION))
        await m.wait_until(m.pausable_table.sync_started.is_set)
        ping = b"\x89\x80\0\0\0\0"
        writer.write(
            b"\x81\x82\0\0\0\0{}" + ping * 50
        )  # the message waits for the commit, the pings wait for the message
        await writer.drain()
        [socket] = m.gateway.sockets
        await asyncio.sleep(0.05)
        writer.transport.abort()
        await m.wait_until(lambda: bool(socket._transport and socket._transport.is_closing()))
        m.pausable_table.sync_allowed.set()
        (await response).close()
        await m.wait_until(lambda: "$disconnect" in m.route_keys())

    on_machine(tmp_path, test)
    assert "unexpected" not in caplog.text


HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: imchat.v1, ticket.good\r\n\r\n"
)


def websockets_client(m: RunningServer) -> connect:
    offered = [websockets.Subprotocol("imchat.v1"), websockets.Subprotocol("ticket.good")]
    return connect(f"{m.url.replace('http', 'ws')}/ws", subprotocols=offered, max_size=None)


@pytest.mark.parametrize(
    ("ticket", "status", "code"),
    [("ticket.wrong", 401, "unauthenticated"), ("ticket.good-but-denied", 403, "forbidden")],
)
def test_a_rejected_upgrade_gets_the_reason(tmp_path: Path, ticket: str, status: int, code: str) -> None:
    async def test(m: RunningServer) -> None:
        headers = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
            "Sec-WebSocket-Protocol": f"imchat.v1, {ticket}",
        }
        async with m.session.get(f"{m.url}/ws", headers=headers) as response:
            assert response.status == status
            assert (await response.json())["error"]["code"] == code
        assert m.route_keys() == []
        assert m.gateway.sockets == []

    on_machine(tmp_path, test)


def test_an_error_status_from_connect_rejects_the_upgrade(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        m.on_connect = lambda _event: {"statusCode": 429}
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await m.connect()
        assert refused.value.status == 429
        assert m.gateway.sockets == []

    on_machine(tmp_path, test)


def test_a_plain_request_to_the_websocket_url_is_rejected_without_using_a_ticket(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        async with m.session.get(f"{m.url}/ws") as response:
            assert response.status == 400
        assert m.websocket_events == []

    on_machine(tmp_path, test)


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("Cookie: user=你好", 101),
        ("User-Agent: 浏览器", 101),
        ("Origin: http://你好", 403),
        ("X-Forwarded-Host: 你好", 101),
        ("Sec-WebSocket-Extensions: 你好", 400),
    ],
)
def test_a_header_that_is_not_latin_1_is_never_an_internal_error(
    tmp_path: Path, header: str, status: int
) -> None:
    async def test(m: RunningServer) -> None:
        reader, writer = await asyncio.open_connection(*m.url.removeprefix("http://").split(":"))
        writer.write(HANDSHAKE.replace(b"\r\n\r\n", f"\r\n{header}\r\n\r\n".encode()))
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 %d " % status)
        writer.close()

    on_machine(tmp_path, test)


@pytest.mark.parametrize("name", [b"Sec-WebSocket-Key", b"Sec-WebSocket-Protocol", b"Sec-WebSocket-Version"])
def test_a_handshake_header_that_is_not_latin_1_is_a_client_error(tmp_path: Path, name: bytes) -> None:
    async def test(m: RunningServer) -> None:
        reader, writer = await asyncio.open_connection(*m.url.removeprefix("http://").split(":"))
        writer.write(re.sub(name + rb": [^\r]*", name + ": 你好".encode(), HANDSHAKE))
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 40")
        writer.close()

    on_machine(tmp_path, test)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://["])
def test_a_page_of_another_site_cannot_connect(tmp_path: Path, origin: str) -> None:
    async def test(m: RunningServer) -> None:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await m.connect(origin=origin)
        assert refused.value.status == 403
        assert m.websocket_events == []

    on_machine(tmp_path, test)


def test_our_own_pages_can_connect_through_a_proxy(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        for ws in (
            await m.connect(origin=m.url),
            await m.connect(origin="https://chat.example", headers={"X-Forwarded-Host": "chat.example"}),
        ):
            await ws.close()

    on_machine(tmp_path, test)


def test_a_message_of_128_kb_is_accepted_and_a_longer_one_closes_the_connection(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        part = "x" * MAX_FRAME_BYTES
        async with websockets_client(m) as ws:
            await ws.send([part] * 4)
            assert await ws.recv() == part * 4
            await ws.send([*[part] * 4, "x"])
            with pytest.raises(websockets.ConnectionClosed):
                await ws.recv()
            assert ws.close_code == 1009
        await m.wait_until(lambda: m.route_keys()[-1] == "$disconnect")
        assert m.route_keys().count("$default") == 1

    on_machine(tmp_path, test)


async def open_raw(m: RunningServer) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a WebSocket whose frames the test writes byte by byte."""
    reader, writer = await asyncio.open_connection(*m.url.removeprefix("http://").split(":"))
    writer.write(HANDSHAKE)
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


def test_fragments_of_a_message_take_no_multiple_of_their_size(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        _, writer = await open_raw(m)
        tracemalloc.start()
        writer.write(b"\x01\x81\0\0\0\0x" + b"\0\x81\0\0\0\0x" * 60_000)
        await m.wait_until(lambda: m.unfinished_input.total == 60_001)
        held = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert held < 400_000  # 60 KB, and what the event loop holds
        writer.close()
        await m.wait_until(lambda: m.unfinished_input.total == 0)

    on_machine(tmp_path, test)


@pytest.mark.parametrize(
    "frame", [b"\x01\xfe\x40\0\0\0\0\0" + b"x" * 0x4000, b"\x81\xfe\x40\1\0\0\0\0" + b"x" * 0x4000]
)
def test_unfinished_messages_of_all_connections_together_are_limited(tmp_path: Path, frame: bytes) -> None:
    async def test(m: RunningServer) -> None:
        m.unfinished_input._max_bytes = 100_000
        opened = [await open_raw(m) for _ in range(8)]
        for _, writer in opened:
            writer.write(frame)
        await m.wait_until(lambda: m.route_keys().count("$disconnect") == 2)
        assert 0 < m.unfinished_input.total <= 100_000
        other = await m.connect()
        await other.send_str("hello")
        assert await other.receive_str() == "hello"
        for _, writer in opened:
            writer.close()

    on_machine(tmp_path, test)


def test_a_message_that_is_not_finished_in_time_ends_the_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imchat.local.apigateway.websocket.MESSAGE_TIMEOUT_S", 0.2)

    async def test(m: RunningServer) -> None:
        reader, writer = await open_raw(m)
        writer.write(b"\x01\x81\0\0\0\0x")
        closing = await reader.read()
        assert int.from_bytes(closing[2:4], "big") == 1008
        writer.close()
        reader, writer = await open_raw(m)
        writer.write(b"\x01\x81\0\0\0\0x" + b"\x80\x81\0\0\0\0x")
        assert await reader.readexactly(4) == b"\x81\x02xx"
        await asyncio.sleep(0.3)
        writer.write(b"\x81\x81\0\0\0\0y")
        assert await reader.readexactly(3) == b"\x81\x01y"
        writer.close()

    on_machine(tmp_path, test)


def test_a_connection_is_not_read_while_large_messages_wait(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        def store(_event: dict[str, Any]) -> dict[str, Any]:
            m.write("x")
            return {"statusCode": 200, "body": "{}"}

        m.on_request = store
        _, writer = await open_raw(m)
        m.pausable_table.sync_allowed.clear()
        due = asyncio.ensure_future(m.session.get(f"{m.url}/api/x", headers=AUTHORIZATION))
        await m.wait_until(m.pausable_table.sync_started.is_set)
        frame = b"\x82\xfe\x7f\xff\0\0\0\0" + b"x" * 0x7FFF
        writer.write(frame * 1000)
        sent = asyncio.ensure_future(writer.drain())
        done, _ = await asyncio.wait([sent], timeout=0.3)
        assert not done
        sent.cancel()
        m.pausable_table.sync_allowed.set()
        (await due).close()
        writer.close()

    on_machine(tmp_path, test)


def test_a_frame_of_more_than_32_kb_closes_the_connection(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        ws = await m.connect()
        await ws.send_str("x" * (MAX_FRAME_BYTES + 1))
        assert (await ws.receive()).type is WSMsgType.CLOSE
        assert ws.close_code == 1009

    on_machine(tmp_path, test)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\x81\x02{}", 1002),  # not masked
        (b"\x83\x80\0\0\0\0", 1002),  # an undefined opcode
        (b"\xc1\x80\0\0\0\0", 1002),  # compressed, which was not negotiated
        (b"\x81\x82\0\0\0\0\xc3\x28", 1007),  # text that is not UTF-8
    ],
)
def test_invalid_frames_close_the_connection_and_do_not_reach_the_application(
    tmp_path: Path, frame: bytes, code: int
) -> None:
    async def test(m: RunningServer) -> None:
        reader, writer = await asyncio.open_connection(*m.url.removeprefix("http://").split(":"))
        writer.write(HANDSHAKE + frame)
        await reader.readuntil(b"\r\n\r\n")
        closing = await reader.read()
        assert closing[0] == 0x88
        assert int.from_bytes(closing[2:4], "big") == code
        writer.close()
        await m.wait_until(lambda: m.route_keys() == ["$connect", "$disconnect"])

    on_machine(tmp_path, test)


def test_a_pong_repeats_the_payload_of_the_ping(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        async with websockets_client(m) as ws:
            await (await ws.ping(b"here?"))

    on_machine(tmp_path, test)


def test_a_client_that_sends_pings_and_reads_no_pongs_is_disconnected(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        host, port = m.url.removeprefix("http://").split(":")
        silent = socket.socket()
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        silent.connect((host, int(port)))
        silent.setblocking(False)  # noqa: FBT003 - the standard library's own
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(silent, HANDSHAKE)
        pings = (b"\x89\xfd\0\0\0\0" + b"x" * 125) * 100_000  # 13 MB: more than all buffers hold
        with pytest.raises(ConnectionError):
            await loop.sock_sendall(silent, pings)
        silent.close()
        await m.wait_until(lambda: m.route_keys() == ["$connect", "$disconnect"])

    on_machine(tmp_path, test)


def test_a_closing_frame_gets_a_reply_and_the_connection_closes(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        async with websockets_client(m) as ws:
            await ws.close(4321, "bye")
            assert ws.close_code == 4321
        await m.wait_until(lambda: m.route_keys()[-1] == "$disconnect")
        assert m.websocket_events[-1]["requestContext"]["disconnectStatusCode"] == 4321

    on_machine(tmp_path, test)


def test_an_idle_connection_is_closed(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        ws = await m.connect()
        assert (await ws.receive()).type is WSMsgType.CLOSE
        assert ws.close_code == 1001
        await m.wait_until(lambda: m.route_keys()[-1] == "$disconnect")

    on_machine(tmp_path, test, idle_s=0.1)


def test_frames_from_the_server_keep_a_connection_open(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        idle, receiving = await m.connect(), await m.connect()
        [_, kept] = [call["requestContext"]["connectionId"] for call in m.websocket_events]
        m.on_request = lambda _event: {"statusCode": 200, "body": str(m.gateway.post([kept], b"tick"))}
        end = asyncio.ensure_future(idle.receive())
        while not end.done():
            async with m.session.get(f"{m.url}/api/post", headers=AUTHORIZATION):
                assert await receiving.receive_str() == "tick"
        assert (await end).type is WSMsgType.CLOSE
        async with m.session.get(f"{m.url}/api/post", headers=AUTHORIZATION):
            assert await receiving.receive_str() == "tick"

    on_machine(tmp_path, test, idle_s=0.3)


def test_a_client_is_pinged_and_stays_connected_as_long_as_it_answers(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        ws = await m.connect(autoping=False)
        for _ in range(6):
            message = await ws.receive()
            assert message.type is WSMsgType.PING
            await ws.pong(message.data)
        assert m.route_keys() == ["$connect"]

    on_machine(tmp_path, test, ping_s=0.05)


def test_a_client_that_answers_no_ping_is_disconnected(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        ws = await m.connect(autoping=False, autoclose=False)
        received = [(await ws.receive()).type for _ in range(3)]
        assert received == [WSMsgType.PING, WSMsgType.PING, WSMsgType.CLOSE]
        await m.wait_until(lambda: m.route_keys()[-1] == "$disconnect")

    on_machine(tmp_path, test, ping_s=0.1)


def test_a_client_that_is_gone_without_notice_is_disconnected(tmp_path: Path) -> None:
    """A machine that is switched off sends nothing more, and closes nothing."""

    async def test(m: RunningServer) -> None:
        ws = await m.connect()
        assert ws._conn is not None
        assert ws._conn.transport is not None
        ws._conn.transport.pause_reading()
        await m.wait_until(lambda: m.route_keys()[-1] == "$disconnect")
        assert m.gateway.sockets == []

    on_machine(tmp_path, test, ping_s=0.05)


def test_answers_to_pings_do_not_keep_an_idle_connection_open(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        ws = await m.connect()
        async with asyncio.timeout(10):
            assert (await ws.receive()).type is WSMsgType.CLOSE
        assert ws.close_code == 1001

    on_machine(tmp_path, test, ping_s=0.05, idle_s=0.5)


def test_clients_that_connect_at_once_are_pinged_at_different_times(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        sockets = [await m.connect(autoping=False) for _ in range(40)]
        waiting = [asyncio.ensure_future(ws.receive()) for ws in sockets]
        pinged, not_pinged = await asyncio.wait(waiting, timeout=1)
        assert pinged
        assert not_pinged
        await asyncio.wait(waiting, timeout=1.5)
        assert {ping.result().type for ping in waiting} == {WSMsgType.PING}

    on_machine(tmp_path, test, ping_s=2)


def test_a_client_whose_messages_wait_is_not_disconnected_as_silent(tmp_path: Path) -> None:
    """While many messages of a client wait, the server does not read its answers to pings either."""

    async def test(m: RunningServer) -> None:
        def store(_event: dict[str, Any]) -> dict[str, Any]:
            m.write("x")
            return {"statusCode": 200, "body": "{}"}

        m.on_request = store
        ws = await m.connect()
        m.pausable_table.sync_allowed.clear()
        due = asyncio.ensure_future(m.session.get(f"{m.url}/api/x", headers=AUTHORIZATION))
        await m.wait_until(m.pausable_table.sync_started.is_set)
        for number in range(40):
            await ws.send_str(str(number))
        first = asyncio.ensure_future(ws.receive_str())  # answers the pings meanwhile
        await asyncio.wait([first], timeout=0.6)
        m.pausable_table.sync_allowed.set()
        (await due).close()
        received = [await first, *[await ws.receive_str() for _ in range(39)]]
        assert received == [str(number) for number in range(40)]

    on_machine(tmp_path, test, ping_s=0.1)


def test_a_connection_closes_after_its_lifetime_even_if_it_is_active(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        ws = await m.connect()
        while True:
            await ws.send_str("ping")
            message = await ws.receive()
            if message.type is not WSMsgType.TEXT:
                break
        assert ws.close_code == 1001

    on_machine(tmp_path, test, lifetime_s=0.2)


def test_posting_to_a_closed_or_unknown_connection_returns_its_id(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        kept, gone = await m.connect(), await m.connect()
        ids = [call["requestContext"]["connectionId"] for call in m.websocket_events]
        await gone.close()
        await m.wait_until(lambda: "$disconnect" in m.route_keys())
        m.on_request = lambda _event: {
            "statusCode": 200,
            "body": json.dumps(sorted(m.gateway.post([*ids, "never="], b"hi"))),
        }
        async with m.session.get(f"{m.url}/api/post", headers=AUTHORIZATION) as response:
            assert await response.json(content_type=None) == sorted([ids[1], "never="])
        assert await kept.receive_str() == "hi"

    on_machine(tmp_path, test)


def test_a_client_that_disconnects_during_the_handshake_is_removed(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        def greet(_event: dict[str, Any]) -> dict[str, Any]:
            m.write("something")
            return CONNECT_RESPONSE

        m.on_connect = greet
        m.pausable_table.sync_allowed.clear()
        _, writer = await asyncio.open_connection(*m.url.removeprefix("http://").split(":"))
        writer.write(HANDSHAKE)
        await m.wait_until(m.pausable_table.sync_started.is_set)
        writer.write_eof()
        await asyncio.sleep(0.05)  # until the server has noticed it
        m.pausable_table.sync_allowed.set()
        await m.wait_until(lambda: m.route_keys() == ["$connect", "$disconnect"])
        assert m.gateway.sockets == []
        writer.close()

    on_machine(tmp_path, test)


def test_a_frame_posted_during_the_handshake_arrives_after_it(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        def greet(event: dict[str, Any]) -> dict[str, Any]:
            assert m.gateway.post([event["requestContext"]["connectionId"]], b"early") == set()
            return CONNECT_RESPONSE

        m.on_connect = greet
        ws = await m.connect()
        assert await ws.receive_str() == "early"

    on_machine(tmp_path, test)


def test_the_application_can_close_a_connection(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        ws = await m.connect()
        connection_id = m.websocket_events[0]["requestContext"]["connectionId"]

        def close(_event: dict[str, Any]) -> dict[str, Any]:
            m.gateway.disconnect(connection_id)
            m.gateway.disconnect("never=")
            return {"statusCode": 200}

        m.on_request = close
        async with m.session.get(f"{m.url}/api/close", headers=AUTHORIZATION) as response:
            assert response.status == 200
        assert (await ws.receive()).type is WSMsgType.CLOSE

    on_machine(tmp_path, test)


def test_a_connection_that_is_closed_during_the_handshake_closes_after_it(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        def greet(event: dict[str, Any]) -> dict[str, Any]:
            m.gateway.disconnect(event["requestContext"]["connectionId"])
            return CONNECT_RESPONSE

        m.on_connect = greet
        ws = await m.connect()
        assert (await ws.receive()).type is WSMsgType.CLOSE
        await m.wait_until(lambda: "$disconnect" in m.route_keys())

    on_machine(tmp_path, test)


def test_frames_of_one_batch_arrive_in_order_and_complete(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        sockets = [await m.connect() for _ in range(5)]
        ids = [call["requestContext"]["connectionId"] for call in m.websocket_events]
        sizes = [1, 125, 126, 65_535, 65_536, MAX_MESSAGE_BYTES]

        def post(_event: dict[str, Any]) -> dict[str, Any]:
            for size in sizes:
                m.gateway.post(ids, b"x" * size)
            return {"statusCode": 200}

        m.on_request = post
        async with m.session.get(f"{m.url}/api/post", headers=AUTHORIZATION):
            pass
        for ws in sockets:
            assert [len(await ws.receive_str()) for _ in sizes] == sizes

    on_machine(tmp_path, test)


def test_a_client_that_reads_too_slowly_is_disconnected_and_delays_no_other(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        host, port = m.url.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port), limit=1)
        writer.write(
            b"GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: imchat.v1,ticket.good\r\n\r\n"
        )
        await m.wait_until(lambda: m.route_keys() == ["$connect"])
        slow = m.websocket_events[0]["requestContext"]["connectionId"]
        quick = await m.connect()
        other = m.websocket_events[1]["requestContext"]["connectionId"]
        frame = b"x" * MAX_MESSAGE_BYTES
        m.on_request = lambda _event: {
            "statusCode": 200,
            "body": json.dumps(sorted(m.gateway.post([slow, other], frame))),
        }
        for _ in range(200):  # 25 MB: more than the system's own buffers and ours hold
            async with m.session.get(f"{m.url}/api/post", headers=AUTHORIZATION) as response:
                gone = await response.json(content_type=None)
            assert len(await quick.receive_str()) == MAX_MESSAGE_BYTES
            if gone:
                break
        assert gone == [slow]
        writer.close()

    on_machine(tmp_path, test)


def test_a_frame_over_128_kb_is_rejected() -> None:
    with pytest.raises(TooLarge, match="131,072"):
        LocalGateway().post(["a"], b"x" * (MAX_MESSAGE_BYTES + 1))


@pytest.mark.parametrize(
    ("size", "header"),
    [
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65_535, b"\x81\x7e\xff\xff"),
        (65_536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_a_frame_header_encodes_the_length_as_in_rfc_6455(size: int, header: bytes) -> None:
    assert encode_text_frame(b"x" * size) == header + b"x" * size
