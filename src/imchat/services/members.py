"""Members of a group: list, add and remove them, and change their roles. A change and its event are one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from imchat.domain.event import Draft, Event
from imchat.domain.ids import ConversationId, UserId
from imchat.domain.limits import CHANNEL_MEMBERS, GROUP_MEMBERS, check_count
from imchat.domain.member import Member, Role
from imchat.domain.record import Record, record
from imchat.domain.user import User
from imchat.errors import Conflict, Forbidden, NotFound
from imchat.services import blocks, fanout, presence, suspensions
from imchat.services.access import (
    check_group,
    check_manager,
    check_no_blocks,
    refuse_non_members,
    require_member,
    require_users,
)
from imchat.services.additions import check_additions
from imchat.services.app import App
from imchat.services.event_log import AlreadyDone, Append, append
from imchat.services.visibility import hide_cursors
from imchat.storage.repositories import channel_index, conversations, members, users
from imchat.storage.repositories.conversations import Pointer
from imchat.storage.repositories.events import Tail
from imchat.storage.table import MAX_OPS, Op

MEMBERS_PAGE: Final = 100
_OPS_PER_USER: Final = 3
ADDED_AT_ONCE: Final = (MAX_OPS - 1) // _OPS_PER_USER
"""Users added in one transaction: an event, a membership and a pointer each, plus the head's member count."""


@record
class MemberPage(Record):
    """A page of members with their profiles. `next_cursor` requests the next page; None on the last one."""

    members: list[Member]
    users: list[User]
    next_cursor: UserId | None


def add_members(
    app: App, actor_id: UserId, conversation_id: ConversationId, user_ids: Sequence[UserId]
) -> None:
    """Add users to a group, with one event each, `ADDED_AT_ONCE` per transaction. Existing members do not change.

    Raises: Invalid; NotFound for someone who is not a member, or an unknown user; Forbidden for plain members, and if
    there is a block between the actor and one of the users, or one of them allows no additions by strangers; RateLimited
    for too many strangers.
    """
    people = require_users(app, user_ids)
    check_no_blocks(app, actor_id, [user.user_id for user in people])
    checked: set[UserId] = set()
    for start in range(0, len(people), ADDED_AT_ONCE):
        _add_members(app, actor_id, conversation_id, people[start:], checked)


def _add_members(
    app: App,
    actor_id: UserId,
    conversation_id: ConversationId,
    people: Sequence[User],
    checked: set[UserId],
) -> None:
    """Add the first `ADDED_AT_ONCE` of these users, after checking that all of them fit and may be added.

    `checked` are users who are counted already: by an earlier call, or before a lost race.
    """
    user_ids = [user.user_id for user in people]
    batch = user_ids[:ADDED_AT_ONCE]

    def decide(tail: Tail, actor: Member) -> Append | AlreadyDone:
        check_manager(tail, actor)
        check_capacity(tail, user_ids)
        added = [user for user in people if user.user_id not in tail.members and user.user_id not in checked]
        check_additions(app, actor_id, added, kind="group", field="user_ids")
        checked.update(user.user_id for user in added)
        return decide_addition(tail, actor_id, batch)

    append(app, conversation_id, actor_id, decide, also_load=user_ids)
    suspensions.mark_new_members(app, conversation_id, batch)
    fanout.notify_conversation(app, batch, conversation_id, "added")


def list_members(
    app: App, user_id: UserId, conversation_id: ConversationId, *, after: UserId | None = None
) -> MemberPage:
    """Return up to `MEMBERS_PAGE` members after the id `after`, in the order of their ids.

    Raises: NotFound for someone who is not a member.
    """
    refuse_non_members(app, user_id, conversation_id)
    found = members.list_page(app.table, conversation_id, after=after, limit=MEMBERS_PAGE + 1)
    require_member(app, user_id, conversation_id)
    page = found[:MEMBERS_PAGE]
    profiles = users.get_many(app.table, [member.user_id for member in page])
    next_cursor = page[-1].user_id if len(found) > MEMBERS_PAGE else None
    shown = hide_cursors(app, user_id, conversation_id, page)
    return MemberPage(shown, list(profiles.values()), next_cursor)


def join(
    app: App, user_id: UserId, conversation_id: ConversationId, check_join: Callable[[Tail], list[Op]]
) -> ConversationId:
    """Add the user themselves. `check_join` raises or returns further ops; it is not called for an existing member."""

    def decide(tail: Tail, _actor: Member) -> Append | AlreadyDone:
        if user_id in tail.members:
            return AlreadyDone(tail.events[-1])
        more_ops = check_join(tail)
        check_capacity(tail, [user_id])
        return decide_addition(tail, user_id, [user_id], *more_ops)

    append(app, conversation_id, user_id, decide, as_member=Member(user_id, "member", 0, 0, 0))
    suspensions.mark_new_members(app, conversation_id, [user_id])
    fanout.notify_conversation(app, [user_id], conversation_id, "added")
    return conversation_id


def check_capacity(tail: Tail, user_ids: Sequence[UserId]) -> None:
    """Check that the group has room for these users, apart from existing members. Raises: Invalid."""
    count = tail.member_count + len(set(user_ids) - tail.members.keys())
    most = CHANNEL_MEMBERS if tail.head.settings.public else GROUP_MEMBERS
    check_count(count, field="user_ids", maximum=most, unit=" members")


def decide_addition(
    tail: Tail, actor_id: UserId, user_ids: Sequence[UserId], *more_ops: Op
) -> Append | AlreadyDone:
    """Return the decision to add up to `ADDED_AT_ONCE` users, skipping existing members. `more_ops` join the transaction."""
    conversation_id = tail.head.conversation_id
    new_ids = [user_id for user_id in user_ids if user_id not in tail.members]
    if not new_ids:
        return AlreadyDone(tail.events[-1])

    def ops(event: Event) -> list[Op]:
        seq = event["seq"]
        history_from = seq if tail.head.settings.history == "joined" else 1
        member = Member(event["user_id"], "member", seq, seq, event["message_count"], history_from)
        return [
            members.put_new(conversation_id, member),
            conversations.put_pointer(member.user_id, Pointer(conversation_id, None)),
        ]

    shared_ops = [conversations.add_to_member_count(conversation_id, delta=len(new_ids)), *more_ops]
    drafts = [
        Draft(type="member.added", actor_id=actor_id, user_id=user_id, role="member") for user_id in new_ids
    ]
    return Append(
        drafts[0],
        lambda event: [*ops(event), *shared_ops],
        followed_by=[Append(draft, ops) for draft in drafts[1:]],
    )


def set_role(
    app: App, actor_id: UserId, conversation_id: ConversationId, user_id: UserId, role: Role
) -> None:
    """Change a member's role. A group may have several owners.

    Raises: NotFound; Forbidden for everyone but owners; Conflict if the group would have no owner.
    """

    def decide(tail: Tail, actor: Member) -> Append | AlreadyDone:
        check_group(tail)
        member = _require_in_tail(tail, user_id)
        if actor.role != "owner":
            raise Forbidden("only owners may change roles")
        if member.role == role:
            return AlreadyDone(tail.events[-1])
        if _is_last_owner(_load_all_members(app, tail), member):
            raise Conflict("you are the last owner; make another member an owner first", reason="last_owner")
        return _decide_role_change(tail, actor_id, member, role)

    append(app, conversation_id, actor_id, decide, also_load=[user_id])


def remove_member(app: App, actor_id: UserId, conversation_id: ConversationId, user_id: UserId) -> None:
    """Remove a member, or leave the group. The removed user receives the event of it and nothing after that.

    If the last owner leaves, the longest-standing admin becomes the owner, or without admins the longest-standing member.
    Raises: NotFound; Forbidden unless the actor leaves or outranks the member.
    """
    _remove_member(app, actor_id, conversation_id, user_id)


def leave_and_block(app: App, user_id: UserId, conversation_id: ConversationId, other_id: UserId) -> None:
    """Leave a group and block a user, such as the one who added the user, in one transaction.

    Raises: Invalid for the user themselves; NotFound, also for an unknown user, and then nothing changes.
    """
    blocks.check_blockable(app, user_id, other_id)
    _remove_member(app, user_id, conversation_id, user_id, lambda: blocks.block_ops(app, user_id, other_id))
    presence.end_subscriptions(app, user_id, other_id)


def _remove_member(
    app: App,
    actor_id: UserId,
    conversation_id: ConversationId,
    user_id: UserId,
    more_ops: Callable[[], list[Op]] = list,
) -> None:
    """Remove a member. The ops that `more_ops` returns join the transaction."""
    draft = Draft(type="member.removed", actor_id=actor_id, user_id=user_id)

    def removal_ops(tail: Tail) -> list[Op]:
        ops: list[Op] = [
            members.delete(conversation_id, user_id),
            conversations.delete_pointer(user_id, conversation_id),
            conversations.add_to_member_count(conversation_id, delta=-1),
            *more_ops(),
        ]
        if tail.head.settings.public and tail.member_count == 1:
            ops += channel_index.update_ops(conversation_id, old=tail.head.title, new=None)
        return ops

    def decide(tail: Tail, actor: Member) -> Append | AlreadyDone:
        check_group(tail)
        member = tail.members.get(user_id)
        if member is None:
            return AlreadyDone(_find_removal(tail, actor_id, user_id))
        if actor_id != user_id and not (actor.may_manage and actor.outranks(member)):
            raise Forbidden("your role does not allow you to remove this member")
        removal = Append(draft, lambda _event: removal_ops(tail))
        if member.role != "owner":
            return removal
        all_members = _load_all_members(app, tail)
        if not _is_last_owner(all_members, member) or len(all_members) == 1:
            return removal
        promotion = _decide_role_change(tail, actor_id, _choose_successor(all_members, user_id), "owner")
        return promotion._replace(followed_by=[removal])

    append(app, conversation_id, actor_id, decide, also_load=[user_id])
    fanout.notify_conversation(app, [user_id], conversation_id, "removed")


def _decide_role_change(tail: Tail, actor_id: UserId, member: Member, role: Role) -> Append:
    draft = Draft(type="member.role_changed", actor_id=actor_id, user_id=member.user_id, role=role)
    change = members.set_role(tail.head.conversation_id, member.user_id, old=member.role, new=role)
    return Append(draft, lambda _event: [change])


def _find_removal(tail: Tail, actor_id: UserId, user_id: UserId) -> Event:
    """Return the recent event by which the actor removed the user, for a retry after a lost response. Raises: NotFound."""
    for event in reversed(tail.events):
        if event["type"] == "member.removed" and (event["actor_id"], event["user_id"]) == (actor_id, user_id):
            return event
    raise NotFound("no such member")


def _load_all_members(app: App, tail: Tail) -> Mapping[UserId, Member]:
    """Return all members. The tail of a large conversation has only a few of them; then all are read here.

    If the members change after the tail was read, that change takes the next seq, so the append fails and is retried.
    """
    return tail.members if tail.has_all_members else members.list_for(app.table, tail.head.conversation_id)


def _choose_successor(all_members: Mapping[UserId, Member], user_id: UserId) -> Member:
    """Return the next owner: the longest-standing admin, or else member. Suspended members come last."""
    others = [member for member in all_members.values() if member.user_id != user_id]
    return min(others, key=_succession_order)


def _succession_order(member: Member) -> tuple[bool, bool, int, UserId]:
    return member.suspended, not member.may_manage, member.joined_seq, member.user_id


def _is_last_owner(all_members: Mapping[UserId, Member], member: Member) -> bool:
    return member.role == "owner" and not any(
        other.role == "owner" for other in all_members.values() if other.user_id != member.user_id
    )


def _require_in_tail(tail: Tail, user_id: UserId) -> Member:
    member = tail.members.get(user_id)
    if member is None:
        raise NotFound("no such member")
    return member
