"""What the tests of the protocol are given: a deployment of each kind, and people at it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import TypeAlias

import pytest
from tests.protocol import coverage
from tests.support import deployments
from tests.support.deployments import Deployment
from tests.support.reference_client import ReferenceClient, WireLog

People: TypeAlias = Callable[..., list[ReferenceClient]]


@pytest.fixture(scope="session", params=["local", pytest.param("emulator", marks=pytest.mark.emulator)])
def deployment(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """A running imchat, one of each kind for all tests: what a test finds there may be other tests'."""
    if request.param == "local":
        with deployments.local(tmp_path_factory.mktemp("data")) as made:
            yield made
    else:
        stage = request.getfixturevalue("stage")
        yield Deployment(stage.done.url, stage.emulator.mailed_code, stage.emulator.promote)


@pytest.fixture
def record() -> WireLog:
    """What goes over the wire in this test."""
    return WireLog()


@pytest.fixture
def people(deployment: Deployment, record: WireLog) -> People:
    """Makes people: `ada, bob = people("ada", "bob")` signed up, signed in and chose a handle that begins so."""

    def make(*names: str) -> list[ReferenceClient]:
        return [deployments.person(deployment, record, name) for name in names]

    return make


@pytest.fixture
def admin(deployment: Deployment, record: WireLog) -> ReferenceClient:
    """Somebody who administers the site."""
    return deployments.administrator(deployment, record)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """A test that passed must have done what it says it covers, and met nothing that is not described."""
    result = yield
    record = pyfuncitem.funcargs.get("record")
    if isinstance(record, WireLog):
        said = {name for marker in pyfuncitem.iter_markers("covers") for name in marker.args}
        seen = coverage.seen(record)
        coverage.SEEN.setdefault(str(pyfuncitem.callspec.params["deployment"]), set()).update(seen)
        missing = said - seen
        assert not missing, f"this test says that it covers {sorted(missing)}, and did not do it"
    return result
