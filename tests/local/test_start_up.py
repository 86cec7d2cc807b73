"""Starting without ballast leaves the process as it was."""

from __future__ import annotations

import gc
import os

import pytest

from imchat.local.start_up import without_ballast


@pytest.mark.parametrize("before", [None, "/some/authorities.pem"])
def test_what_is_imported_within_reads_no_authorities_and_afterwards_all_is_as_before(
    monkeypatch: pytest.MonkeyPatch, before: str | None
) -> None:
    if before is None:
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    else:
        monkeypatch.setenv("SSL_CERT_FILE", before)
    with without_ballast():
        assert os.environ["SSL_CERT_FILE"] == os.devnull
        assert not gc.isenabled()
    assert os.environ.get("SSL_CERT_FILE") == before
    assert gc.isenabled()
