"""What a measurement is played with: people, their sockets, and rooms with everything that a client knows of them."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tests.support.browser_harness import SignedInUser

from bench.raw_client import Answer, Http, WebSocket

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HOST: Final = "127.0.0.1"
BODY: Final = b"0123456789" * 9
_CREATED: Final = 201
_AT_CREATION: Final = 48
_SEQ: Final = b'"seq":'
_numbers = itertools.count(1)


@dataclass(slots=True)
class Room:
    """A conversation as its members' clients see it; `last_seq` is the newest event that they know."""

    port: int
    conversation_id: str
    members: Sequence[SignedInUser]
    last_seq: int = 1
    named: dict[str, str] = field(default_factory=dict)
    """The open connection of each member who has one, by `user_id`: senders name it, as clients do."""
    _heads: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        path = f"/api/conversations/{self.conversation_id}/messages"
        for person in self.members:
            self._heads[person.user_id] = head("POST", self.port, path, person) + b"Content-Length: "

    def message(self, sender: SignedInUser) -> tuple[bytes, bytes]:
        """A fresh message's `client_message_id`, and the request that sends it."""
        message_id = b"%032x" % next(_numbers)
        own = json.dumps(self.named.get(sender.user_id)).encode()
        fields = b'{"client_message_id":"%s","body":"%s","after_seq":%d,"connection_id":%s}'
        content = fields % (message_id, BODY, self.last_seq, own)
        return message_id, b"%s%d\r\n\r\n%s" % (self._heads[sender.user_id], len(content), content)

    def learn(self, data: bytes) -> None:
        """Take note of an event in an answer or a frame."""
        at = data.rfind(_SEQ) + len(_SEQ)
        if at >= len(_SEQ):
            self.last_seq = max(self.last_seq, int(data[at : data.find(b",", at)]))


class Stage:
    """The people at one server, and what they do before the clock runs."""

    def __init__(self, port: int, people: Sequence[SignedInUser]) -> None:
        self.port = port
        self.people = people

    async def room(self, size: int) -> Room:
        """A new group of the first `size` people."""
        maker, *others = self.people[:size]
        ids = [person.user_id for person in others]
        new = {"kind": "group", "title": "Room", "member_ids": ids[:_AT_CREATION]}
        made = await self.call(maker, "POST", "/api/conversations", new)
        conversation_id = made["conversation"]["conversation_id"]
        last_seq = 1
        if ids[_AT_CREATION:]:
            more = {"user_ids": ids[_AT_CREATION:]}
            path = f"/api/conversations/{conversation_id}/members"
            last_seq = (await self.call(maker, "POST", path, more))["conversation"]["last_seq"]
        return Room(self.port, conversation_id, self.people[:size], last_seq)

    async def pair(self, number: int) -> Room:
        """The direct conversation of the `number`-th two people."""
        one, other = two = self.people[2 * number : 2 * number + 2]
        new = {"kind": "direct", "member_ids": [other.user_id]}
        made = (await self.call(one, "POST", "/api/conversations", new))["conversation"]
        return Room(self.port, made["conversation_id"], two, made["last_seq"])

    async def call(
        self, person: SignedInUser, method: str, path: str, content: object = None
    ) -> dict[str, Any]:
        """One request on a connection of its own; the answer's JSON."""
        data = b"" if content is None else json.dumps(content).encode()
        connection = await Http.connect(HOST, self.port)
        try:
            start = head(method, self.port, path, person)
            answer = await connection.ask(b"%sContent-Length: %d\r\n\r\n%s" % (start, len(data), data))
        finally:
            connection.close()
        succeeded(answer)
        found: dict[str, Any] = json.loads(answer.body)
        return found

    async def socket(self, person: SignedInUser, on_message: Callable[[bytes], object]) -> WebSocket:
        """An open WebSocket of this person."""
        ticket = (await self.call(person, "POST", "/api/realtime/tickets"))["ticket"]
        return await WebSocket.connect(HOST, self.port, ticket, on_message)

    async def named_socket(
        self, person: SignedInUser, on_message: Callable[[bytes], object]
    ) -> tuple[WebSocket, str]:
        """The same, and what the server calls it."""
        pong: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        def receive(frame: bytes) -> None:
            if pong.done():
                on_message(frame)
            elif b'"pong"' in frame:
                pong.set_result(frame)

        socket = await self.socket(person, receive)
        socket.say(b'{"action":"ping"}')
        return socket, json.loads(await pong)["connection_id"]

    @asynccontextmanager
    async def online(
        self, people: Sequence[SignedInUser], on_message: Callable[[SignedInUser], Callable[[bytes], object]]
    ) -> AsyncIterator[dict[str, str]]:
        """All of them connected until the block ends; what their connections are called, by `user_id`."""
        found = [await self.named_socket(person, on_message(person)) for person in people]
        sockets = [socket for socket, _ in found]
        try:
            yield {person.user_id: name for person, (_, name) in zip(people, found, strict=True)}
        finally:
            for socket in sockets:
                socket.close()
            await asyncio.sleep(0.2)  # until the server has seen it


def head(method: str, port: int, path: str, person: SignedInUser) -> bytes:
    """The beginning of a request, with the headers that a browser's would carry in their place."""
    return (
        f"{method} {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nAuthorization: Bearer {person.token}\r\n"
        "Content-Type: application/json\r\nAccept: application/json\r\n"
    ).encode()


def succeeded(answer: Answer) -> None:
    """Raises: RuntimeError, with what the answer says, unless it is one of success."""
    if answer.status > _CREATED:
        raise RuntimeError(f"{answer.status} {answer.body.decode()}")
