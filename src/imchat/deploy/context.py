"""Where to deploy and with what: the settings, AWS's clients, and what comes in from outside (waiting, fetching)."""

from __future__ import annotations

import random
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import boto3
from botocore.config import Config as ClientConfig
from botocore.exceptions import BotoCoreError

from imchat.deploy.config import Config
from imchat.errors import ConfigError

_CLIENT_CONFIG: Final = ClientConfig(
    retries={"mode": "standard", "max_attempts": 5},
    connect_timeout=10,
    read_timeout=60,
    user_agent_extra="imchat",
)
_ONLY_REGION: Final = {"acm": "us-east-1"}
"""CloudFront reads certificates from there."""
_FETCH_TIMEOUT_S: Final = 15


@dataclass(frozen=True, slots=True)
class Fetched:
    """What an address answered; `status` 0: nothing, and `body` says why."""

    status: int
    body: bytes


def fetch(url: str) -> Fetched:
    """GET `url`, as a browser's first visit would."""
    request = urllib.request.Request(url, headers={"Cache-Control": "no-cache", "User-Agent": "imchat"})  # noqa: S310 - our own addresses
    try:
        with urllib.request.urlopen(request, timeout=_FETCH_TIMEOUT_S) as answer:  # noqa: S310 - our own addresses
            return Fetched(answer.status, answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Fetched(error.code, error.read())
    except OSError as error:
        return Fetched(0, str(error).encode())


@dataclass(frozen=True, slots=True)
class Target:
    """One stage in one account and region. `client(service)` is boto3's; `region` the one in use."""

    config: Config
    region: str
    client: Callable[[str], Any]
    endpoint_url: str | None = None
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random
    fetch: Callable[[str], Fetched] = field(default=fetch)
    new_id: Callable[[], str] = lambda: uuid.uuid4().hex

    def stack_name(self, kind: str) -> str:
        """`imchat-<stage>-<kind>`."""
        return f"imchat-{self.config.stage}-{kind}"


def connect(config: Config, *, endpoint_url: str | None = None) -> Target:
    """The stage of `config`, reached with its profile and region, or through an emulator at `endpoint_url`.

    Raises: ConfigError if the profile is unknown or no region is set anywhere. Asks nothing of AWS yet.
    """
    try:
        session = boto3.Session(profile_name=config.profile, region_name=config.region)
    except BotoCoreError as error:
        raise ConfigError(f"{str(error).rstrip('.')}; see profile in imchat.toml, or --profile") from error
    if session.region_name is None:
        raise ConfigError(
            "no AWS region is chosen; set region in imchat.toml or give --region, such as eu-central-1"
        )
    clients: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in clients:
            clients[service] = session.client(
                service,
                region_name=_ONLY_REGION.get(service),
                endpoint_url=endpoint_url,
                config=_CLIENT_CONFIG,
            )
        return clients[service]

    return Target(config, session.region_name, client, endpoint_url)
