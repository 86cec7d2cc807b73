"""Who is in a group, as what, and what it is and allows. Each change is an event and its items in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from imchat.domain.event import Draft, Event
from imchat.domain.ids import ConversationId, UserId
from imchat.domain.limits import (
    CHANNEL_MEMBERS,
    GROUP_MEMBERS,
    PREFIX_MIN,
    TITLE_CHARS,
    check_count,
    check_description,
    check_line,
)
from imchat.domain.member import Member, Role
from imchat.domain.search_terms import tokenize
from imchat.errors import Conflict, Forbidden, Invalid, NotFound
from imchat.services import fanout, suspensions
from imchat.services.access import check_no_blocks, require_users
from imchat.services.app import App
from imchat.services.event_log import AlreadyDone, Append, append
from imchat.storage.repositories import channel_index, conversations, members
from imchat.storage.repositories.conversations import Pointer
from imchat.storage.repositories.events import Tail
from imchat.storage.table import MAX_OPS, Op

_OPS_EACH = 3
ADDED_AT_ONCE = (MAX_OPS - 1) // _OPS_EACH
"""People added in one transaction: event, membership and pointer each, and the head's count of members."""


def update_group(
    app: App, actor_id: UserId, conversation_id: ConversationId, *, title: str | None = None, **changes: Any
) -> None:
    """Change a group's title and those of its `GroupSettings` that are not None; an empty description takes it away.

    Raises: Invalid, NotFound; Forbidden for all but owner and admins.
    """
    wanted = {name: value for name, value in changes.items() if value is not None}
    if title is not None:
        check_line(title, field="title", most=TITLE_CHARS)
    if "description" in wanted:
        wanted["description"] = check_description(wanted["description"]) or None

    def decide(tail: Tail, actor: Member) -> Append | AlreadyDone:
        _check_may_manage(tail, actor)
        old, new_title = tail.head.settings, title or tail.head.title
        new = old._replace(**wanted)
        if (new_title, new) == (tail.head.title, old):
            return AlreadyDone(tail.events[-1])
        draft = Draft(type="conversation.updated", actor_id=actor_id, title=new_title)
        changed: Any = {name: value for name, value in wanted.items() if value != getattr(old, name)}
        draft.update(changed)
        listed = channel_index.changes(
            conversation_id,
            old=tail.head.title if old.public else None,
            new=_channel_title(new_title) if new.public else None,
        )
        return Append(
            draft,
            lambda _event: [conversations.set_settings(conversation_id, new_title, new), *listed],
        )

    append(app, conversation_id, actor_id, decide)


def add_members(
    app: App, actor_id: UserId, conversation_id: ConversationId, user_ids: Sequence[UserId]
) -> None:
    """Add people as members, one event each, `ADDED_AT_ONCE` in a transaction; who is in already stays as they are.

    Raises: Invalid, NotFound for a stranger's conversation or an unknown person; Forbidden for all but owner and admins,
    and where a block lies between the actor and one of them.
    """
    known = [user.user_id for user in require_users(app, user_ids)]
    check_no_blocks(app, actor_id, known)
    for start in range(0, len(known), ADDED_AT_ONCE):
        _add_members(app, actor_id, conversation_id, known[start:])


def _add_members(
    app: App, actor_id: UserId, conversation_id: ConversationId, user_ids: Sequence[UserId]
) -> None:
    """Add the first of these people, having seen that all of them fit."""
    now = user_ids[:ADDED_AT_ONCE]

    def decide(tail: Tail, actor: Member) -> Append | AlreadyDone:
        _check_may_manage(tail, actor)
        check_capacity(tail, user_ids)
        return decide_addition(tail, actor_id, now)

    append(app, conversation_id, actor_id, decide, also_load=user_ids)
    suspensions.mark_new_members(app, conversation_id, now)
    fanout.notify_conversation(app, now, conversation_id, "added")


def check_capacity(tail: Tail, user_ids: Sequence[UserId]) -> None:
    """Raises: Invalid unless the group takes those of these people who are not in it yet."""
    count = tail.member_count + len(set(user_ids) - tail.members.keys())
    most = CHANNEL_MEMBERS if tail.head.settings.public else GROUP_MEMBERS
    check_count(count, field="user_ids", most=most, unit=" members")


def decide_addition(
    tail: Tail, actor_id: UserId, user_ids: Sequence[UserId], *further: Op
) -> Append | AlreadyDone:
    """The decision to add those of up to `ADDED_AT_ONCE` people who are no members; `further` ops join its transaction."""
    conversation_id = tail.head.conversation_id
    new = [user_id for user_id in user_ids if user_id not in tail.members]
    if not new:
        return AlreadyDone(tail.events[-1])

    def ops(event: Event) -> list[Op]:
        seq = event["seq"]
        first = seq if tail.head.settings.history == "joined" else 1
        member = Member(event["user_id"], "member", seq, seq, event["message_count"], first)
        return [
            members.put_new(conversation_id, member),
            conversations.put_pointer(member.user_id, Pointer(conversation_id, None)),
        ]

    once = [conversations.add_to_member_count(conversation_id, more=len(new)), *further]
    drafts = [
        Draft(type="member.added", actor_id=actor_id, user_id=user_id, role="member") for user_id in new
    ]
    return Append(
        drafts[0],
        lambda event: [*ops(event), *once],
        followed_by=[Append(draft, ops) for draft in drafts[1:]],
    )


def set_role(
    app: App, actor_id: UserId, conversation_id: ConversationId, user_id: UserId, role: Role
) -> None:
    """Give a member a role; a group may have several owners. Raises: NotFound; Forbidden for all but owners;
    Conflict if the last owner would step down."""

    def decide(tail: Tail, actor: Member) -> Append | AlreadyDone:
        _check_group(tail)
        member = _member(tail, user_id)
        if actor.role != "owner":
            raise Forbidden("only an owner gives roles")
        if member.role == role:
            return AlreadyDone(tail.events[-1])
        if _is_last_owner(_all_members(app, tail), member):
            raise Conflict("make somebody else an owner first", reason="last_owner")
        return _role_change(tail, actor_id, member, role)

    append(app, conversation_id, actor_id, decide, also_load=[user_id])


def remove_member(app: App, actor_id: UserId, conversation_id: ConversationId, user_id: UserId) -> None:
    """Remove a member, or leave. The removed person gets the event of it, and nothing after.

    Where the last owner leaves others behind, the group passes to its longest-standing admin, else member.
    Raises: NotFound; Forbidden unless the actor leaves or outranks them.
    """
    draft = Draft(type="member.removed", actor_id=actor_id, user_id=user_id)

    def ops(tail: Tail) -> list[Op]:
        found: list[Op] = [
            members.delete(conversation_id, user_id),
            conversations.delete_pointer(user_id, conversation_id),
            conversations.add_to_member_count(conversation_id, more=-1),
        ]
        if tail.head.settings.public and tail.member_count == 1:
            found += channel_index.changes(conversation_id, old=tail.head.title, new=None)
        return found

    def decide(tail: Tail, actor: Member) -> Append | AlreadyDone:
        _check_group(tail)
        member = tail.members.get(user_id)
        if member is None:
            return AlreadyDone(_removal(tail, actor_id, user_id))
        if actor_id != user_id and not (actor.may_manage and actor.outranks(member)):
            raise Forbidden("your role does not allow this")
        removal = Append(draft, lambda _event: ops(tail))
        if member.role != "owner":
            return removal
        everybody = _all_members(app, tail)
        if not _is_last_owner(everybody, member) or len(everybody) == 1:
            return removal
        passing = _role_change(tail, actor_id, _successor(everybody, user_id), "owner")
        return passing._replace(followed_by=[removal])

    append(app, conversation_id, actor_id, decide, also_load=[user_id])
    fanout.notify_conversation(app, [user_id], conversation_id, "removed")


def _channel_title(title: str | None) -> str:
    """The title of a public channel. Raises: Invalid unless it can be found by it."""
    if title is None or not tokenize(title):
        raise Invalid(
            "a public channel needs a title with a word of two letters", field="title", limit=PREFIX_MIN
        )
    return title


def _role_change(tail: Tail, actor_id: UserId, member: Member, role: Role) -> Append:
    draft = Draft(type="member.role_changed", actor_id=actor_id, user_id=member.user_id, role=role)
    change = members.set_role(tail.head.conversation_id, member.user_id, old=member.role, new=role)
    return Append(draft, lambda _event: [change])


def _removal(tail: Tail, actor_id: UserId, user_id: UserId) -> Event:
    """The event by which the actor removed them, not long ago: they ask again after a lost answer. Raises: NotFound."""
    for event in reversed(tail.events):
        if event["type"] == "member.removed" and (event["actor_id"], event["user_id"]) == (actor_id, user_id):
            return event
    raise NotFound("no such member")


def _all_members(app: App, tail: Tail) -> Mapping[UserId, Member]:
    """All members. Of a crowd the tail shows a few; read after it, the others stand as of its last event, or a later one,
    which the write will meet."""
    return tail.members if tail.has_all_members else members.list_for(app.table, tail.head.conversation_id)


def _successor(everybody: Mapping[UserId, Member], user_id: UserId) -> Member:
    """To whom a group passes: the admin, else the member, who has been in it longest; to one who is suspended last of all."""
    others = [member for member in everybody.values() if member.user_id != user_id]
    return min(others, key=lambda who: (who.suspended, not who.may_manage, who.joined_seq, who.user_id))


def _is_last_owner(everybody: Mapping[UserId, Member], member: Member) -> bool:
    return member.role == "owner" and not any(
        other.role == "owner" for other in everybody.values() if other.user_id != member.user_id
    )


def _check_group(tail: Tail) -> None:
    if tail.head.kind == "direct":
        raise Conflict("a direct conversation has its two people, and no title or roles", reason="direct")


def _check_may_manage(tail: Tail, actor: Member) -> None:
    _check_group(tail)
    if not actor.may_manage:
        raise Forbidden("only the owner and admins may do this")


def _member(tail: Tail, user_id: UserId) -> Member:
    member = tail.members.get(user_id)
    if member is None:
        raise NotFound("no such member")
    return member
