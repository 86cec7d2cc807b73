"""An account to deploy to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.fake_aws import World, world


@pytest.fixture
def aws() -> Iterator[World]:
    with world() as made:
        yield made
