"""What waits in the fan-out queue: small texts that name events and people, never what anybody wrote.

A job may run twice, late, or out of turn; each is harmless then. See `services/delivery.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from pydantic_core import from_json, to_json

from imchat.domain.ids import ConversationId, UserId


class Announce(NamedTuple):
    """Event `seq` lies in the log: push it, and whatever follows it by then, to all members."""

    conversation_id: ConversationId
    seq: int


class Deliver(NamedTuple):
    """Push the events `first_seq` to `last_seq` (inclusive) to these people, who were members when they were chosen.

    They see no message from before `history_from`.
    """

    conversation_id: ConversationId
    first_seq: int
    last_seq: int
    history_from: int
    user_ids: Sequence[UserId]


Job: TypeAlias = Announce | Deliver


def encode(job: Job) -> str:
    """The job as a text for the queue."""
    return to_json({"job": type(job).__name__, **job._asdict()}).decode()


def decode(text: str) -> Job:
    """The job that `encode` made a text of. Raises: ValueError, TypeError or KeyError for any other text."""
    fields = from_json(text)
    kinds: dict[str, Callable[..., Job]] = {"Announce": Announce, "Deliver": Deliver}
    return kinds[fields.pop("job")](**fields)
