"""`App`: the dependencies of every service."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from imchat.services.protocols import FanoutQueue, Gateway, Runtime
from imchat.services.rate_limiter import RateLimiter, StrangerLimiter
from imchat.services.runtime import InlineRuntime
from imchat.storage.table import Table


@dataclass(frozen=True, slots=True)
class App:
    """The composed application.

    `now_ms` returns the current time (epoch, UTC) and `new_id` an unguessable id of 32 letters and digits. `runtime`
    waits, runs calls in parallel and defers work. Without a `queue`, each request makes its own pushes; without a
    `rate_limiter`, requests are not limited; without a `read_limiter`, reads are not; and without a `stranger_limiter`,
    users can add any number of strangers.
    """

    table: Table
    gateway: Gateway
    now_ms: Callable[[], int]
    new_id: Callable[[], str]
    runtime: Runtime = field(default_factory=InlineRuntime)
    queue: FanoutQueue | None = None
    rate_limiter: RateLimiter | None = None
    read_limiter: RateLimiter | None = None
    stranger_limiter: StrangerLimiter | None = None
