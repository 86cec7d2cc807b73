"""`gc_disabled` leaves the garbage collector as it was."""

from __future__ import annotations

import gc

from imchat.local.gc_pause import gc_disabled


def test_the_collector_is_enabled_again_after_the_block() -> None:
    with gc_disabled():
        assert not gc.isenabled()
    assert gc.isenabled()
