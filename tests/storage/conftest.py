"""The tables that the contract tests run against.

Always: SQLite (as the library uses it, and as the server does, in one batch and with a batch per call) and DynamoDB
emulated by moto. Optional, set by environment variables:

- `IMCHAT_DYNAMODB_LOCAL`: the folder of `DynamoDBLocal.jar` (needs Java), or the URL of a running DynamoDB Local;
- `IMCHAT_DYNAMODB_EMULATOR`: the URL of any other emulator.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.disk import Disk
from tests.support.dynamo import client_at, new_dynamo_table
from tests.support.dynamo import moto_client as moto_client  # noqa: PLC0414 - a fixture

from imchat.storage.sqlite.group_commit_table import GroupCommitTable
from imchat.storage.sqlite.table import SqliteTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imchat.storage.dynamodb.table import DynamoTable
    from imchat.storage.table import Table

LOCAL = os.environ.get("IMCHAT_DYNAMODB_LOCAL", "")
EMULATOR = os.environ.get("IMCHAT_DYNAMODB_EMULATOR", "")

ALWAYS = ("sqlite", "sqlite, one batch", "sqlite, batch per call", "moto")
OPTIONAL = [name for name, value in (("DynamoDB Local", LOCAL), ("emulator", EMULATOR)) if value]


@pytest.fixture
def stores() -> list[str]:
    """Return the names of the stores that this run tests."""
    return [*ALWAYS, *OPTIONAL]


@pytest.fixture(params=[*ALWAYS, *OPTIONAL])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Table]:
    """Return an empty table of each kind."""
    match request.param:
        case "sqlite":
            with SqliteTable.open(tmp_path / "table.db") as sqlite:
                yield sqlite
        case "sqlite, one batch":
            with GroupCommitTable.open(tmp_path / "table.db") as batched:
                batched.begin()
                yield batched
                batched.commit()
        case "sqlite, batch per call":
            with GroupCommitTable.open(tmp_path / "table.db") as batched:
                yield batched
        case "moto":
            yield request.getfixturevalue("new_moto_table")()
        case "DynamoDB Local":
            yield new_dynamo_table(client_at(request.getfixturevalue("dynamodb_local_url")))
        case _:
            yield new_dynamo_table(client_at(EMULATOR))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a new database."""
    return tmp_path / "table.db"


@pytest.fixture
def disk() -> Disk:
    """Return a disk that records syncs and can fail."""
    return Disk()


@pytest.fixture
def new_moto_table(moto_client: Any) -> Callable[[], DynamoTable]:
    """Return a function that creates an empty table in moto."""
    return lambda: new_dynamo_table(moto_client)


@pytest.fixture(scope="session")
def dynamodb_local_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of DynamoDB Local. Starts it from its folder if no URL is set."""
    if LOCAL.startswith("http"):
        yield LOCAL
        return
    with running_dynamodb_local(Path(LOCAL), tmp_path_factory.mktemp("dynamodb-local")) as url:
        yield url


@contextmanager
def running_dynamodb_local(folder: Path, work: Path) -> Iterator[str]:
    """Run DynamoDB Local in memory, on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    libraries = f"-Djava.library.path={folder / 'DynamoDBLocal_lib'}"
    jar = str(folder / "DynamoDBLocal.jar")
    command = [
        "java",
        libraries,
        "-jar",
        jar,
        "-inMemory",
        "-sharedDb",
        "-disableTelemetry",
        "-port",
        str(port),
    ]
    with (work / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=work)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            if responds(url):
                break
            assert process.poll() is None, (work / "log").read_text()
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()


def responds(url: str) -> bool:
    """Return whether an HTTP server responds at the URL, even with an error."""
    try:
        urllib.request.urlopen(url, timeout=1).close()  # noqa: S310 - our own http URL
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True
