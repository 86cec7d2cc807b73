"""What is new in a person's conversations: every event once, in its order, whatever way it came.

Pure: it is told of events and says which may be handed on, and from where the log has to be read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, TypeAlias

Event: TypeAlias = dict[str, Any]


class Heard(NamedTuple):
    """An event of the log, as `docs/protocol.md` describes it, and the conversation it is in."""

    conversation_id: str
    event: Event


class Feed:
    """Per conversation, up to which `seq` everything was handed on."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}

    def __contains__(self, conversation_id: str) -> bool:
        return conversation_id in self._last

    def last(self, conversation_id: str) -> int | None:
        """The newest event that was handed on; None for a conversation that is not followed."""
        return self._last.get(conversation_id)

    def follow(self, conversation_id: str, last: int) -> None:
        """Hand on what comes behind event `last`; one that is followed already goes on where it is."""
        self._last.setdefault(conversation_id, last)

    def forget(self, conversation_id: str) -> None:
        """The person is out of it."""
        self._last.pop(conversation_id, None)

    def begin_at(self, conversation_id: str, seq: int) -> None:
        """Of what lies before `seq` nothing can be heard any more; never back."""
        self._last[conversation_id] = max(self._last[conversation_id], seq - 1)

    def take(self, conversation_id: str, events: Iterable[Event]) -> tuple[list[Heard], bool]:
        """What of `events` (ascending) is next, and whether something is missing before the rest."""
        new: list[Heard] = []
        for event in events:
            last = self._last[conversation_id]
            if event["seq"] > last + 1:
                return new, True
            if event["seq"] == last + 1:
                self._last[conversation_id] = last + 1
                new.append(Heard(conversation_id, event))
        return new, False
