"""Report problems as failures that say how to fix them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]


def fail_on(problems: Iterable[str]) -> None:
    """Fail with these messages, one per line and without a traceback; pass if there are none."""
    if found := list(problems):
        pytest.fail("\n".join(found), pytrace=False)


def check_generated(path: str, expected: str) -> None:
    """Fail unless the committed file at `path`, relative to the checkout, is what the code generates."""
    file = ROOT / path
    if not file.is_file() or file.read_text(encoding="utf-8") != expected:
        fail_on([f"{path} is out of date. Run `make generate` and commit the file."])
