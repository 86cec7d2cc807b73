"""Block users: no direct messages, no mentions, no presence, and neither can add the other to a conversation.

Both get the same errors, so that an error does not reveal who blocked the other. A block is also stored on the blocker's
membership of the direct conversation, which every send there reads anyway. If the direct conversation does not exist
yet, the block prevents its creation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from imchat.domain.ids import UserId, direct_conversation_id
from imchat.domain.record import Record, record
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
"""Tries before `Busy`. Only the creation of the direct conversation, or a block from another device, can interfere."""


@record
class BlockPage(Record):
    """A page of blocks with the profiles of the blocked users. `next_cursor` requests the next page; None on the last one."""

    blocks: list[Block]
    users: list[User]
    next_cursor: UserId | None


def block(app: App, user_id: UserId, other_id: UserId) -> None:
    """Block a user. Blocking them again changes nothing. Raises: Invalid for the user themselves; NotFound; Busy."""
    check_blockable(app, user_id, other_id)
    _write(app, lambda: block_ops(app, user_id, other_id))
    # Also if the block exists already: an earlier call may have crashed before this line.
    presence.end_subscriptions(app, user_id, other_id)


def check_blockable(app: App, user_id: UserId, other_id: UserId) -> None:
    """Check that the user can block this other user. Raises: Invalid for the user themselves; NotFound."""
    if other_id == user_id:
        raise Invalid("you can't block yourself", field="user_id", limit="not yourself")
    require_users(app, [other_id])


def block_ops(app: App, user_id: UserId, other_id: UserId) -> list[Op]:
    """Return the ops that block a user; none if they are blocked already. The ops fail if the direct conversation is created."""
    if blocks.exists(app.table, user_id, other_id):
        return []
    put = blocks.put(user_id, other_id, now_ms=app.now_ms())
    return [*put, _mark_direct(app, user_id, other_id, blocking=True)]


def unblock(app: App, user_id: UserId, other_id: UserId) -> None:
    """Remove a block. Without a block nothing changes. Raises: Busy."""
    delete = blocks.delete(user_id, other_id)
    _write(app, lambda: [*delete, _mark_direct(app, user_id, other_id, blocking=False)])


def list_blocked(app: App, user_id: UserId, *, cursor: UserId | None = None) -> BlockPage:
    """Return up to `BLOCKS_PAGE` of the user's blocks after `cursor`."""
    found = blocks.blocked_by_user(app.table, user_id, after=cursor, limit=BLOCKS_PAGE + 1)
    page = found[:BLOCKS_PAGE]
    profiles = users.get_many(app.table, [block.user_id for block in page])
    next_cursor = page[-1].user_id if len(found) > BLOCKS_PAGE else None
    return BlockPage(page, list(profiles.values()), next_cursor)


def _mark_direct(app: App, user_id: UserId, other_id: UserId, *, blocking: bool) -> Op:
    """Return the op that copies the block to the direct conversation, or fails if that is created in the meantime."""
    conversation_id = direct_conversation_id(user_id, other_id)
    if members.get(app.table, conversation_id, user_id) is None:
        return members.check_not_member(conversation_id, user_id)
    return members.set_blocking(conversation_id, user_id, blocking=blocking)


def _write(app: App, decide: Callable[[], list[Op]]) -> None:
    """Write the ops that `decide` returns in one transaction, and decide again after a lost race. Raises: Busy."""
    for attempt in range(1, ATTEMPTS + 1):
        ops = decide()
        if not ops:
            return
        try:
            app.table.write(*ops)
        except ConditionFailed:
            app.runtime.backoff(attempt)
            continue
        return
    raise Busy("your conversation with this user is being created right now; try again")
