"""Limit what a member sees of a conversation: nothing from before their history, and no activity across a block.

Two users with a block between them do not see each other's read cursor, typing or presence, in any conversation. All code
that returns or pushes a read cursor calls this module; events are limited by `hydration`, presence by `presence`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from imchat.domain.conversation import Head
from imchat.domain.ids import ConversationId, UserId, direct_conversation_id
from imchat.domain.limits import SIGNAL_MEMBERS
from imchat.domain.member import Member
from imchat.services.access import is_blocked
from imchat.services.app import App
from imchat.storage.repositories import blocks, members

_PAIR = 2


def head_from_history(head: Head, me: Member) -> Head:
    """Return the head without pins, and without a newest message, from before the member's history."""
    if me.history_from == 1:
        return head
    last_message = head.last_message
    if last_message is not None and last_message["seq"] < me.history_from:
        last_message = None
    pinned = tuple(seq for seq in head.pinned if seq >= me.history_from)
    return replace(head, last_message=last_message, pinned=pinned)


def hide_cursors(
    app: App, viewer_id: UserId, conversation_id: ConversationId, shown: Iterable[Member]
) -> list[Member]:
    """Return members as the viewer sees them: across a block, a member's cursor is where it was when they joined."""
    by_id = {member.user_id: member for member in shown}
    hidden = _blocked_among(app, viewer_id, conversation_id, by_id)
    return [
        replace(member, read_seq=member.joined_seq, read_count=0) if user_id in hidden else member
        for user_id, member in by_id.items()
    ]


def list_observers(app: App, user_id: UserId, conversation_id: ConversationId) -> list[UserId] | None:
    """Return the other members who may see the user type and read: those without a block between them.

    None if the conversation has more than `SIGNAL_MEMBERS` members: too many for such pushes.
    """
    all_members = members.list_for(app.table, conversation_id, limit=SIGNAL_MEMBERS + 1)
    if len(all_members) > SIGNAL_MEMBERS:
        return None
    hidden = _blocked_among(app, user_id, conversation_id, all_members)
    return [member_id for member_id in all_members if member_id != user_id and member_id not in hidden]


def _blocked_among(
    app: App, user_id: UserId, conversation_id: ConversationId, shown: Mapping[UserId, Member]
) -> set[UserId]:
    """Return the members with a block between them and the user, in either direction.

    In a direct conversation the memberships have the blocks; in a group it costs one query.
    """
    if len(shown) == _PAIR and conversation_id == direct_conversation_id(*shown):
        return shown.keys() - {user_id} if is_blocked(shown.values()) else set()
    return blocks.involving(app.table, user_id).intersection(shown) if shown.keys() - {user_id} else set()
