"""Signing in where the user pool wants more than a password: whoever tries is told what it is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any, Final

import pytest
import urllib3

from imchat.client.session import Session, SiteConfig
from imchat.errors import Unauthenticated

PROOF: Final = {
    "ChallengeName": "PASSWORD_VERIFIER",
    "ChallengeParameters": {"USER_ID_FOR_SRP": "u", "SALT": "1", "SRP_B": "2", "SECRET_BLOCK": "AA=="},
}


@contextmanager
def pool_that_asks_for(challenge: str) -> Iterator[SiteConfig]:
    """A user pool that takes any password and then wants `challenge`."""

    class Pool(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked: dict[str, Any] = {"ChallengeName": challenge, "ChallengeParameters": {}, "Session": "s"}
            began = self.headers["X-Amz-Target"].endswith("InitiateAuth")
            content = json.dumps(PROOF if began else asked).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Pool) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_port}/"
            yield SiteConfig("", "", url, "eu-central-1", "eu-central-1_pool", "client")
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("challenge", "told"),
    [("NEW_PASSWORD_REQUIRED", "password is temporary"), ("SOFTWARE_TOKEN_MFA", "second factor")],
)
def test_who_cannot_sign_in_by_a_password_alone_is_told_why(challenge: str, told: str) -> None:
    with (
        pool_that_asks_for(challenge) as site,
        urllib3.PoolManager() as pool,
        pytest.raises(Unauthenticated, match=told),
    ):
        asyncio.run(Session.sign_in(pool, site, "ada@example.com", "correct horse"))
