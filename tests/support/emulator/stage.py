"""One emulator for all tests, and a stage of imchat that is deployed to it."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
from tests.support.emulator.harness import ACCOUNT, MISSING, PYTHON, REGION, Emulator

from imchat.deploy import Config, DeployContext, Deployment, Event, Release, connect, deploy, read_release
from imchat.deploy.iam.arns import DeploymentScope
from imchat.deploy.iam.policy import boundary_policy, deployer_policies


@dataclass(slots=True)
class Stage:
    """A stage on an emulator. `deployment` is its last deployment, which reported `events`."""

    emulator: Emulator
    target: DeployContext
    release: Release
    """This installation."""
    deployment: Deployment = field(init=False)
    events: list[Event] = field(default_factory=list)
    calls: int = 0
    """The number of requests of the last deployment to AWS."""
    websocket_apis: list[str] = field(default_factory=list)
    """The ids of the WebSocket APIs deployed so far; a deployment after a teardown has a new one."""
    figures: dict[str, str] = field(default_factory=dict)
    """Calls and duration of each deployment, shown by `pytest -rP`."""

    def configure(self, **settings: str) -> None:
        """Deploy with these settings from now on."""
        self.target = replace(self.target, config=self.target.config.model_copy(update=settings))
        self.release = read_release(self.target)

    def deploy(self, name: str, release: Release | None = None) -> Deployment:
        """Deploy, by default `release`; `name` is for the figures."""
        self.emulator.calls()
        self.events = []
        started = time.monotonic()
        deployment = deploy(self.target, release=release or self.release, progress=self.events.append)
        took_s = time.monotonic() - started
        assert deployment is not None
        operator = os.environ["AWS_ACCESS_KEY_ID"]
        by_service = Counter(call.service for call in self.emulator.calls() if call.access_key == operator)
        self.figures[name] = f"{by_service.total()} calls {dict(by_service.most_common())}, {took_s:.1f} s"
        self.calls = by_service.total()
        self.deployment = deployment
        self.websocket_apis.append(deployment.outputs["WebSocketApiId"])
        return deployment


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Run the emulator. Where it is not installed, tests fail in CI and are skipped elsewhere, with a message."""
    if not PYTHON.exists():
        if os.environ.get("CI"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    with Emulator(tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest.fixture(scope="session")
def stage(emulator: Emulator) -> Iterator[Stage]:
    """Deploy a stage as `imchat deploy` does, as a user with only the policies of `imchat iam-policy`."""
    place = DeploymentScope("prod", REGION, ACCOUNT)
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
        # CloudFormation takes minutes on AWS; the emulator is done at the first poll.
        target = replace(target, sleep=lambda seconds: time.sleep(seconds / 20))
        stage = Stage(emulator, target, read_release(target))
        stage.deploy("first")
        yield stage


def _operator(emulator: Emulator, place: DeploymentScope) -> dict[str, str]:
    """Create a user with the deployer's policies. Returns the environment variables with the user's credentials."""
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
