"""Logs for the operator why requests are refused: how to fix a proxy, for example."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

log = logging.getLogger(__name__)

_PERIOD_S: Final = 24 * 3600
_MAX_LOGGED: Final = 20
"""Messages of one reason in a period."""
_MAX_QUOTED: Final = 100


class RefusalLog:
    """Logs each message once a day, and few of each reason, so that a flood of requests cannot fill the disk.

    A flood for one reason, such as scanners that make up host names, leaves room for the messages of the others.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._logged: dict[str, set[str]] = {}
        self._began_s = clock()

    def add(self, reason: str, message: str) -> None:
        """Log a message of the reason, a constant of the code."""
        now_s = self._clock()
        if now_s - self._began_s >= _PERIOD_S:
            self._began_s = now_s
            self._logged.clear()
        logged = self._logged.setdefault(reason, set())
        if message not in logged and len(logged) < _MAX_LOGGED:
            logged.add(message)
            log.warning("%s", message)


def quote(text: str) -> str:
    """Return a text that a client sent, cut and without anything that controls a terminal."""
    return ascii(text[:_MAX_QUOTED])
