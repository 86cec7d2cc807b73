"""Requests to the server, each in its own thread, retried where that is safe."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode, urlsplit

import urllib3

from imchat.errors import ERROR_BY_STATUS, Busy, ImchatError, Invalid, SessionEnded, Unauthenticated

TIMEOUT_S: Final = 30.0
MAX_ATTEMPTS: Final = 8
"""Attempts per request. With growing delays they take about a minute, enough for a server to restart."""
MAX_RETRY_AFTER_S: Final = 60.0
"""With a longer `Retry-After`, such as that of added strangers, the request fails instead of waiting."""
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

        Raises: the error of `imchat.errors` for the response's status; Busy if there was no response; SessionEnded if
        the server ended the sign-in.
        """
        url = self._api_url + path + (f"?{urlencode(query)}" if query else "")
        attempt, new_token = 0, False
        while True:
            attempt += 1
            try:
                return await self._send(method, url, body, await self._token(new_token))
            except SessionEnded:
                raise
            except Unauthenticated as error:
                if new_token:
                    raise SessionEnded(
                        f"the server refused a new access token ({error.message}); sign in again"
                    ) from error
                new_token = True
            except ImchatError as error:
                delay_s = retry_delay_s(attempt, error)
                if not error.retryable or attempt >= max_attempts or delay_s > MAX_RETRY_AFTER_S:
                    raise
                await asyncio.sleep(delay_s)
                new_token = False

    async def _send(
        self, method: str, url: str, body: Mapping[str, Any] | None, token: str
    ) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        return await asyncio.to_thread(send_request, self._pool, method, url, body, headers)


class HttpResponse(NamedTuple):
    """A response; `content` is its JSON object, or empty for any other body."""

    status: int
    content: dict[str, Any]
    retry_after_s: int | None

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return self.status < 300  # noqa: PLR2004 - the first status that is not 2xx

    def retry_after(self) -> dict[str, int]:
        """Return `retry_after_s` as error details, if the server sent it."""
        return {} if self.retry_after_s is None else {"retry_after_s": self.retry_after_s}


def send(
    pool: urllib3.PoolManager,
    method: str,
    url: str,
    body: Mapping[str, Any] | None,
    headers: Mapping[str, str],
) -> HttpResponse:
    """Send one request and return the response. Raises: Busy if there was none."""
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
        content = None
    retry_after = response.headers.get("Retry-After")
    retry_after_s = int(retry_after) if retry_after is not None and retry_after.isdecimal() else None
    return HttpResponse(response.status, content if isinstance(content, dict) else {}, retry_after_s)


def send_request(
    pool: urllib3.PoolManager,
    method: str,
    url: str,
    body: Mapping[str, Any] | None,
    headers: Mapping[str, str],
) -> dict[str, Any]:
    """Send one request and return the JSON of the response. Raises: an ImchatError."""
    response = send(pool, method, url, body, headers)
    if response.is_success:
        return response.content
    raise _error(response)


def retry_delay_s(attempt: int, error: ImchatError | None = None) -> float:
    """Return the delay before the next attempt: the server's `retry_after_s`, or exponential backoff with jitter."""
    retry_after_s = error.details.get("retry_after_s") if error is not None else None
    longest = min(_MAX_RETRY_DELAY_S, 0.5 * 2.0 ** min(attempt, 6))
    return max(float(retry_after_s or 0), random.uniform(longest / 2, longest))  # noqa: S311 - jitter, not a secret


def _error(response: HttpResponse) -> ImchatError:
    """Return the error for a response. Gateways in front of the server send bodies of their own format."""
    status, body = response.status, response.content.get("error")
    body = body if isinstance(body, dict) else {}
    details = {**(body.get("details") or {}), **response.retry_after()}
    kind = ERROR_BY_STATUS.get(status, Busy if status >= 500 else Invalid)  # noqa: PLR2004 - 5xx is a server error
    return kind(str(body.get("message") or f"the server returned status {status}"), **details)
