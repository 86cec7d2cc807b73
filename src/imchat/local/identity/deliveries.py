"""Delivers codes and temporary passwords on a thread of its own, a moment after the response.

The time of a response then does not disclose whether there was something to deliver, and a paused terminal delays no
sign-in.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from queue import Full, Queue
from typing import Final, NamedTuple, TypeAlias

from imchat.errors import source_location
from imchat.local.identity.codes import Purpose
from imchat.local.identity.protocol import CognitoError

MAX_WAITING: Final = 1000
"""Deliveries that may wait."""
_DELAY_S: Final = 0.02
"""How long a delivery waits, so that the response is sent first."""
_CLOSE_TIMEOUT_S: Final = 2.0

_log = logging.getLogger(__name__)

Deliver: TypeAlias = Callable[[Purpose, str, str], None]
"""Deliver a code or a temporary password: its purpose, the recipient's e-mail address, the secret."""


class _Delivery(NamedTuple):
    due_s: float
    purpose: Purpose
    email: str | None
    secret: str


class Deliveries:
    """Passes codes and temporary passwords to `deliver`, one after another."""

    def __init__(self, deliver: Deliver) -> None:
        self._deliver = deliver
        self._waiting: Queue[_Delivery] = Queue(MAX_WAITING)
        self._thread: threading.Thread | None = None

    def add(self, purpose: Purpose, email: str | None, secret: str) -> None:
        """Deliver `secret` to `email` soon; with None, deliver nothing at the same cost. Not thread-safe.

        Raises: CognitoError if too many wait.
        """
        try:
            self._waiting.put_nowait(_Delivery(time.monotonic() + _DELAY_S, purpose, email, secret))
        except Full:
            raise CognitoError(
                "CodeDeliveryFailureException", "The code could not be sent, please try after some time."
            ) from None
        if self._thread is None:
            # A daemon: a paused terminal must not keep the program from ending.
            self._thread = threading.Thread(target=self._run, name="deliveries", daemon=True)
            self._thread.start()

    def flush(self, timeout_s: float = _CLOSE_TIMEOUT_S) -> None:
        """Wait until everything is delivered, at most `timeout_s`."""
        finished = self._waiting.all_tasks_done
        with finished:
            finished.wait_for(lambda: not self._waiting.unfinished_tasks, timeout_s)

    def _run(self) -> None:
        while True:
            due_s, purpose, email, secret = self._waiting.get()
            time.sleep(max(due_s - time.monotonic(), 0))
            try:
                if email is not None:
                    self._deliver(purpose, email, secret)
            except Exception as error:  # noqa: BLE001 - later codes must be delivered whatever happens
                location = source_location(error)
                _log.error("a code could not be delivered: %s at %s", type(error).__name__, location)
            finally:
                self._waiting.task_done()
