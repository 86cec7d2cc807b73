"""`World`: one application for tests, with a real SQLite table, a settable clock and a recording gateway."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from imchat.domain.ids import ConnectionId, ConversationId, UserId
from imchat.domain.member import Member
from imchat.services import conversations, realtime, users
from imchat.services.app import App
from imchat.services.fanout_jobs import Job, decode_job
from imchat.storage.repositories import conversations as storage
from imchat.storage.repositories import events, keys, members
from imchat.storage.sqlite.group_commit_table import GroupCommitTable
from imchat.storage.sqlite.rows import decode_item
from imchat.storage.table import MAX_OPS, Item, Key, KeyRange, Op, Row, Table


class RecordingGateway:
    """Records the frames posted to each connection. Connections in `gone` are reported as closed."""

    def __init__(self) -> None:
        self.frames: dict[str, list[dict[str, Any]]] = {}
        self.gone: set[str] = set()
        self.disconnected: list[str] = []

    def post(self, connection_ids: Sequence[str], frame: bytes) -> set[str]:
        for connection_id in set(connection_ids) - self.gone:
            self.frames.setdefault(connection_id, []).append(json.loads(frame))
        return set(connection_ids) & self.gone

    def disconnect(self, connection_id: str) -> None:
        self.disconnected.append(connection_id)


class InMemoryQueue:
    """Stores jobs, each with its delay, until a test runs them."""

    def __init__(self) -> None:
        self.jobs: list[tuple[int, str]] = []

    def put(self, jobs: Sequence[str], *, delay_s: int = 0) -> None:
        self.jobs += [(delay_s, job) for job in jobs]

    def take(self) -> list[Job]:
        """Return the stored jobs, and clear the queue."""
        waiting, self.jobs = self.jobs, []
        return [decode_job(job) for _, job in waiting]


class TableWrapper:
    """Passes every call on to another table. Tests derive from it to change one of the methods."""

    def __init__(self, table: Table) -> None:
        self.table = table

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:
        return self.table.get(key, consistent=consistent)

    def get_many(self, keys: Iterable[Key]) -> dict[Key, Item]:
        return self.table.get_many(keys)

    def query(self, key_range: KeyRange, **options: Any) -> list[Row]:
        return self.table.query(key_range, **options)

    def write(self, *ops: Op) -> None:
        self.table.write(*ops)


class RacingTable(TableWrapper):
    """Forces a race: runs `meanwhile` once, right before the first write whose `sk` begins with the given prefix."""

    def __init__(self, table: Table, meanwhile: Callable[[], object], sk: str = "EVENT#") -> None:
        super().__init__(table)
        self._meanwhile: list[Callable[[], object]] = [meanwhile]
        self._sk = sk

    def write(self, *ops: Op) -> None:
        if self._meanwhile and ops[0].key.sk.startswith(self._sk):
            self._meanwhile.pop()()
        super().write(*ops)


class World:
    """One application, and shortcuts for creating users, conversations and connections."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.gateway = RecordingGateway()
        self.clock_ms = 1_800_000_000_000
        self._ids = itertools.count(1)
        self.app = App(
            table=table,
            gateway=self.gateway,
            now_ms=lambda: self.clock_ms,
            new_id=lambda: f"id{next(self._ids):030d}",
        )

    def person(self, handle: str) -> UserId:
        """Create a user. Their id is `u-<handle>`, their name the capitalised handle."""
        user_id = UserId(f"u-{handle}")
        users.update_profile(self.app, user_id, handle=handle, display_name=handle.capitalize())
        return user_id

    def people(self, *handles: str) -> list[UserId]:
        return [self.person(handle) for handle in handles]

    def direct(self, a: UserId, b: UserId) -> ConversationId:
        return conversations.create_direct(self.app, a, b).head.conversation_id

    def group(self, owner: UserId, *others: UserId, title: str = "Team") -> ConversationId:
        return conversations.create_group(self.app, owner, others, title).head.conversation_id

    def fill(self, conversation_id: ConversationId, count: int, prefix: str = "extra-") -> list[UserId]:
        """Add `count` members directly to the table, as if they had joined at the group's first event."""
        people = [UserId(f"{prefix}{number:05}") for number in range(count)]
        for start in range(0, count, MAX_OPS - 1):
            part = people[start : start + MAX_OPS - 1]
            added = [members.put_new(conversation_id, Member(user_id, "member", 1, 1, 0)) for user_id in part]
            self.table.write(storage.add_to_member_count(conversation_id, delta=len(part)), *added)
        return people

    def connect(self, user_id: UserId, connection_id: str | None = None) -> ConnectionId:
        """Open a connection for a user. `received` returns the frames posted to it."""
        connection = ConnectionId(connection_id or f"c-{user_id}")
        realtime.connect(self.app, user_id, connection)
        return connection

    def received(self, connection_id: ConnectionId, kind: str | None = None) -> list[dict[str, Any]]:
        """Return the frames posted to a connection, all of them or those of one type."""
        frames = self.gateway.frames.get(connection_id, [])
        return [frame for frame in frames if kind is None or frame["type"] == kind]


class CacheCheckingTable(GroupCommitTable):
    """Checks on close that no caller changed an item in memory after reading it or passing it to a write."""

    def close(self) -> None:
        for key, item in self._cache.items():
            assert item == decode_item(self._rows.get(key)), f"the item of {key} was changed in memory"
        for pk, part in {**self._cache._old_generation, **self._cache._young_generation}.items():
            for row in part.rows:
                parsed_again = row.parsed and parse_row(pk, Row(row.sk, row.item))
                assert row.parsed == parsed_again, f"the parsed value of {row.sk} was changed in memory"
        super().close()


def parse_row(pk: str, row: Row) -> object:
    """Parse a row of a conversation as its repository does."""
    if row.sk.startswith(keys.EVENT_PREFIX):
        return events._event_from_row(row)
    if row.sk.startswith(keys.MEMBER_PREFIX):
        return members.member_from_row(row)
    return storage.head_from_row(ConversationId(pk.partition("#")[2]), row)


@contextmanager
def new_world() -> Iterator[World]:
    """Yield a world on an empty in-memory database."""
    with CacheCheckingTable.open(":memory:") as table:
        yield World(table)
