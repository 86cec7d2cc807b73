"""Reads the state of a stage: its stacks, outputs, version, URL and, on request, drift."""

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
    """One stack. `status` is CloudFormation's, or None without a stack. `drifted` lists resources, or None if not checked."""

    kind: StackKind
    stack: str
    status: str | None
    reason: str | None
    updated_ms: int | None
    outputs: Mapping[str, str]
    drifted: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """One stage. `version` and `url` are None until all stacks are deployed."""

    stage: str
    region: str
    version: str | None
    url: str | None
    stacks: tuple[StackStatus, ...]


@translated()
def read_status(target: DeployContext, *, drift: bool = False) -> Status:
    """Read the three stacks. With `drift`, CloudFormation compares them with the actual resources, which takes a while."""
    client, stacks = target.client("cloudformation"), Stacks(target, silent)
    found: list[StackStatus] = []
    all_outputs: dict[str, str] = {}
    for kind in KINDS:
        name = target.stack_name(kind)
        stack = stacks.find(name)
        if stack is None:
            found.append(StackStatus(kind, name, None, None, None, {}))
            continue
        all_outputs |= stack.outputs
        drifted = _detect_drift(target, client, name) if drift and stack.status not in EMPTY else None
        found.append(
            StackStatus(kind, name, stack.status, stack.reason, stack.updated_ms, stack.outputs, drifted)
        )
    complete = all(read_template(kind).outputs <= all_outputs.keys() for kind in KINDS)
    urls = resolve_endpoints(all_outputs, target.endpoint_url) if complete else None
    return Status(
        stage=target.config.stage,
        region=target.region,
        version=all_outputs["DeployedVersion"] if complete else None,
        url=urls.site if urls else None,
        stacks=tuple(found),
    )


def _detect_drift(target: DeployContext, client: Any, name: str) -> tuple[str, ...]:
    detection = client.detect_stack_drift(StackName=name)["StackDriftDetectionId"]
    for wait in poll_delays(target.jitter):
        state = client.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
        if state["DetectionStatus"] == "DETECTION_FAILED":
            raise DeployError(
                f"drift detection failed: {state.get('DetectionStatusReason', 'no reason given')}",
                hint="try again, or run without --drift",
                stack=name,
            )
        if state["DetectionStatus"] == "DETECTION_COMPLETE":
            break
        target.sleep(wait)
    return tuple(_drifted_resources(client, name))


def _drifted_resources(client: Any, name: str) -> Iterator[str]:
    more: dict[str, str] = {}
    while True:
        response = client.describe_stack_resource_drifts(
            StackName=name, StackResourceDriftStatusFilters=["MODIFIED", "DELETED"], **more
        )
        yield from (drift["LogicalResourceId"] for drift in response["StackResourceDrifts"])
        if not response.get("NextToken"):
            return
        more = {"NextToken": response["NextToken"]}
