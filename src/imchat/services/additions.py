"""Check who may add whom to a conversation: refuse unwanted additions, and limit additions of strangers.

The actor, who adds users, is a stranger to a user unless

- the user was active recently in the direct conversation of the two, or
- both are members of a group that is not public, and someone other than the actor added the user to it.

Other contacts do not count, because the actor can create them alone: by adding the user to a group, by writing to them, or
by joining a public channel of which they are a member. `strangers` are the users to whom the actor is a stranger.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from imchat.domain.conversation import Kind
from imchat.domain.ids import ConversationId, UserId, direct_conversation_id
from imchat.domain.limits import REPLAY_WINDOW, SEQ_MAX
from imchat.domain.user import User
from imchat.errors import Forbidden
from imchat.services.app import App
from imchat.storage.repositories import conversations, events, members

POINTERS_READ: Final = 500
"""Conversations of a user that are searched for common groups: about 10 read units. Others are ignored."""
COMMON_GROUPS_READ: Final = 20
"""Common groups that are checked for who added the user."""


def check_additions(app: App, actor_id: UserId, people: Collection[User], *, kind: Kind, field: str) -> None:
    """Check that the actor may add these people to a conversation of this kind, and count the strangers among them.

    Call it once for each addition, right before the write. `field` is the request's field for an error.
    Raises: Forbidden, which names the users who refuse additions by strangers to groups; RateLimited, or Invalid if there
    are more strangers than the limit allows at once.
    """
    restricted = [user.user_id for user in people if kind == "group" and user.group_additions == "known"]
    limiter = app.stranger_limiter
    strangers = find_strangers(
        app, actor_id, restricted if limiter is None else [user.user_id for user in people]
    )
    if refused := strangers.intersection(restricted):
        raise Forbidden(
            "you can't add these people: only people they know can add them; send them an invite link",
            reason="group_additions",
            user_ids=sorted(refused),
        )
    if strangers and limiter is not None:
        now_s = app.now_ms() // 1000
        limiter.count(app.table, actor_id, len(strangers), now_s=now_s, field=field)


def find_strangers(app: App, actor_id: UserId, user_ids: Collection[UserId]) -> set[UserId]:
    """Return those of these users to whom the actor is a stranger."""
    if not user_ids:
        return set()
    own = conversations.list_pointers(app.table, actor_id, after=None, limit=POINTERS_READ)
    peer_ids = {pointer.peer_id for pointer in own}
    group_ids = {pointer.conversation_id for pointer in own if pointer.peer_id is None}
    return {
        user_id
        for user_id in user_ids
        if not (user_id in peer_ids and _was_active_in_direct(app, actor_id, user_id))
        and not (group_ids and _shares_group(app, actor_id, user_id, group_ids))
    }


def _was_active_in_direct(app: App, actor_id: UserId, user_id: UserId) -> bool:
    """Return whether one of the newest `REPLAY_WINDOW` events of the direct conversation is by `user_id`."""
    conversation_id = direct_conversation_id(actor_id, user_id)
    newest = events.list_before(app.table, conversation_id, SEQ_MAX, limit=REPLAY_WINDOW)
    return any(event["actor_id"] == user_id for event in newest)


def _shares_group(app: App, actor_id: UserId, user_id: UserId, group_ids: Collection[ConversationId]) -> bool:
    """Return whether the user is a member of one of these groups that is not public and to which the actor did not add them."""
    pointers = conversations.list_pointers(app.table, user_id, after=None, limit=POINTERS_READ)
    common = [pointer.conversation_id for pointer in pointers if pointer.conversation_id in group_ids]
    return _was_added_by_other(app, actor_id, user_id, common[:COMMON_GROUPS_READ])


def _was_added_by_other(
    app: App, actor_id: UserId, user_id: UserId, group_ids: Iterable[ConversationId]
) -> bool:
    heads = conversations.get_many(app.table, group_ids)
    private = [group_id for group_id, head in heads.items() if not head.settings.public]
    memberships = members.get_many(app.table, [(group_id, user_id) for group_id in private])
    joined = (
        events.get(app.table, group_id, member.joined_seq) for (group_id, _), member in memberships.items()
    )
    return any(event is not None and event["actor_id"] != actor_id for event in joined)
