"""`LocalServer`: site, HTTP API, WebSocket API and sign-in on one port of one process."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Final, Self

from imchat.domain.limits import CONNECTION_S
from imchat.entrypoints.bootstrap import Handler
from imchat.errors import ConfigError, Unauthenticated, source_location
from imchat.local.apigateway.connections import LocalGateway
from imchat.local.apigateway.events import Request, http_answer, http_event, new_request_id, token_claims
from imchat.local.apigateway.websocket import IDLE_S, WebSocketApi
from imchat.local.cognito import CognitoApi
from imchat.local.group_commit import Batches
from imchat.local.http.connection import Served
from imchat.local.http.response import Answer, error_answer, json_answer
from imchat.local.http.server import HttpServer
from imchat.local.protocols import Purge, SignIn, Store
from imchat.local.static_site import Site

log = logging.getLogger(__name__)

PURGE_EVERY_S: Final = 60.0
PURGE_ITEMS: Final = 500
TOKENS_KNOWN: Final = 4096
"""Tokens whose claims are kept as handlers get them."""
_STOPPING_S: Final = 0.5
"""How long open requests may take to end when the server stops."""


@dataclass(frozen=True, slots=True)
class Handlers:
    """The application's entrypoints."""

    http: Handler
    websocket: Handler
    authorizer: Handler


@dataclass(frozen=True, slots=True)
class Options:
    """Where to listen (port 0: any free one), and the limits of connections, in seconds."""

    host: str = "127.0.0.1"
    port: int = 0
    idle_s: float = IDLE_S
    lifetime_s: float = CONNECTION_S
    purge_every_s: float = PURGE_EVERY_S


class LocalServer:
    """Serves from `async with` to its end; `url` is where.

    Entering raises ConfigError where the address cannot be listened on. Leaving closes every socket with "going
    away", finishes the requests that are queued, and commits them.
    """

    def __init__(
        self,
        *,
        handlers: Handlers,
        store: Store,
        gateway: LocalGateway,
        sign_in: SignIn,
        purge_accounts: Purge,
        site: Site,
        options: Options,
        finish: Callable[[], None] = lambda: None,
    ) -> None:
        self.url = ""
        self._handlers = handlers
        self._store = store
        self._gateway = gateway
        self._sign_in = sign_in
        self._purge_accounts = purge_accounts
        self._site = site
        self._options = options
        self._finish = finish
        self._claims: dict[str, tuple[Mapping[str, Any], Mapping[str, str]]] = {}

    async def __aenter__(self) -> Self:
        self._batches = Batches(self._store, self._gateway, self._finish)
        self._websockets = WebSocketApi(
            authorizer=self._handlers.authorizer,
            websocket=self._handlers.websocket,
            batches=self._batches,
            gateway=self._gateway,
            idle_s=self._options.idle_s,
            lifetime_s=self._options.lifetime_s,
        )
        self._cognito = CognitoApi(self._sign_in)
        self._http = HttpServer(self._serve)
        host = self._options.host
        try:
            port = await self._http.start(host, self._options.port)
        except (OSError, OverflowError) as error:
            raise _cannot_listen(self._options, error) from error
        self.url = f"http://{_reachable(host)}:{port}"
        self._purging = asyncio.create_task(self._purge())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._purging.cancel()
        self._http.stop_listening()
        await self._websockets.close_all()
        await self._http.stop(_STOPPING_S)
        await self._batches.close()
        self._cognito.close()

    def _serve(self, request: Request) -> Answer | Awaitable[Served]:
        path = request.path
        if path.startswith("/api/"):
            return self._call_api(request, path)
        if path == "/ws":
            return self._websockets.serve(request)
        if self._cognito.serves(request):
            return self._cognito.serve(request)
        if path == "/config.json":
            return json_answer(self._config(), cache="no-cache")
        return self._site.answer(request)

    def _call_api(self, request: Request, path: str) -> Answer | Awaitable[Served]:
        """As an HTTP API with a JWT authorizer on every route but one."""
        request_id = new_request_id()
        claims = None
        if path != "/api/health":
            try:
                claims = self._passed_on(_bearer(request))
            except Unauthenticated as error:
                return error_answer(error, request_id)
        event = http_event(request, request_id, claims)

        def call() -> Answer:
            try:
                return Answer(*http_answer(self._handlers.http(event, None)))
            except Exception as error:  # noqa: BLE001 - a handler's own dispatch answers all it can
                return error_answer(error, request_id)

        return self._batches.run(call)

    def _passed_on(self, token: str) -> Mapping[str, str]:
        """The token's claims as handlers get them. Raises: Unauthenticated, also for one that was good a moment ago."""
        claims = self._sign_in.verify_access_token(token)
        known = self._claims.get(token)
        if known is None or known[0] is not claims:
            if len(self._claims) >= TOKENS_KNOWN:
                self._claims.clear()
            known = self._claims[token] = claims, token_claims(claims)
        return known[1]

    def _config(self) -> dict[str, object]:
        auth = {
            "endpoint": "/cognito",
            "region": self._sign_in.pool_id.partition("_")[0],
            "user_pool_id": self._sign_in.pool_id,
            "client_id": self._sign_in.client_id,
        }
        return {"version": 1, "api_url": "/api", "ws_url": "/ws", "auth": auth}

    async def _purge(self) -> None:
        """Remove what has expired, a little at a time, among the requests."""
        while True:
            await asyncio.sleep(self._options.purge_every_s)
            due = int(time.time()), PURGE_ITEMS
            try:
                while await self._batches.run(partial(self._store.purge_expired, *due)) == PURGE_ITEMS:
                    pass
                await self._cognito.in_turn(partial(self._purge_accounts, *due))
                self._batches.tidy()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next round may do
                log.warning(
                    "what has expired could not be removed: %s at %s",
                    type(error).__name__,
                    source_location(error),
                )


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("sign in first: the request has no access token")
    return token.strip()


def _reachable(host: str) -> str:
    """The host to show and to connect to: a wildcard address means this machine."""
    shown = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 - names it, does not listen on it
    return f"[{shown}]" if ":" in shown and not shown.startswith("[") else shown


def _cannot_listen(options: Options, error: Exception) -> ConfigError:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return ConfigError(
            f"port {options.port} on {options.host} is in use by another program; "
            f"choose another one, for example: imchat local --port {options.port + 1}"
        )
    if isinstance(error, socket.gaierror) or (
        isinstance(error, OSError) and error.errno == errno.EADDRNOTAVAIL
    ):
        return ConfigError(
            f"{options.host} is no address of this machine; choose another one with --host, such as 0.0.0.0 for all"
        )
    why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
    return ConfigError(f"cannot listen on {options.host} port {options.port}: {why}; see --host and --port")
