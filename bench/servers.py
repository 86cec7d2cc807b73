"""The two servers that are measured, imchat and the floor: how each is started, peopled, and given a long log."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from tests.support.browser_harness import IMCHAT as IMCHAT_COMMAND
from tests.support.browser_harness import SignedInUser, call, sign_in, sign_up

from bench.baseline import Floor
from bench.scenario import BODY, Room
from imchat.domain.event import Draft, Event, assign_seq
from imchat.domain.ids import ConversationId, UserId
from imchat.local.data_dir import DataDir
from imchat.storage.repositories import conversations, events
from imchat.storage.sqlite.group_commit_table import GroupCommitTable


@dataclass(frozen=True, slots=True)
class Target:
    """A server: its command, how so many people come to be at its URL, how the first of them signs in again, and
    how a room's log gets its first `length` events while the server is down."""

    name: str
    command: Sequence[str]
    people: Callable[[str, int], list[SignedInUser]]
    sign_in: Callable[[str], object]
    fill: Callable[[Path, Room, int], None]


def _email(number: int) -> str:
    return f"person-{number}@example.com"


def _signed_up(url: str, count: int) -> list[SignedInUser]:
    return [sign_up(url, _email(number)) for number in range(count)]


def _named(url: str, count: int) -> list[SignedInUser]:
    people = [SignedInUser(_email(number), _email(number)) for number in range(count)]
    _ask(url)
    return people


def _ask(url: str) -> None:
    """The floor has no sign-in: its first answer to anything counts."""
    call(f"{url}/api/realtime/tickets", {}, headers={"Authorization": f"Bearer {_email(0)}"})


def _fill_imchat(folder: Path, room: Room, length: int) -> None:
    """Straight into the log, in one transaction, through imchat's own storage."""
    conversation_id = ConversationId(room.conversation_id)
    sender = UserId(room.members[0].user_id)
    with GroupCommitTable.open(DataDir.open(folder).conversations) as table:
        table.begin()
        newest = Event()
        for seq in range(room.last_seq + 1, length + 1):
            message = {"client_message_id": f"filled-{seq}", "body": BODY.decode()}
            draft = Draft(type="message.created", actor_id=sender, message=cast("Any", message))
            newest = assign_seq(draft, seq=seq, at_ms=seq, messages_before=seq - 1 - room.last_seq)
            events.append(table, conversation_id, newest)
        conversations.advance_head(table, conversation_id, newest)
        table.commit()


def _fill_floor(folder: Path, room: Room, length: int) -> None:
    Floor(folder / "floor.db").fill(room.conversation_id, _floor_events(length))


def _floor_events(length: int) -> Iterator[str]:
    for seq in range(1, length + 1):
        message = {"client_message_id": f"filled-{seq}", "body": BODY.decode()}
        yield json.dumps({"seq": seq, "type": "message.created", "message": message})


IMCHAT: Final = Target(
    "imchat", IMCHAT_COMMAND, _signed_up, lambda url: sign_in(url, _email(0)), _fill_imchat
)
FLOOR: Final = Target("floor", (sys.executable, "-m", "bench.baseline"), _named, _ask, _fill_floor)
