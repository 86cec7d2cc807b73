"""HTTP/1.1 over real sockets: however the bytes arrive, each request is answered once and in order."""

from __future__ import annotations

import asyncio
import json
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.support.local_server import AUTHORIZATION, run, running_server

from imchat.local.http import BodyLimit, HttpResponse, HttpServer, Request
from imchat.local.http.connection import (
    BODY_TIMEOUT_S,
    HEAD_TIMEOUT_S,
    PART_BYTES,
    SILENCE_TIMEOUT_S,
    Connection,
)
from imchat.local.http.limits import InputBudget, UnreadOutput
from imchat.local.http.parser import MAX_BODY_BYTES, MAX_HEAD_BYTES, SMALL_BODY_BYTES


def echo(request: Request) -> HttpResponse:
    fields = [request.method, request.path, request.query_string, request.body.decode()]
    return HttpResponse(200, {}, json.dumps(fields).encode())


@dataclass
class Client:
    """An echo server and a connection to it."""

    server: HttpServer
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def responses(self, count: int) -> list[Any]:
        """Read the bodies of the next responses."""
        return [(await self.response())[1] for _ in range(count)]

    async def response(self) -> tuple[bytes, Any]:
        """Read the head and the body of the next response."""
        async with asyncio.timeout(10):
            head = await self.reader.readuntil(b"\r\n\r\n")
        [length] = [line for line in head.split(b"\r\n") if line.startswith(b"content-length")]
        return head, json.loads(await self.reader.readexactly(int(length.partition(b":")[2])))


@asynccontextmanager
async def serving(
    serve: Callable[[Request], HttpResponse | Awaitable[HttpResponse]] = echo,
) -> AsyncIterator[Client]:
    server = HttpServer(serve)
    port = await server.start("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Client(server, reader, writer)
    finally:
        writer.close()
        await server.stop(1)


def against(
    test: Callable[[Client], Awaitable[None]], serve: Callable[[Request], HttpResponse] = echo
) -> None:
    async def body() -> None:
        async with serving(serve) as client:
            await test(client)

    run(body())


def test_a_request_can_arrive_byte_by_byte() -> None:
    async def test(c: Client) -> None:
        for byte in b"POST /a%20b?x=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello":
            c.writer.write(bytes([byte]))
            await asyncio.sleep(0)
        assert await c.responses(1) == [["POST", "/a b", "x=1", "hello"]]

    against(test)


def test_a_chunked_body_is_joined() -> None:
    async def test(c: Client) -> None:
        c.writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        c.writer.write(b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n")
        assert await c.responses(1) == [["POST", "/", "", "hello"]]

    against(test)


def test_pipelined_requests_are_answered_in_order_even_if_the_first_is_slow() -> None:
    async def slow(request: Request) -> HttpResponse:
        await asyncio.sleep(0.05)
        return echo(request)

    async def body() -> None:
        async with serving(lambda request: slow(request) if request.path == "/0" else echo(request)) as c:
            count = 100  # more than are parsed ahead
            for number in range(count):
                c.writer.write(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % number)
            assert await c.responses(count) == [["GET", f"/{number}", "", ""] for number in range(count)]

    run(body())


class RecordingTransport(asyncio.Transport):
    """Collects what is written, and knows whether the connection is being read."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.is_read = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def pause_reading(self) -> None:
        self.is_read = False

    def resume_reading(self) -> None:
        self.is_read = True

    def close(self) -> None:
        pass


@dataclass
class PipelinedRequests:
    """A connection that has received thousands of requests in one read, and what is observed in each turn of the loop."""

    count: int = 3_000
    answered: int = 0
    most_in_a_turn: int = 0
    most_parsed: int = 0
    read_early: bool = False

    async def receive(self) -> None:
        transport = RecordingTransport()
        server = HttpServer(lambda _request: HttpResponse(200, {}, b"x"))
        connection = Connection(server.context)
        connection.connection_made(transport)
        connection.data_received(b"GET /assets/x HTTP/1.1\r\nHost: x\r\n\r\n" * self.count)
        while len(transport.written) < self.count:
            self.most_in_a_turn = max(self.most_in_a_turn, len(transport.written) - self.answered)
            self.answered = len(transport.written)
            self.most_parsed = max(self.most_parsed, len(connection._parser.requests))
            self.read_early |= transport.is_read and self.count - self.answered > 2 * self.most_parsed
            await asyncio.sleep(0)
        assert transport.is_read


def test_pipelined_requests_are_answered_one_in_each_turn_of_the_event_loop() -> None:
    requests = PipelinedRequests()
    run(requests.receive())
    assert requests.most_in_a_turn == 1


def test_pipelined_requests_are_parsed_in_small_parts_and_no_more_are_read_meanwhile() -> None:
    requests = PipelinedRequests()
    run(requests.receive())
    assert requests.most_parsed <= PART_BYTES // 30
    assert not requests.read_early


def test_many_pipelined_requests_are_answered_in_order_with_bodies_and_a_half_closed_connection() -> None:
    async def test(c: Client) -> None:
        count = 2_000
        for number in range(count):
            c.writer.write(b"POST /%d HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc" % number)
        c.writer.write_eof()
        assert await c.responses(count) == [["POST", f"/{number}", "", "abc"] for number in range(count)]
        assert await c.reader.read() == b""

    against(test)


def test_an_invalid_request_after_many_pipelined_ones_ends_the_connection_after_their_responses() -> None:
    async def test(c: Client) -> None:
        c.writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 500 + b"no request\r\n\r\n" + b"x" * 10_000)
        assert len(await c.responses(500)) == 500
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            assert b"400" in (await c.response())[0]

    against(test)


def test_a_client_that_expects_100_continue_gets_it() -> None:
    async def test(c: Client) -> None:
        c.writer.write(b"PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert await c.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        c.writer.write(b"ok")
        assert await c.responses(1) == [["PUT", "/", "", "ok"]]

    against(test)


def test_head_returns_the_headers_of_get_and_no_body() -> None:
    async def test(c: Client) -> None:
        c.writer.write(b"HEAD /x HTTP/1.1\r\nHost: x\r\n\r\nGET /y HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"content-length: 22" in await c.reader.readuntil(b"\r\n\r\n")
        assert await c.responses(1) == [["GET", "/y", "", ""]]

    against(test)


@pytest.mark.parametrize(
    ("request_", "stays"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\nHost: x\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", False),
    ],
)
def test_a_connection_stays_open_if_the_client_wants_it(request_: bytes, *, stays: bool) -> None:
    async def test(c: Client) -> None:
        c.writer.write(request_)
        head, _ = await c.response()
        assert (b"connection: close" not in head) is stays
        if not stays:
            assert await c.reader.read() == b""

    against(test)


@pytest.mark.parametrize(
    "request_",
    [
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n",
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
        b"GET / HTTP/0.9\r\nHost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"1" * 5000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"0" * 5000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"0" * 4999 + b"1\r\n\r\nx",
        b"GET /" + b"x" * MAX_HEAD_BYTES + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"x" * 3 * MAX_HEAD_BYTES,
        b"GET / HTTP/1.1\r\n" + b"X:\r\n" * 300,
    ],
)
def test_ambiguous_requests_are_rejected_and_the_connection_closes(request_: bytes) -> None:
    served: list[Request] = []

    def serve(request: Request) -> HttpResponse:
        served.append(request)
        return echo(request)

    async def test(c: Client) -> None:
        c.writer.write(request_)
        head, body = await c.response()
        assert head.startswith(b"HTTP/1.1 400 ")
        assert body["error"]["code"] == "invalid"
        assert await c.reader.read() == b""

    against(test, serve)
    assert served == []


@pytest.mark.parametrize(
    "part", [b"1;", b"0\r\nX: ", b"0\r\nX: x\r\n"], ids=["extension", "trailer", "trailers"]
)
def test_chunk_extensions_and_trailers_are_limited(part: bytes) -> None:
    async def test(c: Client) -> None:
        c.writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + part)
        c.writer.write((b"x" * 98 if part[-1:] != b"\n" else b"X: " + b"x" * 93 + b"\r\n") * 30_000)
        head, _ = await c.response()
        assert head.startswith(b"HTTP/1.1 400 ")

    against(test)


def test_empty_lines_before_a_request_are_limited() -> None:
    async def test(c: Client) -> None:
        c.writer.write(b"\r\n" * MAX_HEAD_BYTES)
        head, _ = await c.response()
        assert head.startswith(b"HTTP/1.1 400 ")

    against(test)


def test_a_trailer_is_not_a_header() -> None:
    def serve(request: Request) -> HttpResponse:
        return HttpResponse(200, {}, json.dumps([request.headers, request.header_lines]).encode())

    async def test(c: Client) -> None:
        c.writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        c.writer.write(b"0\r\nAuthorization: Bearer ada\r\nHost: y\r\n\r\n")
        [[headers, lines]] = await c.responses(1)
        assert headers == {"host": "x", "transfer-encoding": "chunked"}
        assert len(lines) == 2

    against(test, serve)


def test_a_connection_is_not_read_while_large_bodies_wait() -> None:
    async def body() -> None:
        turn = asyncio.Event()

        async def later(request: Request) -> HttpResponse:
            await turn.wait()
            return HttpResponse(200, {}, json.dumps(len(request.body)).encode())

        async with serving(later) as c:
            one = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000
            c.writer.write(one * 200)
            sent = asyncio.ensure_future(c.writer.drain())
            done, _ = await asyncio.wait([sent], timeout=0.3)
            assert not done
            turn.set()
            assert await c.responses(200) == [100_000] * 200

    run(body())


def test_a_content_length_over_the_limit_is_rejected_before_the_body_arrives() -> None:
    async def test(c: Client) -> None:
        c.writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1))
        head, _ = await c.response()
        assert head.startswith(b"HTTP/1.1 413 ")

    against(test)


@pytest.mark.parametrize("value", ["a\r\ninjected: 1", "a\ninjected: 1", "a\0injected", "a\x1binjected"])
def test_a_response_header_cannot_contain_a_control_character(value: str) -> None:
    async def test(c: Client) -> None:
        c.writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        head, _ = await c.response()
        assert head.startswith(b"HTTP/1.1 500 ")
        assert b"injected" not in head

    against(test, lambda _request: HttpResponse(200, {"x": value}, b""))


def test_an_unexpected_error_of_the_parser_gets_a_response(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise LookupError("unexpected")

    async def test(c: Client) -> None:
        monkeypatch.setattr("imchat.local.http.parser.split_target", fail)
        c.writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        head, body = await c.response()
        assert head.startswith(b"HTTP/1.1 500 ")
        assert body["error"]["code"] == "internal"
        assert await c.reader.read() == b""

    against(test)


def test_a_slow_client_times_out_and_a_slow_handler_does_not() -> None:
    async def body() -> None:
        responses: asyncio.Future[HttpResponse] = asyncio.get_running_loop().create_future()
        async with serving(lambda _request: responses) as c:
            await asyncio.sleep(0.01)
            [connection] = c.server.connections
            now_s = time.monotonic()
            c.writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n")
            await asyncio.sleep(0.01)
            connection.close_if_timed_out(now_s + SILENCE_TIMEOUT_S - 1)
            c.writer.write(b"x")
            await asyncio.sleep(0.01)
            connection.close_if_timed_out(now_s + BODY_TIMEOUT_S + 1)  # now the handler is slow
            responses.set_result(HttpResponse(200, {}, b"{}"))
            assert await c.responses(1) == [{}]
            connection.close_if_timed_out(time.monotonic() + HEAD_TIMEOUT_S + 1)
            assert await c.reader.read() == b""

    run(body())


@pytest.mark.parametrize("pause_s", [SILENCE_TIMEOUT_S + 1, SILENCE_TIMEOUT_S / 2])
def test_a_body_that_stops_or_trickles_is_ended_with_408(
    monkeypatch: pytest.MonkeyPatch, pause_s: float
) -> None:
    async def body() -> None:
        async with serving() as c:
            await asyncio.sleep(0.01)
            [connection] = c.server.connections
            now_s = time.monotonic()
            monkeypatch.setattr("imchat.local.http.connection.time.monotonic", lambda: now_s)
            c.writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
            for _ in range(5):
                c.writer.write(b"x")
                await asyncio.sleep(0.01)
                now_s += pause_s
                connection.close_if_timed_out(now_s)
            head, error = await c.response()
            assert head.startswith(b"HTTP/1.1 408 ")
            assert error["error"]["retryable"] is True
            assert await c.reader.read() == b""
            assert c.server.context.input.total == 0

    run(body())


def test_a_client_that_reads_no_response_times_out_and_a_slow_reader_does_not() -> None:
    async def body() -> None:
        async with serving(lambda _request: HttpResponse(200, {}, b"x" * 50_000_000)) as c:
            c.writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            await asyncio.sleep(0.1)
            [connection] = c.server.connections
            now_s = time.monotonic()
            connection.close_if_timed_out(now_s)
            for _ in range(3):  # it reads a little, now and then
                await c.reader.readexactly(10_000_000)
                await asyncio.sleep(0.05)
                now_s += SILENCE_TIMEOUT_S + 1
                connection.close_if_timed_out(now_s)
            await asyncio.sleep(0.01)
            assert connection in c.server.connections
            connection.close_if_timed_out(now_s + SILENCE_TIMEOUT_S - 1)
            connection.close_if_timed_out(now_s + SILENCE_TIMEOUT_S + 1)
            await asyncio.sleep(0.01)
            assert connection not in c.server.connections

    run(body())


@pytest.mark.parametrize(
    ("path", "length", "status"),
    [("/some", 20_000, 200), ("/some", 20_001, 413), ("/other", 1, 401), ("/other", 20_000, 401)],
)
@pytest.mark.parametrize("expect", ["", "Expect: 100-continue\r\n"])
def test_a_request_is_refused_by_its_head_before_its_body_arrives(
    path: str, length: int, status: int, expect: str
) -> None:
    def admit(head: Request) -> BodyLimit | HttpResponse:
        assert head.body == b""
        return BodyLimit(20_000) if head.path == "/some" else HttpResponse(401, {}, b"{}")

    async def body() -> None:
        server = HttpServer(echo, admit)
        reader, writer = await asyncio.open_connection("127.0.0.1", await server.start("127.0.0.1", 0))
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\n{expect}Content-Length: {length}\r\n\r\n"
        writer.write(head.encode())
        if status == 200:
            if expect:
                assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"x" * length)
        response = await reader.readuntil(b"\r\n\r\n")
        assert response.startswith(b"HTTP/1.1 %d " % status)
        writer.close()
        await server.stop(1)

    run(body())


def test_a_small_request_that_arrives_at_once_is_left_to_the_handler() -> None:
    async def body() -> None:
        server = HttpServer(echo, lambda _head: HttpResponse(401, {}, b"{}"))
        reader, writer = await asyncio.open_connection("127.0.0.1", await server.start("127.0.0.1", 0))
        head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
        for size, status in ((1, 200), (SMALL_BODY_BYTES, 200), (SMALL_BODY_BYTES + 1, 401)):
            writer.write(head % size + b"x" * size)
            response = await reader.readuntil(b"\r\n\r\n")
            assert response.startswith(b"HTTP/1.1 %d " % status)
            if status == 200:
                length = int(response.partition(b"content-length: ")[2].split(b"\r")[0])
                await reader.readexactly(length)
        writer.close()
        await server.stop(1)

    run(body())


def test_a_chunked_body_is_limited_too() -> None:
    async def test(c: Client) -> None:
        c.writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        c.writer.write(b"2\r\nxx\r\n" * (MAX_BODY_BYTES // 2 + 1))
        head, _ = await c.response()
        assert head.startswith(b"HTTP/1.1 413 ")

    against(test)


class FakeTransport(asyncio.Transport):
    """A transport without a socket, whose client has one byte left to read."""

    def __init__(self) -> None:
        super().__init__()
        self.aborted = False

    def get_write_buffer_size(self) -> int:
        return 1

    def pause_reading(self) -> None:
        pass

    def abort(self) -> None:
        self.aborted = True


def traced_bytes(send: Callable[[], None]) -> int:
    """Return the memory that is allocated by `send` and still held after it."""
    tracemalloc.start()
    try:
        send()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("head", "part", "count", "factor"),
    [
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"2\r\nxx\r\n", 60_000, 2),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 120000\r\n\r\n", b"x", 100_000, 2),
        (b"GET /", b"x", 30_000, 3),
        (b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n", b"x", 30_000, 3),
    ],
    ids=["chunks", "body", "target", "after an upgrade"],
)
def test_input_in_small_parts_takes_no_multiple_of_its_size(
    head: bytes, part: bytes, count: int, factor: int
) -> None:
    async def body() -> None:
        never: asyncio.Future[HttpResponse] = asyncio.get_running_loop().create_future()
        server = HttpServer(lambda _request: never)
        connection = Connection(server.context)
        connection.connection_made(FakeTransport())
        connection.data_received(head)

        def send() -> None:
            for _ in range(count):
                connection.data_received(part)

        size = 2 * count if part[0:1] == b"2" else count
        assert traced_bytes(send) < factor * size + 20_000
        connection.connection_lost(None)
        assert server.context.input.total == 0

    run(body())


class Holder:
    """A connection with unfinished input."""

    def __init__(self) -> None:
        self.evicted = False

    def evict(self) -> None:
        self.evicted = True


def test_too_much_input_evicts_the_oldest_and_that_of_signed_in_users_last() -> None:
    budget = InputBudget(100)
    user, first, second, third = (Holder() for _ in range(4))
    budget.hold(user, 10, trusted=True)
    budget.hold(first, 40)
    budget.hold(second, 40)
    budget.hold(first, 50)
    assert budget.total == 100
    budget.hold(third, 40)
    assert [holder.evicted for holder in (user, first, second, third)] == [False, True, False, False]
    assert budget.total == 90
    budget.hold(second, 0)
    budget.hold(user, 0)
    assert budget.total == 40
    budget.hold(third, 0)
    budget.hold(user, 60, trusted=True)
    budget.hold(first, 60, trusted=True)
    assert user.evicted
    assert budget.total == 60


def test_unfinished_bodies_of_all_connections_together_are_limited() -> None:
    async def body() -> None:
        async with serving() as c:
            c.server.context.input._max_bytes = 1_000_000
            host, port = "127.0.0.1", c.server.port
            others = [await asyncio.open_connection(host, port) for _ in range(12)]
            for _, writer in others:
                writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 120000\r\n\r\n" + b"x" * 100_000)
                await asyncio.sleep(0.02)
            assert c.server.context.input.total <= 1_000_000
            refused = await others[0][0].readuntil(b"\r\n\r\n")
            assert refused.startswith(b"HTTP/1.1 503 ")
            assert b"retry-after: 1" in refused
            c.writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx")
            assert await c.responses(1) == [["POST", "/", "", "x"]]
            for _, writer in others:
                writer.close()
            async with asyncio.timeout(5):
                while c.server.context.input.total:  # noqa: ASYNC110 - the server notices it
                    await asyncio.sleep(0.01)

    run(body())


def test_responses_that_are_not_read_are_limited_over_all_connections() -> None:
    async def body() -> None:
        large = b"x" * 10_000_000
        async with serving(lambda _request: HttpResponse(200, {}, large)) as c:
            c.server.context.output._max_bytes = 30_000_000
            others = [await asyncio.open_connection("127.0.0.1", c.server.port, limit=1) for _ in range(12)]
            for _, writer in others:
                writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            async with asyncio.timeout(5):
                while len(c.server.connections) > 8:  # noqa: ASYNC110 - the server closes them
                    await asyncio.sleep(0.05)
            c.writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert len(await c.reader.read()) > len(large)
            for _, writer in others:
                writer.transport.abort()

    run(body())


def test_the_client_that_stopped_reading_first_is_disconnected_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def body() -> None:
        now_s = time.monotonic()
        monkeypatch.setattr("imchat.local.http.limits.time.monotonic", lambda: now_s)
        output = UnreadOutput(100)
        transports = [FakeTransport() for _ in range(4)]

        async def stall(transport: FakeTransport) -> list[bool]:
            output.add(transport, 60)  # the whole response is kept until its last byte is written
            await asyncio.sleep(0.01)
            return [transport.aborted for transport in transports]

        assert await stall(transports[0]) == [False] * 4
        assert await stall(transports[1]) == [False] * 4  # over the limit, but it has just stopped
        now_s += 2
        assert (await stall(transports[2]))[:3] == [True, True, False]
        output.stop()

    run(body())


def test_stopping_waits_for_open_requests_and_not_for_idle_connections(tmp_path: Path) -> None:
    async def body() -> None:
        async with running_server(tmp_path) as m:
            m.on_request = lambda _event: {"statusCode": 200, "body": "{}"}
            host, port = m.url.removeprefix("http://").split(":")
            idle, idle_writer = await asyncio.open_connection(host, int(port))
            m.pausable_table.sync_allowed.clear()
            m.pausable_table.sync_started.clear()

            def store(_event: dict[str, object]) -> dict[str, object]:
                m.write("last")
                return {"statusCode": 200, "body": "{}"}

            m.on_request = store
            due = asyncio.ensure_future(m.session.get(f"{m.url}/api/x", headers=AUTHORIZATION))
            await m.wait_until(m.pausable_table.sync_started.is_set)
            asyncio.get_running_loop().call_later(0.1, m.pausable_table.sync_allowed.set)
        assert (await due).status == 200
        assert await idle.read() == b""
        idle_writer.close()

    run(body())
