"""Sees that what was deployed works: the API answers, and the site is the one that was uploaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from imchat.deploy.cloudformation.watcher import waits
from imchat.deploy.context import Fetched, Target
from imchat.deploy.endpoints import Addresses
from imchat.deploy.progress import Progress, SmokeTested
from imchat.errors import DeployError

_TRIES: Final = 15
"""With the waits between them about a minute, which a new address takes to be known everywhere."""
_OK: Final = 200


def smoke_test(target: Target, where: Addresses, *, config: bytes, index: bytes, progress: Progress) -> None:
    """Fetch the API's health, `config.json` and the site until each is right. Raises: DeployError naming the address."""
    checks: tuple[tuple[str, str, Callable[[Fetched], bool]], ...] = (
        (where.health, "`imchat logs` shows what the API's function said", lambda _: True),
        (where.config, _STALE, lambda found: found.body == config),
        (where.index, _STALE, lambda found: found.body == index),
    )
    for url, hint, is_right in checks:
        for attempt, wait in enumerate(waits(target.jitter), 1):
            found = target.fetch(url)
            if found.status == _OK and is_right(found):
                break
            if attempt == _TRIES:
                raise DeployError(_told(url, found), hint=hint)
            target.sleep(wait)
        progress(SmokeTested(url, found.status))


_STALE: Final = "everything is deployed, so try again in a minute; `imchat doctor` looks for the cause"


def _told(url: str, found: Fetched) -> str:
    if found.status == 0:
        return f"{url} cannot be reached: {found.body.decode(errors='replace')}"
    if found.status != _OK:
        return f"{url} answers {found.status}"
    return f"{url} answers something else than was deployed"
