"""Hydrate stored events: add the current state of the messages they refer to, limited to the reader's history."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import takewhile

from imchat.domain.event import Event, quote_of
from imchat.domain.ids import ConversationId, UserId
from imchat.domain.member import Member
from imchat.storage.repositories import events
from imchat.storage.table import Table


def hydrate(
    table: Table, conversation_id: ConversationId, page: list[Event], *, since: int = 1
) -> list[Event]:
    """Return stored events with the messages they refer to: the changed message, or the quote of a reply.

    Messages that are not in the page are read in one request, none of them before `since`. Check the reader's membership
    after this.
    """
    wanted = {seq for event in page if (seq := _referenced_seq(event)) is not None and seq >= since}
    if not wanted:
        return page
    known = {event["seq"]: event for event in page if event["seq"] in wanted}
    if missing := wanted - known.keys():
        known |= events.get_many(table, conversation_id, missing)
    return [_add_reference(event, known) for event in page]


def referenced_seqs(page: list[Event]) -> set[int]:
    """Return the seqs of the messages that these events change or quote."""
    return {seq for event in page if (seq := _referenced_seq(event)) is not None}


def visible_before(page: list[Event], last_seq: int) -> list[Event]:
    """Return the events before the first one that shows a change after `last_seq`: former members must not see that."""
    return list(takewhile(lambda event: _changed_seq(event) <= last_seq, page))


def visible_from(page: list[Event], since: int) -> list[Event]:
    """Return the hydrated events that a member whose history begins at `since` may see, without older content.

    `since` may be later than it was when the page was read: the member may have left and joined again in between.
    """
    return [redact_before(event, since) for event in page if event["seq"] >= since]


def by_visible_history(
    written: list[Event], members: Mapping[UserId, Member]
) -> Iterator[tuple[list[Event], list[UserId]]]:
    """Yield new events as groups of members may see them: no message from before their history is included."""
    oldest = min((seq for event in written if (seq := _referenced_seq(event)) is not None), default=None)
    if oldest is None:
        yield written, list(members)
        return
    by_history: defaultdict[int, list[UserId]] = defaultdict(list)
    for member in members.values():
        by_history[member.history_from if member.history_from > oldest else 1].append(member.user_id)
    for since, user_ids in by_history.items():
        yield [redact_before(event, since) for event in written], user_ids


def _referenced_seq(event: Event) -> int | None:
    if event["type"] == "message.created":
        return event["message"].get("reply_to")
    return event.get("target_seq")


def _changed_seq(event: Event) -> int:
    changed = (event[part].get("changed_seq", 0) for part in ("message", "quote") if part in event)
    return max(changed, default=0)


def _add_reference(event: Event, known: dict[int, Event]) -> Event:
    referenced = known.get(_referenced_seq(event) or 0)
    if referenced is None:
        return event
    if event["type"] == "message.created":
        return {**event, "quote": quote_of(referenced)}
    return {**event, "message": referenced["message"]}


def redact_before(event: Event, since: int) -> Event:
    """Return a hydrated event without the message it refers to, if that is from before `since`."""
    if (_referenced_seq(event) or since) >= since:
        return event
    redacted: Event = {**event}
    if event["type"] == "message.created":
        redacted.pop("quote", None)
    else:
        redacted.pop("message", None)
    return redacted
