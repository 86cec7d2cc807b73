"""Fixtures: those of `imchat.testing`, as a user of the library gets them, and a world on SQLite."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.world import World, new_world

from imchat.testing import imchat_app as imchat_app  # noqa: PLC0414 - a fixture
from imchat.testing import imchat_server as imchat_server  # noqa: PLC0414 - a fixture


@pytest.fixture
def sqlite_world() -> Iterator[World]:
    with new_world() as world:
        yield world
