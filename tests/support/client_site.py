"""`imchat local` in the event loop of a test, for tests of the Python client: its URL, its codes and its accounts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from imchat.local.data_dir import DataDir
from imchat.local.identity import REGION, Purpose, read_admin_key
from imchat.local.run import serve
from imchat.local.server import Options
from imchat.sign_up_policy import OPEN, SignUpPolicy

PASSWORD = "Correct-horse-9"


@dataclass(frozen=True, slots=True)
class Site:
    """A running site. `secrets` are the delivered codes and temporary passwords: purpose, address, secret."""

    url: str
    keys: Path
    secrets: list[tuple[Purpose, str, str]]

    async def secret(self, number: int) -> str:
        """Return the code or password that is delivered as number `number`, counted from 0, once it is."""
        async with asyncio.timeout(10):
            while len(self.secrets) <= number:  # noqa: ASYNC110 - another thread delivers
                await asyncio.sleep(0.005)
        return self.secrets[number][2]

    def administer(self, operation: str, email: str, **parameters: Any) -> None:
        """Call an operation such as `admin_disable_user` with the administrator's key. Blocks: use a thread."""
        key = read_admin_key(self.keys)
        cognito = boto3.client(
            "cognito-idp",
            endpoint_url=f"{self.url}/cognito",
            region_name=REGION,
            aws_access_key_id=key.access_key_id,
            aws_secret_access_key=key.secret_access_key,
        )
        getattr(cognito, operation)(UserPoolId=key.pool_id, Username=email, **parameters)


@asynccontextmanager
async def running_site(
    folder: Path, *, confirm: bool = False, policy: SignUpPolicy = OPEN
) -> AsyncIterator[Site]:
    """Run a site on a data folder until the block ends."""
    data = DataDir.open(folder)
    secrets: list[tuple[Purpose, str, str]] = []
    async with serve(
        data,
        deliver=lambda purpose, email, secret: secrets.append((purpose, email, secret)),
        options=Options(),
        confirm=confirm,
        policy=policy,
    ) as started:
        yield Site(started.url, data.keys, secrets)
