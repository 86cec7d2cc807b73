"""Coming into a group by oneself: by an invite's link, or because it is public; and the directory of public channels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from imchat.domain.conversation import Head
from imchat.domain.ids import ConversationId, UserId
from imchat.domain.invite import Invite, new_token, read_token
from imchat.domain.limits import (
    CHANNELS_FOUND,
    GROUP_INVITES,
    INVITE_S_MAX,
    INVITE_S_MIN,
    INVITE_USES_MAX,
    PREFIX_MIN,
    check_count,
    is_id,
)
from imchat.domain.member import Member
from imchat.domain.search_terms import tokenize
from imchat.errors import Conflict, Forbidden, Invalid, NotFound
from imchat.services import fanout, groups, suspensions, users
from imchat.services.access import require_member
from imchat.services.app import App
from imchat.services.event_log import AlreadyDone, Append, append
from imchat.storage.repositories import channel_index, conversations, invites, members
from imchat.storage.repositories.events import Tail
from imchat.storage.table import ConditionFailed, Op

_ENTRIES_READ: Final = 5 * CHANNELS_FOUND
"""Entries of the directory that a search reads: room for those that its further words rule out."""
_CLOSED_REASONS: Final = {"revoked": "was revoked", "expired": "has expired", "used_up": "is used up"}


def create_invite(
    app: App,
    actor_id: UserId,
    conversation_id: ConversationId,
    *,
    expires_in_s: int | None = None,
    max_uses: int | None = None,
) -> tuple[Invite, str]:
    """Make a link to a group: its invite, and the token that stands in it, which is not kept and never shown again.

    Raises: Invalid, NotFound; Forbidden for all but owner and admins; Conflict in a direct conversation, or with too many.
    """
    if expires_in_s is not None:
        check_count(
            expires_in_s, field="expires_in_s", least=INVITE_S_MIN, most=INVITE_S_MAX, unit=" seconds"
        )
    if max_uses is not None:
        check_count(max_uses, field="max_uses", least=1, most=INVITE_USES_MAX)
    me = _access_manager(app, actor_id, conversation_id)
    now_ms = app.now_ms()
    if sum(not one.closed(now_ms) for one in invites.list_for(app.table, conversation_id)) >= GROUP_INVITES:
        raise Conflict(
            f"a group may have {GROUP_INVITES} invites; revoke one first",
            reason="invites",
            limit=GROUP_INVITES,
        )
    token = new_token(conversation_id, app.new_id())
    expires_at_ms = None if expires_in_s is None else now_ms + expires_in_s * 1000
    made = Invite(conversation_id, read_token(token)[1], actor_id, now_ms, expires_at_ms, max_uses, 0)
    try:
        app.table.write(invites.put_new(made), members.check_role(conversation_id, me))
    except ConditionFailed:
        raise Forbidden("your role has changed; look again") from None
    return made, token


def list_invites(app: App, actor_id: UserId, conversation_id: ConversationId) -> list[Invite]:
    """A group's invites but for revoked ones, oldest first. Raises: NotFound; Forbidden for all but owner and admins."""
    found = invites.list_for(app.table, conversation_id)
    _access_manager(app, actor_id, conversation_id)
    return sorted((one for one in found if not one.revoked), key=lambda one: one.created_at_ms)


def revoke_invite(app: App, actor_id: UserId, conversation_id: ConversationId, invite_id: str) -> None:
    """Make a link useless. Raises: NotFound; Forbidden for all but owner and admins."""
    _access_manager(app, actor_id, conversation_id)
    if not invites.revoke(app.table, conversation_id, invite_id, now_ms=app.now_ms()):
        raise NotFound("no such invite")


def preview_invite(app: App, token: str) -> tuple[Head, Invite]:
    """Where a link leads. Raises: NotFound for none; Conflict if it was `revoked`, has `expired` or is `used_up`."""
    found = _access_invite(app, token)
    head = conversations.get(app.table, found.conversation_id)
    if head is None or not head.member_count:
        raise NotFound("no such invite")
    return head, found


def accept_invite(app: App, user_id: UserId, token: str) -> ConversationId:
    """Join the group that a link leads to; whoever is in it already uses nothing up.

    Raises: as `preview`; Invalid if the group is full.
    """
    users.me(app, user_id)
    conversation_id = read_token(token)[0]
    if members.get(app.table, conversation_id, user_id) is None:
        _access_invite(app, token)

    def check(tail: Tail) -> list[Op]:
        if not tail.member_count:
            raise NotFound("no such invite")
        return [invites.use(_access_invite(app, token))]

    return _join(app, user_id, conversation_id, check)


def join_channel(app: App, user_id: UserId, conversation_id: ConversationId) -> None:
    """Join a public channel. Raises: NotFound for any other; Invalid if it is full."""
    users.me(app, user_id)

    def check(tail: Tail) -> list[Op]:
        if not tail.head.settings.public or not tail.member_count:
            raise NotFound("no such conversation")
        return []

    if not is_id(conversation_id):
        raise NotFound("no such conversation")
    _join(app, user_id, conversation_id, check)


def search_channels(app: App, text: str) -> list[Head]:
    """Up to `CHANNELS_FOUND` public channels with words that begin like all those of `text`. Raises: Invalid without one."""
    words = tokenize(text)
    if not words:
        raise Invalid("q needs a word of two letters", field="q", limit=PREFIX_MIN)
    found = channel_index.search(app.table, words, limit=_ENTRIES_READ)[:CHANNELS_FOUND]
    heads = conversations.get_many(app.table, found)
    return [heads[one] for one in found if one in heads and heads[one].settings.public]


def _join(
    app: App, user_id: UserId, conversation_id: ConversationId, admit: Callable[[Tail], list[Op]]
) -> ConversationId:
    """Add the person by themselves, with the ops that `admit` asks for; where they are in, it is not asked."""

    def decide(tail: Tail, _newcomer: Member) -> Append | AlreadyDone:
        if user_id in tail.members:
            return AlreadyDone(tail.events[-1])
        further = admit(tail)
        groups.check_capacity(tail, [user_id])
        return groups.decide_addition(tail, user_id, [user_id], *further)

    append(app, conversation_id, user_id, decide, as_member=Member(user_id, "member", 0, 0, 0))
    suspensions.mark_new_members(app, conversation_id, [user_id])
    fanout.notify_conversation(app, [user_id], conversation_id, "added")
    return conversation_id


def _access_manager(app: App, user_id: UserId, conversation_id: ConversationId) -> Member:
    """The membership of an owner or admin. Raises: NotFound, Forbidden; Conflict in a direct conversation."""
    me = require_member(app, user_id, conversation_id)
    head = conversations.get(app.table, conversation_id)
    if head is None or head.kind == "direct":
        raise Conflict("a direct conversation has its two people, and no invites", reason="direct")
    if not me.may_manage:
        raise Forbidden("only the owner and admins may do this")
    return me


def _access_invite(app: App, token: str) -> Invite:
    """The invite of a token, if it can be used now. Raises: NotFound, Conflict."""
    conversation_id, invite_id = read_token(token)
    found = invites.get(app.table, conversation_id, invite_id) if is_id(conversation_id) else None
    if found is None:
        raise NotFound("no such invite")
    if reason := found.closed(app.now_ms()):
        raise Conflict(f"this invite {_CLOSED_REASONS[reason]}; ask for another", reason=reason)
    return found
