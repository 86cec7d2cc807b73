"""Presence: who is online, and when others were last seen. Derived from open connections, and pushed to subscribers.

Only users who share a conversation see each other's presence, and only without a block between them. A user who switched
it off shows it to no one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from imchat.domain.ids import ConversationId, UserId
from imchat.domain.limits import SIGNAL_MEMBERS, WATCH_S, WATCHED_MAX, check_count
from imchat.domain.record import Record, record
from imchat.errors import Invalid
from imchat.services import fanout
from imchat.services.access import refuse_non_members, require_member
from imchat.services.app import App
from imchat.storage.repositories import blocks, connections, members, presence_subscriptions, users


@record
class Presence(Record):
    """A user's presence. `last_seen_ms`: when their last connection closed, if that is known and none is open."""

    user_id: UserId
    online: bool
    last_seen_ms: int | None


@record
class PresenceSubscription(Record):
    """The presence of users when the subscription began, and when it ends."""

    presences: list[Presence]
    until_ms: int


def get(
    app: App, viewer_id: UserId, conversation_id: ConversationId, user_ids: Collection[UserId] | None
) -> list[Presence]:
    """Return the presence of these members, or of all, without those who hide it.

    Raises: NotFound for someone who is not a member; Invalid if `user_ids` is None and there are more than
    `SIGNAL_MEMBERS` members.
    """
    if user_ids is not None:
        check_count(len(user_ids), field="user_ids", minimum=1, maximum=SIGNAL_MEMBERS)
    refuse_non_members(app, viewer_id, conversation_id)
    if user_ids is None:
        page = members.list_page(app.table, conversation_id, after=None, limit=SIGNAL_MEMBERS + 1)
        member_ids = [member.user_id for member in page]
    else:
        member_ids = _members_among(app, conversation_id, user_ids)
    too_many = len(member_ids) > SIGNAL_MEMBERS
    presences = [] if too_many else _visible_presences(app, member_ids)
    require_member(app, viewer_id, conversation_id)
    if too_many:
        raise Invalid(
            f"user_ids is required in conversations of more than {SIGNAL_MEMBERS} members",
            field="user_ids",
            limit=SIGNAL_MEMBERS,
        )
    blocked_ids = blocks.involving(app.table, viewer_id) if presences else set()
    return [presence for presence in presences if presence.user_id not in blocked_ids]


def subscribe(
    app: App, viewer_id: UserId, conversation_id: ConversationId, user_ids: Collection[UserId]
) -> PresenceSubscription:
    """Return the presence of these members as `get` does, and push its changes until `until_ms`.

    Raises: NotFound for someone who is not a member; Invalid.
    """
    check_count(len(user_ids), field="user_ids", minimum=1, maximum=WATCHED_MAX)
    require_member(app, viewer_id, conversation_id)
    now_ms = app.now_ms()
    others = [user_id for user_id in _members_among(app, conversation_id, user_ids) if user_id != viewer_id]
    # Subscribe first, then read: a change in between is seen twice instead of being missed.
    presence_subscriptions.add(app.table, others, viewer_id, conversation_id, now_s=now_ms // 1000)
    return PresenceSubscription(get(app, viewer_id, conversation_id, user_ids), now_ms + WATCH_S * 1000)


def on_connect(app: App, user_id: UserId) -> None:
    """Notify subscribers that the user's first connection was opened."""
    _notify_subscribers(app, user_id)


def on_disconnect(app: App, user_id: UserId) -> None:
    """Store when a connection of the user was closed, and notify subscribers unless another one is open."""
    users.set_last_seen(app.table, user_id, app.now_ms())
    _notify_subscribers(app, user_id, unless_online=True)


def on_visibility_change(app: App, user_id: UserId) -> None:
    """Notify subscribers that the user now shows or hides their presence. A hidden user appears offline."""
    _notify_subscribers(app, user_id, also_hidden=True)


def end_subscriptions(app: App, user_id: UserId, other_id: UserId) -> None:
    """Push to each of two users with a block between them that the other went offline, if they subscribed."""
    now_s = app.now_ms() // 1000
    for subject_id, subscriber_id in ((user_id, other_id), (other_id, user_id)):
        if subscriber_id in presence_subscriptions.list_for(app.table, subject_id, now_s=now_s):
            offline = Presence(subject_id, online=False, last_seen_ms=None)
            fanout.notify(app, [subscriber_id], {"type": "presence", **to_wire(offline)})


def _notify_subscribers(
    app: App, user_id: UserId, *, unless_online: bool = False, also_hidden: bool = False
) -> None:
    """Push the user's presence to subscribers who still share the conversation. Without subscribers it costs one read."""
    subscriptions = presence_subscriptions.list_for(app.table, user_id, now_s=app.now_ms() // 1000)
    if not subscriptions:
        return
    presences = _visible_presences(app, [user_id])
    if not presences and also_hidden:
        presences = [Presence(user_id, online=False, last_seen_ms=None)]
    if not presences or (unless_online and presences[0].online):
        return
    pairs = [
        (conversation_id, member_id)
        for subscriber_id, conversation_id in subscriptions.items()
        for member_id in (subscriber_id, user_id)
    ]
    memberships = members.get_many(app.table, pairs)
    blocked_ids = blocks.involving(app.table, user_id)
    allowed = [
        subscriber_id
        for subscriber_id, conversation_id in subscriptions.items()
        if (conversation_id, subscriber_id) in memberships
        and (conversation_id, user_id) in memberships
        and subscriber_id not in blocked_ids
    ]
    fanout.notify(app, allowed, {"type": "presence", **to_wire(presences[0])})


def to_wire(presence: Presence) -> dict[str, object]:
    """Return the presence as `Presence` of the API schema."""
    state: dict[str, object] = {"user_id": presence.user_id, "online": presence.online}
    return state if presence.last_seen_ms is None else state | {"last_seen_ms": presence.last_seen_ms}


def _members_among(app: App, conversation_id: ConversationId, user_ids: Iterable[UserId]) -> list[UserId]:
    """Return those of these users who are members."""
    pairs = [(conversation_id, user_id) for user_id in user_ids]
    return [user_id for _, user_id in members.get_many(app.table, pairs)]


def _visible_presences(app: App, user_ids: Collection[UserId]) -> list[Presence]:
    """Return the presence of those of these users who do not hide it."""
    profiles = users.get_many(app.table, user_ids)
    online = set(connections.list_for(app.table, user_ids, now_s=app.now_ms() // 1000).values())
    return [
        Presence(user_id, user_id in online, None if user_id in online else profile.last_seen_ms)
        for user_id, profile in profiles.items()
        if profile.show_presence
    ]
