"""The accounts that the web client is measured with: one with 300 conversations and a long history, one with a single one."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from tests.support.browser_harness import Server, SignedInUser, call, sign_up

from imchat.domain.event import Draft, Event, assign_seq
from imchat.domain.ids import ConversationId, UserId
from imchat.embedded import NullGateway
from imchat.entrypoints.bootstrap import new_id
from imchat.local.data_dir import DataDir
from imchat.services import conversations, message_actions, messages, read_cursors, users
from imchat.services.app import App
from imchat.storage.repositories import conversations as heads
from imchat.storage.repositories import events
from imchat.storage.sqlite.group_commit_table import GroupCommitTable

CONVERSATIONS: Final = 300
HISTORY: Final = 20_000
SHORT_HISTORY: Final = 200
PEER_NAME: Final = "Bob Martin"
_GROUPS: Final = 30
_UNREAD_EVERY: Final = 7
_LIVELY_MESSAGES: Final = 40
_AGE_MS: Final = 40 * 24 * 3_600_000
_FIRST: Final = (
    "Ana",
    "Chidi",
    "Dana",
    "Emeka",
    "Farah",
    "Goran",
    "Hana",
    "Ivo",
    "Jun",
    "Kaya",
    "Lea",
    "Mina",
)
_LAST: Final = ("Abe", "Berg", "Costa", "Diaz", "Eriksen", "Fonseca", "Gruber", "Haddad", "Ito", "Jansen")
_TEXT: Final = (
    "the plan for next week is almost ready and the numbers from last month look better than expected"
)


@dataclass(frozen=True, slots=True)
class Account:
    """A user to sign in as, and the id of their conversation with the peer, which is the newest in their list."""

    name: str
    email: str
    conversation_id: str


@dataclass(frozen=True, slots=True)
class Accounts:
    """The two measured accounts, and the peer who writes to both."""

    many: Account
    one: Account
    peer: SignedInUser


def create_accounts(folder: Path, *, history: int = HISTORY) -> Accounts:
    """Create the accounts in the data directory `folder`, which no server may have open."""
    emails = {name: f"{name}@example.org" for name in ("many", "one", "bob")}
    with Server(folder) as server:
        signed_up = {name: sign_up(server.url, email) for name, email in emails.items()}
        for name, user in signed_up.items():
            profile = {"handle": name, "display_name": PEER_NAME if name == "bob" else name.title()}
            headers = {"Authorization": f"Bearer {user.token}"}
            call(f"{server.url}/api/me", profile, headers=headers, method="PATCH")
    ids = {name: UserId(user.user_id) for name, user in signed_up.items()}
    with GroupCommitTable.open(DataDir.open(folder).conversations) as table:
        clock = itertools.count(int(time.time() * 1000) - _AGE_MS, 60_000)
        app = App(table=table, gateway=NullGateway(), now_ms=lambda: next(clock), new_id=new_id)
        table.begin()
        _fill_list(app, ids["many"])
        many = _fill_history(app, ids["many"], ids["bob"], history)
        one = _fill_history(app, ids["one"], ids["bob"], SHORT_HISTORY)
        table.commit()
    return Accounts(
        Account("many", emails["many"], many), Account("one", emails["one"], one), signed_up["bob"]
    )


def _fill_list(app: App, owner: UserId) -> None:
    """Give `owner` all their conversations but one: direct ones and groups, each with a message, some unread."""
    names = [f"{first} {last}" for last in _LAST for first in _FIRST] * 3
    for number, name in enumerate(names[: CONVERSATIONS - 1]):
        peer = UserId(f"peer-{number:04}")
        users.me(app, peer)
        users.update_profile(app, peer, handle=f"peer_{number}", display_name=name)
        if number < _GROUPS:
            created = conversations.create_group(app, peer, [owner], f"Project {number}")
        else:
            created = conversations.create_direct(app, peer, owner)
        seq = created.head.last_seq
        seq = _send(app, peer, created.conversation_id, _text(number), tail=seq)
        if number % _UNREAD_EVERY:
            read_cursors.mark_read(app, owner, created.conversation_id, seq)


def _fill_history(app: App, owner: UserId, peer: UserId, length: int) -> ConversationId:
    """Write the conversation of both, `length` messages long; the newest have replies, links, reactions and a pin."""
    conversation_id = conversations.create_direct(app, peer, owner).conversation_id
    newest = Event()
    for seq in range(2, length + 1 - _LIVELY_MESSAGES):
        message = cast("Any", {"client_message_id": f"filled-{seq}", "body": f"{seq}: {_text(seq)}"})
        draft = Draft(type="message.created", actor_id=owner if seq % 5 < 2 else peer, message=message)
        newest = assign_seq(draft, seq=seq, at_ms=app.now_ms(), messages_before=seq - 2)
        events.append(app.table, conversation_id, newest)
    heads.advance_head(app.table, conversation_id, newest)
    tail = message_seq = newest["seq"]
    for number in range(_LIVELY_MESSAGES):
        body = f"https://example.org/notes/{number}" if number % 4 == 0 else _text(number)
        sender = owner if number % 3 == 0 else peer
        reply_to = message_seq if number % 6 == 0 else None
        tail = message_seq = _send(app, sender, conversation_id, body, tail=tail, reply_to=reply_to)
        if number % 5 == 0:
            message_actions.react(app, peer, conversation_id, message_seq, "👍")
            tail += 1
    message_actions.pin(app, peer, conversation_id, message_seq)
    read_cursors.mark_read(app, owner, conversation_id, tail + 1)
    return conversation_id


def _send(
    app: App,
    sender: UserId,
    conversation_id: ConversationId,
    body: str,
    *,
    tail: int,
    reply_to: int | None = None,
) -> int:
    """Send a message after the event `tail`; return its seq."""
    messages.send(
        app,
        sender,
        conversation_id,
        client_message_id=f"seeded-{tail}",
        body=body,
        after_seq=tail,
        reply_to=reply_to,
    )
    return tail + 1


def _text(number: int) -> str:
    words = _TEXT.split()
    return " ".join(words[: 3 + number % (len(words) - 3)])
