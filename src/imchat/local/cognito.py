"""A user pool over HTTP: the Cognito protocol, and the documents that let others check its tokens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from imchat.errors import NotFound
from imchat.local.apigateway.events import Request, new_request_id
from imchat.local.http.response import HttpResponse, http_error_response, json_response
from imchat.local.protocols import SignIn

T = TypeVar("T")

_PREFIX: Final = "/cognito"
"""Where the site posts; other clients of Cognito post to `/`."""


class CognitoApi:
    """Serves one user pool.

    Its work runs on one thread of its own: a password check takes tens of milliseconds, and a crowd signing in must
    neither stop the event loop nor take the threads that other work waits for.
    """

    def __init__(self, sign_in: SignIn) -> None:
        self._sign_in = sign_in
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sign-in")
        self._published = f"/{sign_in.pool_id}/.well-known/"

    def serves(self, request: Request) -> bool:
        """Whether the request is one for a user pool."""
        if request.method == "POST":
            return request.path in {"/", _PREFIX, f"{_PREFIX}/"}
        return request.path.removeprefix(_PREFIX).startswith(self._published)

    async def serve(self, request: Request) -> HttpResponse:
        """Answer such a request."""
        if request.method != "POST":
            return self._publish(request)
        target, where = request.headers.get("x-amz-target", ""), _endpoint(request)
        status, own, content = await self.in_turn(
            lambda: self._sign_in.handle(
                target, request.body, request.headers, endpoint=where, path=request.raw_path
            )
        )
        return HttpResponse(status, own, content)

    def in_turn(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Run `work` on the pool's thread, after what came before it."""
        return asyncio.get_running_loop().run_in_executor(self._thread, work)

    def close(self) -> None:
        """Let what runs end, and drop what waits."""
        self._thread.shutdown(cancel_futures=True)

    def _publish(self, request: Request) -> HttpResponse:
        match request.path.rpartition("/")[2]:
            case "jwks.json":
                return json_response(self._sign_in.jwks())
            case "openid-configuration":
                return json_response(self._sign_in.openid_configuration(_endpoint(request)))
        return http_error_response(NotFound("there is nothing here"), new_request_id())


def _endpoint(request: Request) -> str:
    """How the client reached this server: behind a proxy that ends TLS, by https."""
    return f"{request.headers.get('x-forwarded-proto', 'http')}://{request.host}"
