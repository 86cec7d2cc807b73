"""The data folder of `imchat local`: what lies where, who may use it, and who is using it now.

imchat.db      conversations (SQLite)          keys/        signing key and admin credentials, mode 0600
identity.db    accounts (SQLite)               format       the layout's version
lock           held while a process runs       server.json  {"url", "pid"} of that process
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from imchat.errors import ConfigError

FORMAT: Final = 1
"""The layout this version reads and writes. A folder with a higher one was written by a newer imchat."""


@dataclass(frozen=True, slots=True)
class Running:
    """The process that uses the folder; both are None in the moment before it listens."""

    url: str | None
    pid: int | None


@dataclass(frozen=True, slots=True)
class DataDir:
    """A folder that exists, is writable and has a format this version knows. Made by `open`."""

    path: Path

    @classmethod
    def open(cls, path: Path | None = None) -> DataDir:
        """The folder at `path` (default: the platform's data folder), made with mode 0700 if missing.

        Raises: ConfigError if it is no folder, not writable, or written by a newer imchat.
        """
        folder = cls((path or default_path()).expanduser().absolute())
        try:
            folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.keys.mkdir(mode=0o700, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder.path):
                pass
            for database in (folder.conversations, folder.accounts):
                database.touch(mode=0o600)  # SQLite gives its other files the mode of this one
            folder._check_format()
        except OSError as error:
            why = "it is a file" if isinstance(error, FileExistsError) else error.strerror
            raise ConfigError(
                f"cannot write to the data folder {folder.path} ({why}); choose another one with --data-dir"
            ) from error
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
        """Keep every other process out of the folder; released when the block, or the process, ends.

        Raises: ConfigError naming the URL and process id of who holds it.
        """
        with (self.path / "lock").open("a+b") as file:
            if not _try_lock(file):
                raise ConfigError(_in_use(self.path, self._announced()))
            yield

    def running(self) -> Running | None:
        """Who uses the folder now, or None. A file left behind by a killed process counts for nothing."""
        with (self.path / "lock").open("a+b") as file:
            if _try_lock(file):
                return None
        return self._announced()

    @contextlib.contextmanager
    def announce(self, url: str) -> Iterator[None]:
        """Tell other processes where this one listens, until the block ends. Call it inside `lock`."""
        place = self.path / "server.json"
        replace_file(place, json.dumps({"url": url, "pid": os.getpid()}).encode())
        try:
            yield
        finally:
            place.unlink(missing_ok=True)

    def _announced(self) -> Running:
        try:
            found = json.loads((self.path / "server.json").read_bytes())
            return Running(url=str(found["url"]), pid=int(found["pid"]))
        except (OSError, ValueError, KeyError, TypeError):
            return Running(url=None, pid=None)

    def _check_format(self) -> None:
        place = self.path / "format"
        try:
            found = int(place.read_text())
        except FileNotFoundError:
            replace_file(place, f"{FORMAT}\n".encode())
            return
        except ValueError:
            raise ConfigError(f"{place} is damaged: it should hold the number {FORMAT}") from None
        if found > FORMAT:
            raise ConfigError(
                f"the data folder {self.path} was written by a newer imchat "
                f"(format {found}, this one knows {FORMAT}); upgrade with: pip install --upgrade imchat"
            )


def default_path() -> Path:
    """Where data lies unless told otherwise, e.g. `~/.local/share/imchat`."""
    from platformdirs import user_data_path  # noqa: PLC0415 - keeps `imchat --help` fast

    return user_data_path("imchat", appauthor=False)


def replace_file(place: Path, content: bytes) -> None:
    """Write `content` to `place` with mode 0600: whole or not at all, even if the power fails."""
    descriptor, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(place)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _in_use(path: Path, by: Running) -> str:
    who = f"by imchat at {by.url} (process {by.pid})" if by.url else "by another imchat process"
    return f"the data folder {path} is in use {who}; stop it first or choose another folder with --data-dir"


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
