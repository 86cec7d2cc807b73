"""The fan-out queue on SQS."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from imchat.errors import Busy

BATCH: Final = 10
"""Messages per SendMessageBatch call. Source: SQS quotas, "Batched message"."""


class SqsQueue:
    """A `FanoutQueue` on a boto3 `sqs` client, created at the first use: most requests queue nothing."""

    def __init__(self, make_client: Callable[[], Any], url: str) -> None:
        self._make_client = make_client
        self._url = url

    def put(self, jobs: Sequence[str], *, delay_s: int = 0) -> None:
        """Queue jobs, `BATCH` per call. See `FanoutQueue.put`."""
        for start in range(0, len(jobs), BATCH):
            entries = [
                {"Id": str(index), "MessageBody": job, "DelaySeconds": delay_s}
                for index, job in enumerate(jobs[start : start + BATCH])
            ]
            try:
                response = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
            except (ClientError, BotoCoreError) as error:
                raise Busy("the fan-out queue cannot be reached; try again") from error
            if response.get("Failed"):
                raise Busy("the fan-out queue did not accept all jobs; try again")

    @cached_property
    def _client(self) -> Any:
        return self._make_client()
