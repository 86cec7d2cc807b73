"""Fixtures of the service tests: a world on SQLite, and one on DynamoDB as simulated by moto."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.dynamo import moto_client as moto_client  # noqa: PLC0414 - a fixture
from tests.support.dynamo import new_dynamo_table
from tests.support.world import World, new_world


@pytest.fixture(params=["sqlite", pytest.param("dynamodb", marks=pytest.mark.slow)])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "sqlite":
        with new_world() as world:
            yield world
    else:
        yield World(new_dynamo_table(request.getfixturevalue("moto_client")))


@pytest.fixture
def sqlite_world() -> Iterator[World]:
    """Create a world on SQLite only, for tests with many writes that would prove nothing more on DynamoDB."""
    with new_world() as world:
        yield world
