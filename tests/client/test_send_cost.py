"""A send costs the same however many came before it, with and without a loop over events(); and is stored once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from tests.support.world import TableWrapper, World, new_world

from imchat.client import Client
from imchat.client.http import HttpClient
from imchat.client.send_positions import MAX_CONVERSATIONS, MAX_MESSAGE_IDS, SendPositions
from imchat.client.websocket import MAX_INJECTED, Connection, InjectedEvents, RawFrame
from imchat.domain.ids import ConversationId, UserId
from imchat.domain.limits import BEHIND_MAX, REPLAY_WINDOW
from imchat.errors import Busy
from imchat.services import messages
from imchat.services.app import App
from imchat.storage.table import KeyRange, Row


class CountingTable(TableWrapper):
    """Counts the rows that queries return."""

    rows = 0

    def query(self, key_range: KeyRange, **options: Any) -> list[Row]:
        found = super().query(key_range, **options)
        self.rows += len(found)
        return found


class ServiceHttp(HttpClient):
    """Sends and reads messages as one user, in this process. `lose` counts responses that are lost after the work is done."""

    def __init__(self, app: App, user_id: UserId) -> None:
        self._app = app
        self._user_id = user_id
        self.requests: list[tuple[str, Mapping[str, Any]]] = []
        self.lose = 0

    async def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, Any] | None = None,
        max_attempts: float = 1,  # noqa: ARG002 - HttpClient's signature
    ) -> dict[str, Any]:
        self.requests.append((method, body or query or {}))
        conversation_id = ConversationId(path.split("/")[2])
        if method == "GET":
            page = messages.read(self._app, self._user_id, conversation_id, **(query or {}))
            return page.to_dict()
        assert body is not None
        while True:
            fields = {name: value for name, value in body.items() if value is not None}
            sent = messages.send(self._app, self._user_id, conversation_id, **fields)
            if self.lose == 0:
                return {"event": sent.event}
            self.lose -= 1  # HttpClient tries again: the same body


class NoConnection(Connection):
    """A connection that is never open."""

    def __init__(self) -> None:
        super().__init__("ws://nowhere", self._no_ticket)

    async def _no_ticket(self) -> str:
        raise AssertionError("no connection is opened")

    async def frames(self) -> AsyncGenerator[RawFrame]:
        return
        yield {}


class Chat:
    """Ada's client in a direct conversation with Bob, and what its requests cost."""

    def __init__(self, world: World) -> None:
        self.world = world
        ada, bob = world.people("ada", "bob")
        self.where = world.direct(ada, bob)
        self.bob = bob
        self.table = CountingTable(world.table)
        app = world.app
        self.app = App(table=self.table, gateway=app.gateway, now_ms=app.now_ms, new_id=app.new_id)
        self.http = ServiceHttp(self.app, ada)
        self.client = self.new_client()

    def new_client(self) -> Client:
        client = Client(self.http, NoConnection(), self.http._user_id)
        client._feed.follow(self.where, self.last_seq())
        return client

    def last_seq(self) -> int:
        page = messages.read(self.app, self.http._user_id, self.where)
        return page.events[-1]["seq"]

    def bob_writes(self, count: int) -> None:
        for number in range(count):
            messages.send(
                self.app, self.bob, self.where, client_message_id=f"b{self.last_seq()}-{number}", body="hi"
            )

    def cost(self, **fields: Any) -> tuple[int, int]:
        """Send a message; return the requests and the rows that it took."""
        requests, rows = len(self.http.requests), self.table.rows
        asyncio.run(self.client.send(self.where, "hello", **fields))
        return len(self.http.requests) - requests, self.table.rows - rows

    def count_stored(self, client_message_id: str) -> int:
        """Return how many messages with this id the log has."""
        found, after, more = 0, 0, True
        while more:
            page = messages.read(self.app, self.bob, self.where, after=after, limit=200)
            more = page.has_more
            found += sum(
                event["type"] == "message.created"
                and event["message"]["client_message_id"] == client_message_id
                for event in page.events
            )
            after = page.events[-1]["seq"] if page.events else after
        return found


@contextmanager
def new_chat() -> Iterator[Chat]:
    with new_world() as world:
        yield Chat(world)


def test_without_a_loop_every_send_is_one_request_and_reads_equally_few_rows() -> None:
    with new_chat() as chat:
        costs = {chat.cost() for _ in range(BEHIND_MAX + 500)}
    assert len(costs) == 1
    [(requests, rows)] = costs
    assert requests == 1
    assert rows < 10


def test_a_send_with_a_callers_id_reads_a_bounded_number_of_rows() -> None:
    with new_chat() as chat:
        costs = [chat.cost(client_message_id=f"m{number}") for number in range(REPLAY_WINDOW * 3)]
    assert {requests for requests, _ in costs} == {1}
    assert max(rows for _, rows in costs) < REPLAY_WINDOW + 10
    assert len(set(costs[REPLAY_WINDOW + 1 :])) == 1


def test_a_conversation_that_the_client_does_not_follow_is_read_once_and_not_for_each_send() -> None:
    with new_chat() as chat:
        chat.client._feed.unfollow(chat.where)
        assert [chat.cost()[0] for _ in range(3)] == [2, 1, 1]


def test_after_many_events_of_others_only_the_next_send_reads_them() -> None:
    with new_chat() as chat:
        chat.cost()
        first = chat.cost()
        chat.bob_writes(BEHIND_MAX + 10)
        assert chat.cost()[0] <= 3 + BEHIND_MAX // 200 + 1
        assert chat.cost() == first


@pytest.mark.parametrize("others", [0, 30])
def test_a_send_whose_response_is_lost_is_stored_once(others: int) -> None:
    with new_chat() as chat:
        chat.cost(client_message_id="early")
        chat.http.lose = 2
        chat.bob_writes(others)
        chat.cost(client_message_id="m1")
        chat.cost()
        assert chat.count_stored("m1") == 1
        assert chat.last_seq() == 1 + others + 3


def test_a_message_id_is_sent_once_however_many_messages_follow_it() -> None:
    with new_chat() as chat:
        first = asyncio.run(chat.client.send(chat.where, "once", client_message_id="m1"))
        for _ in range(REPLAY_WINDOW * 2):
            chat.cost()
        assert asyncio.run(chat.client.send(chat.where, "once", client_message_id="m1")) == first
        chat.bob_writes(BEHIND_MAX)
        again = asyncio.run(chat.client.send(chat.where, "once", client_message_id="m1"))
        assert again["seq"] == first["seq"]
        assert chat.count_stored("m1") == 1


def test_a_later_client_does_not_send_a_recent_message_id_again() -> None:
    with new_chat() as chat:
        first = asyncio.run(chat.client.send(chat.where, "once", client_message_id="m1"))
        chat.bob_writes(REPLAY_WINDOW)
        later = asyncio.run(chat.new_client().send(chat.where, "once", client_message_id="m1"))
        assert later["seq"] == first["seq"]
        assert chat.count_stored("m1") == 1


def test_with_after_seq_a_later_client_finds_a_message_of_any_age() -> None:
    with new_chat() as chat:
        after_seq = chat.last_seq()
        first = asyncio.run(chat.client.send(chat.where, "once", client_message_id="m1"))
        chat.bob_writes(BEHIND_MAX + REPLAY_WINDOW)
        later = asyncio.run(
            chat.new_client().send(chat.where, "once", client_message_id="m1", after_seq=after_seq)
        )
        assert later["seq"] == first["seq"]
        assert chat.count_stored("m1") == 1


def test_an_attempt_that_failed_is_continued_from_where_it_began() -> None:
    with new_chat() as chat:

        class Failing(ServiceHttp):
            """Raises Busy after the work is done, as after the last attempt."""

            async def request(self, method: str, path: str, *rest: Any, **fields: Any) -> dict[str, Any]:
                await super().request(method, path, *rest, **fields)
                raise Busy("the connection was lost")

        chat.client._http = Failing(chat.app, chat.http._user_id)
        with pytest.raises(Busy):
            asyncio.run(chat.client.send(chat.where, "once", client_message_id="m1"))
        chat.client._http = chat.http
        for _ in range(REPLAY_WINDOW * 2):
            chat.cost()
        chat.cost(client_message_id="m1")
        assert chat.count_stored("m1") == 1


def test_the_remembered_positions_are_bounded() -> None:
    positions = SendPositions()
    for number in range(MAX_CONVERSATIONS + 5):
        positions.note(f"c{number}", number)
        positions.first_attempt("c", f"m{number}", number)
    assert positions.newest("c4") is None
    assert positions.newest("c5") == 5
    assert len(positions._newest._values) == MAX_CONVERSATIONS
    assert len(positions._first_attempts._values) == MAX_MESSAGE_IDS


def test_a_position_never_moves_backwards() -> None:
    positions = SendPositions()
    positions.note("c", 7)
    positions.note("c", 5)
    assert positions.newest("c") == 7


def test_events_that_no_one_reads_are_kept_up_to_a_bound_and_the_newest_stay() -> None:
    async def body() -> None:
        injected = InjectedEvents()
        for seq in [2, 1, *range(3, 4_998), 4_999, 4_998]:
            injected.add("c", _event(seq))
            assert len(injected) <= MAX_INJECTED
        injected.add("d", _event(1))
        frames = {frame["conversation_id"]: frame["events"] for frame in await injected.take()}
        assert [event["seq"] for event in frames["c"]] == list(range(5_000 - MAX_INJECTED, 5_000))
        assert [event["seq"] for event in frames["d"]] == [1]
        assert len(injected) == 0

    asyncio.run(body())


def _event(seq: int) -> Any:
    return {"seq": seq, "type": "message.created"}
