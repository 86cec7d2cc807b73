"""The status of a stage: not deployed, partly deployed, deployed, drifted."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.fake_aws import APP, STATE, World

from imchat.deploy import deploy, read_status, tear_down
from imchat.errors import DeployError


def test_a_stage_that_was_never_deployed_has_no_stacks(aws: World) -> None:
    status = read_status(aws.target)
    assert (status.stage, status.region, status.version, status.url) == ("test", "eu-west-1", None, None)
    assert [stack.status for stack in status.stacks] == [None, None, None]
    assert len(aws.calls) == 3


def test_a_deployed_stage_has_a_version_and_a_url(aws: World) -> None:
    deploy(aws.target, release=aws.release())
    aws.calls.clear()
    status = read_status(aws.target)
    assert (status.version, status.url) == ("the-DeployedVersion", "the-SiteUrl")
    assert [stack.status for stack in status.stacks] == ["CREATE_COMPLETE"] * 3
    assert status.stacks[0].outputs["TableName"] == "the-TableName"
    assert [stack.drifted for stack in status.stacks] == [None] * 3
    assert len(aws.calls) == 3


def test_a_torn_down_stage_has_no_url(aws: World) -> None:
    deploy(aws.target, release=aws.release())
    tear_down(aws.target)
    status = read_status(aws.target)
    assert (status.version, status.url) == (None, None)
    assert [stack.status for stack in status.stacks] == ["CREATE_COMPLETE", None, None]


def fake_drift(aws: World, *statuses: dict[str, str], drifts: list[str]) -> None:
    responses = iter(statuses)
    formation: Any = aws.cloudformation
    formation.detect_stack_drift = lambda *, StackName: {"StackDriftDetectionId": StackName}  # noqa: N803 - boto3's name
    formation.describe_stack_drift_detection_status = lambda **_: next(responses)

    def describe_drifts(*, StackName: str, NextToken: str = "0", **_: Any) -> dict[str, Any]:  # noqa: N803 - boto3's names
        """Return one drift per page."""
        found, page = drifts if APP in StackName else [], int(NextToken)
        more = {"NextToken": str(page + 1)} if page + 1 < len(found) else {}
        return {
            "StackResourceDrifts": [{"LogicalResourceId": name} for name in found[page : page + 1]],
            **more,
        }

    formation.describe_stack_resource_drifts = describe_drifts


def test_drift_is_detected_on_request(aws: World) -> None:
    deploy(aws.target, release=aws.release())
    busy, done = {"DetectionStatus": "DETECTION_IN_PROGRESS"}, {"DetectionStatus": "DETECTION_COMPLETE"}
    fake_drift(aws, busy, done, done, done, drifts=["HttpFunction", "HttpRole"])
    assert [stack.drifted for stack in read_status(aws.target, drift=True).stacks] == [
        (),
        ("HttpFunction", "HttpRole"),
        (),
    ]


def test_failed_drift_detection_is_an_error_with_its_reason(aws: World) -> None:
    deploy(aws.target, release=aws.release())
    fake_drift(
        aws, {"DetectionStatus": "DETECTION_FAILED", "DetectionStatusReason": "no permission."}, drifts=[]
    )
    with pytest.raises(DeployError, match=f"^{STATE}: drift detection failed: no permission; try again"):
        read_status(aws.target, drift=True)
