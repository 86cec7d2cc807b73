"""One emulator for all tests, and a stage of imchat that was deployed to it."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
from tests.support.emulator.harness import ACCOUNT, MISSING, PYTHON, REGION, Emulator

from imchat.deploy import Config, Deployment, Event, Release, Target, connect, deploy, read_release
from imchat.deploy.iam.arns import Place
from imchat.deploy.iam.policy import boundary_policy, deployer_policies


@dataclass(slots=True)
class Stage:
    """A stage on an emulator. `done` is its last deployment, of which `said` is what was told on the way."""

    emulator: Emulator
    target: Target
    release: Release
    """This installation."""
    done: Deployment = field(init=False)
    said: list[Event] = field(default_factory=list)
    calls: int = 0
    """Requests to AWS that the last deployment took."""
    websocket_apis: list[str] = field(default_factory=list)
    """The ids of the WebSocket APIs that were deployed so far; a new deployment after a teardown has a new one."""
    figures: dict[str, str] = field(default_factory=dict)
    """What deployments took, for whoever asks with `-rP`."""

    def configured(self, **settings: str) -> None:
        """Deploy with these settings from now on."""
        self.target = replace(self.target, config=self.target.config.model_copy(update=settings))
        self.release = read_release(self.target)

    def deploy(self, name: str, release: Release | None = None) -> Deployment:
        """Deploy, by default `release`; `name` is for the figures."""
        self.emulator.calls()
        self.said = []
        started = time.monotonic()
        done = deploy(self.target, release=release or self.release, progress=self.said.append)
        took_s = time.monotonic() - started
        assert done is not None
        operator = os.environ["AWS_ACCESS_KEY_ID"]
        by_service = Counter(call.service for call in self.emulator.calls() if call.access_key == operator)
        self.figures[name] = f"{by_service.total()} calls {dict(by_service.most_common())}, {took_s:.1f} s"
        self.calls = by_service.total()
        self.done = done
        self.websocket_apis.append(done.outputs["WebSocketApiId"])
        return done


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """AWS, as far as ministack is. Where it is not installed the test fails in CI and is skipped, loudly, elsewhere."""
    if not PYTHON.exists():
        if os.environ.get("CI"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    with Emulator(tmp_path_factory.mktemp("emulator")) as made:
        yield made


@pytest.fixture(scope="session")
def stage(emulator: Emulator) -> Iterator[Stage]:
    """A stage, deployed by what `imchat deploy` calls, by somebody who may do what `imchat iam-policy` says and no more."""
    place = Place("prod", REGION, ACCOUNT)
    config = Config(
        stage=place.stage,
        region=REGION,
        architecture="x86_64",
        permissions_boundary_arn=boundary_policy(place).arn,
    )
    with pytest.MonkeyPatch.context() as environment:
        for name, value in _operator(emulator, place).items():
            environment.setenv(name, value)
        target = connect(config, endpoint_url=emulator.url)
        # What CloudFormation takes minutes for on AWS is done here when it is asked for the first time.
        target = replace(target, sleep=lambda seconds: time.sleep(seconds / 20))
        made = Stage(emulator, target, read_release(target))
        made.deploy("first")
        yield made


def _operator(emulator: Emulator, place: Place) -> dict[str, str]:
    """The environment of a new user with these policies."""
    iam = emulator.client("iam")
    iam.create_user(UserName="operator")
    for policy in (boundary_policy(place), *deployer_policies(place)):
        iam.create_policy(PolicyName=policy.name, PolicyDocument=json.dumps(policy.document))
    for policy in deployer_policies(place):
        iam.attach_user_policy(UserName="operator", PolicyArn=policy.arn)
    key = iam.create_access_key(UserName="operator")["AccessKey"]
    return {
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
