"""Create the `App` of a Lambda function, with DynamoDB, API Gateway's management API, SQS and the system clock."""

from __future__ import annotations

import os
import random
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeAlias, TypeVar

from imchat.domain.limits import RATE_READ_BYTES, RATE_REQUESTS, STRANGERS_ADDED
from imchat.errors import ConfigError
from imchat.services.app import App
from imchat.services.protocols import FanoutQueue, Gateway, Runtime
from imchat.services.rate_limiter import RateLimiter, StrangerLimiter, create_read_limiter
from imchat.services.runtime import InlineRuntime
from imchat.settings import Settings
from imchat.storage.table import Table

A = TypeVar("A")
B = TypeVar("B")
Handler: TypeAlias = Callable[[dict[str, Any], object], dict[str, Any]]

_BACKOFF_BASE_S = 0.01
_BACKOFF_MAX_S = 0.4
_THREADS = 16


def now_ms() -> int:
    """Return the current time in epoch milliseconds, UTC."""
    return time.time_ns() // 1_000_000


def new_id() -> str:
    """Return 128 random bits as 32 hexadecimal digits."""
    return secrets.token_hex(16)


class ThreadedRuntime(InlineRuntime):
    """The runtime of a process whose writes race with those of other threads or processes."""

    def backoff(self, attempt: int) -> None:
        """Wait a random time, longer with each attempt, so that writers that collided do not collide again."""
        longest = min(_BACKOFF_MAX_S, _BACKOFF_BASE_S * 2**attempt)
        time.sleep(random.uniform(0, longest))  # noqa: S311 - spreads load, keeps no secret


class LambdaRuntime(ThreadedRuntime):
    """The runtime of a Lambda function: calls to AWS run in parallel on a thread pool."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS)

    def run_concurrently(self, first: Callable[[], A], second: Callable[[], B]) -> tuple[A, B]:
        """Call `first` on another thread and `second` on this one."""
        future = self._threads.submit(first)
        result = second()
        return future.result(), result


def create_app(table: Table, gateway: Gateway, runtime: Runtime, queue: FanoutQueue | None = None) -> App:
    """Return the app of a server, with the system clock and the limits of requests, reads and added strangers.

    The environment variable `IMCHAT_REQUESTS_PER_MINUTE` overrides the limit of requests, and changes that of reads in
    proportion; `IMCHAT_STRANGERS_PER_HOUR` overrides the limit of added strangers. Raises: ConfigError if a variable is not a
    whole number.
    """
    requests = _limit("IMCHAT_REQUESTS_PER_MINUTE", RATE_REQUESTS)
    return App(
        table=table,
        gateway=gateway,
        now_ms=now_ms,
        new_id=new_id,
        runtime=runtime,
        queue=queue,
        rate_limiter=RateLimiter(requests),
        read_limiter=create_read_limiter(requests * RATE_READ_BYTES // RATE_REQUESTS),
        stranger_limiter=StrangerLimiter(_limit("IMCHAT_STRANGERS_PER_HOUR", STRANGERS_ADDED)),
    )


def _limit(variable: str, default: int) -> int:
    text = os.environ.get(variable) or str(default)
    if not (text.isascii() and text.isdecimal()):
        raise ConfigError(f"{variable} must be a whole number", field=variable)
    return int(text)


@cache
def lambda_app() -> App:
    """Return the app of this process, created at the first request."""
    import boto3  # noqa: PLC0415 - the one-machine runtime shares this package and never loads boto3
    from botocore.config import Config  # noqa: PLC0415 - as above

    from imchat.entrypoints.apigateway_management import ManagementApiGateway  # noqa: PLC0415 - as above
    from imchat.entrypoints.queue import SqsQueue  # noqa: PLC0415 - as above
    from imchat.storage.dynamodb.table import DynamoTable  # noqa: PLC0415 - as above

    settings = Settings.from_environment(os.environ)
    config = Config(
        connect_timeout=2,
        read_timeout=5,
        retries={"mode": "standard", "max_attempts": 4},
        max_pool_connections=_THREADS * 2,
    )
    callbacks = boto3.client("apigatewaymanagementapi", endpoint_url=settings.callback_url, config=config)

    return create_app(
        DynamoTable(boto3.client("dynamodb", config=config), settings.table_name),
        ManagementApiGateway(callbacks, ThreadPoolExecutor(_THREADS)),
        LambdaRuntime(),
        SqsQueue(lambda: boto3.client("sqs", config=config), settings.fanout_queue_url),
    )


def lazy_handler(create: Callable[[App], Handler]) -> Handler:
    """Return a handler that is created at the first event, so that importing a module needs no environment."""
    created: list[Handler] = []

    def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
        if not created:
            created.append(create(lambda_app()))
        return created[0](event, context)

    return handler
