"""Jobs of the fan-out queue: small JSON texts with the ids of events and users, never the content of messages.

A job may run twice, late or out of order without harm. See `services/delivery.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from pydantic_core import from_json, to_json

from imchat.domain.ids import ConversationId, UserId


class AnnounceJob(NamedTuple):
    """Event `seq` was written: push it, and all later events of the log, to all members."""

    conversation_id: ConversationId
    seq: int


class DeliverJob(NamedTuple):
    """Push the events `first_seq` to `last_seq` (inclusive) to these users, who were members when the job was made.

    They see no message from before `history_from`.
    """

    conversation_id: ConversationId
    first_seq: int
    last_seq: int
    history_from: int
    user_ids: Sequence[UserId]


Job: TypeAlias = AnnounceJob | DeliverJob


_KINDS: Final[Mapping[str, Callable[..., Job]]] = {"Announce": AnnounceJob, "Deliver": DeliverJob}
"""The names of the kinds of jobs in the queue."""


def encode_job(job: Job) -> str:
    """Return the job as JSON for the queue."""
    kind = "Announce" if isinstance(job, AnnounceJob) else "Deliver"
    return to_json({"job": kind, **job._asdict()}).decode()


def decode_job(text: str) -> Job:
    """Return the job of a text that `encode_job` made. Raises: ValueError, TypeError or KeyError for any other text."""
    fields = from_json(text)
    return _KINDS[fields.pop("job")](**fields)
