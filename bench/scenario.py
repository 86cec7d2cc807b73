"""The users, sockets and rooms of a measurement, with the state that clients keep of them."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tests.support.browser_harness import SignedInUser

from bench.raw_client import HttpClient, Response, WebSocketClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HOST: Final = "127.0.0.1"
BODY: Final = b"0123456789" * 9
_HTTP_CREATED: Final = 201
_MAX_IDS_AT_CREATION: Final = 48
_SEQ: Final = b'"seq":'
_numbers = itertools.count(1)


@dataclass(slots=True)
class Room:
    """A conversation in the state of its members' clients; `last_seq` is the newest event that they have seen."""

    port: int
    conversation_id: str
    members: Sequence[SignedInUser]
    last_seq: int = 1
    connection_ids: dict[str, str] = field(default_factory=dict)
    """The ids of the members' open connections by `user_id`; senders send theirs, as real clients do."""
    _request_heads: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        path = f"/api/conversations/{self.conversation_id}/messages"
        for person in self.members:
            self._request_heads[person.user_id] = (
                request_head("POST", self.port, path, person) + b"Content-Length: "
            )

    def new_message(self, sender: SignedInUser) -> tuple[bytes, bytes]:
        """Return the `client_message_id` of a new message, and the request that sends it."""
        message_id = b"%032x" % next(_numbers)
        connection_id = json.dumps(self.connection_ids.get(sender.user_id)).encode()
        fields = b'{"client_message_id":"%s","body":"%s","after_seq":%d,"connection_id":%s}'
        content = fields % (message_id, BODY, self.last_seq, connection_id)
        return message_id, b"%s%d\r\n\r\n%s" % (self._request_heads[sender.user_id], len(content), content)

    def update_last_seq(self, data: bytes) -> None:
        """Update `last_seq` from an event in a response or a frame."""
        at = data.rfind(_SEQ) + len(_SEQ)
        if at >= len(_SEQ):
            self.last_seq = max(self.last_seq, int(data[at : data.find(b",", at)]))


class Scenario:
    """The users of one server, and the preparations of a measurement."""

    def __init__(self, port: int, people: Sequence[SignedInUser]) -> None:
        self.port = port
        self.people = people

    async def create_room(self, size: int) -> Room:
        """Create a group of the first `size` users."""
        owner, *others = self.people[:size]
        ids = [person.user_id for person in others]
        new = {"kind": "group", "title": "Room", "member_ids": ids[:_MAX_IDS_AT_CREATION]}
        created = await self.call(owner, "POST", "/api/conversations", new)
        conversation_id = created["conversation"]["conversation_id"]
        last_seq = 1
        if ids[_MAX_IDS_AT_CREATION:]:
            more = {"user_ids": ids[_MAX_IDS_AT_CREATION:]}
            path = f"/api/conversations/{conversation_id}/members"
            last_seq = (await self.call(owner, "POST", path, more))["conversation"]["last_seq"]
        return Room(self.port, conversation_id, self.people[:size], last_seq)

    async def create_pair(self, number: int) -> Room:
        """Create the direct conversation of the `number`-th pair of users."""
        one, other = two = self.people[2 * number : 2 * number + 2]
        new = {"kind": "direct", "member_ids": [other.user_id]}
        created = (await self.call(one, "POST", "/api/conversations", new))["conversation"]
        return Room(self.port, created["conversation_id"], two, created["last_seq"])

    async def call(
        self, person: SignedInUser, method: str, path: str, content: object = None
    ) -> dict[str, Any]:
        """Send one request on a new connection; return the JSON of the response."""
        data = b"" if content is None else json.dumps(content).encode()
        connection = await HttpClient.connect(HOST, self.port)
        try:
            start = request_head(method, self.port, path, person)
            response = await connection.request(b"%sContent-Length: %d\r\n\r\n%s" % (start, len(data), data))
        finally:
            connection.close()
        check_success(response)
        content_received: dict[str, Any] = json.loads(response.body)
        return content_received

    async def open_socket(
        self, person: SignedInUser, on_message: Callable[[bytes], object]
    ) -> WebSocketClient:
        """Open a WebSocket for this user."""
        ticket = (await self.call(person, "POST", "/api/realtime/tickets"))["ticket"]
        return await WebSocketClient.connect(HOST, self.port, ticket, on_message)

    async def open_named_socket(
        self, person: SignedInUser, on_message: Callable[[bytes], object]
    ) -> tuple[WebSocketClient, str]:
        """Open a WebSocket and return it with its connection id."""
        pong: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        def receive(frame: bytes) -> None:
            if pong.done():
                on_message(frame)
            elif b'"pong"' in frame:
                pong.set_result(frame)

        socket = await self.open_socket(person, receive)
        socket.send(b'{"action":"ping"}')
        return socket, json.loads(await pong)["connection_id"]

    @asynccontextmanager
    async def connected(
        self, people: Sequence[SignedInUser], on_message: Callable[[SignedInUser], Callable[[bytes], object]]
    ) -> AsyncIterator[dict[str, str]]:
        """Keep all of them connected until the block ends; yields their connection ids by `user_id`."""
        connections = [await self.open_named_socket(person, on_message(person)) for person in people]
        sockets = [socket for socket, _ in connections]
        try:
            yield {person.user_id: name for person, (_, name) in zip(people, connections, strict=True)}
        finally:
            for socket in sockets:
                socket.close()
            await asyncio.sleep(0.2)  # until the server has noticed it


def request_head(method: str, port: int, path: str, person: SignedInUser) -> bytes:
    """Return the head of a request, with headers in place of a browser's."""
    return (
        f"{method} {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nAuthorization: Bearer {person.token}\r\n"
        "Content-Type: application/json\r\nAccept: application/json\r\n"
    ).encode()


def check_success(response: Response) -> None:
    """Raise RuntimeError with the response's content unless its status is 201 or lower."""
    if response.status > _HTTP_CREATED:
        raise RuntimeError(f"{response.status} {response.body.decode()}")
