"""A user pool for tests: a real database and keys in a folder, a clock to turn, and what was delivered."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from imchat.local.identity import REGION, Identity, Purpose, read_admin_key
from imchat.local.identity.http import serve_identity
from imchat.storage.sqlite import SqliteTable

EMAIL = "ann@example.com"
PASSWORD = "correct horse"
ENDPOINT = "http://pool.example"


@dataclass
class Clock:
    """The real time, moved on by what a test says."""

    ahead_ms: int = 0

    def now_ms(self) -> int:
        return int(time.time() * 1000) + self.ahead_ms

    def pass_s(self, seconds: int) -> None:
        self.ahead_ms += seconds * 1000


@dataclass
class Pool:
    """An identity server on loopback, and boto3 clients for it."""

    identity: Identity
    clock: Clock
    keys: Path
    url: str
    mailbox: list[tuple[Purpose, str, str]] = field(default_factory=list)

    def cognito(self, **changed: str) -> Any:
        """boto3's client with the administrator's key."""
        key = read_admin_key(self.keys)
        given = {
            "endpoint_url": self.url,
            "region_name": REGION,
            "aws_access_key_id": key.access_key_id,
            "aws_secret_access_key": key.secret_access_key,
        }
        config = Config(retries={"total_max_attempts": 1})
        return boto3.client("cognito-idp", config=config, **{**given, **changed})

    def last_code(self) -> str:
        return self.mailbox[-1][2]

    def sign_up(self, email: str = EMAIL, password: str = PASSWORD) -> str:
        """The new user's id."""
        answer = self.cognito().sign_up(ClientId=self.identity.client_id, Username=email, Password=password)
        return str(answer["UserSub"])

    def sign_in(self, email: str = EMAIL, password: str = PASSWORD) -> dict[str, Any]:
        """The answer to USER_PASSWORD_AUTH."""
        answer: dict[str, Any] = self.cognito().initiate_auth(
            ClientId=self.identity.client_id,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": email, "PASSWORD": password},
        )
        return answer

    def tokens(self, email: str = EMAIL, password: str = PASSWORD) -> dict[str, Any]:
        result: dict[str, Any] = self.sign_in(email, password)["AuthenticationResult"]
        return result


@contextmanager
def open_pool(folder: Path, *, confirm: bool = False) -> Iterator[Pool]:
    clock = Clock()
    mailbox: list[tuple[Purpose, str, str]] = []
    keys = folder / "keys"
    with SqliteTable.open(folder / "identity.db") as table:
        identity = Identity(
            table=table,
            keys=keys,
            now_ms=clock.now_ms,
            deliver=lambda purpose, email, secret: mailbox.append((purpose, email, secret)),
            confirm=confirm,
        )
        with serve_identity(identity) as url:
            yield Pool(identity, clock, keys, url, mailbox)
