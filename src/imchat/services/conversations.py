"""Conversations: create, list, read and update them, and update a member's own settings of one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from imchat.domain.conversation import Head, Kind
from imchat.domain.event import Draft, assign_seq
from imchat.domain.ids import ConversationId, UserId, direct_conversation_id
from imchat.domain.limits import (
    MEMBERS_AT_CREATION,
    MEMBERS_SHOWN,
    TITLE_CHARS,
    check_count,
    check_description,
    check_line,
)
from imchat.domain.member import Member, Role, Setting
from imchat.domain.record import Record, record
from imchat.domain.search_terms import SEARCHABLE, query_terms
from imchat.domain.user import User
from imchat.errors import Forbidden, Invalid, NotFound
from imchat.services import fanout, suspensions
from imchat.services import users as accounts
from imchat.services.access import (
    NO_CONVERSATION,
    check_manager,
    check_no_blocks,
    require_member,
    require_users,
)
from imchat.services.additions import check_additions
from imchat.services.app import App
from imchat.services.event_log import AlreadyDone, Append, append
from imchat.services.visibility import head_from_history, hide_cursors
from imchat.storage.repositories import blocks, channel_index, conversations, events, members, users
from imchat.storage.repositories.conversations import Pointer
from imchat.storage.repositories.events import Tail
from imchat.storage.table import ConditionFailed, Op

INBOX_PAGE: Final = 100


@record
class ConversationEntry(Record):
    """A conversation as one member, `me`, sees it. `members` is None if they were not read or are too many."""

    head: Head
    me: Member
    members: list[Member] | None

    @property
    def conversation_id(self) -> ConversationId:
        """The id of the conversation."""
        return self.head.conversation_id


@record
class Conversation(ConversationEntry):
    """A conversation with the profiles of the users it refers to. `new`: this call created it."""

    users: list[User]
    new: bool = False


@record
class Inbox(Record):
    """A page of entries with the profiles they refer to. `next_cursor` requests the next page; None on the last one."""

    entries: list[ConversationEntry]
    users: list[User]
    next_cursor: ConversationId | None


def create_group(
    app: App, creator_id: UserId, member_ids: Collection[UserId] = (), title: str | None = None
) -> Conversation:
    """Create a group with its creator as owner and up to 48 other members.

    Raises: Invalid; NotFound for an unknown user; Forbidden if there is a block between the creator and one of them, or
    one of them allows no additions by strangers; RateLimited for too many strangers.
    """
    if title is not None:
        check_line(title, field="title", maximum=TITLE_CHARS)
    check_no_blocks(app, creator_id, member_ids)
    conversation_id = ConversationId("g" + app.new_id())
    _create(app, conversation_id, "group", creator_id, others=member_ids, title=title)
    return replace(get(app, creator_id, conversation_id), new=True)


def create_direct(app: App, creator_id: UserId, peer_id: UserId) -> Conversation:
    """Return the direct conversation with `peer_id`. It is created if it does not exist.

    Raises: Invalid; NotFound; if it does not exist, Forbidden after a block, and RateLimited for too many strangers.
    """
    if peer_id == creator_id:
        raise Invalid("a direct conversation needs another user", field="member_ids", limit="not yourself")
    conversation_id = direct_conversation_id(creator_id, peer_id)
    if members.get(app.table, conversation_id, creator_id) is not None:
        return get(app, creator_id, conversation_id)
    new = _create(app, conversation_id, "direct", creator_id, others=[peer_id], title=None)
    return replace(get(app, creator_id, conversation_id), new=new)


def inbox(app: App, user_id: UserId, *, cursor: ConversationId | None = None) -> Inbox:
    """Return a page of up to `INBOX_PAGE` of the user's conversations, in no particular order.

    Clients sort them by their newest message.
    """
    pointers = conversations.list_pointers(app.table, user_id, after=cursor, limit=INBOX_PAGE + 1)
    page, more = pointers[:INBOX_PAGE], len(pointers) > INBOX_PAGE
    heads = conversations.get_many(app.table, [pointer.conversation_id for pointer in page])
    pairs = [(pointer.conversation_id, user_id) for pointer in page]
    pairs += [(pointer.conversation_id, pointer.peer_id) for pointer in page if pointer.peer_id]
    memberships = members.get_many(app.table, pairs)
    entries: list[ConversationEntry] = []
    for pointer in page:
        head = heads.get(pointer.conversation_id)
        me = memberships.get((pointer.conversation_id, user_id))
        if head is None or me is None:
            continue
        peer = memberships.get((pointer.conversation_id, pointer.peer_id)) if pointer.peer_id else None
        shown = hide_cursors(app, user_id, pointer.conversation_id, [me, peer]) if peer else None
        entries.append(ConversationEntry(head_from_history(head, me), me, shown))
    referenced = {pointer.peer_id for pointer in page if pointer.peer_id}
    referenced |= {
        UserId(entry.head.last_message["actor_id"]) for entry in entries if entry.head.last_message
    }
    profiles = users.get_many(app.table, referenced)
    return Inbox(entries, list(profiles.values()), page[-1].conversation_id if more else None)


def get(app: App, user_id: UserId, conversation_id: ConversationId) -> Conversation:
    """Return a conversation with its members, if there are at most `MEMBERS_SHOWN`, and their profiles.

    Raises: NotFound for someone who is not a member.
    """
    known = conversations.get_with_member(app.table, conversation_id, user_id)
    if known is None:
        raise NotFound(NO_CONVERSATION)
    too_many = known[0].member_count > MEMBERS_SHOWN
    all_members = {} if too_many else members.list_for(app.table, conversation_id)
    me = require_member(app, user_id, conversation_id) if too_many else all_members.get(user_id)
    if me is None:
        raise NotFound(NO_CONVERSATION)
    head = head_from_history(known[0], me)
    referenced = {user_id, *all_members}
    if head.last_message:
        referenced.add(UserId(head.last_message["actor_id"]))
    profiles = users.get_many(app.table, referenced)
    shown = None if too_many else hide_cursors(app, user_id, conversation_id, all_members.values())
    return Conversation(head, me, shown, list(profiles.values()))


def update_group(
    app: App, actor_id: UserId, conversation_id: ConversationId, *, title: str | None = None, **changes: Any
) -> None:
    """Update a group's title and those of its `GroupSettings` that are not None. An empty description removes it.

    Raises: Invalid, NotFound; Forbidden for plain members.
    """
    given = {name: value for name, value in changes.items() if value is not None}
    if title is not None:
        check_line(title, field="title", maximum=TITLE_CHARS)
    if "description" in given:
        given["description"] = check_description(given["description"]) or None

    def decide(tail: Tail, actor: Member) -> Append | AlreadyDone:
        check_manager(tail, actor)
        old, new_title = tail.head.settings, title or tail.head.title
        new = replace(old, **given)
        if (new_title, new) == (tail.head.title, old):
            return AlreadyDone(tail.events[-1])
        draft = Draft(type="conversation.updated", actor_id=actor_id, title=new_title)
        changed: Any = {name: value for name, value in given.items() if value != getattr(old, name)}
        draft.update(changed)
        index_ops = channel_index.update_ops(
            conversation_id,
            old=tail.head.title if old.public else None,
            new=_check_channel_title(new_title) if new.public else None,
        )
        return Append(
            draft,
            lambda _event: [conversations.set_settings(conversation_id, new_title, new), *index_ops],
        )

    append(app, conversation_id, actor_id, decide)


def _create(
    app: App,
    conversation_id: ConversationId,
    kind: Kind,
    creator_id: UserId,
    *,
    others: Iterable[UserId],
    title: str | None,
) -> bool:
    """Create the conversation in one transaction. Return False if it exists already.

    Raises: Invalid, NotFound, Forbidden, RateLimited.
    """
    member_ids = list(dict.fromkeys([creator_id, *others]))
    check_count(len(member_ids) - 1, field="member_ids", maximum=MEMBERS_AT_CREATION - 1)
    accounts.me(app, creator_id)
    check_additions(app, creator_id, require_users(app, member_ids[1:]), kind=kind, field="member_ids")
    now_ms = app.now_ms()
    draft = Draft(
        type="conversation.created", actor_id=creator_id, kind=kind, title=title, member_ids=member_ids
    )
    event = assign_seq(draft, seq=1, at_ms=now_ms, messages_before=0)
    ops: list[Op] = [
        conversations.put_new(Head(conversation_id, kind, title, now_ms, 1, 0, None, len(member_ids)))
    ]
    for user_id in member_ids:
        role: Role = "owner" if kind == "group" and user_id == creator_id else "member"
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
        if failed.index:  # The event is op 0 and was accepted, so the conversation is new and a block exists.
            raise Forbidden("you can't message this person", reason="blocked") from None
        require_member(app, creator_id, conversation_id)
        return False
    suspensions.mark_new_members(app, conversation_id, member_ids)
    fanout.notify_conversation(app, member_ids, conversation_id, "added")
    return True


def update_settings(
    app: App, user_id: UserId, conversation_id: ConversationId, changes: Mapping[Setting, bool]
) -> Member:
    """Update the user's own settings of a conversation: muted, archived, pinned, marked unread.

    Returns the new membership. Raises: NotFound for someone who is not a member.
    """
    before = require_member(app, user_id, conversation_id)
    if all(value == (name in before.settings) for name, value in changes.items()):
        return before
    if not members.set_settings(app.table, conversation_id, user_id, changes):
        raise NotFound(NO_CONVERSATION)
    after = require_member(app, user_id, conversation_id)
    frame = {"type": "settings", "conversation_id": conversation_id, "settings": after.settings_by_name()}
    fanout.notify(app, [user_id], frame)
    return after


def _check_channel_title(title: str | None) -> str:
    """Return the title of a public channel. Raises: Invalid if a search could not find it."""
    if title is None or not query_terms(title):
        raise Invalid(
            f"a public channel needs a title with {SEARCHABLE}",
            field="title",
            limit=SEARCHABLE,
        )
    return title
