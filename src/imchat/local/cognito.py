"""Serves a user pool over HTTP: the Cognito protocol, and the documents for verifying its tokens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from imchat.errors import NotFound
from imchat.local.addresses import PublicUrl
from imchat.local.http import HttpResponse, Request, http_error_response, json_response, new_request_id
from imchat.local.protocols import SignIn

T = TypeVar("T")

_PREFIX: Final = "/cognito"
"""The path that the web client posts to; other Cognito clients post to `/`."""


class CognitoApi:
    """Serves one user pool.

    Requests run on one thread of its own: a password check takes tens of milliseconds, and many sign-ins at once must
    neither block the event loop nor occupy the threads of other work. Tokens name `public_url` as their issuer, or
    without one the address that the client used.
    """

    def __init__(self, sign_in: SignIn, public_url: PublicUrl | None = None) -> None:
        self._sign_in = sign_in
        self._public_url = public_url
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sign-in")
        self._well_known_path = f"/{sign_in.pool_id}/.well-known/"

    def handles(self, request: Request) -> bool:
        """Return whether the request is for the user pool."""
        if request.method == "POST":
            return request.path in {"/", _PREFIX, f"{_PREFIX}/"}
        return request.path.removeprefix(_PREFIX).startswith(self._well_known_path)

    async def serve(self, request: Request) -> HttpResponse:
        """Respond to a request for the user pool."""
        if request.method != "POST":
            return self._serve_document(request)
        target, endpoint = request.headers.get("x-amz-target", ""), self._endpoint(request)
        status, headers, body = await self.run(
            lambda: self._sign_in.handle(
                target, request.body, request.headers, endpoint=endpoint, path=request.raw_path
            )
        )
        return HttpResponse(status, headers, body)

    def run(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Run `work` on the user pool's thread, after the calls before it."""
        return asyncio.get_running_loop().run_in_executor(self._thread, work)

    def close(self) -> None:
        """Wait for the running call and cancel the waiting ones."""
        self._thread.shutdown(cancel_futures=True)

    def _serve_document(self, request: Request) -> HttpResponse:
        match request.path.rpartition("/")[2]:
            case "jwks.json":
                return json_response(self._sign_in.jwks())
            case "openid-configuration":
                return json_response(self._sign_in.openid_configuration(self._endpoint(request)))
        return http_error_response(NotFound("no such page"), new_request_id())

    def _endpoint(self, request: Request) -> str:
        """Return the URL by which the client reached this server; a proxy that ends TLS passes on the scheme."""
        if self._public_url is not None:
            return str(self._public_url)
        schemes = request.headers.get("x-forwarded-proto", "").lower().split(",")
        return f"{'https' if schemes[-1].strip() == 'https' else 'http'}://{request.host}"
