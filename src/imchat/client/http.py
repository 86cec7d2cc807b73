"""Requests to the server, each in a thread of its own; asked again where that is safe, until they are answered."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import urllib3

from imchat.errors import BY_STATUS, Busy, ImchatError, Invalid, Unauthenticated

TIMEOUT_S: Final = 30.0
ATTEMPTS: Final = 8
"""Tries of one request. With growing waits they take about a minute: a server that restarts is back by then."""
TRANSIENT: Final = {"TooManyRequestsException", "InternalErrorException"}
"""Errors of Cognito that pass by themselves; it says them with status 400."""
_LONGEST_WAIT_S: Final = 15.0


class Http:
    """The HTTP API at `api_url`. `token` gives the access token; called with True, a new one."""

    def __init__(
        self, pool: urllib3.PoolManager, api_url: str, token: Callable[[bool], Awaitable[str]]
    ) -> None:
        self._pool = pool
        self._api_url = api_url.rstrip("/")
        self._token = token

    async def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, object] | None = None,
        attempts: float = ATTEMPTS,
    ) -> dict[str, Any]:
        """The answer's JSON. `attempts`: how often it may be asked; once, where twice would not be the same.

        Raises: the error of `imchat.errors` that the answer stands for; Busy where there was none.
        """
        url = self._api_url + path + (f"?{urlencode(query)}" if query else "")
        attempt, new = 0, False
        while True:
            attempt += 1
            try:
                return await self._once(method, url, body, await self._token(new))
            except Unauthenticated:
                if new:
                    raise
                new = True
            except ImchatError as error:
                if not error.retryable or attempt >= attempts:
                    raise
                await asyncio.sleep(wait_s(attempt, error))
                new = False

    async def _once(
        self, method: str, url: str, body: Mapping[str, Any] | None, token: str
    ) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        return await asyncio.to_thread(request, self._pool, method, url, body, headers)


def request(
    pool: urllib3.PoolManager,
    method: str,
    url: str,
    body: Mapping[str, Any] | None,
    headers: Mapping[str, str],
) -> dict[str, Any]:
    """One request; the answer's JSON. Raises: an ImchatError."""
    data = None if body is None else json.dumps(body).encode()
    try:
        answer = pool.request(method, url, body=data, headers=dict(headers), timeout=TIMEOUT_S, retries=False)
    except urllib3.exceptions.HTTPError as error:
        where = f"{urlsplit(url).netloc} cannot be reached: {type(error).__name__}"
        raise Busy(f"{where}; look at the address, and whether the server is running") from error
    try:
        content = json.loads(answer.data)
    except ValueError:
        content = {}
    if answer.status < 300 and isinstance(content, dict):  # noqa: PLR2004 - every success is below
        return content
    raise _error(answer.status, content, answer.headers.get("Retry-After"))


def wait_s(attempt: int, error: ImchatError | None = None) -> float:
    """How long to wait before the next try: what the server said, or twice as long each time, at random."""
    told = error.details.get("retry_after_s") if error is not None else None
    longest = min(_LONGEST_WAIT_S, 0.5 * 2.0 ** min(attempt, 6))
    return max(float(told or 0), random.uniform(longest / 2, longest))  # noqa: S311 - spreads load, keeps no secret


def _error(status: int, content: Any, retry_after: str | None) -> ImchatError:
    """The error that an answer stands for. Gateways in front of the server have bodies of their own."""
    told = content.get("error") if isinstance(content, dict) else None
    told = told if isinstance(told, dict) else {}
    details = dict(told.get("details") or {})
    if retry_after is not None and retry_after.isdecimal():
        details["retry_after_s"] = int(retry_after)
    if isinstance(content, dict) and str(content.get("__type", "")).rpartition("#")[2] in TRANSIENT:
        status = Busy.status
    kind = BY_STATUS.get(status, Busy if status >= 500 else Invalid)  # noqa: PLR2004 - the server's fault
    return kind(str(told.get("message") or f"the server answered {status}"), **details)
