"""Signs in to a user pool and keeps the tokens of one user valid."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urljoin

import urllib3

from imchat.client.http import TRANSIENT_COGNITO_ERRORS, send_request
from imchat.errors import Busy, ConfigError, ImchatError, NotFound, Unauthenticated

if TYPE_CHECKING:
    from collections.abc import Mapping

CONFIG_VERSION: Final = 1
_RENEW_EARLY_S: Final = 60.0
"""How long before its expiry an access token is renewed."""
_TARGET_PREFIX: Final = "AWSCognitoIdentityProviderService."


class SiteConfig(NamedTuple):
    """The endpoints from the `/config.json` of a site; URLs are absolute."""

    api_url: str
    ws_url: str
    auth_url: str
    region: str
    pool_id: str
    client_id: str


async def fetch_site_config(pool: urllib3.PoolManager, url: str) -> SiteConfig:
    """Return the configuration of the site at `url`.

    Raises: ConfigError if it is not an imchat site, Busy if it cannot be reached.
    """
    if not url.startswith(("https://", "http://")):
        raise ConfigError(f"{url} is not a site address; use one such as https://chat.example.org")
    root = url.rstrip("/") + "/"
    try:
        config = await asyncio.to_thread(send_request, pool, "GET", urljoin(root, "config.json"), None, {})
    except NotFound:
        config = {}
    if config.get("version") != CONFIG_VERSION:
        raise ConfigError(f"{url} is not an imchat site, or needs a newer client; check the address")
    auth = config["auth"]
    ws_url = urljoin(root, config["ws_url"])
    return SiteConfig(
        api_url=urljoin(root, config["api_url"]),
        ws_url="ws" + ws_url.removeprefix("http"),
        auth_url=urljoin(root, auth["endpoint"]),
        region=auth["region"],
        pool_id=auth["user_pool_id"],
        client_id=auth["client_id"],
    )


class Session:
    """One sign-in. `access_token` returns a valid token as long as the refresh token is valid."""

    def __init__(self, pool: urllib3.PoolManager, site: SiteConfig, tokens: Mapping[str, Any]) -> None:
        self._pool = pool
        self._site = site
        self._refresh_token = str(tokens["RefreshToken"])
        self._renewal_lock = asyncio.Lock()
        self._store(tokens)

    @classmethod
    async def sign_in(cls, pool: urllib3.PoolManager, site: SiteConfig, email: str, password: str) -> Session:
        """Sign in; the password does not leave this process (SRP). Raises: Unauthenticated, Busy."""
        return cls(pool, site, await asyncio.to_thread(_sign_in, site, email, password))

    async def access_token(self, *, new: bool = False) -> str:
        """Return the access token; `new` forces a renewal. Raises: Unauthenticated if the sign-in has ended."""
        previous = self._token
        async with self._renewal_lock:
            if self._token == previous and (new or time.monotonic() > self._renew_at_s):
                response = await self._call(
                    "InitiateAuth",
                    AuthFlow="REFRESH_TOKEN_AUTH",
                    AuthParameters={"REFRESH_TOKEN": self._refresh_token},
                )
                self._store(response["AuthenticationResult"])
            return self._token

    async def end(self) -> None:
        """Revoke the refresh token."""
        await self._call("RevokeToken", Token=self._refresh_token)

    def _store(self, tokens: Mapping[str, Any]) -> None:
        self._token = str(tokens["AccessToken"])
        self._renew_at_s = time.monotonic() + float(tokens["ExpiresIn"]) - _RENEW_EARLY_S

    async def _call(self, operation: str, **fields: object) -> dict[str, Any]:
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": _TARGET_PREFIX + operation}
        body = {"ClientId": self._site.client_id, **fields}
        try:
            return await asyncio.to_thread(
                send_request, self._pool, "POST", self._site.auth_url, body, headers
            )
        except ImchatError as error:
            if error.retryable:
                raise
            raise Unauthenticated("the sign-in has ended; sign in again") from error


def _sign_in(site: SiteConfig, email: str, password: str) -> dict[str, Any]:
    # These take a second to import, and only a sign-in needs them.
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
        raise Unauthenticated(
            "this account requires multi-factor authentication, which imchat does not support yet"
        ) from error
    except WarrantException as error:
        raise Unauthenticated(
            "the password is temporary; sign in on the site once to choose a new one"
        ) from error
    except ClientError as error:
        if error.response["Error"]["Code"] in TRANSIENT_COGNITO_ERRORS:
            raise Busy("the sign-in service is busy; try again in a moment") from error
        raise Unauthenticated(str(error.response["Error"]["Message"])) from error
    except BotoCoreError as error:
        raise Busy(
            f"the sign-in service cannot be reached ({type(error).__name__}); try again in a moment"
        ) from error
    return tokens
