"""Fixtures of the API tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.world import World, new_world


@pytest.fixture
def world() -> Iterator[World]:
    with new_world() as new:
        yield new
