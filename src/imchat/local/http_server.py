"""aiohttp's server, made to behave as API Gateway does: no routes, no access log, one shape for what it refuses itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from imchat.errors import Invalid
from imchat.local.answers import error_answer
from imchat.local.events import Request, new_request_id

PAYLOAD_BYTES: Final = 10 * 1024 * 1024
"""Largest request body. Source: API Gateway quotas for HTTP APIs, "Payload size"."""


class HttpServer(web.Server):
    """Answers every request by `serve`. Bodies are not decompressed: API Gateway hands them on as they came."""

    def __init__(self, serve: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> None:
        super().__init__(serve, request_factory=_request, access_log=None, auto_decompress=False)

    def __call__(self) -> web.RequestHandler:
        """The protocol of one more connection."""
        return _Http(self, loop=self._loop, **self._kwargs)


class _Http(web.RequestHandler):
    """Refuses what is no HTTP in the one shape. aiohttp would quote the bytes, tokens among them, to the log as well."""

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - quotes the request
    ) -> web.StreamResponse:
        error: Exception = Invalid("the request is not valid HTTP", field="request", limit="HTTP/1.1")
        if status >= 500 and isinstance(exc, Exception):  # noqa: PLR2004 - ours, not the client's
            error = exc
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun to leave already")
        refusal = error_answer(error, new_request_id())
        refusal.force_close()
        return refusal


def _request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=PAYLOAD_BYTES)


def described(http: web.BaseRequest, body: bytes) -> Request:
    """What API Gateway's events say of a request."""
    version = http.version
    return Request(
        method=http.method,
        path=http.path,
        query_string=http.rel_url.raw_query_string,
        query=http.query.items(),
        headers=[(name, _unicode(value)) for name, value in http.headers.items()],
        http_version=f"HTTP/{version.major}.{version.minor}",
        source_ip=http.remote or "",
        host=http.host,
        body=body,
    )


def _unicode(value: str) -> str:
    """A header's value, bytes that are no UTF-8 replaced: events are JSON on AWS, and JSON cannot hold them."""
    return value if value.isascii() else value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
