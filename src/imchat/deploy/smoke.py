"""The smoke test after a deployment: the API responds, and the site is the one that was uploaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from imchat.deploy.cloudformation.watcher import poll_delays
from imchat.deploy.context import AwsSession, FetchResult
from imchat.deploy.endpoints import Endpoints
from imchat.deploy.progress import Progress, SmokeTested
from imchat.errors import DeployError

_MAX_ATTEMPTS: Final = 15
"""With the delays between them about a minute, which a new host name needs until every resolver knows it."""
_OK: Final = 200
_STALE_HINT: Final = (
    "the deployment itself is complete: try again in a minute; `imchat doctor` looks for the cause"
)


def smoke_test(
    session: AwsSession, endpoints: Endpoints, *, config: bytes, index: bytes, progress: Progress
) -> None:
    """Fetch the API's health, `config.json` and the site until each is right. Raises: DeployError naming the URL."""
    checks: tuple[tuple[str, str, Callable[[FetchResult], bool]], ...] = (
        (endpoints.health, "`imchat logs` shows the API function's log", lambda _: True),
        (endpoints.config, _STALE_HINT, lambda result: result.body == config),
        (endpoints.index, _STALE_HINT, lambda result: result.body == index),
    )
    for url, hint, is_expected in checks:
        for attempt, delay in enumerate(poll_delays(session.jitter), 1):
            result = session.fetch(url)
            if result.status == _OK and is_expected(result):
                break
            if attempt == _MAX_ATTEMPTS:
                raise DeployError(_failure(url, result), hint=hint)
            session.sleep(delay)
        progress(SmokeTested(url, result.status))


def _failure(url: str, result: FetchResult) -> str:
    if result.status == 0:
        return f"{url} cannot be reached: {result.body.decode(errors='replace')}"
    if result.status != _OK:
        return f"{url} returned status {result.status}"
    return f"{url} does not return what was deployed"
