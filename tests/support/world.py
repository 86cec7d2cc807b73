"""A small world for tests of services, api and entrypoints: a real table in SQLite, a clock to turn, a gateway that listens."""

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


class ListeningGateway:
    """Keeps what was posted to each connection; those in `gone` answer as closed."""

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


class WaitingQueue:
    """Keeps jobs until they are run, with how long each was to wait."""

    def __init__(self) -> None:
        self.jobs: list[tuple[int, str]] = []

    def put(self, jobs: Sequence[str], *, delay_s: int = 0) -> None:
        self.jobs += [(delay_s, job) for job in jobs]

    def take(self) -> list[Job]:
        """The jobs that wait now."""
        waiting, self.jobs = self.jobs, []
        return [decode_job(job) for _, job in waiting]


class Borrowed:
    """Another table, verb by verb: what a test derives from to interfere with one of them."""

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


class Interleaved(Borrowed):
    """A table that runs `meanwhile` once, right before the first write to an `sk` that begins so: the race, forced."""

    def __init__(self, table: Table, meanwhile: Callable[[], object], sk: str = "EVENT#") -> None:
        super().__init__(table)
        self._meanwhile: list[Callable[[], object]] = [meanwhile]
        self._sk = sk

    def write(self, *ops: Op) -> None:
        if self._meanwhile and ops[0].key.sk.startswith(self._sk):
            self._meanwhile.pop()()
        super().write(*ops)


class World:
    """One application, some people, and shorthands for what they do."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.gateway = ListeningGateway()
        self.clock_ms = 1_800_000_000_000
        self._ids = itertools.count(1)
        self.app = App(
            table=table,
            gateway=self.gateway,
            now_ms=lambda: self.clock_ms,
            new_id=lambda: f"id{next(self._ids):030d}",
        )

    def person(self, handle: str) -> UserId:
        """Sign somebody in for the first time; their id is `u-<handle>`, their name the handle capitalised."""
        user_id = UserId(f"u-{handle}")
        users.update_profile(self.app, user_id, handle=handle, display_name=handle.capitalize())
        return user_id

    def people(self, *handles: str) -> list[UserId]:
        return [self.person(handle) for handle in handles]

    def direct(self, a: UserId, b: UserId) -> ConversationId:
        return conversations.create_direct(self.app, a, b)[0].head.conversation_id

    def group(self, owner: UserId, *others: UserId, title: str = "Team") -> ConversationId:
        return conversations.create_group(self.app, owner, others, title)[0].head.conversation_id

    def fill(self, where: ConversationId, count: int, prefix: str = "crowd-") -> list[UserId]:
        """Put so many people into a group at once, as if they had joined at its first event."""
        people = [UserId(f"{prefix}{number:05}") for number in range(count)]
        for start in range(0, count, MAX_OPS - 1):
            part = people[start : start + MAX_OPS - 1]
            added = [members.put_new(where, Member(who, "member", 1, 1, 0)) for who in part]
            self.table.write(storage.add_to_member_count(where, delta=len(part)), *added)
        return people

    def connect(self, user_id: UserId, connection_id: str | None = None) -> ConnectionId:
        """Open a connection for somebody; frames that reach it are in `heard`."""
        connection = ConnectionId(connection_id or f"c-{user_id}")
        realtime.connect(self.app, user_id, connection)
        return connection

    def heard(self, connection_id: ConnectionId, kind: str | None = None) -> list[dict[str, Any]]:
        """The frames that reached a connection, all of them or of one type."""
        frames = self.gateway.frames.get(connection_id, [])
        return [frame for frame in frames if kind is None or frame["type"] == kind]


class Guarded(GroupCommitTable):
    """Finds out, at its end, whether anybody changed an item that they had read, or given to a write."""

    def close(self) -> None:
        for key, item in self._cache.items():
            assert item == decode_item(self._rows.get(key)), f"what lies under {key} was changed in memory"
        for pk, part in {**self._cache._old_generation, **self._cache._young_generation}.items():
            for row in part.rows:
                anew = row.parsed and meaning_of(pk, Row(row.sk, row.item))
                assert row.parsed == anew, f"what {row.sk} means was changed in memory"
        super().close()


def meaning_of(pk: str, row: Row) -> object:
    """What the repositories make of a row of a conversation."""
    if row.sk.startswith(keys.EVENT_PREFIX):
        return events._event_from_row(row)
    if row.sk.startswith(keys.MEMBER_PREFIX):
        return members.member_from_row(row)
    return storage.head_from_row(
        ConversationId(pk.removeprefix(keys.conversation_pk(ConversationId("")))), row
    )


@contextmanager
def new_world() -> Iterator[World]:
    """A world on an empty database, as a server has it."""
    with Guarded.open(":memory:") as table:
        yield World(table)
