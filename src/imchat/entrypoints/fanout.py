"""Lambda handler of the fan-out queue: run a batch of jobs and return those to retry."""

from __future__ import annotations

import logging
from typing import Any

from imchat.entrypoints import bootstrap
from imchat.entrypoints.bootstrap import Handler
from imchat.errors import source_location
from imchat.services import delivery, fanout_jobs
from imchat.services.app import App

log = logging.getLogger("imchat")


def create_handler(app: App) -> Handler:
    """Create the handler. The queue needs `ReportBatchItemFailures`: jobs that the response does not name are deleted."""

    def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
        failed = [record["messageId"] for record in event["Records"] if not _run(app, record)]
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}

    return handle


def _run(app: App, record: dict[str, Any]) -> bool:
    try:
        again = int(record["attributes"]["ApproximateReceiveCount"]) > 1
        delivery.run_job(app, fanout_jobs.decode_job(record["body"]), again=again)
    except Exception as error:  # noqa: BLE001 - a traceback is not logged: its message may contain a user's text
        # An error must not stop the other jobs of the batch. The queue retries this job, then moves it to the dead-letter queue.
        log.error("%s in job %s at %s", type(error).__name__, record["messageId"], source_location(error))  # noqa: TRY400 - as above
        return False
    return True


handler = bootstrap.lazy_handler(create_handler)
