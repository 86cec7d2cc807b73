"""Logs for the operator why requests are refused and how to fix it, such as the settings of a proxy."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

log = logging.getLogger(__name__)

_PERIOD_S: Final = 24 * 3600
_MAX_LOGGED: Final = 20
"""Messages that are logged for one reason in a period."""
_MAX_QUOTED: Final = 100
"""Characters of a client's text that are logged."""


class RefusalLog:
    """Logs each message once a day, and at most 20 messages for each reason, so that requests cannot fill the disk.

    The limit is for each reason: scanners that make up host names must not suppress the messages for other reasons.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._logged: dict[str, set[str]] = {}
        self._period_start_s = clock()

    def add(self, reason: str, message: str) -> None:
        """Log `message` for `reason`, a fixed word such as "host"; messages of one reason share a limit."""
        now_s = self._clock()
        if now_s - self._period_start_s >= _PERIOD_S:
            self._period_start_s = now_s
            self._logged.clear()
        logged = self._logged.setdefault(reason, set())
        if message not in logged and len(logged) < _MAX_LOGGED:
            logged.add(message)
            log.warning("%s", message)


def quote(text: str) -> str:
    """Return a text that a client sent as an ASCII literal: shortened, with control characters escaped."""
    return ascii(text[:_MAX_QUOTED])
