"""The limit of open files, which every connection counts against."""

from __future__ import annotations

import sys
from typing import Final

MAX_OPEN_FILES: Final = 65_536
"""The limit that is asked for, if the system allows it."""
_MIN_RESERVED: Final = 64
_MAX_RESERVED: Final = 1024


def max_connections(open_files: int) -> int:
    """Return how many connections may be open, with files kept back for the databases and for refusing connections."""
    reserved = max(_MIN_RESERVED, min(_MAX_RESERVED, open_files // 4))
    return max(open_files - reserved, 1)


if sys.platform == "win32":

    def raise_limit() -> int:
        """Return the limit of open files. Sockets are no files on Windows."""
        return MAX_OPEN_FILES

else:
    import resource

    def raise_limit() -> int:
        """Raise the process's soft limit of open files as far as the hard limit allows; return it."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_OPEN_FILES)
        while soft != resource.RLIM_INFINITY and soft < wanted:
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            except (ValueError, OSError):  # macOS has a lower limit than it says
                wanted //= 2
            else:
                soft = wanted
        return MAX_OPEN_FILES if soft == resource.RLIM_INFINITY else soft
