"""Signing in, and staying so: the tokens of one person at one user pool."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urljoin

import urllib3

from imchat.client.http import TRANSIENT, request
from imchat.errors import Busy, ConfigError, ImchatError, NotFound, Unauthenticated

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION: Final = 1
_EARLY_S: Final = 60.0
"""How long before its end an access token is renewed."""
_PREFIX: Final = "AWSCognitoIdentityProviderService."


class Site(NamedTuple):
    """Where everything is, as a site's `/config.json` says; URLs are absolute."""

    api_url: str
    ws_url: str
    auth_url: str
    region: str
    pool_id: str
    client_id: str


async def find(pool: urllib3.PoolManager, url: str) -> Site:
    """The site at `url`. Raises: ConfigError if there is none of ours, Busy if nobody answers."""
    if not url.startswith(("https://", "http://")):
        raise ConfigError(f"{url} is no site's address; one looks like https://chat.example.org")
    root = url.rstrip("/") + "/"
    try:
        config = await asyncio.to_thread(request, pool, "GET", urljoin(root, "config.json"), None, {})
    except NotFound:
        config = {}
    if config.get("version") != VERSION:
        raise ConfigError(f"{url} is no imchat, or a newer one than this client; look at the address")
    auth = config["auth"]
    ws_url = urljoin(root, config["ws_url"])
    return Site(
        api_url=urljoin(root, config["api_url"]),
        ws_url="ws" + ws_url.removeprefix("http"),
        auth_url=urljoin(root, auth["endpoint"]),
        region=auth["region"],
        pool_id=auth["user_pool_id"],
        client_id=auth["client_id"],
    )


class Session:
    """One sign-in. `access_token` is good at any time, as long as the refresh token is."""

    def __init__(self, pool: urllib3.PoolManager, site: Site, tokens: Mapping[str, Any]) -> None:
        self._pool = pool
        self._site = site
        self._refresh_token = str(tokens["RefreshToken"])
        self._renewing = asyncio.Lock()
        self._take(tokens)

    @classmethod
    async def start(cls, pool: urllib3.PoolManager, site: Site, email: str, password: str) -> Session:
        """Sign in; the password does not leave this process (SRP). Raises: Unauthenticated, Busy."""
        return cls(pool, site, await asyncio.to_thread(_sign_in, site, email, password))

    async def access_token(self, *, new: bool = False) -> str:
        """The access token; `new`: the last one was refused. Raises: Unauthenticated if one has to sign in again."""
        held = self._token
        async with self._renewing:
            if self._token == held and (new or time.monotonic() > self._until_s):
                answer = await self._ask(
                    "InitiateAuth",
                    AuthFlow="REFRESH_TOKEN_AUTH",
                    AuthParameters={"REFRESH_TOKEN": self._refresh_token},
                )
                self._take(answer["AuthenticationResult"])
            return self._token

    async def end(self) -> None:
        """Sign out this device."""
        await self._ask("RevokeToken", Token=self._refresh_token)

    def _take(self, tokens: Mapping[str, Any]) -> None:
        self._token = str(tokens["AccessToken"])
        self._until_s = time.monotonic() + float(tokens["ExpiresIn"]) - _EARLY_S

    async def _ask(self, operation: str, **fields: object) -> dict[str, Any]:
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": _PREFIX + operation}
        body = {"ClientId": self._site.client_id, **fields}
        try:
            return await asyncio.to_thread(request, self._pool, "POST", self._site.auth_url, body, headers)
        except ImchatError as error:
            if error.retryable:
                raise
            raise Unauthenticated("the sign-in has ended; sign in again") from error


def _sign_in(site: Site, email: str, password: str) -> dict[str, Any]:
    # A second to import, and only a sign-in needs them.
    import boto3
    from botocore import UNSIGNED
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError
    from pycognito.aws_srp import AWSSRP
    from pycognito.exceptions import MFAChallengeException, WarrantException

    config = Config(signature_version=UNSIGNED)
    cognito = boto3.client("cognito-idp", endpoint_url=site.auth_url, region_name=site.region, config=config)
    try:
        srp = AWSSRP(email, password, site.pool_id, site.client_id, client=cognito)
        tokens: dict[str, Any] = srp.authenticate_user()["AuthenticationResult"]
    except MFAChallengeException as error:
        raise Unauthenticated("this account needs a second factor, which is not supported yet") from error
    except WarrantException as error:
        raise Unauthenticated(
            "the password is temporary: sign in at the site once and choose your own"
        ) from error
    except ClientError as error:
        if error.response["Error"]["Code"] in TRANSIENT:
            raise Busy("the sign-in service has too much to do; try again in a moment") from error
        raise Unauthenticated(str(error.response["Error"]["Message"])) from error
    except BotoCoreError as error:
        raise Busy(f"the sign-in service cannot be reached: {type(error).__name__}") from error
    return tokens
