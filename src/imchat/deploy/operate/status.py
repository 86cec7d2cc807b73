"""What is deployed: the stacks, their outputs, the version, the address, and, where asked for, drift."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from imchat.deploy.aws_errors import translated
from imchat.deploy.cloudformation.stacks import EMPTY, Stacks
from imchat.deploy.cloudformation.templates import KINDS, read_template
from imchat.deploy.cloudformation.watcher import poll_delays
from imchat.deploy.context import DeployContext
from imchat.deploy.endpoints import resolve_endpoints
from imchat.deploy.progress import StackKind, silent
from imchat.errors import DeployError


@dataclass(frozen=True, slots=True)
class StackStatus:
    """One stack. `status` is CloudFormation's, None if there is no such stack; `drifted`: resources, None if not asked."""

    kind: StackKind
    stack: str
    status: str | None
    reason: str | None
    updated_ms: int | None
    outputs: Mapping[str, str]
    drifted: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """One stage. `version` and `url` are None while it is not deployed whole."""

    stage: str
    region: str
    version: str | None
    url: str | None
    stacks: tuple[StackStatus, ...]


@translated()
def read_status(target: DeployContext, *, drift: bool = False) -> Status:
    """Look at the three stacks; with `drift` let CloudFormation compare them with what there is, which takes a while."""
    client, stacks = target.client("cloudformation"), Stacks(target, silent)
    found: list[StackStatus] = []
    known: dict[str, str] = {}
    for kind in KINDS:
        name = target.stack_name(kind)
        stack = stacks.find(name)
        if stack is None:
            found.append(StackStatus(kind, name, None, None, None, {}))
            continue
        known |= stack.outputs
        drifted = _drifted(target, client, name) if drift and stack.status not in EMPTY else None
        found.append(
            StackStatus(kind, name, stack.status, stack.reason, stack.updated_ms, stack.outputs, drifted)
        )
    whole = all(read_template(kind).outputs <= known.keys() for kind in KINDS)
    where = resolve_endpoints(known, target.endpoint_url) if whole else None
    return Status(
        stage=target.config.stage,
        region=target.region,
        version=known["DeployedVersion"] if whole else None,
        url=where.site if where else None,
        stacks=tuple(found),
    )


def _drifted(target: DeployContext, client: Any, name: str) -> tuple[str, ...]:
    detection = client.detect_stack_drift(StackName=name)["StackDriftDetectionId"]
    for wait in poll_delays(target.jitter):
        state = client.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
        if state["DetectionStatus"] == "DETECTION_FAILED":
            raise DeployError(
                f"its drift cannot be told: {state.get('DetectionStatusReason', 'no reason given')}",
                hint="try again, or leave --drift away",
                stack=name,
            )
        if state["DetectionStatus"] == "DETECTION_COMPLETE":
            break
        target.sleep(wait)
    return tuple(_differing(client, name))


def _differing(client: Any, name: str) -> Iterator[str]:
    more: dict[str, str] = {}
    while True:
        answer = client.describe_stack_resource_drifts(
            StackName=name, StackResourceDriftStatusFilters=["MODIFIED", "DELETED"], **more
        )
        yield from (one["LogicalResourceId"] for one in answer["StackResourceDrifts"])
        if not answer.get("NextToken"):
            return
        more = {"NextToken": answer["NextToken"]}
