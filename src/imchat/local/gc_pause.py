"""Starting sooner: imports without the garbage collector, which finds nothing among modules that stay."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def gc_disabled() -> Iterator[None]:
    """Import within this block."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
