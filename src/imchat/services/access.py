"""The only loaders of guarded things: who is not a member learns nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from imchat.domain.ids import ConversationId, UserId
from imchat.domain.limits import is_id
from imchat.domain.member import Member
from imchat.domain.user import User
from imchat.errors import Forbidden, NotFound, Suspended
from imchat.services.app import App
from imchat.storage.repositories import blocks, members, users
from imchat.storage.repositories.events import Tail


def require_member(app: App, user_id: UserId, conversation_id: ConversationId) -> Member:
    """The person's own membership. Raises: NotFound, the same for a stranger's conversation and for none; Suspended."""
    member = members.get(app.table, conversation_id, user_id) if is_id(conversation_id) else None
    if member is None:
        raise NotFound("no such conversation")
    if member.suspended:
        raise Suspended
    return member


def require_users(app: App, user_ids: Collection[UserId]) -> list[User]:
    """The profiles of all these people. Raises: NotFound if one does not exist."""
    found = users.get_many(app.table, filter(is_id, user_ids))
    if len(found) < len(set(user_ids)):
        raise NotFound("no such user")
    return list(found.values())


def check_no_blocks(app: App, user_id: UserId, other_ids: Collection[UserId]) -> None:
    """Check that no block lies between the person and any of the others. Raises: Forbidden, which says not whose it is."""
    if apart := blocks.involving(app.table, user_id).intersection(other_ids):
        raise Forbidden("you cannot add these people", reason="blocked", user_ids=sorted(apart))


def check_not_blocked(tail: Tail) -> None:
    """Check that in a direct conversation neither blocked the other. Raises: Forbidden, the same for both."""
    if tail.head.kind == "direct" and is_blocked(tail.members.values()):
        raise Forbidden("no messages go between you two", reason="blocked")


def is_blocked(members: Iterable[Member]) -> bool:
    """Whether one of a direct conversation's members blocked the other; in a group, never."""
    return any(member.blocks for member in members)
