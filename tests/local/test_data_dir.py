"""The data folder: its permissions, its lock, and the errors when it cannot be used."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from imchat.errors import ConfigError
from imchat.local.data_dir import FORMAT, DataDir, RunningServer, default_path, replace_file
from imchat.storage.sqlite.table import SqliteTable
from imchat.storage.table import Key, Put

if TYPE_CHECKING:
    from pathlib import Path


def _holder(path: Path, url: str) -> subprocess.Popen[str]:
    """Start another process that locks the folder until it is killed."""
    program = (
        "import sys, time; from pathlib import Path; from imchat.local.data_dir import DataDir\n"
        "folder = DataDir.open(Path(sys.argv[1]))\n"
        "with folder.lock(), folder.announce(sys.argv[2]): print('held', flush=True); time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(path), url], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_new_folder_is_accessible_to_its_owner_only(tmp_path: Path) -> None:
    folder = DataDir.open(tmp_path / "deep" / "data")

    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    assert stat.S_IMODE(folder.keys.stat().st_mode) == 0o700
    assert folder.conversations.parent == folder.accounts.parent == folder.path


def test_other_users_cannot_read_the_databases_even_in_a_readable_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    folder = DataDir.open(tmp_path)
    with SqliteTable.open(folder.conversations) as store, SqliteTable.open(folder.accounts) as accounts:
        for table in (store, accounts):
            table.write(Put(Key("A", "a"), {}))
        databases = sorted(place.name for place in tmp_path.glob("*.db*"))
        assert len(databases) == 6  # each with its log and the log's index
        assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in databases} == {0o600}


def test_the_default_folder_is_the_data_folder_of_the_platform(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))

    assert default_path().name == "imchat"


def test_opening_a_folder_twice_changes_nothing(tmp_path: Path) -> None:
    with DataDir.open(tmp_path).lock():
        pass
    before = sorted(path.name for path in tmp_path.iterdir())

    with DataDir.open(tmp_path).lock():
        pass

    assert (
        sorted(path.name for path in tmp_path.iterdir())
        == before
        == ["format", "identity.db", "imchat.db", "keys", "lock"]
    )


def test_a_file_in_place_of_the_folder_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_text("not a folder")

    with pytest.raises(ConfigError, match=r"cannot write to the data folder .*--data-dir"):
        DataDir.open(path)
    with pytest.raises(ConfigError, match="cannot write to the data folder"):
        DataDir.open(path / "inner")


def test_a_folder_of_a_newer_version_is_rejected(tmp_path: Path) -> None:
    DataDir.open(tmp_path)
    (tmp_path / "format").write_text(f"{FORMAT + 1}\n")

    with pytest.raises(ConfigError, match=r"newer imchat .* install a newer version of imchat"):
        DataDir.open(tmp_path)


@pytest.mark.parametrize("content", ["?", "", "0", "-5", "1.5"])
def test_the_error_for_a_damaged_format_file_names_the_file(tmp_path: Path, content: str) -> None:
    DataDir.open(tmp_path)
    (tmp_path / "format").write_text(content)

    with pytest.raises(ConfigError, match="format is damaged"):
        DataDir.open(tmp_path)


def test_the_error_for_a_second_process_names_the_one_that_uses_the_folder(tmp_path: Path) -> None:
    folder = DataDir.open(tmp_path)
    holder = _holder(tmp_path, "http://127.0.0.1:8484")
    try:
        assert folder.running() == RunningServer(url="http://127.0.0.1:8484", pid=holder.pid)
        with (
            pytest.raises(ConfigError, match=rf"http://127\.0\.0\.1:8484 \(process {holder.pid}\)"),
            folder.lock(),
        ):
            pass
    finally:
        holder.kill()
        holder.communicate()


def test_a_killed_process_releases_the_folder(tmp_path: Path) -> None:
    folder = DataDir.open(tmp_path)
    holder = _holder(tmp_path, "http://127.0.0.1:8484")
    holder.kill()
    holder.communicate()

    assert (tmp_path / "server.json").exists()
    assert folder.running() is None
    with folder.lock():
        pass


def test_the_announcement_is_removed_when_the_block_ends(tmp_path: Path) -> None:
    folder = DataDir.open(tmp_path)

    with folder.lock(), folder.announce("http://127.0.0.1:1"):
        assert folder.running() == RunningServer(url="http://127.0.0.1:1", pid=os.getpid())

    assert folder.running() is None
    assert not (tmp_path / "server.json").exists()


def test_a_replaced_file_is_private_and_leaves_no_temporary_file(tmp_path: Path) -> None:
    path = tmp_path / "secret"

    replace_file(path, b"one")
    replace_file(path, b"two")

    assert path.read_bytes() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["secret"]


def test_a_folder_that_all_users_can_change_is_rejected(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)

    with pytest.raises(ConfigError, match=r"all users .* \(mode 0777\); run: chmod go-w") as raised:
        DataDir.open(tmp_path)
    assert "\n" not in raised.value.message


def test_a_key_that_other_users_can_read_is_rejected(tmp_path: Path) -> None:
    key = DataDir.open(tmp_path).keys / "signing.pem"
    replace_file(key, b"secret")
    for mode in (0o644, 0o640, 0o602):
        key.chmod(mode)
        with pytest.raises(ConfigError, match=rf"signing\.pem \(mode {mode:04o}\); .*chmod 600 .*delete it"):
            DataDir.open(tmp_path)
    key.chmod(0o600)
    DataDir.open(tmp_path)


@pytest.mark.parametrize(("name", "private"), [("imchat.db", 0o600), ("identity.db", 0o600), ("keys", 0o700)])
def test_data_that_other_users_can_read_becomes_private(
    tmp_path: Path, name: str, private: int, caplog: pytest.LogCaptureFixture
) -> None:
    DataDir.open(tmp_path)
    (tmp_path / name).chmod(0o777)

    DataDir.open(tmp_path)

    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == private
    assert f"{name} (mode 0777); its mode is now {private:04o}" in caplog.text


def test_other_users_cannot_hold_the_lock(tmp_path: Path) -> None:
    with DataDir.open(tmp_path).lock():
        assert stat.S_IMODE((tmp_path / "lock").stat().st_mode) == 0o600
