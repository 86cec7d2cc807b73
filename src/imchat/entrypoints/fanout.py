"""The fan-out queue's Lambda handler: a batch of jobs in, those that are to come again out."""

from __future__ import annotations

import logging
from typing import Any

from imchat.entrypoints import bootstrap
from imchat.entrypoints.bootstrap import Handler
from imchat.errors import source_location
from imchat.services import delivery, fanout_jobs
from imchat.services.app import App

log = logging.getLogger("imchat")


def make(app: App) -> Handler:
    """The handler for `app`. The queue needs `ReportBatchItemFailures`: jobs that are not named in the answer are done."""

    def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
        failed = [record["messageId"] for record in event["Records"] if not _done(app, record)]
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}

    return handle


def _done(app: App, record: dict[str, Any]) -> bool:
    try:
        again = int(record["attributes"]["ApproximateReceiveCount"]) > 1
        delivery.run(app, fanout_jobs.decode(record["body"]), again=again)
    except Exception as error:  # noqa: BLE001 - its message may hold what people wrote, so a traceback is not logged
        # Whatever it is must not hold up the batch's other jobs; the queue brings this one again, then puts it aside.
        log.error("%s in job %s at %s", type(error).__name__, record["messageId"], source_location(error))  # noqa: TRY400 - as above
        return False
    return True


handler = bootstrap.lazily(make)
