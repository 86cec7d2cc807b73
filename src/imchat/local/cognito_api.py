"""Serves a user pool over HTTP: the Cognito protocol, and the documents for verifying its tokens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from imchat.errors import NotFound
from imchat.local.address_limiter import AddressLimiter, OperationKind, operation_kind
from imchat.local.http import (
    Cancellable,
    HttpResponse,
    Request,
    http_error_response,
    json_response,
    new_request_id,
)
from imchat.local.protocols import SignIn, SignInResponse
from imchat.local.server_names import PublicUrl
from imchat.local.trusted_proxies import TrustedProxies
from imchat.local.user_pool_queue import QueueFull, UserPoolQueue

T = TypeVar("T")

_PREFIX: Final = "/cognito"
"""The path that the web client posts to; other Cognito clients post to `/`."""

_LOW_PRIORITY: Final = {OperationKind.SIGN_UP, OperationKind.CODE}
"""The kinds of operation that run only while no other request waits."""
_FULL_WAIT_MS: Final = 1000
"""The wait that is sent with a refusal because the queue is full: running what waits takes about a second."""
_REFUSAL_DELAY_S: Final = 1.0
"""How long a refusal is delayed. Otherwise clients that retry at once would take all the server's processor time."""


class CognitoApi:
    """Serves one user pool: limits the requests of each client address, and runs the accepted ones one after another.

    Tokens name `public_url` as their issuer, or without one the address that the client used.
    """

    def __init__(
        self,
        sign_in: SignIn,
        public_url: PublicUrl | None = None,
        proxies: TrustedProxies | None = None,
        limiter: AddressLimiter | None = None,
    ) -> None:
        self._sign_in = sign_in
        self._public_url = public_url
        self._proxies = proxies or TrustedProxies()
        self._limiter = limiter or AddressLimiter()
        self._queue = UserPoolQueue()
        self._well_known_path = f"/{sign_in.pool_id}/.well-known/"

    def handles(self, request: Request) -> bool:
        """Return whether the request is for the user pool."""
        if request.method == "POST":
            return request.path in {"/", _PREFIX, f"{_PREFIX}/"}
        return request.path.removeprefix(_PREFIX).startswith(self._well_known_path)

    def serve(self, request: Request) -> HttpResponse | Cancellable:
        """Respond to a request for the user pool. It is dropped if the client disconnects while it waits."""
        if request.method != "POST":
            return self._serve_document(request)
        target, address = request.headers.get("x-amz-target", ""), self._proxies.client_address(request)
        kind = operation_kind(target.rpartition(".")[2])
        wait_ms = self._limiter.count(kind, address)
        if wait_ms:
            self._proxies.log_shared_address(request)
            return Cancellable(self._refuse(wait_ms))
        work = partial(
            self._sign_in.handle,
            target,
            request.body,
            request.headers,
            endpoint=self._endpoint(request),
            path=request.raw_path,
        )
        return Cancellable(self._respond(work, address, kind))

    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` of the server itself on the user pool's thread, between requests."""
        return await self._queue.run(work, address=None, urgent=True)

    def close(self) -> None:
        """Finish the running request, drop the waiting ones and deliver the codes that were created."""
        self._queue.close()
        self._sign_in.flush_deliveries()

    async def _respond(
        self, work: Callable[[], SignInResponse], address: str, kind: OperationKind
    ) -> HttpResponse:
        try:
            return HttpResponse(
                *await self._queue.run(work, address=address, urgent=kind not in _LOW_PRIORITY)
            )
        except QueueFull:
            return await self._refuse(_FULL_WAIT_MS)

    async def _refuse(self, wait_ms: int) -> HttpResponse:
        """Refuse the request, after a delay, and ask the client to wait `wait_ms`."""
        await asyncio.sleep(_REFUSAL_DELAY_S)
        return HttpResponse(*self._sign_in.too_many_requests(wait_ms))

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
