"""Who is online, and was last: derived from open connections when somebody asks, told to those who watch.

Only people who share a conversation see it of each other, past no block, and whoever switched it off shows it to nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from imchat.domain.ids import ConversationId, UserId
from imchat.domain.limits import SIGNAL_MEMBERS, WATCH_S, WATCHED_MAX, check_count
from imchat.errors import Invalid
from imchat.services import fanout
from imchat.services.access import refuse_strangers, require_member
from imchat.services.app import App
from imchat.storage.repositories import blocks, connections, members, presence_subscriptions, users


class Presence(NamedTuple):
    """`last_seen_ms` is when the person's last device went, if that is known and none is there now."""

    user_id: UserId
    online: bool
    last_seen_ms: int | None


def get(
    app: App, viewer_id: UserId, conversation_id: ConversationId, user_ids: Collection[UserId] | None
) -> list[Presence]:
    """The presence of members: of those named, or of all where they are up to `SIGNAL_MEMBERS`; who hides it is left out.

    Raises: NotFound for one who is no member; Invalid where people have to be named.
    """
    if user_ids is not None:
        check_count(len(user_ids), field="user_ids", minimum=1, maximum=SIGNAL_MEMBERS)
    refuse_strangers(app, viewer_id, conversation_id)
    if user_ids is None:
        page = members.list_page(app.table, conversation_id, after=None, limit=SIGNAL_MEMBERS + 1)
        found = [member.user_id for member in page]
    else:
        found = _members_among(app, conversation_id, user_ids)
    too_many = len(found) > SIGNAL_MEMBERS
    seen = [] if too_many else _presence(app, found)
    require_member(app, viewer_id, conversation_id)
    if too_many:
        raise Invalid("name the people; there are too many here", field="user_ids", limit=SIGNAL_MEMBERS)
    hidden = blocks.involving(app.table, viewer_id) if seen else set()
    return [one for one in seen if one.user_id not in hidden]


def subscribe(
    app: App, viewer_id: UserId, conversation_id: ConversationId, user_ids: Collection[UserId]
) -> tuple[list[Presence], int]:
    """As `look`, and hear of these members' coming and going until the time that is returned as well (ms).

    Raises: NotFound for one who is no member; Invalid.
    """
    check_count(len(user_ids), field="user_ids", minimum=1, maximum=WATCHED_MAX)
    require_member(app, viewer_id, conversation_id)
    now_ms = app.now_ms()
    others = [user_id for user_id in _members_among(app, conversation_id, user_ids) if user_id != viewer_id]
    # Watch, then look: of what happens in between the watcher hears twice, not never.
    presence_subscriptions.add(app.table, others, viewer_id, conversation_id, now_s=now_ms // 1000)
    return get(app, viewer_id, conversation_id, user_ids), now_ms + WATCH_S * 1000


def on_connect(app: App, user_id: UserId) -> None:
    """Tell watchers that the person's first device is there."""
    _notify_subscribers(app, user_id)


def on_disconnect(app: App, user_id: UserId) -> None:
    """Note when one of the person's devices went, and tell watchers, unless another is there still."""
    users.set_last_seen(app.table, user_id, app.now_ms())
    _notify_subscribers(app, user_id, unless_online=True)


def on_visibility_change(app: App, user_id: UserId) -> None:
    """Tell watchers that the person began to show their presence, or to hide it, which looks like being offline."""
    _notify_subscribers(app, user_id, also_hidden=True)


def end_subscriptions(app: App, one_id: UserId, other_id: UserId) -> None:
    """Let each of two between whom a block lies believe that the other went, if they watch."""
    now_s = app.now_ms() // 1000
    for seen_id, watcher_id in ((one_id, other_id), (other_id, one_id)):
        if watcher_id in presence_subscriptions.list_for(app.table, seen_id, now_s=now_s):
            gone = Presence(seen_id, online=False, last_seen_ms=None)
            fanout.notify(app, [watcher_id], {"type": "presence", **to_wire(gone)})


def _notify_subscribers(
    app: App, user_id: UserId, *, unless_online: bool = False, also_hidden: bool = False
) -> None:
    """Bring watchers up to date, but for those who share the conversation no longer. One read where nobody watches."""
    asked = presence_subscriptions.list_for(app.table, user_id, now_s=app.now_ms() // 1000)
    if not asked:
        return
    shown = _presence(app, [user_id])
    if not shown and also_hidden:
        shown = [Presence(user_id, online=False, last_seen_ms=None)]
    if not shown or (unless_online and shown[0].online):
        return
    pairs = [
        (conversation_id, who)
        for watcher_id, conversation_id in asked.items()
        for who in (watcher_id, user_id)
    ]
    sharing = members.get_many(app.table, pairs)
    hidden = blocks.involving(app.table, user_id)
    allowed = [
        watcher_id
        for watcher_id, conversation_id in asked.items()
        if (conversation_id, watcher_id) in sharing
        and (conversation_id, user_id) in sharing
        and watcher_id not in hidden
    ]
    fanout.notify(app, allowed, {"type": "presence", **to_wire(shown[0])})


def to_wire(presence: Presence) -> dict[str, object]:
    """schema.Presence"""
    state: dict[str, object] = {"user_id": presence.user_id, "online": presence.online}
    return state if presence.last_seen_ms is None else state | {"last_seen_ms": presence.last_seen_ms}


def _members_among(app: App, conversation_id: ConversationId, user_ids: Iterable[UserId]) -> list[UserId]:
    pairs = [(conversation_id, user_id) for user_id in user_ids]
    return [user_id for _, user_id in members.get_many(app.table, pairs)]


def _presence(app: App, user_ids: Collection[UserId]) -> list[Presence]:
    """The presence of those who show it."""
    profiles = users.get_many(app.table, user_ids)
    online = set(connections.list_for(app.table, user_ids, now_s=app.now_ms() // 1000).values())
    return [
        Presence(user_id, user_id in online, None if user_id in online else profile.last_seen_ms)
        for user_id, profile in profiles.items()
        if profile.show_presence
    ]
