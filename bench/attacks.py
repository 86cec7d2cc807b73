"""The clients of `python -m bench.stress` that overload the server: a process of their own for each scenario."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, cast

import uvloop

from bench.raw_client import WebSocketClient
from bench.scenario import HOST
from imchat.local.open_files import raise_limit

CONNECTIONS: Final = 10_000
FEW_FILES: Final = 512
"""The server's limit of open files in the scenario that opens twice as many connections."""
SIGN_UPS: Final = 800
SLOW_READERS: Final = 150
PAGE_READERS: Final = 16
FLOODING: Final = 100
BODIES: Final = 40
BODY_BYTES: Final = 10_000_000
TRICKLING: Final = 40
FRAGMENTED: Final = 30
"""WebSockets that send a message without its end; the server closes the oldest of more than 32 of one user."""
_FRAGMENT: Final = 30_000
_CONNECTS_AT_ONCE: Final = 100
_CONNECTS_A_SECOND: Final = 2_500
"""Faster, the client would be the bottleneck on a machine with two cores."""
_PORTS_OF_AN_ADDRESS: Final = 20_000
_OTHER_FILES: Final = 100
_FAILED: Final = "closed"


@dataclass(frozen=True, slots=True)
class Orders:
    """What the measuring process has prepared: the server, its open files, tokens and a conversation with long pages."""

    port: int
    seconds: float
    tokens: list[str]
    tickets: list[str]
    conversation_id: str


class Client(asyncio.Protocol):
    """A connection that counts the statuses of its responses, and drops their bodies."""

    def __init__(self, counts: Counter[str]) -> None:
        self._counts = counts
        self._head = b""
        self._unread_bytes = 0
        self._response: asyncio.Future[None] | None = None
        self.is_open = False
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport (asyncio callback)."""
        self.transport = cast("asyncio.Transport", transport)
        self.is_open = True

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - closed with or without an error
        """Count a connection that the server has closed (asyncio callback)."""
        if self.is_open:
            self._counts[_FAILED] += 1
        self.is_open = False
        self._done()

    def data_received(self, data: bytes) -> None:
        """Count the responses (asyncio callback)."""
        while data:
            if self._unread_bytes:
                taken = min(self._unread_bytes, len(data))
                self._unread_bytes -= taken
                data = data[taken:]
            else:
                head, found, data = (self._head + data).partition(b"\r\n\r\n")
                self._head = b"" if found else head
                if not found:
                    return
                self._counts[head[9:12].decode()] += 1
                lower = head.lower()
                at = lower.find(b"content-length: ")
                if at >= 0:
                    self._unread_bytes = int(lower[at + 16 :].split(b"\r", 1)[0])
            if not self._unread_bytes:
                self._done()

    async def request(self, data: bytes) -> None:
        """Send a request; return when it is answered or the connection is closed."""
        if self.is_open:
            self._response = asyncio.get_running_loop().create_future()
            self.transport.write(data)
            await self._response

    def close(self) -> None:
        """Close the connection."""
        self.is_open = False
        self.transport.close()

    def _done(self) -> None:
        if self._response is not None and not self._response.done():
            self._response.set_result(None)


@dataclass(slots=True)
class Attack:
    """A running scenario: the open connections, and what the server has answered."""

    orders: Orders
    counts: Counter[str] = field(default_factory=Counter)
    clients: list[Client] = field(default_factory=list)

    async def connect(self, number: int = 0) -> Client | None:
        """Open a connection from one of several addresses, or return None if the server refuses it."""
        address = f"127.0.1.{1 + number // _PORTS_OF_AN_ADDRESS}"
        try:
            _, client = await asyncio.get_running_loop().create_connection(
                lambda: Client(self.counts), HOST, self.orders.port, local_addr=(address, 0)
            )
        except OSError:
            self.counts[_FAILED] += 1
            return None
        self.clients.append(client)
        return client

    async def open_many(self, count: int, then: Callable[[Client, int], Awaitable[None]]) -> None:
        """Open connections, some at a time, and call `then` with each and its number."""
        numbers = iter(range(count))
        began_s = time.perf_counter()

        async def worker() -> None:
            for number in numbers:
                await asyncio.sleep(began_s + number / _CONNECTS_A_SECOND - time.perf_counter())
                client = await self.connect(number)
                if client is not None:
                    await then(client, number)

        await asyncio.gather(*(worker() for _ in range(_CONNECTS_AT_ONCE)))

    async def repeat(self, count: int, requests: Callable[[int], Iterator[bytes]]) -> None:
        """Send requests on `count` connections, each as soon as the one before is answered. Open closed ones again."""

        async def worker(number: int) -> None:
            client = None
            for request in requests(number):
                if client is None or not client.is_open:
                    client = await self.connect(number)
                if client is None:
                    await asyncio.sleep(0.1)
                else:
                    await client.request(request)

        await asyncio.gather(*(worker(number) for number in range(count)))

    def head(self, method: str, path: str, *headers: str) -> bytes:
        """Return the head of a request."""
        host = f"Host: {HOST}:{self.orders.port}"
        return ("\r\n".join([f"{method} {path} HTTP/1.1", host, *headers]) + "\r\n\r\n").encode()

    def page(self, token: str) -> bytes:
        """Return a request for a page of 512 KB."""
        path = f"/api/conversations/{self.orders.conversation_id}/events?limit=200"
        return self.head("GET", path, f"Authorization: Bearer {token}")


async def idle_connections(attack: Attack) -> None:
    """Open 10,000 connections, or as many as this process may, that each send one request and then nothing."""
    request = attack.head("GET", "/config.json")
    await attack.open_many(possible_connections(), lambda client, _: client.request(request))
    await asyncio.Event().wait()


async def too_many_connections(attack: Attack) -> None:
    """Open twice as many connections as the server may have open files, again and again. They send nothing."""

    async def wait(_client: Client, _number: int) -> None:
        pass

    while True:
        await attack.open_many(2 * FEW_FILES, wait)
        await asyncio.sleep(1)
        for client in attack.clients:
            client.close()
        attack.clients.clear()


async def unfinished_input(attack: Attack) -> None:
    """Send bodies without their end: large ones, byte by byte, and WebSocket messages in fragments."""
    signed_in = f"Authorization: Bearer {attack.orders.tokens[0]}"

    async def large(number: int) -> None:
        headers = [signed_in] if number % 2 else []
        client = await attack.connect()
        if client is not None:
            client.transport.write(attack.head("POST", "/api/me", f"Content-Length: {BODY_BYTES}", *headers))
            for _ in range(BODY_BYTES // 100_000 - 1):
                if not client.is_open:
                    return
                client.transport.write(b" " * 100_000)
                await asyncio.sleep(0.01)

    async def trickle() -> None:
        client = await attack.connect()
        if client is not None:
            client.transport.write(attack.head("POST", "/api/me", "Transfer-Encoding: chunked", signed_in))
            while client.is_open:
                client.transport.write(b"2\r\n  \r\n" * 100)
                await asyncio.sleep(0.01)

    async def fragment(ticket: str) -> None:
        with contextlib.suppress(OSError):
            socket = await WebSocketClient.connect(HOST, attack.orders.port, ticket, lambda _message: None)
            frame = bytes([0, 0xFE]) + _FRAGMENT.to_bytes(2) + bytes(4) + b" " * _FRAGMENT
            socket._transport.write(b"\x01" + frame[1:] + 3 * frame)

    await asyncio.gather(
        *(large(number) for number in range(BODIES)),
        *(trickle() for _ in range(TRICKLING)),
        *map(fragment, attack.orders.tickets),
    )
    await asyncio.Event().wait()


async def sign_ups(attack: Attack) -> None:
    """Sign up new accounts on 800 connections."""
    numbers = itertools.count()
    config = await _config(attack.orders.port)

    def requests(_number: int) -> Iterator[bytes]:
        while True:
            email = f"stress-{os.getpid()}-{next(numbers)}@example.com"
            body = json.dumps({"ClientId": config, "Username": email, "Password": "Correct-horse-9"})
            target = "X-Amz-Target: AWSCognitoIdentityProviderService.SignUp"
            content_type = "Content-Type: application/x-amz-json-1.1"
            yield (
                attack.head("POST", "/cognito", target, content_type, f"Content-Length: {len(body)}")
                + body.encode()
            )

    await attack.repeat(SIGN_UPS, requests)


async def slow_readers(attack: Attack) -> None:
    """Request pages of 512 KB on 150 connections, and read nothing."""

    async def request(client: Client, number: int) -> None:
        client.transport.pause_reading()
        client.transport.write(attack.page(attack.orders.tokens[number % len(attack.orders.tokens)]))

    await attack.open_many(SLOW_READERS, request)
    await asyncio.Event().wait()


async def page_readers(attack: Attack) -> None:
    """Read pages of 512 KB as one user on 16 connections."""
    await attack.repeat(PAGE_READERS, lambda _: itertools.repeat(attack.page(attack.orders.tokens[0])))


async def page_readers_of_many(attack: Attack) -> None:
    """Read pages of 512 KB as several users on 16 connections."""
    tokens = attack.orders.tokens
    await attack.repeat(
        PAGE_READERS, lambda number: itertools.repeat(attack.page(tokens[number % len(tokens)]))
    )


async def not_signed_in(attack: Attack) -> None:
    """Request the site's files, and what only users may see, on 100 connections without signing in."""
    both = [attack.head("GET", path) for path in ("/", "/api/me")]
    await attack.repeat(FLOODING, lambda _: itertools.cycle(both))


ATTACKS: Final[dict[str, Callable[[Attack], Awaitable[None]]]] = {
    function.__name__: function
    for function in (
        idle_connections,
        too_many_connections,
        unfinished_input,
        sign_ups,
        slow_readers,
        page_readers,
        page_readers_of_many,
        not_signed_in,
    )
}


def possible_connections() -> int:
    """Return how many connections the scenario can open: 10,000 unless the limit of open files is lower."""
    return min(CONNECTIONS, raise_limit() - _OTHER_FILES)


async def _config(port: int) -> str:
    """Return the client id of the user pool."""
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(f"GET /config.json HTTP/1.1\r\nHost: {HOST}:{port}\r\nConnection: close\r\n\r\n".encode())
    config: dict[str, Any] = json.loads((await reader.read()).partition(b"\r\n\r\n")[2])
    writer.close()
    return str(config["auth"]["client_id"])


async def run(name: str, orders: Orders) -> None:
    """Run a scenario for the ordered time; print the number of responses by status and of closed connections as JSON."""
    attack = Attack(orders)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(orders.seconds):
            await ATTACKS[name](attack)
    print(
        json.dumps(attack.counts), flush=True
    )  # before the connections close, which is not part of the scenario


def main() -> None:
    """Run the scenario named on the command line, with the orders on standard input."""
    os.nice(10)  # the process that measures goes first
    raise_limit()
    orders = Orders(**json.load(sys.stdin))
    uvloop.run(run(sys.argv[1], orders))


if __name__ == "__main__":
    main()
