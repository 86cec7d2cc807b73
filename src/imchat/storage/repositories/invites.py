"""Invites by group. Items are kept for a while after they end, so that an old link can be explained."""

from __future__ import annotations

from imchat.domain.ids import ConversationId
from imchat.domain.invite import Invite
from imchat.storage.repositories import keys
from imchat.storage.table import (
    TTL_ATTRIBUTE,
    Absent,
    ConditionFailed,
    Equals,
    Item,
    KeyRange,
    Present,
    Put,
    Table,
    Update,
)

_KEPT_AFTER_END_S = 30 * 24 * 60 * 60


def put_new(invite: Invite) -> Put:
    """Return the op that creates an invite."""
    item: Item = {
        "created_by": invite.created_by,
        "created_at_ms": invite.created_at_ms,
        "expires_at_ms": invite.expires_at_ms,
        "max_uses": invite.max_uses,
        "uses": invite.uses,
    }
    if invite.expires_at_ms is not None:
        item[TTL_ATTRIBUTE] = invite.expires_at_ms // 1000 + _KEPT_AFTER_END_S
    return Put(keys.invite(invite.conversation_id, invite.invite_id), item, Absent())


def get(table: Table, conversation_id: ConversationId, invite_id: str) -> Invite | None:
    """Return an invite, usable or not, or None."""
    item = table.get(keys.invite(conversation_id, invite_id))
    return None if item is None else _invite_from_item(conversation_id, invite_id, item)


def list_for(table: Table, conversation_id: ConversationId) -> list[Invite]:
    """Return the invites of a group, usable or not."""
    rows = table.query(KeyRange(keys.invites_pk(conversation_id)))
    return [_invite_from_item(conversation_id, row.sk, row.item) for row in rows]


def record_use(invite: Invite) -> Update:
    """Return the op that counts one use. It fails if the invite was used or revoked since it was read."""
    key = keys.invite(invite.conversation_id, invite.invite_id)
    return Update(key, set={"uses": invite.uses + 1}, condition=Equals("uses", invite.uses))


def revoke(table: Table, conversation_id: ConversationId, invite_id: str, *, now_ms: int) -> bool:
    """Revoke an invite. Returns whether it exists. Idempotent."""
    # `record_use` compares `uses`, so removing it makes a use that is in progress fail.
    changes = {"revoked": True, TTL_ATTRIBUTE: now_ms // 1000 + _KEPT_AFTER_END_S}
    try:
        table.write(
            Update(keys.invite(conversation_id, invite_id), set=changes, remove=["uses"], condition=Present())
        )
    except ConditionFailed:
        return False
    return True


def _invite_from_item(conversation_id: ConversationId, invite_id: str, item: Item) -> Invite:
    return Invite(
        conversation_id,
        invite_id,
        item["created_by"],
        item["created_at_ms"],
        item["expires_at_ms"],
        item["max_uses"],
        item.get("uses", 0),
        item.get("revoked", False),
    )
