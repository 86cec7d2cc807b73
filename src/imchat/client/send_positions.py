"""Remembers from which event on the server has to look for an earlier attempt of a message (`after_seq`).

Without it, a send would make the server read everything since the sign-in. Has no I/O.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, Generic, TypeVar

from imchat.domain.limits import REPLAY_WINDOW

K = TypeVar("K")
MAX_CONVERSATIONS: Final = 10_000
"""Above it, the conversation that was longest without a send is forgotten: its next send reads one event first."""
MAX_MESSAGE_IDS: Final = 1_000
"""Above it, the oldest message id is forgotten: it is then looked for among the newest `REPLAY_WINDOW` events."""


class SendPositions:
    """The newest known `seq` of each conversation, and where the first attempt of each named message began."""

    def __init__(self) -> None:
        self._newest: _Bounded[str] = _Bounded(MAX_CONVERSATIONS)
        self._first_attempts: _Bounded[tuple[str, str]] = _Bounded(MAX_MESSAGE_IDS)

    def note(self, conversation_id: str, seq: int) -> None:
        """Note that the log has an event `seq`."""
        self._newest.put(conversation_id, max(seq, self._newest.get(conversation_id) or 0))

    def newest(self, conversation_id: str) -> int | None:
        """Return the newest known `seq` of a conversation, or None."""
        return self._newest.get(conversation_id)

    def first_attempt(self, conversation_id: str, client_message_id: str, newest_seq: int) -> int:
        """Return the `after_seq` of a message whose id the caller chose.

        It is that of its first attempt by this client. An attempt by an earlier client is looked for among the newest
        `REPLAY_WINDOW` events before `newest_seq`.
        """
        key = (conversation_id, client_message_id)
        known = self._first_attempts.get(key)
        if known is None:
            known = max(newest_seq - REPLAY_WINDOW, 0)
        self._first_attempts.put(key, known)
        return known


class _Bounded(Generic[K]):
    """Numbers by key; above `limit` the one put longest ago is dropped."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._values: OrderedDict[K, int] = OrderedDict()

    def get(self, key: K) -> int | None:
        return self._values.get(key)

    def put(self, key: K, value: int) -> None:
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > self._limit:
            self._values.popitem(last=False)
