"""The check of the databases at the start: damaged pages, lost files, and files of other folders; and migrations."""

from __future__ import annotations

import json
import shutil
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.support.authenticator import Authenticator

from imchat.errors import Busy, ConfigError
from imchat.local.data_dir import FORMAT, DataDir
from imchat.local.identity import Identity
from imchat.storage.repositories import channel_index, users
from imchat.storage.sqlite import wal
from imchat.storage.sqlite.group_commit_table import GroupCommitTable
from imchat.storage.sqlite.migrations import MIGRATIONS
from imchat.storage.sqlite.table import SqliteTable
from imchat.storage.table import Key, KeyRange, Put

FORMATS = [Path(__file__).parent / "data_folders" / f"format-{number}" for number in range(1, FORMAT + 1)]
EARLIER_FORMATS = FORMATS[:-1]
DATABASES = ["imchat.db", "identity.db"]
SESSION, EVENT = Key("SESSION#1", "SESSION"), Key("CONV#1", "EVENT#1")
_CRASH = """
import os, sys
from pathlib import Path
from typing import Any
from imchat.local.data_dir import DataDir
from imchat.storage.sqlite.group_commit_table import GroupCommitTable
from imchat.storage.sqlite.table import SqliteTable
from imchat.storage.table import Key, Put
data = DataDir.open(Path(sys.argv[1]))
with (
    data.lock(),
    GroupCommitTable.open(data.conversations, data.synced_length(data.conversations)) as table,
    SqliteTable.open(data.accounts, data.synced_length(data.accounts)) as accounts,
):
    table.write(Put(Key("CONV#1", "EVENT#2"), {}))
    accounts.write(Put(Key("SESSION#2", "SESSION"), {}))
    if len(sys.argv) > 2:
        table.checkpoint()
        accounts.purge_expired(0, 1)
    os._exit(9)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a data folder with a session and many events."""
    path = tmp_path / "data"
    fill(path)
    return path


def fill(path: Path) -> None:
    data = DataDir.open(path)
    with (
        data.lock(),
        SqliteTable.open(data.conversations) as conversations,
        SqliteTable.open(data.accounts) as accounts,
    ):
        for table, key in ((conversations, EVENT), (accounts, SESSION)):
            table.write(Put(key, {"n": 1}))
            table.write(*(Put(Key("P", str(number)), {"text": "x" * 1_000}) for number in range(90)))


def crash(path: Path, *arguments: str) -> None:
    """Write in another process, checkpoint if there is an argument, and end it without closing anything."""
    assert subprocess.run([sys.executable, "-c", _CRASH, str(path), *arguments], check=False).returncode == 9


def start(path: Path) -> None:
    with DataDir.open(path).lock():
        pass


def refusal(path: Path) -> str:
    """Return the error line of `imchat local` for the folder, and check that a second start gives the same one."""
    with pytest.raises(ConfigError) as raised:
        start(path)
    assert "\n" not in raised.value.message
    with pytest.raises(ConfigError) as again:
        start(path)
    assert again.value.message == raised.value.message
    return raised.value.message


def test_a_crash_alone_does_not_prevent_a_start(folder: Path) -> None:
    crash(folder)
    with DataDir.open(folder).lock(), SqliteTable.open(folder / "imchat.db") as table:
        assert table.get(Key("CONV#1", "EVENT#2")) == {}


@pytest.mark.parametrize("name", DATABASES)
def test_a_lost_write_ahead_log_is_an_error(folder: Path, name: str) -> None:
    crash(folder)
    (folder / f"{name}-wal").unlink()

    message = refusal(folder)
    assert f"{name}-wal is missing" in message
    (folder / "in-use").unlink()
    start(folder)


@pytest.mark.parametrize("name", DATABASES)
@pytest.mark.parametrize("length", [0, 32, -1])
def test_a_write_ahead_log_that_was_cut_is_an_error(folder: Path, name: str, length: int) -> None:
    crash(folder)
    wal = folder / f"{name}-wal"
    content = wal.read_bytes()
    wal.write_bytes(content[:length])

    assert f"{name}-wal has {len(content[:length]):,} of {len(content):,} bytes" in refusal(folder)
    wal.write_bytes(content)
    start(folder)


def test_a_crash_after_a_checkpoint_does_not_prevent_a_start(folder: Path) -> None:
    crash(folder, "checkpoint")
    assert [(folder / f"{name}-wal").stat().st_size for name in DATABASES] == [0, 0]
    start(folder)


@pytest.mark.parametrize("name", DATABASES)
def test_a_damaged_page_is_an_error(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[5 * 4096 : 6 * 4096] = bytes(range(256)) * 16
    (folder / name).write_bytes(content)

    assert f"{name} is damaged" in refusal(folder)
    assert (folder / name).read_bytes() == content


@pytest.mark.parametrize("name", DATABASES)
@pytest.mark.parametrize("delete", [False, True])
def test_an_empty_database_beside_a_full_one_is_an_error(folder: Path, name: str, *, delete: bool) -> None:
    if delete:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(b"")

    assert f"{name} is empty, but" in refusal(folder)


def test_databases_of_two_folders_are_an_error(folder: Path, tmp_path: Path) -> None:
    fill(tmp_path / "other")
    shutil.copy(tmp_path / "other" / "imchat.db", folder / "imchat.db")

    assert "different data folders" in refusal(folder)


def test_accounts_can_be_created_before_the_first_start_of_the_server(tmp_path: Path) -> None:
    data = DataDir.open(tmp_path)
    with data.lock(), SqliteTable.open(data.accounts) as accounts:
        accounts.write(Put(Key("ACCOUNT", "ada@example.org"), {}))
    start(tmp_path)


def test_a_refused_folder_ends_the_command_with_one_line(folder: Path) -> None:
    (folder / "imchat.db").write_bytes(b"")
    command = [sys.executable, "-m", "imchat", "local", "--data-dir", str(folder), "--port", "0"]

    result = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)

    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "imchat.db is empty" in " ".join(result.stderr.split())


def test_nothing_is_acknowledged_after_the_write_ahead_log_was_deleted(folder: Path) -> None:
    with GroupCommitTable.open(folder / "imchat.db") as table:
        table.write(Put(EVENT, {"n": 2}))
        (folder / "imchat.db-wal").unlink()
        with pytest.raises(Busy, match="log was deleted"):
            table.write(Put(EVENT, {"n": 3}))
        with pytest.raises(Busy, match="restart"):
            table.get(EVENT)
    with SqliteTable.open(folder / "imchat.db") as reopened:
        assert reopened.get(EVENT) is not None


# -- migrations --


def restore(source: Path, target: Path) -> Path:
    """Make a data folder of an earlier format from the SQL of its databases."""
    target.mkdir(mode=0o700)
    for script in source.glob("*.sql"):
        with closing(sqlite3.connect(target / f"{script.stem}.db")) as connection:
            connection.executescript(script.read_text("utf-8"))
    (target / "format").write_text(source.name.removeprefix("format-") + "\n")
    return target


@pytest.fixture(params=EARLIER_FORMATS, ids=lambda path: path.name)
def earlier(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return restore(request.param, tmp_path / "data")


def items_of(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT * FROM items ORDER BY pk, sk").fetchall()


def test_every_format_has_a_fixture_and_that_of_today_is_not_migrated(tmp_path: Path) -> None:
    assert all((path / f"{name}.sql").exists() for path in FORMATS for name in ("imchat", "identity"))
    today = restore(FORMATS[-1], tmp_path / "data")
    start(today)
    assert not list(today.glob("*.bak"))


def test_a_folder_of_an_earlier_format_is_migrated_after_a_backup(earlier: Path) -> None:
    number = int((earlier / "format").read_text())
    before = {name: items_of(earlier / name) for name in DATABASES}

    start(earlier)

    assert (earlier / "format").read_text() == f"{FORMAT}\n"
    for name in DATABASES:
        backup = earlier / f"{name}.format-{number}.bak"
        assert stat.S_IMODE(backup.stat().st_mode) == 0o600
        assert items_of(backup) == before[name]
        with closing(sqlite3.connect(backup)) as connection:
            assert connection.execute("PRAGMA user_version").fetchone()[0] == number
    start(earlier)
    assert len(list(earlier.glob("*.bak"))) == 2


def test_users_and_messages_of_an_earlier_format_can_be_used(earlier: Path) -> None:
    data = DataDir.open(earlier)
    with (
        data.lock(),
        SqliteTable.open(data.conversations) as conversations,
        SqliteTable.open(data.accounts) as accounts,
    ):
        identity = Identity(
            table=accounts, keys=data.keys, now_ms=lambda: 1_800_000_000_000, deliver=lambda *_: None
        )
        parameters = {"USERNAME": "ada@example.com", "PASSWORD": "demo-1789096fc571"}
        body = {
            "ClientId": identity.client_id,
            "AuthFlow": "USER_PASSWORD_AUTH",
            "AuthParameters": parameters,
        }
        target = "AWSCognitoIdentityProviderService.InitiateAuth"
        response = identity.handle(target, json.dumps(body).encode(), {}, endpoint="http://localhost")
        assert response.status == 200
        rows = conversations.query(KeyRange("CONV#dfc24c5117372532206b483219f02fca2", prefix="EVENT#"))
        bodies = [row.item["message"]["body"] for row in rows if row.item["type"] == "message.created"]
        assert bodies[0].startswith("Hi Grace!")
        assert len(bodies) == 11


def test_users_and_channels_of_an_earlier_format_are_found_by_their_words(earlier: Path) -> None:
    with closing(sqlite3.connect(earlier / "imchat.db")) as connection:
        head = '{"kind":"group","title":"Street Größe"}'
        connection.execute("INSERT INTO items VALUES ('CONV#g1', 'HEAD', NULL, ?)", [head])
        entry = '{"words":["street","grösse"]}'
        for key in (("CHANNELS#st", "street#g1"), ("CHANNELS#gr", "grösse#g1")):
            connection.execute("INSERT INTO items VALUES (?, ?, NULL, ?)", [*key, entry])
        connection.commit()

    start(earlier)

    with SqliteTable.open(earlier / "imchat.db") as table:
        assert [user.handle for user in users.find_by_name(table, "hop", limit=9)] == ["grace.demo"]
        assert channel_index.search(table, "grosse", limit=9) == ["g1"]
        assert [row.sk for row in table.query(KeyRange("CHANNELS#gr"))] == ["grosse#g1"]


def test_two_step_sign_in_of_format_3_requires_a_code(tmp_path: Path) -> None:
    data = DataDir.open(restore(FORMATS[2], tmp_path / "data"))
    with data.lock(), SqliteTable.open(data.accounts) as accounts:
        identity = Identity(
            table=accounts, keys=data.keys, now_ms=lambda: 1_800_000_005_000, deliver=lambda *_: None
        )

        def call(operation: str, **fields: object) -> dict[str, Any]:
            body = json.dumps({"ClientId": identity.client_id, **fields}).encode()
            target = f"AWSCognitoIdentityProviderService.{operation}"
            response = identity.handle(target, body, {}, endpoint="http://localhost")
            result: dict[str, Any] = json.loads(response.body)
            return result

        name = "grace@example.com"
        password = {"USERNAME": name, "PASSWORD": "demo-1789096fc571"}
        challenge = call("InitiateAuth", AuthFlow="USER_PASSWORD_AUTH", AuthParameters=password)
        assert challenge["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
        code = Authenticator("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").code_at(1_800_000_005)
        signed_in = call(
            "RespondToAuthChallenge",
            ChallengeName=challenge["ChallengeName"],
            Session=challenge["Session"],
            ChallengeResponses={"USERNAME": name, "SOFTWARE_TOKEN_MFA_CODE": code},
        )
        assert signed_in["AuthenticationResult"]["AccessToken"]


@pytest.mark.parametrize("name", DATABASES)
def test_a_migration_that_fails_changes_nothing_and_can_be_tried_again(
    earlier: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(connection: sqlite3.Connection) -> None:
        MIGRATIONS[FORMAT - 1](connection)
        connection.execute("DELETE FROM items")
        if Path(connection.execute("PRAGMA database_list").fetchone()[2]).name == name:
            raise sqlite3.OperationalError("database or disk is full")

    before = items_of(earlier / name)
    with monkeypatch.context() as patch:
        patch.setattr(wal, "MIGRATIONS", {**MIGRATIONS, FORMAT - 1: fail})
        with pytest.raises(ConfigError):
            start(earlier)
    assert items_of(earlier / name) == before
    with closing(sqlite3.connect(earlier / name)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] < FORMAT


def test_a_lost_database_of_an_earlier_format_is_an_error(earlier: Path) -> None:
    with closing(sqlite3.connect(earlier / "identity.db")) as connection:
        connection.execute("INSERT INTO items VALUES ('SESSION#1', 'SESSION', NULL, '{}')")
        connection.commit()
    (earlier / "imchat.db").write_bytes(b"")

    assert "imchat.db is empty" in refusal(earlier)


def test_a_library_database_of_an_earlier_version_is_migrated_after_a_backup(earlier: Path) -> None:
    conversation = KeyRange("CONV#dfc24c5117372532206b483219f02fca2")
    with SqliteTable.open(restore(FORMATS[-1], earlier.parent / "today") / "imchat.db") as table:
        rows = table.query(conversation)
    with SqliteTable.open(earlier / "imchat.db") as table:
        assert table.query(conversation) == rows
    assert len(list(earlier.glob("imchat.db.format-*.bak"))) == 1
