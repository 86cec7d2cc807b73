"""Starting sooner leaves the process as it was."""

from __future__ import annotations

import gc

from imchat.local.gc_pause import gc_disabled


def test_the_collector_is_back_after_the_imports() -> None:
    with gc_disabled():
        assert not gc.isenabled()
    assert gc.isenabled()
