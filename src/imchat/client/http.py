"""Requests to the server, each in its own thread, retried where that is safe."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import urllib3

from imchat.errors import ERROR_BY_STATUS, Busy, ImchatError, Invalid, Unauthenticated

TIMEOUT_S: Final = 30.0
MAX_ATTEMPTS: Final = 8
"""Attempts per request. With growing delays they take about a minute, enough for a server to restart."""
TRANSIENT_COGNITO_ERRORS: Final = {"TooManyRequestsException", "InternalErrorException"}
"""Cognito errors that a retry can fix, although their status is 400."""
_MAX_RETRY_DELAY_S: Final = 15.0


class HttpClient:
    """A client for the HTTP API at `api_url`. `token` returns the access token, or a new one if called with True."""

    def __init__(
        self, pool: urllib3.PoolManager, api_url: str, token: Callable[[bool], Awaitable[str]]
    ) -> None:
        self._pool = pool
        self._api_url = api_url.rstrip("/")
        self._token = token

    async def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, object] | None = None,
        max_attempts: float = MAX_ATTEMPTS,
    ) -> dict[str, Any]:
        """Send a request and return the JSON of the response. Use `max_attempts=1` if the request is not idempotent.

        Raises: the error of `imchat.errors` for the response's status; Busy if there was no response.
        """
        url = self._api_url + path + (f"?{urlencode(query)}" if query else "")
        attempt, new_token = 0, False
        while True:
            attempt += 1
            try:
                return await self._send(method, url, body, await self._token(new_token))
            except Unauthenticated:
                if new_token:
                    raise
                new_token = True
            except ImchatError as error:
                if not error.retryable or attempt >= max_attempts:
                    raise
                await asyncio.sleep(retry_delay_s(attempt, error))
                new_token = False

    async def _send(
        self, method: str, url: str, body: Mapping[str, Any] | None, token: str
    ) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        return await asyncio.to_thread(send_request, self._pool, method, url, body, headers)


def send_request(
    pool: urllib3.PoolManager,
    method: str,
    url: str,
    body: Mapping[str, Any] | None,
    headers: Mapping[str, str],
) -> dict[str, Any]:
    """Send one request and return the JSON of the response. Raises: an ImchatError."""
    data = None if body is None else json.dumps(body).encode()
    try:
        response = pool.request(
            method, url, body=data, headers=dict(headers), timeout=TIMEOUT_S, retries=False
        )
    except urllib3.exceptions.HTTPError as error:
        raise Busy(
            f"{urlsplit(url).netloc} cannot be reached ({type(error).__name__}); "
            "check the address and whether the server is running"
        ) from error
    try:
        content = json.loads(response.data)
    except ValueError:
        content = {}
    if response.status < 300 and isinstance(content, dict):  # noqa: PLR2004 - success is 2xx
        return content
    raise _error(response.status, content, response.headers.get("Retry-After"))


def retry_delay_s(attempt: int, error: ImchatError | None = None) -> float:
    """Return the delay before the next attempt: the server's `retry_after_s`, or exponential backoff with jitter."""
    retry_after_s = error.details.get("retry_after_s") if error is not None else None
    longest = min(_MAX_RETRY_DELAY_S, 0.5 * 2.0 ** min(attempt, 6))
    return max(float(retry_after_s or 0), random.uniform(longest / 2, longest))  # noqa: S311 - jitter, not a secret


def _error(status: int, content: Any, retry_after: str | None) -> ImchatError:
    """Return the error for a response. Gateways in front of the server send bodies of their own format."""
    body = content.get("error") if isinstance(content, dict) else None
    body = body if isinstance(body, dict) else {}
    details = dict(body.get("details") or {})
    if retry_after is not None and retry_after.isdecimal():
        details["retry_after_s"] = int(retry_after)
    if (
        isinstance(content, dict)
        and str(content.get("__type", "")).rpartition("#")[2] in TRANSIENT_COGNITO_ERRORS
    ):
        status = Busy.status
    kind = ERROR_BY_STATUS.get(status, Busy if status >= 500 else Invalid)  # noqa: PLR2004 - 5xx is a server error
    return kind(str(body.get("message") or f"the server returned status {status}"), **details)
