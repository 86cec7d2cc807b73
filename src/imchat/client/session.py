"""Signs in to a user pool and keeps the tokens of one user valid."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urljoin

from imchat.client.cognito import CognitoClient
from imchat.client.http import send_request
from imchat.client.sign_in import Credentials, sign_in
from imchat.errors import ConfigError, ImchatError, NotFound, SessionEnded

if TYPE_CHECKING:
    from collections.abc import Mapping

    import urllib3

CONFIG_VERSION: Final = 1
RENEW_EARLY_S: Final = 60.0
"""How long before its expiry an access token is renewed."""


class SiteConfig(NamedTuple):
    """The endpoints from the `/config.json` of a site; URLs are absolute."""

    api_url: str
    ws_url: str
    auth_url: str
    region: str
    pool_id: str
    client_id: str

    def cognito(self, pool: urllib3.PoolManager) -> CognitoClient:
        """Return a client for the user pool of the site."""
        return CognitoClient(pool, self.auth_url, self.client_id)


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

    def __init__(self, cognito: CognitoClient, tokens: Mapping[str, Any]) -> None:
        self._cognito = cognito
        self._refresh_token = str(tokens["RefreshToken"])
        self._renewal_lock = asyncio.Lock()
        self._store(tokens)

    @classmethod
    async def sign_in(cls, pool: urllib3.PoolManager, site: SiteConfig, credentials: Credentials) -> Session:
        """Sign in; the password does not leave this process (SRP). Raises: Unauthenticated, Invalid, Busy."""
        cognito = site.cognito(pool)
        return cls(cognito, await sign_in(cognito, site.pool_id, credentials))

    async def call(self, operation: str, **fields: object) -> Mapping[str, Any]:
        """Call an operation of the user pool for the signed-in user. Raises: SessionEnded, Busy; see `to_error`."""
        return await self._cognito.call(operation, AccessToken=await self.access_token(), **fields)

    async def access_token(self, *, new: bool = False) -> str:
        """Return the access token; `new` forces a renewal. Raises: SessionEnded, Busy."""
        previous = self._token
        async with self._renewal_lock:
            if self._token == previous and (new or time.monotonic() > self._renew_at_s):
                self._store(await self._renew())
            return self._token

    async def end(self) -> None:
        """Revoke the refresh token."""
        await self._cognito.call("RevokeToken", Token=self._refresh_token)

    async def _renew(self) -> Mapping[str, Any]:
        try:
            response = await self._cognito.call(
                "InitiateAuth",
                AuthFlow="REFRESH_TOKEN_AUTH",
                AuthParameters={"REFRESH_TOKEN": self._refresh_token},
            )
        except ImchatError as error:
            if error.retryable:
                raise
            raise SessionEnded(f"the server ended this sign-in ({error.message}); sign in again") from error
        renewed: Mapping[str, Any] = response["AuthenticationResult"]
        return renewed

    def _store(self, tokens: Mapping[str, Any]) -> None:
        self._token = str(tokens["AccessToken"])
        # A pool that rotates refresh tokens returns the next one.
        self._refresh_token = str(tokens.get("RefreshToken") or self._refresh_token)
        self._renew_at_s = time.monotonic() + float(tokens["ExpiresIn"]) - RENEW_EARLY_S
