"""Create the `App` of a Lambda function, with DynamoDB, API Gateway's management API, SQS and the system clock."""

from __future__ import annotations

import os
import random
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeAlias

from imchat.domain.limits import RATE_REQUESTS
from imchat.errors import ConfigError
from imchat.services.app import App
from imchat.services.rate_limiter import RateLimiter
from imchat.settings import Settings

Handler: TypeAlias = Callable[[dict[str, Any], object], dict[str, Any]]

_PAUSE_BASE_S = 0.01
_PAUSE_MOST_S = 0.4
_THREADS = 16


def now_ms() -> int:
    """Return the current time in epoch milliseconds, UTC."""
    return time.time_ns() // 1_000_000


def new_id() -> str:
    """Return 128 random bits as 32 hexadecimal digits."""
    return secrets.token_hex(16)


def backoff(attempt: int) -> None:
    """Wait a moment, longer with each attempt, at random: writers that lost together must not meet again."""
    longest = min(_PAUSE_MOST_S, _PAUSE_BASE_S * 2**attempt)
    time.sleep(random.uniform(0, longest))  # noqa: S311 - spreads load, keeps no secret


def rate_limiter() -> RateLimiter:
    """Return the rate limiter. The environment variable `IMCHAT_REQUESTS_PER_MINUTE` overrides the default limit.

    Raises: ConfigError if the variable is not a whole number.
    """
    text = os.environ.get("IMCHAT_REQUESTS_PER_MINUTE") or str(RATE_REQUESTS)
    if not (text.isascii() and text.isdecimal()):
        raise ConfigError("IMCHAT_REQUESTS_PER_MINUTE must be a whole number", field="requests_per_minute")
    return RateLimiter(int(text))


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
    threads = ThreadPoolExecutor(_THREADS)
    callbacks = boto3.client("apigatewaymanagementapi", endpoint_url=settings.callback_url, config=config)

    def both(first: Callable[[], object], second: Callable[[], object]) -> tuple[object, object]:
        later = threads.submit(first)
        result = second()
        return later.result(), result

    return App(
        table=DynamoTable(boto3.client("dynamodb", config=config), settings.table_name),
        gateway=ManagementApiGateway(callbacks, ThreadPoolExecutor(_THREADS)),
        now_ms=now_ms,
        new_id=new_id,
        pause=backoff,
        both=both,
        queue=SqsQueue(lambda: boto3.client("sqs", config=config), settings.fanout_queue_url),
        rate_limiter=rate_limiter(),
    )


def lazy_handler(create: Callable[[App], Handler]) -> Handler:
    """Return a handler that is created at the first event, so that importing a module needs no environment."""
    created: list[Handler] = []

    def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
        if not created:
            created.append(create(lambda_app()))
        return created[0](event, context)

    return handler
