"""Send messages and read the log of a conversation."""

from __future__ import annotations

from typing import Final

from pydantic_core import to_json

from imchat.domain.event import Draft, Event, Quote, matches_send, quote_of
from imchat.domain.ids import ConnectionId, ConversationId, UserId
from imchat.domain.limits import (
    PAGE_DEFAULT,
    PAGE_MAX,
    SEQ_MAX,
    check_body,
    check_client_message_id,
    check_count,
)
from imchat.domain.member import Member
from imchat.domain.mentions import handles_in, mentions_in
from imchat.domain.message import Message
from imchat.domain.record import Record, record
from imchat.errors import Forbidden, Invalid
from imchat.services.access import check_not_blocked, refuse_non_members, require_member
from imchat.services.app import App
from imchat.services.event_log import AlreadyDone, Append, Appended, append
from imchat.services.hydration import hydrate, visible_from
from imchat.storage.repositories import blocks, conversations, events, members, users
from imchat.storage.repositories.events import Tail
from imchat.storage.table import Op

PAGE_BYTES: Final = 512 * 1024
"""Bytes of events in one response, about: nothing interrupts a request of `imchat local`, and others wait for it.

A function's response has at most 6 MB, and its JSON is embedded in JSON once more there, which turns one byte into up to
three. Source: Lambda quotas, "Invocation payload".
"""
_EVENT_BYTES: Final = 1024
"""An event is smaller without the text, reactions and mentions of its message."""
_USER_BYTES: Final = 128
"""A user in a reaction or mention takes less: an id, and a handle or a share of the emoji and its count."""
_CHAR_BYTES: Final = 3
"""UTF-8 has at most this many bytes for a character of a living script."""


@record
class EventPage(Record):
    """A page of a log, ascending. `has_more`: there are more events in the requested direction.

    `has_before` and `has_after` tell whether a page `around` an event has more on either side; None for other pages.
    """

    events: list[Event]
    has_more: bool
    has_before: bool | None = None
    has_after: bool | None = None


def send(
    app: App,
    sender_id: UserId,
    conversation_id: ConversationId,
    *,
    client_message_id: str,
    body: str,
    after_seq: int | None = None,
    reply_to: int | None = None,
    connection_id: ConnectionId | None = None,
) -> Appended:
    """Append a message once, however often it is sent: a repeated `client_message_id` returns the event of the first one.

    `after_seq` is the newest seq that the sender knew at the first attempt; every retry sends the same one. `reply_to` is
    the seq of a message to quote. `@handle` mentions a member; the handle of anyone else stays plain text. `connection_id`
    is a connection of the sender's that gets no push, because it takes the event from this response.
    Raises: Invalid, NotFound, Conflict (`behind`), Busy; Forbidden if only owners and admins may post, and if one member of
    a direct conversation blocked the other.
    """
    check_body(body)
    check_client_message_id(client_message_id)
    if after_seq is not None:
        check_count(after_seq, field="after_seq", maximum=SEQ_MAX)
    mentionable = resolve_handles(app, sender_id, body)
    plain: Message = {"client_message_id": client_message_id, "body": body}
    draft = Draft(type="message.created", actor_id=sender_id, message=plain)

    def decide(tail: Tail, sender: Member) -> Append | AlreadyDone:
        for event in tail.events:
            if matches_send(event, sender_id=sender_id, client_message_id=client_message_id):
                return AlreadyDone(event)
        check_not_blocked(tail)
        if tail.head.settings.posting == "admins" and not sender.may_manage:
            raise Forbidden("only owners and admins may post in this group")
        if reply_to is None and not mentionable:
            return Append(draft)
        message = plain.copy()
        mentions = mentions_in(body, mentionable, tail.members)
        mentioned = [tail.members[user_id] for user_id in mentions.values() if user_id != sender_id]

        def ops(event: Event) -> list[Op]:
            return [members.add_mention(conversation_id, member, event["seq"]) for member in mentioned]

        if mentions:
            message["mentions"] = mentions
        if reply_to is None:
            return Append({**draft, "message": message}, ops)
        message["reply_to"] = reply_to
        quote = _load_quote(app, conversation_id, reply_to, sender)
        return Append({**draft, "message": message}, ops, hydrate=lambda event: {**event, "quote": quote})

    return append(
        app,
        conversation_id,
        sender_id,
        decide,
        after_seq=after_seq,
        also_load=mentionable.values(),
        skip_connection=connection_id,
    )


def resolve_handles(app: App, author_id: UserId, body: str) -> dict[str, UserId]:
    """Return the users whose handles a text contains, members or not, except those who blocked the author."""
    by_handle = users.find_by_handles(app.table, handles_in(body)) if "@" in body else {}
    if not by_handle:
        return by_handle
    blockers = blocks.blockers_of(app.table, author_id)
    return {handle: user_id for handle, user_id in by_handle.items() if user_id not in blockers}


def _load_quote(app: App, conversation_id: ConversationId, seq: int, sender: Member) -> Quote:
    quoted = events.get(
        app.table, conversation_id, check_count(seq, field="reply_to", minimum=1, maximum=SEQ_MAX)
    )
    if quoted is None or quoted["type"] != "message.created" or seq < sender.history_from:
        raise Invalid(
            "reply_to is not a message of this conversation", field="reply_to", limit="a message's seq"
        )
    return quote_of(quoted)


def read(
    app: App,
    reader_id: UserId,
    conversation_id: ConversationId,
    *,
    after: int | None = None,
    before: int | None = None,
    around: int | None = None,
    limit: int = PAGE_DEFAULT,
) -> EventPage:
    """Return a page of the log in ascending order.

    `after`: the first events with a higher seq; `before`: the last ones with a lower seq; `around`: an event with those
    next to it; none of these: the newest. Long events make a page shorter than `limit`. The log begins at the start of the
    reader's history; messages have their current state. The membership is checked after everything was read, so all of it
    was read before any removal.
    Raises: NotFound for someone who is not a member; Invalid.
    """
    check_count(limit, field="limit", minimum=1, maximum=PAGE_MAX)
    bounds = {"after": after, "before": before, "around": around}
    given = [name for name, seq in bounds.items() if seq is not None]
    if len(given) > 1:
        raise Invalid(
            f"use either {given[0]} or {given[1]}, not both",
            field=given[1],
            limit=f"one of {', '.join(bounds)}",
        )
    for name, seq in bounds.items():
        if seq is not None:
            check_count(seq, field=name, maximum=SEQ_MAX)
    refuse_non_members(app, reader_id, conversation_id)
    if around is not None:
        return _read_around(app, reader_id, conversation_id, around, limit)
    page, more = _read_page(app, conversation_id, after, before, limit)
    history_from = require_member(app, reader_id, conversation_id).history_from
    if after is not None and after < history_from - 1:
        page, more = _read_page(app, conversation_id, history_from - 1, None, limit)
        history_from = require_member(app, reader_id, conversation_id).history_from
    visible = [event for event in page if event["seq"] >= history_from]
    hydrated = hydrate(app.table, conversation_id, visible, since=history_from)
    if hydrated is not visible:  # More was read, so check again.
        me = require_member(app, reader_id, conversation_id)
        hydrated = visible_from(hydrated, me.history_from)
    limited = _limit_bytes(hydrated, newest=after is None)
    if len(limited) < len(hydrated):
        return EventPage(limited, has_more=True)
    has_more = more and (after is not None or page[0]["seq"] > history_from)
    return EventPage(limited, has_more)


def _read_around(
    app: App, reader_id: UserId, conversation_id: ConversationId, seq: int, limit: int
) -> EventPage:
    """Return event `seq` with the events next to it: half of `limit` before it, the rest from it on.

    Each side has at most half of a page's bytes. A `seq` before the reader's history counts as its start.
    """
    (older, more_before), (newer, more_after) = _read_sides(app, conversation_id, seq, limit)
    history_from = require_member(app, reader_id, conversation_id).history_from
    if seq < history_from:
        seq = history_from
        (older, more_before), (newer, more_after) = _read_sides(app, conversation_id, seq, limit)
        history_from = require_member(app, reader_id, conversation_id).history_from
    older, newer = ([event for event in side if event["seq"] >= history_from] for side in (older, newer))
    page = hydrate(app.table, conversation_id, older + newer, since=history_from)
    require_member(app, reader_id, conversation_id)
    before = _limit_bytes(page[: len(older)], newest=True, maximum=PAGE_BYTES // 2)
    after = _limit_bytes(page[len(older) :], newest=False, maximum=PAGE_BYTES // 2)
    first_seq = older[0]["seq"] if older else seq
    has_before = len(before) < len(older) or (more_before and first_seq > history_from)
    has_after = len(after) < len(newer) or more_after
    return EventPage(before + after, has_before or has_after, has_before, has_after)


def _read_sides(
    app: App, conversation_id: ConversationId, seq: int, limit: int
) -> tuple[tuple[list[Event], bool], tuple[list[Event], bool]]:
    """Return the events before `seq` and those from it on, each with whether there are more."""
    before = _read_page(app, conversation_id, None, seq, limit // 2)
    return before, _read_page(app, conversation_id, seq - 1, None, limit - limit // 2)


def _limit_bytes(page: list[Event], *, newest: bool, maximum: int = PAGE_BYTES) -> list[Event]:
    """Return as many events as fit into one response, from the newest or from the oldest of the page on."""
    if _estimate_bytes(page) <= maximum:
        return page
    size = 0
    for count, event in enumerate(reversed(page) if newest else page):
        size += len(to_json(event))
        if size > maximum and count:
            return page[-count:] if newest else page[:count]
    return page


def _estimate_bytes(page: list[Event]) -> int:
    """Return about the most bytes that events take, without encoding them."""
    shown = [event["message"] for event in page if "message" in event]
    chars = sum(len(message["body"]) for message in shown)
    users = sum(len(message.get("mentions", ())) for message in shown)
    users += sum(
        1 + len(reaction["user_ids"]) for message in shown for reaction in message.get("reactions", ())
    )
    return len(page) * _EVENT_BYTES + chars * _CHAR_BYTES + users * _USER_BYTES


def _read_page(
    app: App, conversation_id: ConversationId, after: int | None, before: int | None, limit: int
) -> tuple[list[Event], bool]:
    """Return up to `limit` events, and whether there are more. More than `PAGE_DEFAULT` are read only if they are short."""

    def read(after: int | None, before: int, count: int) -> list[Event]:
        if after is not None:
            return events.list_after(app.table, conversation_id, after, limit=count)
        return events.list_before(app.table, conversation_id, before, limit=count)

    count = min(limit, PAGE_DEFAULT)
    page = read(after, SEQ_MAX if before is None else before, count + 1)
    if count < limit and len(page) > count and _estimate_bytes(page) * limit <= PAGE_BYTES * len(page):
        count = limit
        rest = read(None if after is None else page[-1]["seq"], page[0]["seq"], limit + 1 - len(page))
        page = rest + page if after is None else page + rest
    if after is not None:
        return page[:count], len(page) > count
    return page[max(len(page) - count, 0) :], len(page) > count


def list_pinned(app: App, reader_id: UserId, conversation_id: ConversationId) -> list[Event]:
    """Return the pinned messages in the order in which they were pinned. Raises: NotFound for someone who is not a member."""
    history_from = require_member(app, reader_id, conversation_id).history_from
    head = conversations.get(app.table, conversation_id)
    seqs = [seq for seq in head.pinned if seq >= history_from] if head else []
    found = events.get_many(app.table, conversation_id, seqs)
    page = hydrate(app.table, conversation_id, [found[seq] for seq in seqs], since=history_from)
    me = require_member(app, reader_id, conversation_id)
    return visible_from(page, me.history_from)
