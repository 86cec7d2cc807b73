"""What the client makes of answers that are no success, its own server's and others'."""

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

from imchat.client.http import Http, request, wait_s
from imchat.errors import Busy, Conflict, ImchatError, Invalid, RateLimited, Unauthenticated


@contextmanager
def answering(*answers: tuple[int, object]) -> Iterator[tuple[str, list[str]]]:
    """A server that gives these answers, one after another; its address, and the tokens that came."""
    left, tokens = list(answers), []

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            tokens.append(self.headers.get("Authorization", ""))
            status, body = left.pop(0)
            content = json.dumps(body).encode()
            self.send_response(status)
            if status != 200:
                self.send_header("Retry-After", "1")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Answering) as server:
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
        (400, {"__type": "TooManyRequestsException", "message": "Rate exceeded"}, Busy),
        (400, {"__type": "com.amazon#InternalErrorException"}, Busy),
        (400, {"__type": "NotAuthorizedException", "message": "no"}, Invalid),
    ],
)
def test_each_refusal_is_the_error_that_says_what_to_do(
    status: int, body: object, kind: type[ImchatError]
) -> None:
    with answering((status, body)) as (url, _), urllib3.PoolManager() as pool, pytest.raises(kind) as refused:
        request(pool, "GET", url, None, {})
    assert type(refused.value) is kind
    assert refused.value.details["retry_after_s"] == 1


def ask(url: str, token: Callable[[bool], str]) -> dict[str, Any]:
    async def one(new: bool) -> str:  # noqa: FBT001 - as Http calls it
        return token(new)

    with urllib3.PoolManager() as pool:
        return asyncio.run(Http(pool, url, one).ask("GET", "/me"))


REFUSED: Final = (401, {"message": "Unauthorized"})
LATER: Final = (503, {"message": "Service Unavailable"})
GOOD: Final[tuple[int, object]] = (200, {"user": {}})


@pytest.mark.slow
def test_an_expired_token_is_renewed_once_and_a_server_that_is_busy_meanwhile_costs_no_other() -> None:
    renewed: list[str] = []

    def token(new: bool) -> str:  # noqa: FBT001 - as Http calls it
        if new:
            renewed.append(f"token {len(renewed) + 1}")
        return renewed[-1] if renewed else "expired"

    with answering(REFUSED, LATER, (429, {}), GOOD) as (url, tokens):
        assert ask(url, token) == {"user": {}}
    assert tokens == ["Bearer expired", "Bearer token 1", "Bearer token 1", "Bearer token 1"]
    assert renewed == ["token 1"]


def test_a_refused_refresh_is_raised_and_asks_the_server_no_more() -> None:
    def token(new: bool) -> str:  # noqa: FBT001 - as Http calls it
        if new:
            raise Unauthenticated("the sign-in has ended; sign in again")
        return "expired"

    with answering(REFUSED, GOOD) as (url, tokens), pytest.raises(Unauthenticated, match="sign in again"):
        ask(url, token)
    assert tokens == ["Bearer expired"]


def test_a_token_that_is_new_and_still_refused_is_not_tried_for_ever() -> None:
    with answering(REFUSED, REFUSED, GOOD) as (url, tokens), pytest.raises(Unauthenticated):
        ask(url, str)
    assert len(tokens) == 2


def test_what_the_server_says_of_waiting_is_waited() -> None:
    assert wait_s(1, RateLimited("later", retry_after_s=40)) == 40
    assert wait_s(1, Busy("later")) <= 1
