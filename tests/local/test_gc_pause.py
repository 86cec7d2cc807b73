"""Starting sooner leaves the process as it was."""

from __future__ import annotations

import gc

from imchat.local.gc_pause import without_collecting


def test_the_collector_is_back_after_the_imports() -> None:
    with without_collecting():
        assert not gc.isenabled()
    assert gc.isenabled()
