"""What the tests of the protocol are given: a deployment of each kind, and people at it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterator
from typing import TypeAlias

import pytest
from tests.protocol import coverage, deployments
from tests.protocol.deployments import Deployment
from tests.protocol.stranger import Record, Stranger

People: TypeAlias = Callable[..., list[Stranger]]

_numbers = itertools.count(1)


@pytest.fixture(scope="session", params=["local"])
def deployment(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """A running imchat, one of each kind for all tests: what a test finds there may be other tests'."""
    with deployments.local(tmp_path_factory.mktemp("data")) as made:
        yield made


@pytest.fixture
def record() -> Record:
    """What goes over the wire in this test."""
    return Record()


@pytest.fixture
def people(deployment: Deployment, record: Record) -> People:
    """Makes people: `ada, bob = people("ada", "bob")` signed up, signed in and chose a handle that begins so."""

    def make(*names: str) -> list[Stranger]:
        return [_person(deployment, record, name) for name in names]

    return make


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """A test that passed must have done what it says it covers, and met nothing that is not described."""
    result = yield
    record = pyfuncitem.funcargs.get("record")
    if isinstance(record, Record):
        said = {name for marker in pyfuncitem.iter_markers("covers") for name in marker.args}
        missing = said - coverage.seen(record)
        assert not missing, f"this test says that it covers {sorted(missing)}, and did not do it"
    return result


def _person(deployment: Deployment, record: Record, name: str) -> Stranger:
    handle = f"{name}{next(_numbers)}"
    made = Stranger(deployment.site, f"{handle}@example.com", record)
    if not made.sign_up():
        made.confirm(deployment.mailed_code(made.email))
    made.sign_in()
    made.http("PATCH", "/me", {"handle": handle, "display_name": name.title()})
    return made
