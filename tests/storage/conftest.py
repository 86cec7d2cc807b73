"""The tables that the contract is held against.

Always: SQLite (as a library uses it; as the server does, in one batch and with a batch for each call) and DynamoDB as
moto imitates it. Where present:

- `IMCHAT_DYNAMODB_LOCAL`: the folder that holds `DynamoDBLocal.jar` (needs Java), or the URL of a running one;
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

ALWAYS = ("sqlite", "one batch", "a batch each", "moto")
WHERE_PRESENT = [name for name, where in (("DynamoDB Local", LOCAL), ("emulator", EMULATOR)) if where]


@pytest.fixture
def stores() -> list[str]:
    """What the contract is held against in this run."""
    return [*ALWAYS, *WHERE_PRESENT]


@pytest.fixture(params=[*ALWAYS, *WHERE_PRESENT])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Table]:
    """One empty table of every kind."""
    match request.param:
        case "sqlite":
            with SqliteTable.open(tmp_path / "table.db") as sqlite:
                yield sqlite
        case "one batch":
            with GroupCommitTable.open(tmp_path / "table.db") as batched:
                batched.begin()
                yield batched
                batched.commit()
        case "a batch each":
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
    """Where a database may be."""
    return tmp_path / "table.db"


@pytest.fixture
def disk() -> Disk:
    """Stands between a log and the real disk."""
    return Disk()


@pytest.fixture
def new_moto_table(moto_client: Any) -> Callable[[], DynamoTable]:
    """Makes an empty table in moto."""
    return lambda: new_dynamo_table(moto_client)


@pytest.fixture(scope="session")
def dynamodb_local_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a DynamoDB Local, started from its folder where no URL was given."""
    if LOCAL.startswith("http"):
        yield LOCAL
        return
    with running_dynamodb_local(Path(LOCAL), tmp_path_factory.mktemp("dynamodb-local")) as url:
        yield url


@contextmanager
def running_dynamodb_local(folder: Path, work: Path) -> Iterator[str]:
    """DynamoDB Local in memory, on a free port."""
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
            if answers(url):
                break
            assert process.poll() is None, (work / "log").read_text()
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()


def answers(url: str) -> bool:
    """Whether an HTTP server answers there, be it with a refusal."""
    try:
        urllib.request.urlopen(url, timeout=1).close()  # noqa: S310 - our own http URL
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True
