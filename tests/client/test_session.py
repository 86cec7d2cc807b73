"""Sign-in to a pool that requires more than a password: the error says what it requires."""

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
from imchat.client.sign_in import Credentials
from imchat.errors import Unauthenticated

PROOF: Final = {
    "ChallengeName": "PASSWORD_VERIFIER",
    "ChallengeParameters": {"USER_ID_FOR_SRP": "u", "SALT": "1", "SRP_B": "2", "SECRET_BLOCK": "AA=="},
}


@contextmanager
def pool_with_challenge(challenge: str) -> Iterator[SiteConfig]:
    """Run a user pool that accepts any password and then responds with `challenge`."""

    class Pool(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            response: dict[str, Any] = {"ChallengeName": challenge, "ChallengeParameters": {}, "Session": "s"}
            is_start = self.headers["X-Amz-Target"].endswith("InitiateAuth")
            content = json.dumps(PROOF if is_start else response).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

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
    ("challenge", "message"),
    [
        ("NEW_PASSWORD_REQUIRED", "password is temporary"),
        ("SOFTWARE_TOKEN_MFA", "two-step sign-in; sign in with `code`"),
        ("MFA_SETUP", "sign-in step MFA_SETUP, which imchat does not support"),
    ],
)
def test_the_error_says_why_a_password_is_not_enough(challenge: str, message: str) -> None:
    with (
        pool_with_challenge(challenge) as site,
        urllib3.PoolManager() as pool,
        pytest.raises(Unauthenticated, match=message),
    ):
        asyncio.run(Session.sign_in(pool, site, Credentials("ada@example.com", "correct horse")))
