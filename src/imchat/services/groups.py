"""Who is in a group, as what, and what it is called. Each change is an event and its item in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from imchat.domain.event import Draft, Event
from imchat.domain.ids import ConversationId, UserId
from imchat.domain.limits import GROUP_MEMBERS, TITLE_CHARS, check_count, check_line
from imchat.domain.member import Member, Role
from imchat.errors import Conflict, Forbidden, NotFound
from imchat.services import fanout
from imchat.services.access import access_users
from imchat.services.app import App
from imchat.services.log import Done, Write, append
from imchat.storage import conversations, members
from imchat.storage.conversations import Pointer
from imchat.storage.events import Tail
from imchat.storage.table import Op


def rename(app: App, actor_id: UserId, conversation_id: ConversationId, title: str) -> None:
    """Set a group's title. Raises: Invalid, NotFound; Forbidden for all but owner and admins."""
    check_line(title, field="title", most=TITLE_CHARS)
    draft = Draft(type="conversation.updated", actor_id=actor_id, title=title)

    def decide(tail: Tail, actor: Member) -> Write | Done:
        _check_may_manage(tail, actor)
        if tail.head.title == title:
            return Done(None)
        return Write(draft, lambda _event: [conversations.set_title(conversation_id, title)])

    append(app, conversation_id, actor_id, decide)


def add_members(
    app: App, actor_id: UserId, conversation_id: ConversationId, user_ids: Sequence[UserId]
) -> None:
    """Add people as members, one event each; who is in already stays as they are.

    Raises: Invalid, NotFound for a stranger's conversation or an unknown person; Forbidden for all but owner and admins.
    """
    for user in access_users(app, user_ids):
        _add_member(app, actor_id, conversation_id, user.user_id)


def _add_member(app: App, actor_id: UserId, conversation_id: ConversationId, user_id: UserId) -> None:
    draft = Draft(type="member.added", actor_id=actor_id, user_id=user_id, role="member")

    def ops(event: Event) -> list[Op]:
        seq = event["seq"]
        return [
            members.put_new(conversation_id, Member(user_id, "member", seq, seq, event["message_count"])),
            conversations.put_pointer(user_id, Pointer(conversation_id, None)),
        ]

    def decide(tail: Tail, actor: Member) -> Write | Done:
        _check_may_manage(tail, actor)
        if user_id in tail.members:
            return Done(None)
        check_count(len(tail.members) + 1, field="user_ids", most=GROUP_MEMBERS)
        return Write(draft, ops, also_notify=[user_id])

    if append(app, conversation_id, actor_id, decide).new:
        fanout.notify_conversation(app, [user_id], conversation_id, "added")


def set_role(
    app: App, actor_id: UserId, conversation_id: ConversationId, user_id: UserId, role: Role
) -> None:
    """Give a member a role; a group may have several owners. Raises: NotFound; Forbidden for all but owners;
    Conflict if the last owner would step down."""
    draft = Draft(type="member.role_changed", actor_id=actor_id, user_id=user_id, role=role)

    def decide(tail: Tail, actor: Member) -> Write | Done:
        _check_group(tail)
        member = _member(tail, user_id)
        if actor.role != "owner":
            raise Forbidden("only an owner gives roles")
        if member.role == role:
            return Done(None)
        _check_owner_remains(tail, member)
        return Write(
            draft, lambda _event: [members.set_role(conversation_id, user_id, old=member.role, new=role)]
        )

    append(app, conversation_id, actor_id, decide)


def remove_member(app: App, actor_id: UserId, conversation_id: ConversationId, user_id: UserId) -> None:
    """Remove a member, or leave. The removed person gets the event of it, and nothing after.

    Raises: NotFound; Forbidden unless the actor leaves or outranks them; Conflict if the last owner would leave others behind.
    """
    draft = Draft(type="member.removed", actor_id=actor_id, user_id=user_id)

    def decide(tail: Tail, actor: Member) -> Write | Done:
        _check_group(tail)
        member = _member(tail, user_id)
        if actor_id != user_id and not (actor.may_manage and actor.outranks(member)):
            raise Forbidden("your role does not allow this")
        if len(tail.members) > 1:
            _check_owner_remains(tail, member)
        return Write(
            draft,
            lambda _event: [
                members.delete(conversation_id, user_id),
                conversations.delete_pointer(user_id, conversation_id),
            ],
        )

    append(app, conversation_id, actor_id, decide)
    fanout.notify_conversation(app, [user_id], conversation_id, "removed")


def _check_group(tail: Tail) -> None:
    if tail.head.kind == "direct":
        raise Conflict("a direct conversation has its two people, and no title or roles", reason="direct")


def _check_may_manage(tail: Tail, actor: Member) -> None:
    _check_group(tail)
    if not actor.may_manage:
        raise Forbidden("only the owner and admins may do this")


def _check_owner_remains(tail: Tail, member: Member) -> None:
    others = (other for other in tail.members.values() if other.user_id != member.user_id)
    if member.role == "owner" and not any(other.role == "owner" for other in others):
        raise Conflict("make somebody else an owner first", reason="last_owner")


def _member(tail: Tail, user_id: UserId) -> Member:
    member = tail.members.get(user_id)
    if member is None:
        raise NotFound("no such member")
    return member
