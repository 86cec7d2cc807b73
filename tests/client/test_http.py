"""How the client handles error responses, of the imchat server and of gateways."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any, Final

import pytest
import urllib3

from imchat.client.http import HttpClient, retry_delay_s, send_request
from imchat.errors import Busy, Conflict, ImchatError, Invalid, RateLimited, Unauthenticated


@contextmanager
def server_returning(
    *responses: tuple[int, object], method: str = "GET", retry_after_s: int = 1
) -> Iterator[tuple[str, list[str]]]:
    """Run a server that returns these responses in turn. Yields its URL and the received tokens, or bodies of POST."""
    remaining, tokens = list(responses), []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length).decode()
            tokens.append(body or self.headers.get("Authorization", ""))
            status, answer = remaining.pop(0)
            content = json.dumps(answer).encode()
            self.send_response(status)
            if status != 200:
                self.send_header("Retry-After", str(retry_after_s))
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    setattr(Handler, f"do_{method}", Handler.answer)
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", tokens
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (409, {"error": {"code": "conflict", "message": "no", "details": {"reason": "taken"}}}, Conflict),
        (401, {"message": "Unauthorized"}, Unauthenticated),
        (429, {"message": "Too Many Requests"}, RateLimited),
        (502, "<html>", Busy),
        (400, {"error": {"code": "invalid", "message": "no"}}, Invalid),
    ],
)
def test_each_error_response_raises_its_error_class(
    status: int, body: object, kind: type[ImchatError]
) -> None:
    with (
        server_returning((status, body)) as (url, _),
        urllib3.PoolManager() as pool,
        pytest.raises(kind) as raised,
    ):
        send_request(pool, "GET", url, None, {})
    assert type(raised.value) is kind
    assert raised.value.details["retry_after_s"] == 1


def get_me(url: str, token: Callable[[bool], str]) -> dict[str, Any]:
    async def get_token(new: bool) -> str:  # noqa: FBT001 - HttpClient's signature
        return token(new)

    with urllib3.PoolManager() as pool:
        return asyncio.run(HttpClient(pool, url, get_token).request("GET", "/me"))


UNAUTHORIZED: Final = (401, {"message": "Unauthorized"})
UNAVAILABLE: Final = (503, {"message": "Service Unavailable"})
OK: Final[tuple[int, object]] = (200, {"user": {}})


@pytest.mark.slow
def test_an_expired_token_is_renewed_only_once_even_if_the_server_is_busy() -> None:
    renewed: list[str] = []

    def token(new: bool) -> str:  # noqa: FBT001 - HttpClient's signature
        if new:
            renewed.append(f"token {len(renewed) + 1}")
        return renewed[-1] if renewed else "expired"

    with server_returning(UNAUTHORIZED, UNAVAILABLE, (429, {}), OK) as (url, tokens):
        assert get_me(url, token) == {"user": {}}
    assert tokens == ["Bearer expired", "Bearer token 1", "Bearer token 1", "Bearer token 1"]
    assert renewed == ["token 1"]


def test_a_failed_renewal_is_raised_without_another_request() -> None:
    def token(new: bool) -> str:  # noqa: FBT001 - HttpClient's signature
        if new:
            raise Unauthenticated("the sign-in has ended; sign in again")
        return "expired"

    with (
        server_returning(UNAUTHORIZED, OK) as (url, tokens),
        pytest.raises(Unauthenticated, match="sign in again"),
    ):
        get_me(url, token)
    assert tokens == ["Bearer expired"]


def test_a_new_token_that_is_rejected_is_not_retried_forever() -> None:
    with server_returning(UNAUTHORIZED, UNAUTHORIZED, OK) as (url, tokens), pytest.raises(Unauthenticated):
        get_me(url, str)
    assert len(tokens) == 2


def test_the_retry_delay_respects_the_servers_retry_after() -> None:
    assert retry_delay_s(1, RateLimited("later", retry_after_s=40)) == 40
    assert retry_delay_s(1, Busy("later")) <= 1


def test_a_request_fails_at_once_if_the_server_asks_for_a_long_wait() -> None:
    attempts: list[float] = []

    class LimitedClient(HttpClient):
        async def _send(self, *_args: object) -> dict[str, Any]:
            attempts.append(1)
            raise RateLimited("too many strangers", retry_after_s=3_000)

    async def get_token(new: bool) -> str:  # noqa: FBT001 - HttpClient's signature
        return "token"

    async def add_members() -> None:
        with urllib3.PoolManager() as pool:
            client = LimitedClient(pool, "http://localhost", get_token)
            await asyncio.wait_for(client.request("POST", "/conversations/c/members", {}), timeout=5)

    with pytest.raises(RateLimited, match="strangers"):
        asyncio.run(add_members())
    assert len(attempts) == 1
