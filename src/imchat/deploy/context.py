"""How AWS is reached (clients, waiting, fetching), and the settings of the stage to work on."""

from __future__ import annotations

import contextlib
import os
import random
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import boto3
import botocore.session
from botocore.config import Config as ClientConfig
from botocore.exceptions import BotoCoreError

from imchat.deploy.aws_errors import one_line, translated
from imchat.deploy.config import Config, is_region
from imchat.errors import ConfigError, ImchatError

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

    Sends no request to AWS. Raises: ConfigError if the profile is unknown, no region is set, or a setting is invalid.
    """
    if endpoint_url is not None:
        _check_endpoint_url(endpoint_url)
    try:
        core = botocore.session.Session(profile=config.profile)
        core.session_var_map["profile"] = _profile_variables()
        settings = core.get_scoped_config()
    except BotoCoreError as error:
        raise ConfigError(f"{str(error).rstrip('.')}; see profile in imchat.toml, or --profile") from error
    region = config.region or _configured_region(settings)
    session = boto3.Session(botocore_session=core, region_name=region)
    clients: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in clients:
            if not clients:
                _load_credentials(session)
            with translated():
                clients[service] = _create_client(session, service, endpoint_url)
        return clients[service]

    return DeployContext(region, client, endpoint_url, config=config)


def _profile_variables() -> tuple[None, list[str] | None, None, None]:
    """Return where botocore looks for a profile: an empty AWS_PROFILE counts as not set, as an empty AWS_REGION does."""
    names = [name for name in ("AWS_DEFAULT_PROFILE", "AWS_PROFILE") if os.environ.get(name)]
    return None, names or None, None, None


def _check_endpoint_url(url: str) -> None:
    try:
        parts = urllib.parse.urlsplit(url)
        valid = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # the port is not a number
        valid = False
    if not valid:
        raise ConfigError(
            f"the endpoint URL {url} is not valid; set --endpoint-url or AWS_ENDPOINT_URL to a URL such as "
            "http://localhost:4566"
        )


def _configured_region(profile: Mapping[str, Any]) -> str:
    """Return the region of the environment or of the profile. Raises: ConfigError if there is none.

    As in the AWS CLI, AWS_REGION overrides AWS_DEFAULT_REGION, and an empty variable counts as not set.
    """
    sources = {name: os.environ.get(name, "") for name in ("AWS_REGION", "AWS_DEFAULT_REGION")}
    sources["region in the AWS profile"] = str(profile.get("region", ""))
    for source, region in sources.items():
        if not region:
            continue
        if not is_region(region):
            raise ConfigError(
                f'{source} is "{region}", which is not the name of an AWS region; correct it, or pass --region, '
                "such as eu-central-1"
            )
        return region
    raise ConfigError(
        "no AWS region is set; set region in imchat.toml or pass --region, such as eu-central-1"
    )


def _load_credentials(session: boto3.Session) -> None:
    """Load the credentials, if there are any. Raises: ConfigError; a later refresh that fails raises it, too."""
    with _explain_credential_errors(session):
        credentials = session.get_credentials()
    if credentials is None:
        return
    load = credentials.get_frozen_credentials

    def load_with_explained_errors() -> Any:
        with _explain_credential_errors(session):
            return load()  # runs a credential_process, or asks AWS for a role

    load_with_explained_errors()
    credentials.get_frozen_credentials = load_with_explained_errors  # clients call it for each request


@contextlib.contextmanager
def _explain_credential_errors(session: boto3.Session) -> Iterator[None]:
    """Raise ConfigError in place of any exception: botocore has none of its own for the output of a credential_process."""
    try:
        with translated():
            yield
    except ImchatError:
        raise
    except Exception as error:
        raise ConfigError(
            f"the AWS credentials cannot be loaded ({type(error).__name__}: {one_line(error)}); check credential_process "
            f"in the AWS configuration of profile {session.profile_name}, or pass another --profile"
        ) from error


def _create_client(session: boto3.Session, service: str, endpoint_url: str | None) -> Any:
    try:
        return session.client(
            service,
            region_name=_FIXED_REGIONS.get(service),
            endpoint_url=endpoint_url,
            config=_CLIENT_CONFIG,
        )
    except ValueError as error:
        raise ConfigError(
            f"the AWS settings for {service} are not valid: {one_line(error)}; check AWS_ENDPOINT_URL, "
            f"AWS_ENDPOINT_URL_{service.upper().replace('-', '_')} and endpoint_url in the AWS configuration"
        ) from error
