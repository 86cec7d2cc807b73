"""`LocalServer`: web client, HTTP API, WebSocket API and sign-in on one port of one process."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any, Final, Self

from imchat.domain.limits import CONNECTION_S
from imchat.entrypoints.bootstrap import Handler
from imchat.errors import ConfigError, Invalid, Unauthenticated, source_location
from imchat.local.address_limiter import LIMITS, AddressLimiter, OperationKind, RequestLimit
from imchat.local.apigateway.connections import LocalGateway
from imchat.local.apigateway.events import http_event, parse_http_response, token_claims
from imchat.local.apigateway.websocket import IDLE_TIMEOUT_S, PING_INTERVAL_S, WebSocketApi
from imchat.local.cognito_api import CognitoApi
from imchat.local.group_commit import GroupCommitQueue
from imchat.local.health import HealthCheck, HealthTargets
from imchat.local.http import (
    MAX_BODY_BYTES,
    MAX_CONNECTIONS,
    SMALL_BODY_BYTES,
    BodyLimit,
    Cancellable,
    HandlerResult,
    HttpResponse,
    HttpServer,
    Request,
    http_error_response,
    json_response,
    new_request_id,
)
from imchat.local.protocols import Purge, SignIn, Store
from imchat.local.refusal_log import RefusalLog
from imchat.local.server_names import PublicUrl, ServerNames
from imchat.local.static_site import Site
from imchat.local.trusted_proxies import LOOPBACK, IpNetwork, TrustedProxies

log = logging.getLogger(__name__)

PURGE_INTERVAL_S: Final = 60.0
PURGE_ITEMS: Final = 500
MAX_CACHED_CLAIMS: Final = 4096
"""Tokens whose claims are cached in the form that handlers get."""
MAX_PORT: Final = 65535
_API_BODY: Final = BodyLimit(MAX_BODY_BYTES, trusted=True)
_COGNITO_BODY: Final = BodyLimit(64 * 1024)
"""Sign-in requests are below 10 KB."""
_OTHER_BODY: Final = BodyLimit(SMALL_BODY_BYTES)
"""No other route takes a body."""
_STOP_TIMEOUT_S: Final = 0.5
"""How long open requests may take to finish when the server stops."""


@dataclass(frozen=True, slots=True)
class Handlers:
    """The Lambda handlers of the application."""

    http: Handler
    websocket: Handler
    authorizer: Handler


@dataclass(frozen=True, slots=True)
class Options:
    """The address to listen on (port 0: any free one), the address that users open, limits, and times in seconds.

    `trusted_proxies` state the addresses of their clients. With a `public_url`, proxies on this machine are trusted, too.
    `sign_in_limits` are for each client address; empty for none.
    """

    host: str = "127.0.0.1"
    port: int = 0
    public_url: PublicUrl | None = None
    trusted_proxies: tuple[IpNetwork, ...] = ()
    sign_in_limits: Mapping[OperationKind, RequestLimit] = field(default_factory=lambda: LIMITS)
    max_connections: int = MAX_CONNECTIONS
    ping_s: float = PING_INTERVAL_S
    idle_s: float = IDLE_TIMEOUT_S
    lifetime_s: float = CONNECTION_S
    purge_every_s: float = PURGE_INTERVAL_S


class LocalServer:
    """Serves at `url` inside `async with`; `public_url` is the address that users open.

    Entering raises ConfigError if it cannot listen on the address. Leaving closes every WebSocket with "going away",
    then finishes and commits the waiting requests.
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
        run_deferred: Callable[[], None] = lambda: None,
        health: HealthTargets | None = None,
    ) -> None:
        self.url = self.public_url = ""
        self._handlers = handlers
        self._store = store
        self._gateway = gateway
        self._sign_in = sign_in
        self._purge_accounts = purge_accounts
        self._site = site
        self._options = options
        self._run_deferred = run_deferred
        self._refusals = RefusalLog()
        self._server_names = ServerNames(options.host, options.public_url, self._refusals)
        self._served_hosts = self._server_names.served
        self._http = HttpServer(self._handle, self._admit, options.max_connections)
        self._health_targets = health
        self._claims: dict[str, tuple[Mapping[str, Any], Mapping[str, str]]] = {}

    async def __aenter__(self) -> Self:
        self._queue = GroupCommitQueue(self._store, self._gateway, self._run_deferred)
        behind_local_proxy = LOOPBACK if self._options.public_url else ()
        self._trusted_proxies = TrustedProxies([*self._options.trusted_proxies, *behind_local_proxy])
        self._websockets = WebSocketApi(
            authorizer=self._handlers.authorizer,
            websocket=self._handlers.websocket,
            queue=self._queue,
            gateway=self._gateway,
            server_names=self._server_names,
            trusted_proxies=self._trusted_proxies,
            unfinished_input=self._http.context.input,
            unread_output=self._http.context.output,
            connections=self._http.context.upgraded,
            refusals=self._refusals,
            ping_s=self._options.ping_s,
            idle_s=self._options.idle_s,
            lifetime_s=self._options.lifetime_s,
        )
        self._cognito = CognitoApi(
            self._sign_in,
            self._options.public_url,
            self._trusted_proxies,
            AddressLimiter(self._options.sign_in_limits),
        )
        self._health = HealthCheck(self._health_targets, self._queue.run) if self._health_targets else None
        host = self._options.host
        try:
            port = await self._http.start(host, self._options.port)
        except (OSError, OverflowError) as error:
            raise _cannot_listen(self._options, error) from error
        self.url = f"http://{_url_host(host)}:{port}"
        self.public_url = str(self._options.public_url or self.url)
        self._purging = asyncio.create_task(self._purge())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._purging.cancel()
        self._http.stop_listening()
        await self._websockets.close_all()
        await self._http.stop(_STOP_TIMEOUT_S)
        await self._queue.close()
        self._cognito.close()

    def _handle(self, request: Request) -> HttpResponse | Cancellable | Awaitable[HandlerResult]:
        path, host = request.path, request.headers.get("host", "")
        if host not in self._served_hosts and not self._server_names.serves(host):
            return _host_error(host)
        if path.startswith("/api/"):
            return self._call_api(request)
        if path == "/ws":
            return self._websockets.serve(request)
        if self._cognito.handles(request):
            return self._cognito.serve(request)
        if path == "/config.json":
            return json_response(self._config(), cache_control="no-cache")
        return self._site.serve(request)

    def _admit(self, request: Request) -> BodyLimit | HttpResponse:
        """Return how large a body is accepted, or the response that refuses the request before its body arrives."""
        path, host = request.path, request.host
        if not self._server_names.serves(host):
            return _host_error(host)
        if path.startswith("/api/") and not _is_public(request):
            try:
                self._sign_in.verify_access_token(_bearer_token(request))
            except Unauthenticated as error:
                return http_error_response(error, new_request_id())
            return _API_BODY
        return _COGNITO_BODY if self._cognito.handles(request) else _OTHER_BODY

    def _call_api(self, request: Request) -> HttpResponse | Cancellable | Awaitable[HandlerResult]:
        """Call the HTTP handler, like an HTTP API with a JWT authorizer on every route except the health check."""
        if _is_public(request) and self._health:
            return self._health.respond()
        request_id = new_request_id()
        claims = None
        if not _is_public(request):
            try:
                claims = self._claims_for_handlers(_bearer_token(request))
            except Unauthenticated as error:
                return http_error_response(error, request_id)
        event = http_event(request, request_id, claims)

        def call() -> HttpResponse:
            try:
                return HttpResponse(*parse_http_response(self._handlers.http(event, None)))
            except Exception as error:  # noqa: BLE001 - the handler itself responds to all errors it expects
                return http_error_response(error, request_id)

        job = self._queue.run(
            call, self._trusted_proxies.client_address(request) if claims is None else claims.get("sub")
        )
        # What a client that has gone wanted to read is dropped. What it wanted to change is done, as it may expect.
        return Cancellable(job) if request.method == "GET" else job

    def _claims_for_handlers(self, token: str) -> Mapping[str, str]:
        """Return the claims in the form that handlers get. Raises: Unauthenticated, also for a token just expired."""
        claims = self._sign_in.verify_access_token(token)
        cached = self._claims.get(token)
        if cached is None or cached[0] is not claims:
            if len(self._claims) >= MAX_CACHED_CLAIMS:
                self._claims.clear()
            cached = self._claims[token] = claims, token_claims(claims)
        return cached[1]

    def _config(self) -> dict[str, object]:
        auth = {
            "endpoint": "/cognito",
            "region": self._sign_in.pool_id.partition("_")[0],
            "user_pool_id": self._sign_in.pool_id,
            "client_id": self._sign_in.client_id,
        }
        sign_up = self._sign_in.policy.to_wire()
        return {"version": 1, "api_url": "/api", "ws_url": "/ws", "auth": auth, "sign_up": sign_up}

    async def _purge(self) -> None:
        """Delete expired items, a few at a time, between the requests."""
        while True:
            if self._health:
                self._health.check_disk()
            await asyncio.sleep(self._options.purge_every_s)
            now_s = int(time.time())
            try:
                while (
                    await self._queue.run(partial(self._store.purge_expired, now_s, PURGE_ITEMS))
                    == PURGE_ITEMS
                ):
                    pass
                await self._cognito.run(partial(self._purge_accounts, now_s, PURGE_ITEMS))
                self._queue.checkpoint()
            except Exception as error:  # noqa: BLE001 - the next round tries again
                log.warning(
                    "expired items could not be deleted: %s at %s",
                    type(error).__name__,
                    source_location(error),
                )


def _is_public(request: Request) -> bool:
    """Return whether the request needs no token: the health check, as with `HealthRoute` in templates/app.yaml."""
    return request.path == "/api/health" and request.method in {"GET", "HEAD"}


def _host_error(host: str) -> HttpResponse:
    """Return the response to a request whose `Host` header is missing, repeated, or the name of another server."""
    if not host or "," in host:
        error, status = Invalid("the request must have one Host header", field="host", limit=1), 400
    else:
        error = Invalid(
            "this server does not have the name in the Host header; "
            "open it by its IP address, or start it with --url and the address that users open",
            field="host",
        )
        status = 421  # Misdirected Request
    return http_error_response(error, new_request_id(), status=status)


def _bearer_token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("the request has no access token; sign in first")
    return token.strip()


def _url_host(host: str) -> str:
    """Return the host for the server's URL: this machine if the server listens on all addresses."""
    name = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 - does not listen on it
    return f"[{name}]" if ":" in name and not name.startswith("[") else name


def _other_port(port: int) -> int:
    return port + 1 if port < MAX_PORT else port - 1


def _cannot_listen(options: Options, error: Exception) -> ConfigError:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return ConfigError(
            f"port {options.port} on {options.host} is in use by another program; "
            f"choose another one, for example --port {_other_port(options.port)}"
        )
    if isinstance(error, socket.gaierror) or (
        isinstance(error, OSError) and error.errno == errno.EADDRNOTAVAIL
    ):
        return ConfigError(
            f"{options.host} is not an address of this machine; choose another one with --host (0.0.0.0: all)"
        )
    reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
    return ConfigError(
        f"cannot listen on {options.host} port {options.port}: {reason}; see --host and --port"
    )
