"""One emulator for all tests, and a stage of imchat that was deployed to it."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

import pytest
from tests.emulator.harness import MISSING, PYTHON, REGION, Emulator

from imchat.deploy import Config, Deployment, Event, Release, Target, connect, deploy, read_release

CREDENTIALS: Final = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
"""Of the emulator's root user."""


@dataclass(slots=True)
class Stage:
    """A stage on an emulator. `done` is its last deployment, of which `said` is what was told on the way."""

    emulator: Emulator
    target: Target
    release: Release
    """This installation."""
    done: Deployment = field(init=False)
    said: list[Event] = field(default_factory=list)
    figures: dict[str, str] = field(default_factory=dict)
    """What deployments took, for whoever asks with `-rP`."""

    def deploy(self, name: str, release: Release | None = None) -> Deployment:
        """Deploy, by default `release`; `name` is for the figures."""
        self.emulator.calls()
        self.said = []
        started = time.monotonic()
        done = deploy(self.target, release=release or self.release, progress=self.said.append)
        took_s = time.monotonic() - started
        assert done is not None
        by_service = Counter(call.service for call in self.emulator.calls() if call.access_key == "test")
        self.figures[name] = f"{by_service.total()} calls {dict(by_service.most_common())}, {took_s:.1f} s"
        self.done = done
        return done


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """AWS, as far as ministack is. Where it is not installed the test fails in CI and is skipped, loudly, elsewhere."""
    if not PYTHON.exists():
        if os.environ.get("CI"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    with pytest.MonkeyPatch.context() as environment, Emulator(tmp_path_factory.mktemp("emulator")) as made:
        for name, value in CREDENTIALS.items():
            environment.setenv(name, value)
        yield made


@pytest.fixture(scope="session")
def stage(emulator: Emulator) -> Stage:
    """A stage, deployed by what `imchat deploy` calls."""
    config = Config(stage="prod", region=REGION, architecture="x86_64")
    target = connect(config, endpoint_url=emulator.url)
    # What CloudFormation takes minutes for on AWS is done here when it is asked for the first time.
    target = replace(target, sleep=lambda seconds: time.sleep(seconds / 20))
    made = Stage(emulator, target, read_release(target))
    made.deploy("first")
    return made
