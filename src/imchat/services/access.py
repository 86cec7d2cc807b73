"""The only loaders of guarded things: who is not a member learns nothing."""

from __future__ import annotations

from collections.abc import Collection

from imchat.domain.ids import ConversationId, UserId
from imchat.domain.limits import is_id
from imchat.domain.member import Member
from imchat.domain.user import User
from imchat.errors import NotFound
from imchat.services.app import App
from imchat.storage import members, users


def access_member(app: App, user_id: UserId, conversation_id: ConversationId) -> Member:
    """The person's own membership. Raises: NotFound, the same for a stranger's conversation and for none."""
    member = members.get(app.table, conversation_id, user_id) if is_id(conversation_id) else None
    if member is None:
        raise NotFound("no such conversation")
    return member


def access_users(app: App, user_ids: Collection[UserId]) -> list[User]:
    """The profiles of all these people. Raises: NotFound if one does not exist."""
    found = users.get_many(app.table, filter(is_id, user_ids))
    if len(found) < len(set(user_ids)):
        raise NotFound("no such user")
    return list(found.values())
