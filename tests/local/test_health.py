"""`GET /api/health` of `imchat local`: it reports whether data can be stored, also on a disk that is full."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.disk import Disk
from tests.support.local_server import run

from imchat.errors import Busy
from imchat.local import health
from imchat.local.apigateway.connections import LocalGateway
from imchat.local.data_dir import DataDir
from imchat.local.group_commit import GroupCommitQueue
from imchat.local.health import HealthCheck, HealthTargets
from imchat.storage.sqlite.group_commit_table import GroupCommitTable
from imchat.storage.sqlite.table import SqliteTable
from imchat.storage.sqlite.wal import WriteAheadLog, connect
from imchat.storage.table import Key, Put

pytestmark = pytest.mark.slow

_NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount"]


def on_small_disk(folder: Path, when: str) -> Any:
    """Run `small_disk_program.py` on a file system of its own, which needs no rights; skip where that is impossible."""
    if (
        shutil.which("unshare") is None
        or subprocess.run([*_NAMESPACE, "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("this machine has no user namespaces")
    program = [sys.executable, str(Path(__file__).with_name("small_disk_program.py")), str(folder), when]
    result = subprocess.run(
        [*_NAMESPACE, *program], stdout=subprocess.PIPE, text=True, timeout=90, check=True
    )
    return json.loads(result.stdout)


def test_health_fails_while_the_disk_is_full_and_recovers(tmp_path: Path) -> None:
    result = on_small_disk(tmp_path, "later")
    statuses = [status for status, _ in result["answers"]]
    bodies: list[Any] = [json.loads(body) if body else None for _, body in result["answers"]]

    assert statuses == [200, 200, 503, 503, 200]
    assert bodies[0]["checks"] == {"messages": "ok", "accounts": "ok", "disk": "low"}
    assert bodies[1] is bodies[3] is None
    assert bodies[2]["error"]["code"] == "busy"
    assert bodies[2]["error"]["details"]["checks"]["messages"] == "failed"
    assert "MB left" in result["output"]
    assert "Traceback" not in result["output"]


def test_starting_on_a_full_disk_is_one_line(tmp_path: Path) -> None:
    result = on_small_disk(tmp_path, "full")

    assert result["status"] == 1
    assert "is full" in " ".join(result["stderr"].split())
    assert "Traceback" not in result["stderr"]
    assert "I/O error" not in result["stderr"]


def check(
    tmp_path: Path,
    test: Callable[[HealthCheck, Disk, Disk], Any],
    **options: Any,
) -> None:
    """Run a test with a health check on two databases, each on a disk that can break."""
    disks = Disk(), Disk()

    async def body() -> None:
        paths = tmp_path / "imchat.db", tmp_path / "identity.db"
        with (
            GroupCommitTable(connect(paths[0]), WriteAheadLog(paths[0], disks[0])) as table,
            SqliteTable(connect(paths[1]), WriteAheadLog(paths[1], disks[1])) as accounts,
        ):
            queue = GroupCommitQueue(table, LocalGateway())
            await test(HealthCheck(HealthTargets(table, accounts, tmp_path), queue.run, **options), *disks)
            await queue.close()

    run(body())


@pytest.mark.parametrize(("broken", "name"), [(0, "messages"), (1, "accounts")])
def test_health_names_the_database_that_cannot_be_stored(tmp_path: Path, broken: int, name: str) -> None:
    async def test(health_check: HealthCheck, *disks: Disk) -> None:
        assert (await health_check.respond()).status == 200
        disks[broken].broken = True
        response = await health_check.respond()
        assert response.status == 503
        checks = json.loads(response.body)["error"]["details"]["checks"]
        assert {key for key, value in checks.items() if value == "failed"} == {name}

    check(tmp_path, test, interval_s=0)


def test_many_health_requests_write_once(tmp_path: Path) -> None:
    async def test(health_check: HealthCheck, disk: Disk, accounts_disk: Disk) -> None:
        responses = await asyncio.gather(*(health_check.respond() for _ in range(50)))
        responses.append(await health_check.respond())
        assert {response.status for response in responses} == {200}
        assert len(disk.synced) == len(accounts_disk.synced) == 1

    check(tmp_path, test)


def test_a_write_that_hangs_counts_as_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "TIMEOUT_S", 0.05)

    async def test(health_check: HealthCheck, *_: Disk) -> None:
        health_check._run = lambda _job: asyncio.get_running_loop().create_future()
        assert (await health_check.respond()).status == 503

    check(tmp_path, test)


def test_low_disk_space_is_logged_once_before_it_is_gone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(health_check: HealthCheck, *_: Disk) -> None:
        for _round in range(3):
            response = await health_check.respond()
            assert response.status == 200
            assert json.loads(response.body)["checks"]["disk"] == "low"

    with caplog.at_level(logging.WARNING):
        check(tmp_path, test, interval_s=0, low_disk_bytes=2**62)
    assert caplog.text.count("MB left") == 1


def test_a_full_disk_found_by_the_first_write_is_reported_as_full(tmp_path: Path) -> None:
    data = DataDir.open(tmp_path)
    with data.lock(), SqliteTable.open(data.accounts) as table:
        pages = table._connection.execute("PRAGMA page_count").fetchone()[0]
        table._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(Busy, match="disk is full"):
            table.write(*(Put(Key("P", str(number)), {"text": "x" * 4_000}) for number in range(20)))
