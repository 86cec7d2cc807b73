"""Starting sooner: imports without the garbage collector, which finds nothing among modules that stay."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collecting() -> Iterator[None]:
    """Import within this block."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
