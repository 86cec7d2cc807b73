"""What people choose for themselves of a conversation; their other devices hear of it, nobody else does."""

from __future__ import annotations

from collections.abc import Mapping

from imchat.domain.ids import ConversationId, UserId
from imchat.domain.member import Member, Setting
from imchat.errors import NotFound
from imchat.services import fanout
from imchat.services.access import access_member
from imchat.services.app import App
from imchat.storage.repositories import members


def update(
    app: App, user_id: UserId, conversation_id: ConversationId, changes: Mapping[Setting, bool]
) -> Member:
    """Mute, archive, pin a conversation or mark it unread, or take that back; what is not named stays.

    Returns the membership as it is then. Raises: NotFound for one who is no member.
    """
    before = access_member(app, user_id, conversation_id)
    if all(wanted == (name in before.settings) for name, wanted in changes.items()):
        return before
    if not members.set_settings(app.table, conversation_id, user_id, changes):
        raise NotFound("no such conversation")
    after = access_member(app, user_id, conversation_id)
    frame = {"type": "settings", "conversation_id": conversation_id, "settings": after.chosen()}
    fanout.notify(app, [user_id], frame)
    return after
