"""Check who may read or change what. Someone who is not a member learns nothing about a conversation."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from imchat.domain.ids import ConversationId, UserId
from imchat.domain.member import Member
from imchat.domain.user import User
from imchat.errors import Conflict, Forbidden, NotFound, Suspended
from imchat.services.app import App
from imchat.storage.repositories import blocks, members, users
from imchat.storage.repositories.events import Tail

NO_CONVERSATION = "no such conversation"
"""The same message for non-members, removed members and unknown ids, so that the error does not reveal which it is."""


def require_member(app: App, user_id: UserId, conversation_id: ConversationId) -> Member:
    """Return the user's membership of a conversation.

    Raises: NotFound for someone who is not a member, and for an unknown conversation; Suspended.
    """
    member = members.get(app.table, conversation_id, user_id)
    if member is None:
        raise NotFound(NO_CONVERSATION)
    if member.suspended:
        raise Suspended
    return member


def refuse_non_members(app: App, user_id: UserId, conversation_id: ConversationId) -> None:
    """Raise NotFound unless the user is a member. Call it before anything else of the conversation is read.

    Without it, the response time would reveal whether the conversation exists. A member may be removed right after
    this check, so call `require_member` after the read as well. For a member it costs one eventually consistent read;
    only a missing membership is read a second time.
    """
    for consistent in (False, True):
        if members.get(app.table, conversation_id, user_id, consistent=consistent) is not None:
            return
    raise NotFound(NO_CONVERSATION)


def require_users(app: App, user_ids: Collection[UserId]) -> list[User]:
    """Return the profiles of all these users. Raises: NotFound if one does not exist."""
    found = users.get_many(app.table, user_ids)
    if len(found) < len(set(user_ids)):
        raise NotFound("no such user")
    return list(found.values())


def check_no_blocks(app: App, user_id: UserId, other_ids: Collection[UserId]) -> None:
    """Check that no block exists between the user and any of the others, in either direction.

    Raises: Forbidden, which does not say who blocked whom.
    """
    if blocked := blocks.involving(app.table, user_id).intersection(other_ids):
        raise Forbidden("you can't add these people", reason="blocked", user_ids=sorted(blocked))


def check_not_blocked(tail: Tail) -> None:
    """Check that in a direct conversation neither member blocked the other. Raises: Forbidden, the same for both."""
    if tail.head.kind == "direct" and is_blocked(tail.members.values()):
        raise Forbidden("you can't message this person", reason="blocked")


def is_blocked(members: Iterable[Member]) -> bool:
    """Return whether one member of a direct conversation blocked the other; in a group, always False."""
    return any(member.blocks for member in members)


def check_group(tail: Tail) -> None:
    """Check that the conversation is a group. Raises: Conflict."""
    if tail.head.kind == "direct":
        raise Conflict(
            "a direct conversation has exactly two members, and no title or roles", reason="direct"
        )


def check_manager(tail: Tail, actor: Member) -> None:
    """Check that the conversation is a group and the actor one of its owners or admins. Raises: Conflict, Forbidden."""
    check_group(tail)
    if not actor.may_manage:
        raise Forbidden("only owners and admins may do this")
