"""Fixtures of the protocol tests: a deployment of each kind, and users on it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import TypeAlias

import pytest
from tests.protocol import coverage
from tests.support import deployments
from tests.support.deployments import Deployment
from tests.support.reference_client import ReferenceClient, WireLog

CreateUsers: TypeAlias = Callable[..., list[ReferenceClient]]


@pytest.fixture(scope="session", params=["local", pytest.param("emulator", marks=pytest.mark.emulator)])
def deployment(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """Run imchat on each runtime, for all tests: a test may find data of other tests."""
    if request.param == "local":
        with deployments.local(tmp_path_factory.mktemp("data")) as running:
            yield running
    else:
        stage = request.getfixturevalue("stage")
        yield Deployment(stage.deployment.url, stage.emulator.mailed_code, stage.emulator.promote)


@pytest.fixture
def wire_log() -> WireLog:
    """Return the log of all requests and frames of this test."""
    return WireLog()


@pytest.fixture
def create_users(deployment: Deployment, wire_log: WireLog) -> CreateUsers:
    """Create users: `ada, bob = create_users("ada", "bob")` returns signed-in clients, with handles that begin so."""

    def create(*names: str) -> list[ReferenceClient]:
        return [deployments.person(deployment, wire_log, name) for name in names]

    return create


@pytest.fixture
def admin(deployment: Deployment, wire_log: WireLog) -> ReferenceClient:
    """Return a client of a site administrator."""
    return deployments.administrator(deployment, wire_log)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Check that a passed test did everything in its `covers` marker, and that all responses match their schemas."""
    result = yield
    wire_log = pyfuncitem.funcargs.get("wire_log")
    if isinstance(wire_log, WireLog):
        claimed = {name for marker in pyfuncitem.iter_markers("covers") for name in marker.args}
        seen = coverage.seen(wire_log)
        coverage.SEEN.setdefault(str(pyfuncitem.callspec.params["deployment"]), set()).update(seen)
        missing = claimed - seen
        assert not missing, f"the `covers` marker of this test names {sorted(missing)}, which did not happen"
    return result
