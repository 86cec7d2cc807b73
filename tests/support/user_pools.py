"""Run a user pool for tests, with a database and keys in a folder, an adjustable clock and a mailbox."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from imchat.local.data_dir import replace_file
from imchat.local.identity import REGION, Identity, Purpose, read_admin_key
from imchat.local.identity.pool_keys import load_signing_key
from imchat.local.user_pool_admin import serve_identity
from imchat.sign_up_policy import OPEN, SignUpPolicy
from imchat.storage.sqlite.table import SqliteTable

EMAIL = "ann@example.com"
PASSWORD = "correct horse"


@dataclass
class Clock:
    """A clock that shows the real time plus an offset, and the time that has elapsed since any moment."""

    offset_ms: int = 0
    elapsed_offset_ms: int = 0

    def now_ms(self) -> int:
        return int(time.time() * 1000) + self.offset_ms

    def elapsed_ms(self) -> int:
        return int(time.monotonic() * 1000) + self.elapsed_offset_ms

    def advance_s(self, seconds: int) -> None:
        """Let time pass."""
        self.set_by_s(seconds)
        self.elapsed_offset_ms += seconds * 1000

    def set_by_s(self, seconds: int) -> None:
        """Set the clock forward or back, although no time passes."""
        self.offset_ms += seconds * 1000


@dataclass
class UserPool:
    """An identity server on loopback, with boto3 clients for it."""

    identity: Identity
    clock: Clock
    keys: Path
    url: str
    delivered: list[tuple[Purpose, str, str]] = field(default_factory=list)

    @property
    def mailbox(self) -> list[tuple[Purpose, str, str]]:
        """Everything delivered so far: purpose, recipient, secret."""
        self.identity.flush_deliveries()
        return self.delivered

    @cached_property
    def cognito(self) -> Any:
        """A boto3 client with the administrator's key."""
        key = read_admin_key(self.keys)
        return self.client(key.access_key_id, key.secret_access_key)

    def client(self, access_key_id: str, secret_access_key: str, *, signed: bool = True) -> Any:
        return boto3.client(
            "cognito-idp",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=access_key_id,
            aws_secret_access_key=secret_access_key,
            config=Config(retries={"total_max_attempts": 1}, signature_version="v4" if signed else UNSIGNED),
        )

    def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call an operation with the client id."""
        response: dict[str, Any] = getattr(self.cognito, operation)(
            ClientId=self.identity.client_id, **parameters
        )
        return response

    def admin(self, operation: str, email: str = EMAIL, **parameters: Any) -> dict[str, Any]:
        """Call an administrator's operation with the pool id and a user."""
        response: dict[str, Any] = getattr(self.cognito, operation)(
            UserPoolId=self.identity.pool_id, Username=email, **parameters
        )
        return response

    def last_code(self) -> str:
        return self.mailbox[-1][2]

    def sign_up(self, email: str = EMAIL, password: str = PASSWORD) -> str:
        """Sign up and return the new user's id."""
        return str(self.call("sign_up", Username=email, Password=password)["UserSub"])

    def sign_in(self, email: str = EMAIL, password: str = PASSWORD) -> dict[str, Any]:
        """Sign in with USER_PASSWORD_AUTH and return the response."""
        parameters = {"USERNAME": email, "PASSWORD": password}
        return self.call("initiate_auth", AuthFlow="USER_PASSWORD_AUTH", AuthParameters=parameters)

    def refresh(self, token: str) -> dict[str, Any]:
        """Refresh the tokens with REFRESH_TOKEN_AUTH and return the response."""
        parameters = {"REFRESH_TOKEN": token}
        return self.call("initiate_auth", AuthFlow="REFRESH_TOKEN_AUTH", AuthParameters=parameters)

    def tokens(self, email: str = EMAIL, password: str = PASSWORD) -> dict[str, Any]:
        result: dict[str, Any] = self.sign_in(email, password)["AuthenticationResult"]
        return result


@cache
def _signing_pem() -> bytes:
    """Return one signing key for all tests: generating it is the slowest part of a first start."""
    with TemporaryDirectory() as folder:
        load_signing_key(Path(folder))
        return (Path(folder) / "signing.pem").read_bytes()


@contextmanager
def open_pool(folder: Path, *, confirm: bool = False, policy: SignUpPolicy = OPEN) -> Iterator[UserPool]:
    clock = Clock()
    mailbox: list[tuple[Purpose, str, str]] = []
    keys = folder / "keys"
    if not keys.exists():
        keys.mkdir()
        replace_file(keys / "signing.pem", _signing_pem())
    with SqliteTable.open(folder / "identity.db") as table:
        identity = Identity(
            table=table,
            keys=keys,
            now_ms=clock.now_ms,
            elapsed_ms=clock.elapsed_ms,
            deliver=lambda purpose, email, secret: mailbox.append((purpose, email, secret)),
            confirm=confirm,
            policy=policy,
        )
        with serve_identity(identity) as url:
            yield UserPool(identity, clock, keys, url, mailbox)


@contextmanager
def expect_error(code: str, message: str = "") -> Iterator[None]:
    """Check that the block raises the Cognito error `code` with `message` as a part of its message."""
    with pytest.raises(ClientError) as caught:
        yield
    assert caught.value.response["Error"]["Code"] == code
    assert message in caught.value.response["Error"]["Message"]
