"""The world that the service tests live in: once over SQLite, once over DynamoDB as moto imitates it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto import mock_aws
from tests.dynamo import client_at, new_dynamo_table
from tests.world import World, new_world


@pytest.fixture(params=["sqlite", "dynamodb"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "sqlite":
        with new_world() as made:
            yield made
    else:
        with mock_aws():
            yield World(new_dynamo_table(client_at(None)))


@pytest.fixture
def sqlite_world() -> Iterator[World]:
    """For tests of many writes, which say nothing new over a second table."""
    with new_world() as made:
        yield made
