"""A fake AWS account to deploy to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.fake_aws import World, fake_aws


@pytest.fixture
def aws() -> Iterator[World]:
    with fake_aws() as account:
        yield account
