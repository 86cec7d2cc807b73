"""How AWS is reached (clients, waiting, fetching), and the settings of the stage to work on."""

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
_FIXED_REGIONS: Final = {"acm": "us-east-1"}
"""CloudFront reads certificates from us-east-1 only."""
_FETCH_TIMEOUT_S: Final = 15


@dataclass(frozen=True, slots=True)
class FetchResult:
    """The response from a URL. `status` is 0 if there was none; `body` then holds the reason."""

    status: int
    body: bytes


def fetch(url: str) -> FetchResult:
    """GET `url` as a browser's first visit does."""
    request = urllib.request.Request(url, headers={"Cache-Control": "no-cache", "User-Agent": "imchat"})  # noqa: S310 - our own addresses
    try:
        with urllib.request.urlopen(request, timeout=_FETCH_TIMEOUT_S) as response:  # noqa: S310 - our own addresses
            return FetchResult(response.status, response.read())
    except urllib.error.HTTPError as error:
        with error:
            return FetchResult(error.code, error.read())
    except OSError as error:
        return FetchResult(0, str(error).encode())


@dataclass(frozen=True, slots=True)
class AwsSession:
    """One AWS account and region. `client(service)` returns boto3's client; tests replace what waits and fetches."""

    region: str
    client: Callable[[str], Any]
    endpoint_url: str | None = None
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random
    fetch: Callable[[str], FetchResult] = field(default=fetch)
    new_id: Callable[[], str] = lambda: uuid.uuid4().hex


@dataclass(frozen=True, slots=True)
class DeployContext(AwsSession):
    """An AWS session and the settings of one stage."""

    config: Config = field(kw_only=True)

    def stack_name(self, kind: str) -> str:
        """Return the name of one of the stage's stacks."""
        return stack_name(self.config.stage, kind)


def stack_name(stage: str, kind: str) -> str:
    """Return `imchat-<stage>-<kind>`."""
    return f"imchat-{stage}-{kind}"


def connect(config: Config, *, endpoint_url: str | None = None) -> DeployContext:
    """Return the context of a stage: its profile and region, or an emulator of AWS at `endpoint_url`.

    Sends no request to AWS. Raises: ConfigError if the profile is unknown or no region is set.
    """
    try:
        session = boto3.Session(profile_name=config.profile, region_name=config.region)
    except BotoCoreError as error:
        raise ConfigError(f"{str(error).rstrip('.')}; see profile in imchat.toml, or --profile") from error
    if session.region_name is None:
        raise ConfigError(
            "no AWS region is set; set region in imchat.toml or pass --region, such as eu-central-1"
        )
    clients: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in clients:
            clients[service] = session.client(
                service,
                region_name=_FIXED_REGIONS.get(service),
                endpoint_url=endpoint_url,
                config=_CLIENT_CONFIG,
            )
        return clients[service]

    return DeployContext(session.region_name, client, endpoint_url, config=config)
