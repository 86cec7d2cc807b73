"""What waits in the fan-out queue: small texts that name events and people, never what anybody wrote.

A job may run twice, late, or out of turn; each is harmless then. See `services/delivery.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from pydantic_core import from_json, to_json

from imchat.domain.ids import ConversationId, UserId


class AnnounceJob(NamedTuple):
    """Event `seq` lies in the log: push it, and whatever follows it by then, to all members."""

    conversation_id: ConversationId
    seq: int


class DeliverJob(NamedTuple):
    """Push the events `first_seq` to `last_seq` (inclusive) to these people, who were members when they were chosen.

    They see no message from before `history_from`.
    """

    conversation_id: ConversationId
    first_seq: int
    last_seq: int
    history_from: int
    user_ids: Sequence[UserId]


Job: TypeAlias = AnnounceJob | DeliverJob


_KINDS: Final[Mapping[str, Callable[..., Job]]] = {"Announce": AnnounceJob, "Deliver": DeliverJob}
"""The names that jobs have in the queue."""


def encode_job(job: Job) -> str:
    """Return the job as a text for the queue."""
    kind = "Announce" if isinstance(job, AnnounceJob) else "Deliver"
    return to_json({"job": kind, **job._asdict()}).decode()


def decode_job(text: str) -> Job:
    """Return the job of a text that `encode_job` made. Raises: ValueError, TypeError or KeyError for any other text."""
    fields = from_json(text)
    return _KINDS[fields.pop("job")](**fields)
