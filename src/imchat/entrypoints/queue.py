"""`SqsQueue`: the fan-out queue in SQS."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from imchat.errors import Busy

BATCH: Final = 10
"""Messages in one SendMessageBatch. Source: SQS quotas, "Batched message"."""


class SqsQueue:
    """A `FanoutQueue` over a boto3 `sqs` client, which is made when first needed: most requests queue nothing."""

    def __init__(self, make_client: Callable[[], Any], url: str) -> None:
        self._make_client = make_client
        self._url = url

    def put(self, jobs: Sequence[str], *, delay_s: int = 0) -> None:
        """See `FanoutQueue.put`. One call for each `BATCH` jobs."""
        for start in range(0, len(jobs), BATCH):
            entries = [
                {"Id": str(index), "MessageBody": job, "DelaySeconds": delay_s}
                for index, job in enumerate(jobs[start : start + BATCH])
            ]
            try:
                answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
            except (ClientError, BotoCoreError) as error:
                raise Busy("the queue cannot be reached; try again") from error
            if answer.get("Failed"):
                raise Busy("the queue is busy; try again")

    @cached_property
    def _client(self) -> Any:
        return self._make_client()
