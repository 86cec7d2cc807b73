"""The data folder of `imchat local`: its layout, its permissions, and the lock of the process that uses it.

imchat.db      conversations (SQLite)          keys/        signing key and admin credentials, mode 0600
identity.db    accounts (SQLite)               format       the layout's version
lock           held while a process runs       server.json  {"url", "pid"} of that process
in-use         exists until a clean end
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from imchat.errors import ConfigError
from imchat.storage.sqlite.data_files import DataFiles

log = logging.getLogger(__name__)

NEEDED_BYTES: Final = 1024 * 1024
"""Free space that a start needs: for the write-ahead logs, their indexes and a few pages."""
FORMAT: Final = 3
"""The layout version that this imchat reads and writes; a higher one was written by a newer imchat."""


_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class RunningServer:
    """The process that uses the folder; both fields are None until it listens."""

    url: str | None
    pid: int | None


@dataclass(frozen=True, slots=True)
class DataDir:
    """A folder that exists, is writable and has a format this version supports. Created by `open`."""

    path: Path

    @classmethod
    def open(cls, path: Path | None = None) -> DataDir:
        """Open the folder at `path` (default: the platform's data folder); create it with mode 0700 if missing.

        Raises: ConfigError if it is not a folder, not writable, written by a newer imchat, writable for all users of the
        machine, or has keys that other users can read. Wrong modes of databases are corrected, with a line in the log.
        """
        folder = cls((path or default_path()).expanduser().absolute())
        try:
            folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.keys.mkdir(mode=0o700, exist_ok=True)
            folder._check_modes()
            with tempfile.TemporaryFile(dir=folder.path) as file:
                file.write(bytes(NEEDED_BYTES))  # fails on a full disk
                file.flush()
            for database in (folder.conversations, folder.accounts):
                database.touch(mode=0o600)  # SQLite gives its other files the mode of this one
            folder._read_format()
        except OSError as error:
            raise folder._cannot_write(error) from error
        return folder

    @property
    def conversations(self) -> Path:
        """The database of conversations."""
        return self.path / "imchat.db"

    @property
    def accounts(self) -> Path:
        """The database of accounts."""
        return self.path / "identity.db"

    @property
    def keys(self) -> Path:
        """The folder of secrets."""
        return self.path / "keys"

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Lock the folder against other processes, check its databases and migrate them to the current format.

        The lock is released when the block, or the process, ends. Raises: ConfigError with the URL and process id of the
        process that holds the lock, or if a database or its write-ahead log is damaged, lost, or from another folder.
        """
        with self._open_lock_file() as file:
            if not _try_lock(file):
                raise ConfigError(_in_use_message(self.path, self._read_announcement()))
            with self._check_databases():
                yield

    def running(self) -> RunningServer | None:
        """Return the process that uses the folder, or None. The file that a killed process left is ignored."""
        with self._open_lock_file() as file:
            if _try_lock(file):
                return None
        return self._read_announcement()

    @contextlib.contextmanager
    def announce(self, url: str) -> Iterator[None]:
        """Publish the URL of this process to other processes until the block ends. Call it inside `lock`."""
        path = self.path / "server.json"
        try:
            replace_file(path, json.dumps({"url": url, "pid": os.getpid()}).encode())
        except OSError as error:
            raise self._cannot_write(error) from error
        try:
            yield
        finally:
            path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _check_databases(self) -> Iterator[None]:
        """Check and migrate the databases. `in-use` exists until the block ends cleanly: until then, so do their logs."""
        in_use = self.path / "in-use"
        if in_use.exists():
            self._check_logs(in_use)
        in_use.unlink(missing_ok=True)  # opening and closing a database deletes its log
        files = DataFiles(self.conversations, self.accounts)
        try:
            try:
                if self._read_format() != FORMAT:
                    replace_file(self.path / "format", f"{FORMAT}\n".encode())
                replace_file(in_use, b"")
            except OSError as error:
                raise self._cannot_write(error) from error
            yield
        finally:
            in_use.unlink(missing_ok=True)
            files.close()

    def _check_logs(self, in_use: Path) -> None:
        """Check that the write-ahead logs exist, as after every end that was not clean. Raises: ConfigError."""
        for database in (self.conversations, self.accounts):
            wal = database.with_name(f"{database.name}-wal")
            if not wal.exists():
                raise ConfigError(
                    f"{wal} is missing, which had the newest data of {database.name}, because imchat was not stopped "
                    "cleanly; put it back; if another program has opened the database since, such as sqlite3, or to "
                    f"start without that data, delete {in_use}"
                )

    def _cannot_write(self, error: OSError) -> ConfigError:
        if error.errno in {errno.ENOSPC, getattr(errno, "EDQUOT", None)}:
            return ConfigError(
                f"the disk of the data folder {self.path} is full; free at least {NEEDED_BYTES // 1024**2} MB, "
                "or choose another folder with --data-dir"
            )
        reason = "it is a file" if isinstance(error, FileExistsError) else error.strerror
        return ConfigError(
            f"cannot write to the data folder {self.path} ({reason}); choose another one with --data-dir"
        )

    def _open_lock_file(self) -> IO[bytes]:
        """Open the lock file. No other user can: a process that can read a file can also lock it."""
        path = self.path / "lock"
        try:
            return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "a+b")
        except OSError as error:
            raise ConfigError(
                f"cannot open {path} ({error.strerror}); choose another folder with --data-dir"
            ) from error

    def _check_modes(self) -> None:
        """Check that no other user can change the data or read the keys. Raises: ConfigError."""
        if os.name == "nt":  # access lists, which a new folder inherits, not modes
            return
        mode = stat.S_IMODE(self.path.stat().st_mode)
        if mode & stat.S_IWOTH:
            raise ConfigError(
                f"all users of this machine can change the data folder {self.path} (mode {mode:04o}); "
                f"run: chmod go-w {self.path}"
            )
        if mode & stat.S_IWGRP:
            log.warning(
                "the group of the data folder %s can replace its files; to prevent it: chmod g-w", self.path
            )
        for path in self.keys.glob("[!.]*"):  # not the temporary files of a process that is starting
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & _OTHERS and path.is_file():
                raise ConfigError(
                    f"other users of this machine can use the key {path} (mode {mode:04o}); if none of them has copied "
                    f"it, run: chmod 600 {path}; otherwise delete it, and a new one is created"
                )
        _make_private(self.keys, 0o700)
        for path in (self.path / "lock", *self.path.glob("*.db*")):
            _make_private(path, 0o600)

    def _read_announcement(self) -> RunningServer:
        try:
            found = json.loads((self.path / "server.json").read_bytes())
            return RunningServer(url=str(found["url"]), pid=int(found["pid"]))
        except (OSError, ValueError, KeyError, TypeError):
            return RunningServer(url=None, pid=None)

    def _read_format(self) -> int | None:
        """Return the format of the folder, None if it is new. Raises: ConfigError."""
        path = self.path / "format"
        try:
            found = int(path.read_text())
        except FileNotFoundError:
            return None
        except ValueError:
            raise ConfigError(f"{path} is damaged: it should contain the number {FORMAT}") from None
        if found > FORMAT:
            raise ConfigError(
                f"the data folder {self.path} was written by a newer imchat "
                f"(format {found}, this version supports {FORMAT}); "
                "install a newer version of imchat from its checkout or wheel file"
            )
        return found


def default_path() -> Path:
    """Return the default data folder, e.g. `~/.local/share/imchat`."""
    from platformdirs import user_data_path  # noqa: PLC0415 - keeps `imchat --help` fast

    return user_data_path("imchat", appauthor=False)


def replace_file(path: Path, content: bytes) -> None:
    """Write `content` to `path` atomically with mode 0600, safe against power failure."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _make_private(path: Path, allowed: int) -> None:
    """Remove the rights of other users on a file or folder that exists; say so."""
    with contextlib.suppress(FileNotFoundError):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & _OTHERS:
            path.chmod(allowed)
            log.warning("other users could use %s (mode %04o); its mode is now %04o", path, mode, allowed)


def _in_use_message(path: Path, server: RunningServer) -> str:
    owner = f"by imchat at {server.url} (process {server.pid})" if server.url else "by another imchat process"
    return f"the data folder {path} is in use {owner}; stop it first or choose another folder with --data-dir"


if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: IO[bytes]) -> bool:
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
