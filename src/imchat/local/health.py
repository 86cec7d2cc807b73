"""`HealthCheck`: whether the server can store data, by storing some, and whether the disk is almost full."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import imchat
from imchat.errors import Busy
from imchat.local.http import HttpResponse, http_error_response, json_response, new_request_id
from imchat.storage.table import Key, Put, Table

log = logging.getLogger(__name__)

INTERVAL_S: Final = 3.0
"""How long a result is used: at most one write to each database in this time, however many clients ask."""
TIMEOUT_S: Final = 5.0
"""A write that takes longer counts as failed."""
LOW_DISK_BYTES: Final = 256 * 1024 * 1024
_KEY: Final = Key("HEALTH", "HEALTH")


@dataclass(frozen=True, slots=True)
class HealthTargets:
    """What a health check writes to: both databases, and the folder they are in."""

    conversations: Table
    accounts: Table
    folder: Path


class HealthCheck:
    """Checks the targets at most every `INTERVAL_S`. Use it on the thread of a running event loop."""

    def __init__(
        self,
        targets: HealthTargets,
        run: Callable[[Callable[[], None]], Awaitable[None]],
        *,
        interval_s: float = INTERVAL_S,
        low_disk_bytes: int = LOW_DISK_BYTES,
    ) -> None:
        """`run` runs a job that uses the conversations, and returns when it is durable: `GroupCommitQueue.run`."""
        self._targets = targets
        self._run = run
        self._interval_s = interval_s
        self._low_disk_bytes = low_disk_bytes
        self._checks: dict[str, str] = {}
        self._checked_s = float("-inf")
        self._running: asyncio.Task[None] | None = None
        self._disk_is_low = False

    async def respond(self) -> HttpResponse:
        """Return 200 with the result of each check, or 503 if something cannot be stored."""
        if self._running is None and time.monotonic() - self._checked_s >= self._interval_s:
            self._running = asyncio.create_task(self._check())
        if self._running is not None:
            await asyncio.shield(self._running)
        checks = self._checks
        if "failed" in checks.values():
            error = Busy(
                "the server cannot store data; see its log and the free space of its disk", checks=checks
            )
            return http_error_response(error, new_request_id())
        return json_response({"status": "ok", "version": imchat.__version__, "checks": checks})

    def check_disk(self) -> bool:
        """Return whether the disk has enough free space; write a line to the log when this changes."""
        try:
            free = shutil.disk_usage(self._targets.folder).free
        except OSError as error:
            log.warning("the free space of the data folder is unknown: %s", error.strerror)
            return True
        is_low = free < self._low_disk_bytes
        if is_low and not self._disk_is_low:
            log.warning(
                "the disk of %s has only %d MB left; when it is full, imchat can store nothing",
                self._targets.folder,
                free // 1_000_000,
            )
        if self._disk_is_low and not is_low:
            log.warning("the disk of %s has enough free space again", self._targets.folder)
        self._disk_is_low = is_low
        return not is_low

    async def _check(self) -> None:
        try:
            operation = Put(_KEY, {"checked_ms": time.time_ns() // 1_000_000})
            results = await asyncio.gather(
                self._works(self._run(lambda: self._targets.conversations.write(operation))),
                self._works(asyncio.to_thread(self._targets.accounts.write, operation)),
            )
            messages, accounts = ("ok" if works else "failed" for works in results)
            disk = "ok" if self.check_disk() else "low"
            self._checks = {"messages": messages, "accounts": accounts, "disk": disk}
        finally:
            self._checked_s = time.monotonic()
            self._running = None

    async def _works(self, write: Awaitable[None]) -> bool:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await write
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing was stored
            log.warning("the health check could not store anything: %s", error or type(error).__name__)
            return False
        return True
