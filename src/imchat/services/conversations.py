"""Start conversations, list them as an inbox, read one, and change a member's own settings of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from imchat.domain.conversation import Head, Kind
from imchat.domain.event import Draft, assign_seq
from imchat.domain.ids import ConversationId, UserId, direct_conversation_id
from imchat.domain.limits import MEMBERS_AT_CREATION, MEMBERS_SHOWN, TITLE_CHARS, check_count, check_line
from imchat.domain.member import Member, Role, Setting
from imchat.domain.user import User
from imchat.errors import Forbidden, Invalid, NotFound
from imchat.services import fanout, suspensions
from imchat.services import users as accounts
from imchat.services.access import check_no_blocks, require_member, require_users
from imchat.services.app import App
from imchat.storage.repositories import blocks, conversations, events, members, users
from imchat.storage.repositories.conversations import Pointer
from imchat.storage.table import ConditionFailed, Op

INBOX_PAGE: Final = 100
MEMBERS_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class ConversationEntry:
    """A conversation as one of its members sees it. `members`: all of them, or None where they were not read or are too many."""

    head: Head
    me: Member
    members: list[Member] | None


@dataclass(frozen=True, slots=True)
class Inbox:
    """A page of entries with the profiles they speak of; `next_cursor` asks for the page behind."""

    entries: list[ConversationEntry]
    users: list[User]
    next_cursor: ConversationId | None


def create_group(
    app: App, maker_id: UserId, member_ids: Collection[UserId], title: str | None
) -> tuple[ConversationEntry, list[User]]:
    """Start a group of its maker, who owns it, and up to 48 others.

    Raises: Invalid; NotFound for an unknown person; Forbidden where a block lies between the maker and one of them.
    """
    if title is not None:
        check_line(title, field="title", most=TITLE_CHARS)
    check_no_blocks(app, maker_id, member_ids)
    conversation_id = ConversationId("g" + app.new_id())
    _create(app, conversation_id, "group", maker_id, others=member_ids, title=title)
    return get(app, maker_id, conversation_id)


def create_direct(app: App, maker_id: UserId, peer_id: UserId) -> tuple[ConversationEntry, list[User], bool]:
    """The one direct conversation with `peer_id`, and whether it was made just now.

    Raises: Invalid; NotFound; Forbidden where there is none yet, and one of them blocked the other.
    """
    if peer_id == maker_id:
        raise Invalid("a direct conversation needs somebody else", field="member_ids", limit="not yourself")
    conversation_id = direct_conversation_id(maker_id, peer_id)
    new = _create(app, conversation_id, "direct", maker_id, others=[peer_id], title=None)
    return *get(app, maker_id, conversation_id), new


def inbox(app: App, user_id: UserId, *, cursor: ConversationId | None) -> Inbox:
    """My conversations, a page of up to `INBOX_PAGE`, in no order that means anything: clients sort by the newest message."""
    pointers = conversations.list_pointers(app.table, user_id, after=cursor, limit=INBOX_PAGE + 1)
    page, more = pointers[:INBOX_PAGE], len(pointers) > INBOX_PAGE
    heads = conversations.get_many(app.table, [pointer.conversation_id for pointer in page])
    pairs = [(pointer.conversation_id, user_id) for pointer in page]
    pairs += [(pointer.conversation_id, pointer.peer_id) for pointer in page if pointer.peer_id]
    known = members.get_many(app.table, pairs)
    entries: list[ConversationEntry] = []
    for pointer in page:
        head = heads.get(pointer.conversation_id)
        me = known.get((pointer.conversation_id, user_id))
        if head is None or me is None:
            continue
        peer = known.get((pointer.conversation_id, pointer.peer_id)) if pointer.peer_id else None
        entries.append(ConversationEntry(head, me, [me, peer] if peer else None))
    spoken_of = {pointer.peer_id for pointer in page if pointer.peer_id}
    spoken_of |= {UserId(e.head.last_message["actor_id"]) for e in entries if e.head.last_message}
    profiles = users.get_many(app.table, spoken_of)
    return Inbox(entries, list(profiles.values()), page[-1].conversation_id if more else None)


def get(app: App, user_id: UserId, conversation_id: ConversationId) -> tuple[ConversationEntry, list[User]]:
    """One conversation with all its members, if they are `MEMBERS_SHOWN` at most, and their profiles.

    Raises: NotFound for one who is no member.
    """
    head = conversations.get(app.table, conversation_id)
    if head is None:
        raise NotFound("no such conversation")
    many = head.member_count > MEMBERS_SHOWN
    everybody = {} if many else members.list_for(app.table, conversation_id)
    me = require_member(app, user_id, conversation_id) if many else everybody.get(user_id)
    if me is None:
        raise NotFound("no such conversation")
    spoken_of = {user_id, *everybody}
    if head.last_message:
        spoken_of.add(UserId(head.last_message["actor_id"]))
    profiles = users.get_many(app.table, spoken_of)
    return ConversationEntry(head, me, None if many else list(everybody.values())), list(profiles.values())


def members_page(
    app: App, user_id: UserId, conversation_id: ConversationId, *, after: UserId | None
) -> tuple[list[Member], list[User], UserId | None]:
    """Members by their ids behind `after`, up to `MEMBERS_PAGE`, their profiles, and the cursor of the next page, if any.

    Raises: NotFound for one who is no member.
    """
    found = members.page(app.table, conversation_id, after=after, limit=MEMBERS_PAGE + 1)
    require_member(app, user_id, conversation_id)
    page = found[:MEMBERS_PAGE]
    profiles = users.get_many(app.table, [member.user_id for member in page])
    return page, list(profiles.values()), page[-1].user_id if len(found) > MEMBERS_PAGE else None


def _create(
    app: App,
    conversation_id: ConversationId,
    kind: Kind,
    maker_id: UserId,
    *,
    others: Iterable[UserId],
    title: str | None,
) -> bool:
    """Write head, first event, members and pointers in one transaction. Returns False where it exists already."""
    member_ids = list(dict.fromkeys([maker_id, *others]))
    check_count(len(member_ids) - 1, field="member_ids", most=MEMBERS_AT_CREATION - 1)
    accounts.me(app, maker_id)
    require_users(app, member_ids[1:])
    now_ms = app.now_ms()
    draft = Draft(
        type="conversation.created", actor_id=maker_id, kind=kind, title=title, member_ids=member_ids
    )
    event = assign_seq(draft, seq=1, at_ms=now_ms, messages_before=0)
    ops: list[Op] = [
        conversations.put_new(Head(conversation_id, kind, title, now_ms, 1, 0, None, len(member_ids)))
    ]
    for user_id in member_ids:
        role: Role = "owner" if kind == "group" and user_id == maker_id else "member"
        peer_id = (
            next((other for other in member_ids if other != user_id), None) if kind == "direct" else None
        )
        ops.append(members.put_new(conversation_id, Member(user_id, role, 1, 1, 0)))
        ops.append(conversations.put_pointer(user_id, Pointer(conversation_id, peer_id)))
    if kind == "direct":
        ops += blocks.check_none(member_ids[0], member_ids[1])
    try:
        events.append(app.table, conversation_id, event, *ops)
    except ConditionFailed as failed:
        if failed.index:  # not the event, which comes first: there is no such conversation
            raise Forbidden("no messages go between you two", reason="blocked") from None
        require_member(app, maker_id, conversation_id)
        return False
    suspensions.mark_new_members(app, conversation_id, member_ids)
    fanout.notify_conversation(app, member_ids, conversation_id, "added")
    return True


def update_settings(
    app: App, user_id: UserId, conversation_id: ConversationId, changes: Mapping[Setting, bool]
) -> Member:
    """Mute, archive, pin a conversation or mark it unread, or take that back; what is not named stays.

    Returns the membership as it is then. Raises: NotFound for one who is no member.
    """
    before = require_member(app, user_id, conversation_id)
    if all(wanted == (name in before.settings) for name, wanted in changes.items()):
        return before
    if not members.set_settings(app.table, conversation_id, user_id, changes):
        raise NotFound("no such conversation")
    after = require_member(app, user_id, conversation_id)
    frame = {"type": "settings", "conversation_id": conversation_id, "settings": after.chosen()}
    fanout.notify(app, [user_id], frame)
    return after
