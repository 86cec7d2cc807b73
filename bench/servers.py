"""The two measured servers, imchat and the floor: how to start each, create users and fill a log."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from tests.support.browser_harness import IMCHAT as IMCHAT_COMMAND
from tests.support.browser_harness import SignedInUser, call, sign_in, sign_up

from bench.baseline import BaselineServer
from bench.scenario import BODY, Room
from imchat.domain.event import Draft, Event, assign_seq
from imchat.domain.ids import ConversationId, UserId
from imchat.local.data_dir import DataDir
from imchat.storage.repositories import conversations, events
from imchat.storage.sqlite.group_commit_table import GroupCommitTable


@dataclass(frozen=True, slots=True)
class Target:
    """A server to measure: its command, and functions that create users at its URL, sign in the first of them, and write
    the first `length` events of a room while the server is stopped."""

    name: str
    command: Sequence[str]
    create_users: Callable[[str, int], list[SignedInUser]]
    sign_in: Callable[[str], object]
    fill: Callable[[Path, Room, int], None]


def _email(number: int) -> str:
    return f"person-{number}@example.com"


def _sign_up_users(url: str, count: int) -> list[SignedInUser]:
    return [sign_up(url, _email(number)) for number in range(count)]


def _baseline_users(url: str, count: int) -> list[SignedInUser]:
    people = [SignedInUser(_email(number), _email(number)) for number in range(count)]
    _request_ticket(url)
    return people


def _request_ticket(url: str) -> None:
    """Request a ticket, because the floor has no sign-in."""
    call(f"{url}/api/realtime/tickets", {}, headers={"Authorization": f"Bearer {_email(0)}"})


def _fill_imchat(folder: Path, room: Room, length: int) -> None:
    """Write directly to the log in one transaction, with imchat's own storage."""
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


def _fill_baseline(folder: Path, room: Room, length: int) -> None:
    BaselineServer(folder / "floor.db").fill(room.conversation_id, _baseline_events(length))


def _baseline_events(length: int) -> Iterator[str]:
    for seq in range(1, length + 1):
        message = {"client_message_id": f"filled-{seq}", "body": BODY.decode()}
        yield json.dumps({"seq": seq, "type": "message.created", "message": message})


IMCHAT: Final = Target(
    "imchat", IMCHAT_COMMAND, _sign_up_users, lambda url: sign_in(url, _email(0)), _fill_imchat
)
BASELINE: Final = Target(
    "floor", (sys.executable, "-m", "bench.baseline"), _baseline_users, _request_ticket, _fill_baseline
)
