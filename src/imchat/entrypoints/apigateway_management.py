"""Send frames to WebSocket connections through API Gateway's management API."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

log = logging.getLogger("imchat")


class ManagementApiGateway:
    """A `Gateway` that posts with a boto3 `apigatewaymanagementapi` client on an executor's threads."""

    def __init__(self, client: Any, threads: Executor) -> None:
        self._client = client
        self._threads = threads

    def post(self, connection_ids: Sequence[str], frame: bytes) -> set[str]:
        """Send a frame to each connection. Return the connections that no longer exist."""
        delivered = self._threads.map(
            lambda connection_id: self._post_one(connection_id, frame), connection_ids
        )
        return {
            connection_id
            for connection_id, exists in zip(connection_ids, delivered, strict=True)
            if not exists
        }

    def disconnect(self, connection_id: str) -> None:
        """Close a connection, if it is open."""
        try:
            self._client.delete_connection(ConnectionId=connection_id)
        except (ClientError, BotoCoreError) as error:
            if not _is_gone(error):
                log.warning("a connection could not be closed: %s", type(error).__name__)

    def _post_one(self, connection_id: str, frame: bytes) -> bool:
        try:
            self._client.post_to_connection(ConnectionId=connection_id, Data=frame)
        except (ClientError, BotoCoreError) as error:
            if _is_gone(error):
                return False
            # The client notices the missing event at the next event or its next ping, and reads the log.
            log.warning("a push failed: %s", type(error).__name__)
        return True


def _is_gone(error: Exception) -> bool:
    return isinstance(error, ClientError) and error.response["Error"]["Code"] == "GoneException"
