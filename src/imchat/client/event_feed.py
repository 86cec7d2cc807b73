"""Orders the events of a user's conversations: each event is delivered once and in order.

Has no I/O: it receives events and returns which to deliver, and whether events are missing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from imchat.client.protocol import Event


class EventInConversation(NamedTuple):
    """An event of the log, as described in `docs/protocol.md`, and its conversation."""

    conversation_id: str
    event: Event


class EventFeed:
    """Tracks the last delivered `seq` of each conversation. Holds one number per followed conversation."""

    def __init__(self) -> None:
        self._last_seqs: dict[str, int] = {}

    def __contains__(self, conversation_id: str) -> bool:
        return conversation_id in self._last_seqs

    def last_seq(self, conversation_id: str) -> int | None:
        """Return the `seq` of the last delivered event, or None if the conversation is not followed."""
        return self._last_seqs.get(conversation_id)

    def followed_except(self, conversation_ids: Collection[str]) -> list[str]:
        """Return the followed conversations that are not among `conversation_ids`."""
        return [found for found in self._last_seqs if found not in conversation_ids]

    def follow(self, conversation_id: str, last_seq: int) -> None:
        """Deliver the events after `last_seq`. Does nothing if the conversation is already followed."""
        self._last_seqs.setdefault(conversation_id, last_seq)

    def unfollow(self, conversation_id: str) -> None:
        """Stop following a conversation, after the user left it."""
        self._last_seqs.pop(conversation_id, None)

    def skip_to(self, conversation_id: str, seq: int) -> None:
        """Continue at `seq`, because earlier events are not readable. Never moves backwards."""
        self._last_seqs[conversation_id] = max(self._last_seqs[conversation_id], seq - 1)

    def accept(self, conversation_id: str, events: Sequence[Event]) -> Iterator[EventInConversation]:
        """Yield the next events among `events` (ascending), up to a gap. An event counts as delivered when yielded."""
        for event in events:
            last = self._last_seqs[conversation_id]
            if event["seq"] > last + 1:
                return
            if event["seq"] == last + 1:
                self._last_seqs[conversation_id] = last + 1
                yield EventInConversation(conversation_id, event)

    def has_gap_before(self, conversation_id: str, events: Sequence[Event]) -> bool:
        """Return whether events before the last of `events` (ascending) were not delivered."""
        return bool(events) and events[-1]["seq"] > self._last_seqs[conversation_id]
