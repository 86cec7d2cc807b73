"""Invites: links for joining a group."""

from __future__ import annotations

from typing import Final

from imchat.domain.conversation import Head
from imchat.domain.ids import ConversationId, UserId
from imchat.domain.invite import Invite, new_token, parse_token
from imchat.domain.limits import (
    GROUP_INVITES,
    INVITE_S_MAX,
    INVITE_S_MIN,
    INVITE_USES_MAX,
    check_count,
    is_id,
)
from imchat.domain.member import Member
from imchat.domain.record import Record, record
from imchat.errors import Conflict, Forbidden, NotFound
from imchat.services import members, users
from imchat.services.access import refuse_non_members, require_member
from imchat.services.app import App
from imchat.storage.repositories import conversations, invites
from imchat.storage.repositories import members as memberships
from imchat.storage.repositories.events import Tail
from imchat.storage.table import ConditionFailed, Op

_CLOSED_REASONS: Final = {"revoked": "was revoked", "expired": "has expired", "used_up": "is used up"}


@record
class CreatedInvite(Record):
    """A new invite, and the token of its link, which is not stored."""

    invite: Invite
    token: str


@record
class InvitePreview(Record):
    """A usable invite, and the group it is for."""

    head: Head
    invite: Invite


def create(
    app: App,
    actor_id: UserId,
    conversation_id: ConversationId,
    *,
    expires_in_s: int | None = None,
    max_uses: int | None = None,
) -> CreatedInvite:
    """Create an invite link to a group.

    Raises: Invalid, NotFound; Forbidden for plain members; Conflict in a direct conversation, or if there are too many.
    """
    if expires_in_s is not None:
        check_count(
            expires_in_s, field="expires_in_s", minimum=INVITE_S_MIN, maximum=INVITE_S_MAX, unit=" seconds"
        )
    if max_uses is not None:
        check_count(max_uses, field="max_uses", minimum=1, maximum=INVITE_USES_MAX)
    me = _require_manager(app, actor_id, conversation_id)
    now_ms = app.now_ms()
    open_invites = [
        invite for invite in invites.list_for(app.table, conversation_id) if not invite.closed_reason(now_ms)
    ]
    if len(open_invites) >= GROUP_INVITES:
        raise Conflict(
            f"this group already has {GROUP_INVITES} open invites; revoke one first",
            reason="invites",
            limit=GROUP_INVITES,
        )
    token = new_token(conversation_id, app.new_id())
    expires_at_ms = None if expires_in_s is None else now_ms + expires_in_s * 1000
    invite = Invite(conversation_id, parse_token(token)[1], actor_id, now_ms, expires_at_ms, max_uses, 0)
    try:
        app.table.write(invites.put_new(invite), memberships.check_role(conversation_id, me))
    except ConditionFailed:
        raise Forbidden("your role has just changed; only owners and admins may create invites") from None
    return CreatedInvite(invite, token)


def list_invites(app: App, actor_id: UserId, conversation_id: ConversationId) -> list[Invite]:
    """Return a group's invites that are not revoked, oldest first. Raises: NotFound; Forbidden for plain members."""
    refuse_non_members(app, actor_id, conversation_id)
    found = invites.list_for(app.table, conversation_id)
    _require_manager(app, actor_id, conversation_id)
    return sorted((invite for invite in found if not invite.revoked), key=lambda invite: invite.created_at_ms)


def revoke(app: App, actor_id: UserId, conversation_id: ConversationId, invite_id: str) -> None:
    """Revoke an invite. Raises: NotFound; Forbidden for plain members."""
    _require_manager(app, actor_id, conversation_id)
    if not invites.revoke(app.table, conversation_id, invite_id, now_ms=app.now_ms()):
        raise NotFound("no such invite")


def preview(app: App, token: str) -> InvitePreview:
    """Return the group that an invite link is for, and the invite.

    Raises: NotFound for an unknown link; Conflict if it is `revoked`, `expired` or `used_up`.
    """
    invite = _require_usable_invite(app, token)
    head = conversations.get(app.table, invite.conversation_id)
    if head is None or not head.member_count:
        raise NotFound("no such invite")
    return InvitePreview(head, invite)


def accept(app: App, user_id: UserId, token: str) -> ConversationId:
    """Join the group that an invite link is for. For a member nothing changes, and no use is counted.

    Raises: as `preview`; Invalid if the group is full.
    """
    users.me(app, user_id)
    conversation_id, _ = _parse_token(token)
    if memberships.get(app.table, conversation_id, user_id) is None:
        _require_usable_invite(app, token)

    def use_invite(tail: Tail) -> list[Op]:
        if not tail.member_count:
            raise NotFound("no such invite")
        return [invites.record_use(_require_usable_invite(app, token))]

    return members.join(app, user_id, conversation_id, use_invite)


def _require_manager(app: App, user_id: UserId, conversation_id: ConversationId) -> Member:
    """Return the membership of an owner or admin. Raises: NotFound; Forbidden; Conflict in a direct conversation."""
    me = require_member(app, user_id, conversation_id)
    head = conversations.get(app.table, conversation_id)
    if head is None or head.kind == "direct":
        raise Conflict("a direct conversation has no invites", reason="direct")
    if not me.may_manage:
        raise Forbidden("only owners and admins may do this")
    return me


def _parse_token(token: str) -> tuple[ConversationId, str]:
    """Return the conversation id and the invite id of a token. Raises: NotFound for text that is no token."""
    conversation_id, invite_id = parse_token(token)
    if not is_id(conversation_id):
        raise NotFound("no such invite")
    return conversation_id, invite_id


def _require_usable_invite(app: App, token: str) -> Invite:
    """Return the invite of a token. Raises: NotFound; Conflict if it can't be used any more."""
    conversation_id, invite_id = _parse_token(token)
    invite = invites.get(app.table, conversation_id, invite_id)
    if invite is None:
        raise NotFound("no such invite")
    if reason := invite.closed_reason(app.now_ms()):
        raise Conflict(f"this invite {_CLOSED_REASONS[reason]}; ask for a new one", reason=reason)
    return invite
