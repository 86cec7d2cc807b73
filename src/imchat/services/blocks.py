"""Blocking somebody: no direct messages, no mentions, no presence, and nobody adds the other to anything.

Refusals are the same for both, so that they do not say who blocked whom. A block is noted on the blocker's membership of the
direct conversation as well, which every send there reads anyway; before there is such a conversation it cannot begin.
"""

from __future__ import annotations

from typing import Final

from imchat.domain.ids import UserId, direct_conversation_id
from imchat.domain.user import User
from imchat.errors import Busy, Invalid
from imchat.services import presence
from imchat.services.access import require_users
from imchat.services.app import App
from imchat.storage.repositories import blocks, members, users
from imchat.storage.repositories.blocks import Block
from imchat.storage.table import ConditionFailed, Op

BLOCKS_PAGE: Final = 100
ATTEMPTS: Final = 5
"""Only the two starting their conversation, or another device's block, can get in between."""


def block(app: App, user_id: UserId, other_id: UserId) -> None:
    """Block somebody; again, nothing changes. Raises: Invalid for oneself; NotFound; Busy."""
    if other_id == user_id:
        raise Invalid("you cannot block yourself", field="user_id", limit="not yourself")
    require_users(app, [other_id])
    if not blocks.exists(app.table, user_id, other_id):
        _write(app, user_id, other_id, blocks.put(user_id, other_id, now_ms=app.now_ms()), blocking=True)
    # Also the second time: a crash may have come between.
    presence.end_subscriptions(app, user_id, other_id)


def unblock(app: App, user_id: UserId, other_id: UserId) -> None:
    """Take a block back; where there is none, nothing changes. Raises: Busy."""
    _write(app, user_id, other_id, blocks.delete(user_id, other_id), blocking=False)


def list_blocked(
    app: App, user_id: UserId, *, cursor: UserId | None
) -> tuple[list[Block], list[User], UserId | None]:
    """Whom I blocked, up to `BLOCKS_PAGE` behind `cursor`, their profiles, and the cursor of the next page, if any."""
    found = blocks.blocked_by_user(app.table, user_id, after=cursor, limit=BLOCKS_PAGE + 1)
    page = found[:BLOCKS_PAGE]
    profiles = users.get_many(app.table, [one.user_id for one in page])
    return page, list(profiles.values()), page[-1].user_id if len(found) > BLOCKS_PAGE else None


def _write(app: App, user_id: UserId, other_id: UserId, ops: list[Op], *, blocking: bool) -> None:
    """Write the block and its mark in the direct conversation, if there is one, in one transaction."""
    where = direct_conversation_id(user_id, other_id)
    for attempt in range(1, ATTEMPTS + 1):
        there = members.get(app.table, where, user_id) is not None
        mark = (
            members.set_blocking(where, user_id, blocking=blocking)
            if there
            else members.check_not_member(where, user_id)
        )
        try:
            app.table.write(*ops, mark)
        except ConditionFailed:
            app.runtime.backoff(attempt)
            continue
        return
    raise Busy("the conversation between you two is being started at this moment; try again")
