"""Failures of a deployment: each ends in a defined state, with a message that has the next step, and the next run continues."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
from botocore.exceptions import EndpointConnectionError
from tests.support.fake_aws import APP, BUCKETS, REGION, SITE, SITE_FILES, STATE, World, client_error

from imchat.deploy import Deployment, deploy
from imchat.deploy.context import FetchResult
from imchat.deploy.progress import (
    Interrupted,
    ResourceProgress,
    SmokeTested,
    StackBusy,
    StackFinished,
    StackStarted,
)
from imchat.errors import ConfigError, DeployError, ImchatError


def run_deploy(aws: World, *, code: bytes = b"code", **options: Any) -> Deployment:
    result = deploy(aws.target, release=aws.release(code=code), progress=aws.events.append, **options)
    assert result is not None
    return result


def failure(aws: World, *, code: bytes = b"code", **options: Any) -> str:
    """Deploy, and return the message of the error that it raises."""
    with pytest.raises(ImchatError) as error:
        run_deploy(aws, code=code, **options)
    return error.value.message


def started(aws: World) -> list[StackStarted]:
    return [event for event in aws.events if isinstance(event, StackStarted)]


@pytest.fixture
def deployed(aws: World) -> World:
    run_deploy(aws)
    aws.events.clear()
    aws.calls.clear()
    aws.slept.clear()
    return aws


# ---- statuses of a stack before the deployment


def test_an_empty_stack_of_a_failed_creation_is_deleted_and_created_again(aws: World) -> None:
    aws.cloudformation.put(STATE, "ROLLBACK_COMPLETE")
    result = run_deploy(aws)
    assert result.plan.stacks[0].action == "recreate"
    assert started(aws)[:2] == [StackStarted(STATE, "delete"), StackStarted(STATE, "create")]
    assert aws.statuses()[STATE] == "CREATE_COMPLETE"


def test_a_stack_whose_change_set_was_never_executed_is_used(aws: World) -> None:
    aws.cloudformation.put(STATE, "REVIEW_IN_PROGRESS", change_sets={"imchat-deploy": {"ChangeSetId": "old"}})
    result = run_deploy(aws)
    assert result.plan.stacks[0].action == "create"
    assert "delete_stack" not in aws.calls
    assert aws.statuses()[STATE] == "CREATE_COMPLETE"


def test_a_failed_rollback_is_explained_and_no_resource_is_skipped(deployed: World) -> None:
    deployed.cloudformation.stacks[APP].status = "UPDATE_ROLLBACK_FAILED"
    assert failure(deployed, code=b"better") == (
        "imchat-test-app: HttpFunction: an update failed, and its rollback failed: "
        "HttpFunction (its role is gone); fix that, run "
        "`aws cloudformation continue-update-rollback --stack-name imchat-test-app`, then `imchat deploy`; "
        "imchat skips no resource in a rollback, or the stack would not match its resources"
    )
    assert not {"execute_change_set", "delete_stack", "create_change_set"} & set(deployed.calls)


@pytest.mark.parametrize("status", ["DELETE_FAILED", "ROLLBACK_FAILED", "CREATE_FAILED"])
@pytest.mark.parametrize(
    ("stack", "hint"),
    [
        (
            SITE,
            "`imchat teardown` removes it and keeps accounts, messages and files; then run `imchat deploy` again",
        ),
        (
            STATE,
            "if you need none of its data, `imchat teardown --delete-data` removes it, and `imchat deploy`",
        ),
    ],
)
def test_an_incomplete_stack_is_named_with_the_next_step(
    deployed: World, status: str, stack: str, hint: str
) -> None:
    deployed.cloudformation.stacks[stack].status = status
    message = failure(deployed)
    assert message.startswith(f"{stack}: its creation or deletion did not finish ({status}")
    assert hint in message


def test_a_stack_that_is_being_changed_is_waited_for(deployed: World) -> None:
    app = deployed.cloudformation.stacks[APP]
    app.status, app.upcoming = "UPDATE_IN_PROGRESS", [(None, "UPDATE_COMPLETE", None)]
    assert run_deploy(deployed).changed is False
    assert StackBusy(APP, "UPDATE_IN_PROGRESS") in deployed.events


def test_without_waiting_a_stack_that_is_being_changed_is_an_error(deployed: World) -> None:
    deployed.cloudformation.stacks[APP].status = "UPDATE_IN_PROGRESS"
    assert failure(deployed, wait=False) == (
        "imchat-test-app: another user or an earlier run is changing it (UPDATE_IN_PROGRESS); "
        "wait until that is done (`imchat status` shows it), then run this again"
    )


def test_a_stack_that_is_being_deleted_is_created_again_once_it_is_gone(deployed: World) -> None:
    app = deployed.cloudformation.stacks[APP]
    app.status, app.upcoming = "DELETE_IN_PROGRESS", [(None, "DELETE_COMPLETE", None)]
    run_deploy(deployed)
    assert started(deployed) == [StackStarted(APP, "create")]


# ---- failures


def test_a_failed_creation_names_the_first_resource_and_the_next_run_creates_it(aws: World) -> None:
    aws.cloudformation.failure[APP] = ("HttpFunction", "The role cannot be assumed. (Service: Lambda)")
    message = failure(aws)
    assert message == (
        "imchat-test-app: HttpFunction: The role cannot be assumed. (Service: Lambda); "
        "its creation was rolled back; fix that and run `imchat deploy` again"
    )
    assert aws.statuses() == {STATE: "CREATE_COMPLETE", APP: "ROLLBACK_COMPLETE"}
    result = run_deploy(aws)
    assert [step.action for step in result.plan.stacks] == ["none", "recreate", "create"]


def test_a_failed_update_names_the_first_resource(deployed: World) -> None:
    deployed.cloudformation.failure[APP] = ("HttpFunction", "no such key")
    with pytest.raises(DeployError) as error:
        run_deploy(deployed, code=b"better")
    assert (error.value.stack, error.value.resource, error.value.reason) == (
        APP,
        "HttpFunction",
        "no such key",
    )
    assert error.value.hint == "the update was rolled back; fix that and run `imchat deploy` again"
    shown = [event for event in deployed.events if isinstance(event, ResourceProgress)]
    assert [(event.resource, event.status) for event in shown] == [
        ("Other", "UPDATE_FAILED"),
        ("HttpFunction", "UPDATE_FAILED"),
        ("Later", "UPDATE_FAILED"),
        ("Other", "DELETE_COMPLETE"),
    ]
    assert run_deploy(deployed, code=b"better").changed


def test_resources_kept_without_their_stack_are_reported(aws: World) -> None:
    aws.cloudformation.failure[STATE] = ("Table", "imchat-test already exists in stack arn:aws:…")
    assert (
        "resources of an earlier installation of this stage were kept and their stack was deleted by hand"
        in failure(aws)
    )


def test_a_stack_deleted_during_its_update_is_reported(deployed: World) -> None:
    deployed.cloudformation.failure[APP] = ("HttpFunction", "why not")
    real = deployed.cloudformation.execute_change_set

    def execute(**request: Any) -> None:
        real(**request)
        deployed.cloudformation.stacks[APP].upcoming = [(None, "DELETE_COMPLETE", None)]

    deployed.cloudformation.execute_change_set = execute  # type: ignore[method-assign]  # by hand in the console
    assert "it was deleted while it was being changed; run `imchat deploy` again" in failure(
        deployed, code=b"2"
    )


def test_a_template_that_cloudformation_rejects_is_reported_with_its_message(deployed: World) -> None:
    deployed.cloudformation.raising["create_change_set"] = [
        client_error("ValidationError", "Parameter MemoryMb must be a number.", "CreateChangeSet")
    ]
    assert failure(deployed, code=b"better") == (
        "imchat-test-app: Parameter MemoryMb must be a number; fix that and run `imchat deploy` again"
    )


def test_a_change_set_that_cannot_be_created_is_reported_and_deleted(deployed: World) -> None:
    real = deployed.cloudformation.describe_change_set

    def describe(**request: Any) -> dict[str, Any]:
        return {**real(**request), "Status": "FAILED", "StatusReason": "The transform is unknown."}

    deployed.cloudformation.describe_change_set = describe  # type: ignore[method-assign]  # the fake has no other way to do it
    deployed.cloudformation.describe_events = lambda **_: {"OperationEvents": []}  # type: ignore[attr-defined]  # no events
    assert failure(deployed, code=b"better").startswith("imchat-test-app: The transform is unknown; ")
    assert deployed.change_sets() == []


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            {"LogicalResourceId": "Table", "ValidationStatusReason": "Table imchat-test already exists."},
            "imchat-test-state: Table: Table imchat-test already exists; resources of an earlier installation",
        ),
        ({}, "imchat-test-state: failed: [AWS::EarlyValidation::ResourceExistenceCheck]; fix that"),
    ],
)
def test_the_reason_of_a_failed_validation_is_looked_up(
    aws: World, answer: dict[str, str], message: str
) -> None:
    real, formation = aws.cloudformation.describe_change_set, cast("Any", aws.cloudformation)
    reason = "failed: [AWS::EarlyValidation::ResourceExistenceCheck]."
    formation.describe_change_set = lambda **request: {
        **real(**request),
        "Status": "FAILED",
        "StatusReason": reason,
    }

    def describe_events(**_: object) -> dict[str, Any]:
        if not answer:
            raise client_error("AccessDenied", "not allowed", "DescribeEvents")
        return {
            "OperationEvents": [{"EventType": "STACK_EVENT"}, {"EventType": "VALIDATION_ERROR", **answer}]
        }

    formation.describe_events = describe_events
    assert failure(aws).startswith(message)
    assert aws.change_sets() == []


# ---- polling


def test_polls_slow_down_and_have_jitter(aws: World) -> None:
    run_deploy(aws)
    assert aws.slept[:6] == [1.0, 1.5, 2.25, 3.375, 5.0, 1.0]
    aws.slept.clear()
    aws.target = replace(aws.target, jitter=iter([0.0, 1.0] * 99).__next__)
    run_deploy(aws, code=b"better")
    assert aws.slept[:2] == [1.25, 1.125]


@pytest.mark.parametrize(
    "error",
    [
        client_error("Throttling", "Rate exceeded"),
        client_error("InternalFailure", "", status=500),
        EndpointConnectionError(endpoint_url="https://cloudformation"),
    ],
    ids=["throttled", "server error", "no network"],
)
@pytest.mark.parametrize("operation", ["describe_stacks", "describe_stack_events"])
def test_a_failed_poll_does_not_fail_a_deployment(deployed: World, error: Exception, operation: str) -> None:
    def fail_polls() -> None:
        if len(deployed.slept) in {1, 2, 4}:
            deployed.cloudformation.raising[operation] = [error]

    deployed.on_sleep = fail_polls
    assert run_deploy(deployed, code=b"better").changed
    shown = [event for event in deployed.events if isinstance(event, ResourceProgress)]
    assert [(event.resource, event.status) for event in shown] == [("Any", "UPDATE_COMPLETE")]


def test_throttling_for_minutes_ends_with_a_note_that_cloudformation_continues(deployed: World) -> None:
    def fail_polls() -> None:
        deployed.cloudformation.raising["describe_stacks"] = [client_error("Throttling", "Rate exceeded")]

    deployed.on_sleep = fail_polls
    message = failure(deployed, code=b"better")
    assert message.startswith("imchat-test-app: AWS throttles these requests")
    assert message.endswith(
        "CloudFormation continues to change imchat-test-app, and the next `imchat deploy` continues from here"
    )


def test_an_old_status_right_after_execution_does_not_count_as_done(deployed: World) -> None:
    """Right after the execution CloudFormation may still return the old status."""
    real = deployed.cloudformation.execute_change_set

    def execute(**request: Any) -> None:
        real(**request)
        deployed.cloudformation.stacks[APP].status = "CREATE_COMPLETE"
        deployed.cloudformation.stacks[APP].upcoming[:0] = [
            ("Any", "UPDATE_IN_PROGRESS", None),
            (None, "UPDATE_IN_PROGRESS", None),
        ]

    deployed.cloudformation.execute_change_set = execute  # type: ignore[method-assign]  # eventual consistency
    run_deploy(deployed, code=b"better")
    assert deployed.statuses()[APP] == "UPDATE_COMPLETE"
    finished = deployed.events.index(StackFinished(APP, changed=True))
    assert any(isinstance(event, ResourceProgress) for event in deployed.events[:finished])


# ---- interruptions


def test_expired_credentials_at_the_start_are_a_config_error(aws: World) -> None:
    aws.cloudformation.raising["describe_stacks"] = [
        client_error("ExpiredToken", "The security token is expired")
    ]
    with pytest.raises(ConfigError, match="the AWS credentials have expired; sign in again"):
        run_deploy(aws)


def test_credentials_that_expire_during_a_deployment_stop_it_and_the_next_run_continues(aws: World) -> None:
    def expire() -> None:
        if len(aws.slept) == 2:
            aws.cloudformation.raising["describe_stacks"] = [client_error("ExpiredToken", "expired")]

    aws.on_sleep = expire
    message = failure(aws)
    assert message.startswith(
        "imchat-test-state: the AWS credentials have expired; sign in again (`aws sso login`"
    )
    assert "CloudFormation continues to change imchat-test-state" in message
    aws.on_sleep = lambda: None
    aws.events.clear()
    run_deploy(aws)
    assert aws.events[0] == StackBusy(STATE, "CREATE_IN_PROGRESS")
    assert aws.statuses() == dict.fromkeys((STATE, APP, SITE), "CREATE_COMPLETE")


def test_ctrl_c_during_a_stack_names_what_continues_and_the_next_run_finishes(deployed: World) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    deployed.on_sleep = interrupt
    with pytest.raises(KeyboardInterrupt):
        run_deploy(deployed, code=b"better")
    assert deployed.events[-1] == Interrupted(
        APP,
        "CloudFormation continues to change imchat-test-app; the next `imchat deploy` continues from here",
    )
    deployed.on_sleep = lambda: None
    assert run_deploy(deployed, code=b"better").changed is False  # it only waited
    assert deployed.cloudformation.stacks[APP].parameters["CodeKey"] == "code/better.zip"


def test_ctrl_c_while_planning_leaves_no_change_set(deployed: World) -> None:
    def interrupt(_: object) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_deploy(deployed, code=b"better", approve=interrupt)
    assert deployed.change_sets() == []
    assert deployed.events[-1] == Interrupted(None, "the next `imchat deploy` continues from here")


def test_an_interrupted_upload_is_finished_by_the_next_run_deploy(aws: World) -> None:
    real, put = aws.client("s3").put_object, []

    def fail_on_one_file(**request: Any) -> Any:
        put.append(request["Key"])
        if request["Key"] == "sw.js":
            raise client_error("ExpiredToken", "expired", "PutObject")
        return real(**request)

    aws.client("s3").put_object = fail_on_one_file
    try:
        assert "the AWS credentials have expired" in failure(aws)
    finally:
        aws.client("s3").put_object = real
    assert aws.objects("site").keys() == {"assets/app-12345678.js"}
    run_deploy(aws)
    assert aws.objects("site").keys() == SITE_FILES.keys() | {"config.json"}


# ---- a second deployer


def test_a_change_set_of_a_killed_run_is_replaced(deployed: World) -> None:
    deployed.cloudformation.stacks[APP].change_sets["imchat-deploy"] = {"ChangeSetId": "of a killed run"}
    assert run_deploy(deployed, code=b"better").changed


def test_a_plan_made_while_another_run_deployed_is_out_of_date(deployed: World) -> None:
    def deploy_meanwhile(_: object) -> bool:
        deployed.cloudformation.stacks[
            APP
        ].change_sets.clear()  # CloudFormation drops them when one is executed
        return True

    assert failure(deployed, code=b"better", approve=deploy_meanwhile) == (
        "imchat-test-app: another run deployed or planned meanwhile, so this plan is out of date; "
        "run this again to make a new plan"
    )


# ---- buckets deleted outside of imchat


def delete_bucket(aws: World, bucket: str) -> None:
    for key in aws.objects(bucket):
        aws.s3.delete_object(Bucket=bucket, Key=key)
    aws.s3.delete_bucket(Bucket=bucket)


def test_a_deleted_site_bucket_is_reported_with_the_next_step(deployed: World) -> None:
    delete_bucket(deployed, BUCKETS["SiteBucketName"])
    assert failure(deployed) == (
        "imchat-test-site: SiteBucket: the site's bucket site was deleted outside of imchat; run `imchat teardown` and "
        "then `imchat deploy`: they create the site again, and keep accounts, messages and files"
    )


def test_a_deleted_artifact_bucket_is_reported_with_a_next_step_that_works(deployed: World) -> None:
    delete_bucket(deployed, BUCKETS["ArtifactBucketName"])
    assert failure(deployed, code=b"better") == (
        "imchat-test-state: ArtifactBucket: the bucket artifacts of code and templates was deleted outside of imchat; "
        "create it with `aws s3 mb s3://artifacts --region eu-west-1`, then run `imchat deploy`, "
        "which uploads its contents again"
    )
    assert deployed.change_sets() == []
    deployed.s3.create_bucket(Bucket="artifacts", CreateBucketConfiguration={"LocationConstraint": REGION})
    assert run_deploy(deployed, code=b"better").changed


# ---- the smoke test


def test_a_host_name_that_does_not_resolve_yet_is_tried_again(aws: World) -> None:
    health = "https://the-DistributionDomain/api/health"
    aws.responses[health] = FetchResult(0, b"Name or service not known")

    def resolve_after_three_fetches() -> None:
        if aws.fetched.count(health) == 3:
            aws.responses.clear()

    aws.on_sleep = resolve_after_three_fetches
    assert run_deploy(aws).changed
    assert SmokeTested(health, 200) in aws.events


@pytest.mark.parametrize(
    ("path", "answer", "message"),
    [
        ("api/health", FetchResult(503, b""), "/api/health returned status 503; `imchat logs` shows the API"),
        ("api/health", FetchResult(0, b"refused"), "/api/health cannot be reached: refused; `imchat logs`"),
        (
            "config.json",
            FetchResult(200, b"{}"),
            "/config.json does not return what was deployed; the deployment itself",
        ),
        (
            "",
            FetchResult(403, b""),
            "https://the-DistributionDomain/ returned status 403; the deployment itself is complete",
        ),
    ],
)
def test_a_failed_smoke_test_names_the_url(aws: World, path: str, answer: FetchResult, message: str) -> None:
    aws.responses[f"https://the-DistributionDomain/{path}"] = answer
    assert message in failure(aws)
    assert aws.statuses() == dict.fromkeys((STATE, APP, SITE), "CREATE_COMPLETE")
