"""A replacement for the sync system call that records its calls and can fail."""

from __future__ import annotations

import errno
import os
import stat


class Disk:
    """Replaces `os.fdatasync`: records the size of the log at each sync, and fails while `broken`."""

    def __init__(self) -> None:
        self.synced: list[int] = []
        self.folders: list[int] = []
        self.broken = False

    def __call__(self, file: int) -> None:
        if self.broken:
            raise OSError(errno.EIO, "Input/output error")
        os.fdatasync(file)
        state = os.fstat(file)
        if stat.S_ISDIR(state.st_mode):
            self.folders.append(state.st_ino)
        else:
            self.synced.append(state.st_size)
