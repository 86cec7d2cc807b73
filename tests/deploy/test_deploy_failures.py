"""What can go wrong with a deployment: each has a defined end, a message with the next step, and a next run that goes on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
from botocore.exceptions import EndpointConnectionError
from tests.support.fake_aws import APP, BUCKETS, REGION, SITE, SITE_FILES, STATE, World, refusal

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


def run(aws: World, *, code: bytes = b"code", **options: Any) -> Deployment:
    done = deploy(aws.target, release=aws.release(code=code), progress=aws.happened.append, **options)
    assert done is not None
    return done


def fails(aws: World, *, code: bytes = b"code", **options: Any) -> str:
    """The message that the operator sees."""
    with pytest.raises(ImchatError) as failed:
        run(aws, code=code, **options)
    return failed.value.message


def started(aws: World) -> list[StackStarted]:
    return [one for one in aws.happened if isinstance(one, StackStarted)]


@pytest.fixture
def deployed(aws: World) -> World:
    run(aws)
    aws.happened.clear()
    aws.calls.clear()
    aws.slept.clear()
    return aws


# ---- states that a stack can be found in


def test_an_empty_stack_of_a_failed_creation_is_deleted_and_made_anew(aws: World) -> None:
    aws.cloudformation.put(STATE, "ROLLBACK_COMPLETE")
    done = run(aws)
    assert done.plan.stacks[0].action == "recreate"
    assert started(aws)[:2] == [StackStarted(STATE, "delete"), StackStarted(STATE, "create")]
    assert aws.statuses()[STATE] == "CREATE_COMPLETE"


def test_a_stack_that_was_only_proposed_is_used(aws: World) -> None:
    aws.cloudformation.put(STATE, "REVIEW_IN_PROGRESS", change_sets={"imchat-deploy": {"ChangeSetId": "old"}})
    done = run(aws)
    assert done.plan.stacks[0].action == "create"
    assert "delete_stack" not in aws.calls
    assert aws.statuses()[STATE] == "CREATE_COMPLETE"


def test_an_update_that_could_not_be_undone_is_explained_and_nothing_skipped(deployed: World) -> None:
    deployed.cloudformation.stacks[APP].status = "UPDATE_ROLLBACK_FAILED"
    assert fails(deployed, code=b"better") == (
        "imchat-test-app: HttpFunction: an update failed and could not be undone either: "
        "HttpFunction (its role is gone); mend that, then "
        "`aws cloudformation continue-update-rollback --stack-name imchat-test-app`, then `imchat deploy`; "
        "imchat skips no resource, because the stack would not know any more what there is"
    )
    assert not {"execute_change_set", "delete_stack", "create_change_set"} & set(deployed.calls)


@pytest.mark.parametrize("status", ["DELETE_FAILED", "ROLLBACK_FAILED", "CREATE_FAILED"])
@pytest.mark.parametrize(
    ("stack", "way_out"),
    [
        (
            SITE,
            "`imchat teardown` removes it and keeps accounts, messages and files; then run `imchat deploy` again",
        ),
        (
            STATE,
            "if nothing that it holds is needed, `imchat teardown --delete-data` removes it, and `imchat deploy`",
        ),
    ],
)
def test_a_stack_half_made_or_half_deleted_is_named_with_the_way_out(
    deployed: World, status: str, stack: str, way_out: str
) -> None:
    deployed.cloudformation.stacks[stack].status = status
    told = fails(deployed)
    assert told.startswith(f"{stack}: it is half made or half deleted ({status}")
    assert way_out in told


def test_a_stack_that_somebody_is_changing_is_waited_for(deployed: World) -> None:
    app = deployed.cloudformation.stacks[APP]
    app.status, app.coming = "UPDATE_IN_PROGRESS", [(None, "UPDATE_COMPLETE", None)]
    assert run(deployed).changed is False
    assert StackBusy(APP, "UPDATE_IN_PROGRESS") in deployed.happened


def test_without_waiting_a_busy_stack_is_told(deployed: World) -> None:
    deployed.cloudformation.stacks[APP].status = "UPDATE_IN_PROGRESS"
    assert fails(deployed, wait=False) == (
        "imchat-test-app: somebody else, or an earlier run, is changing it (UPDATE_IN_PROGRESS); "
        "wait until that is done (`imchat status` shows it), then run this again"
    )


def test_a_stack_that_is_being_deleted_is_made_again_once_it_is_gone(deployed: World) -> None:
    app = deployed.cloudformation.stacks[APP]
    app.status, app.coming = "DELETE_IN_PROGRESS", [(None, "DELETE_COMPLETE", None)]
    run(deployed)
    assert started(deployed) == [StackStarted(APP, "create")]


# ---- failures


def test_of_a_failed_creation_the_first_resource_is_shown_and_the_next_run_makes_it(aws: World) -> None:
    aws.cloudformation.failure[APP] = ("HttpFunction", "The role cannot be assumed. (Service: Lambda)")
    told = fails(aws)
    assert told == (
        "imchat-test-app: HttpFunction: The role cannot be assumed. (Service: Lambda); "
        "nothing is left of it; mend that and run `imchat deploy` again"
    )
    assert aws.statuses() == {STATE: "CREATE_COMPLETE", APP: "ROLLBACK_COMPLETE"}
    done = run(aws)
    assert [step.action for step in done.plan.stacks] == ["none", "recreate", "create"]


def test_of_a_failed_update_the_first_resource_is_shown(deployed: World) -> None:
    deployed.cloudformation.failure[APP] = ("HttpFunction", "no such key")
    with pytest.raises(DeployError) as failed:
        run(deployed, code=b"better")
    assert (failed.value.stack, failed.value.resource, failed.value.reason) == (
        APP,
        "HttpFunction",
        "no such key",
    )
    assert failed.value.hint == "the stack is again as it was before; mend that and run `imchat deploy` again"
    shown = [one for one in deployed.happened if isinstance(one, ResourceProgress)]
    assert [(one.resource, one.status) for one in shown] == [
        ("Other", "UPDATE_FAILED"),
        ("HttpFunction", "UPDATE_FAILED"),
        ("Later", "UPDATE_FAILED"),
        ("Other", "DELETE_COMPLETE"),
    ]
    assert run(deployed, code=b"better").changed


def test_what_was_kept_without_its_stack_is_told_to_be_in_the_way(aws: World) -> None:
    aws.cloudformation.failure[STATE] = ("Table", "imchat-test already exists in stack arn:aws:…")
    assert "an earlier installation of this stage was kept and its stack deleted by hand" in fails(aws)


def test_a_stack_that_is_deleted_under_our_hands_is_told(deployed: World) -> None:
    deployed.cloudformation.failure[APP] = ("HttpFunction", "why not")
    real = deployed.cloudformation.execute_change_set

    def execute(**asked: Any) -> None:
        real(**asked)
        deployed.cloudformation.stacks[APP].coming = [(None, "DELETE_COMPLETE", None)]

    deployed.cloudformation.execute_change_set = execute  # type: ignore[method-assign]  # somebody in the console
    assert "it was deleted while it was being changed; run `imchat deploy` again" in fails(
        deployed, code=b"2"
    )


def test_a_template_that_cloudformation_refuses_is_told_in_its_words(deployed: World) -> None:
    deployed.cloudformation.raising["create_change_set"] = [
        refusal("ValidationError", "Parameter MemoryMb must be a number.", "CreateChangeSet")
    ]
    assert fails(deployed, code=b"better") == (
        "imchat-test-app: Parameter MemoryMb must be a number; mend that and run `imchat deploy` again"
    )


def test_a_change_set_that_cannot_be_made_is_told_and_removed(deployed: World) -> None:
    real = deployed.cloudformation.describe_change_set

    def describe(**asked: Any) -> dict[str, Any]:
        return {**real(**asked), "Status": "FAILED", "StatusReason": "The transform is unknown."}

    deployed.cloudformation.describe_change_set = describe  # type: ignore[method-assign]  # what no other direction gives
    deployed.cloudformation.describe_events = lambda **_: {"OperationEvents": []}  # type: ignore[attr-defined]  # nothing
    assert fails(deployed, code=b"better").startswith("imchat-test-app: The transform is unknown; ")
    assert deployed.change_sets() == []


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (
            {"LogicalResourceId": "Table", "ValidationStatusReason": "Table imchat-test already exists."},
            "imchat-test-state: Table: Table imchat-test already exists; an earlier installation of this stage was kept",
        ),
        ({}, "imchat-test-state: failed: [AWS::EarlyValidation::ResourceExistenceCheck]; mend that"),
    ],
)
def test_what_cloudformation_finds_wrong_beforehand_is_looked_up(
    aws: World, answer: dict[str, str], told: str
) -> None:
    real, formation = aws.cloudformation.describe_change_set, cast("Any", aws.cloudformation)
    reason = "failed: [AWS::EarlyValidation::ResourceExistenceCheck]."
    formation.describe_change_set = lambda **asked: {
        **real(**asked),
        "Status": "FAILED",
        "StatusReason": reason,
    }

    def describe_events(**_: object) -> dict[str, Any]:
        if not answer:
            raise refusal("AccessDenied", "not allowed", "DescribeEvents")
        return {
            "OperationEvents": [{"EventType": "STACK_EVENT"}, {"EventType": "VALIDATION_ERROR", **answer}]
        }

    formation.describe_events = describe_events
    assert fails(aws).startswith(told)
    assert aws.change_sets() == []


# ---- polling


def test_polls_come_ever_more_slowly_and_not_in_step(aws: World) -> None:
    run(aws)
    assert aws.slept[:6] == [1.0, 1.5, 2.25, 3.375, 5.0, 1.0]
    aws.slept.clear()
    aws.target = replace(aws.target, jitter=iter([0.0, 1.0] * 99).__next__)
    run(aws, code=b"better")
    assert aws.slept[:2] == [1.25, 1.125]


@pytest.mark.parametrize(
    "error",
    [
        refusal("Throttling", "Rate exceeded"),
        refusal("InternalFailure", "", status=500),
        EndpointConnectionError(endpoint_url="https://cloudformation"),
    ],
    ids=["throttled", "server error", "no network"],
)
@pytest.mark.parametrize("operation", ["describe_stacks", "describe_stack_events"])
def test_a_poll_that_goes_unanswered_does_not_fail_a_deployment(
    deployed: World, error: Exception, operation: str
) -> None:
    def trouble() -> None:
        if len(deployed.slept) in {1, 2, 4}:
            deployed.cloudformation.raising[operation] = [error]

    deployed.on_sleep = trouble
    assert run(deployed, code=b"better").changed
    shown = [one for one in deployed.happened if isinstance(one, ResourceProgress)]
    assert [(one.resource, one.status) for one in shown] == [("Any", "UPDATE_COMPLETE")]


def test_who_is_throttled_for_minutes_is_told_that_it_goes_on(deployed: World) -> None:
    def trouble() -> None:
        deployed.cloudformation.raising["describe_stacks"] = [refusal("Throttling", "Rate exceeded")]

    deployed.on_sleep = trouble
    told = fails(deployed, code=b"better")
    assert told.startswith("imchat-test-app: AWS is asked too much at once")
    assert told.endswith(
        "CloudFormation goes on with imchat-test-app by itself, and the next `imchat deploy` goes on where this one stopped"
    )


def test_a_stack_still_shown_as_it_was_is_not_taken_for_done(deployed: World) -> None:
    """Right after the execution CloudFormation may still tell the old status."""
    real = deployed.cloudformation.execute_change_set

    def execute(**asked: Any) -> None:
        real(**asked)
        deployed.cloudformation.stacks[APP].status = "CREATE_COMPLETE"
        deployed.cloudformation.stacks[APP].coming[:0] = [
            ("Any", "UPDATE_IN_PROGRESS", None),
            (None, "UPDATE_IN_PROGRESS", None),
        ]

    deployed.cloudformation.execute_change_set = execute  # type: ignore[method-assign]  # as eventual consistency has it
    run(deployed, code=b"better")
    assert deployed.statuses()[APP] == "UPDATE_COMPLETE"
    finished = deployed.happened.index(StackFinished(APP, changed=True))
    assert any(isinstance(one, ResourceProgress) for one in deployed.happened[:finished])


# ---- interruptions


def test_expired_credentials_at_the_start_are_told_as_everywhere(aws: World) -> None:
    aws.cloudformation.raising["describe_stacks"] = [refusal("ExpiredToken", "The security token is expired")]
    with pytest.raises(ConfigError, match="the AWS credentials have expired; sign in again"):
        run(aws)


def test_credentials_that_expire_half_way_stop_it_and_the_next_run_goes_on(aws: World) -> None:
    def expire() -> None:
        if len(aws.slept) == 2:
            aws.cloudformation.raising["describe_stacks"] = [refusal("ExpiredToken", "expired")]

    aws.on_sleep = expire
    told = fails(aws)
    assert told.startswith(
        "imchat-test-state: the AWS credentials have expired; sign in again (`aws sso login`"
    )
    assert "CloudFormation goes on with imchat-test-state by itself" in told
    aws.on_sleep = lambda: None
    aws.happened.clear()
    run(aws)
    assert aws.happened[0] == StackBusy(STATE, "CREATE_IN_PROGRESS")
    assert aws.statuses() == dict.fromkeys((STATE, APP, SITE), "CREATE_COMPLETE")


def test_ctrl_c_during_a_stack_tells_what_goes_on_and_the_next_run_continues(deployed: World) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    deployed.on_sleep = interrupt
    with pytest.raises(KeyboardInterrupt):
        run(deployed, code=b"better")
    assert deployed.happened[-1] == Interrupted(
        APP,
        "CloudFormation goes on with imchat-test-app by itself; the next `imchat deploy` goes on where this one stopped",
    )
    deployed.on_sleep = lambda: None
    assert run(deployed, code=b"better").changed is False  # it only had to wait
    assert deployed.cloudformation.stacks[APP].parameters["CodeKey"] == "code/better.zip"


def test_ctrl_c_while_planning_leaves_no_change_set(deployed: World) -> None:
    def interrupt(_: object) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(deployed, code=b"better", approve=interrupt)
    assert deployed.change_sets() == []
    assert deployed.happened[-1] == Interrupted(
        None, "the next `imchat deploy` goes on where this one stopped"
    )


def test_an_upload_that_broke_off_is_finished_by_the_next_run(aws: World) -> None:
    real, put = aws.client("s3").put_object, []

    def breaks(**asked: Any) -> Any:
        put.append(asked["Key"])
        if asked["Key"] == "sw.js":
            raise refusal("ExpiredToken", "expired", "PutObject")
        return real(**asked)

    aws.client("s3").put_object = breaks
    try:
        assert "the AWS credentials have expired" in fails(aws)
    finally:
        aws.client("s3").put_object = real
    assert aws.objects("site").keys() == {"assets/app-12345678.js"}
    run(aws)
    assert aws.objects("site").keys() == SITE_FILES.keys() | {"config.json"}


# ---- a second deployer


def test_a_change_set_left_behind_is_replaced(deployed: World) -> None:
    deployed.cloudformation.stacks[APP].change_sets["imchat-deploy"] = {"ChangeSetId": "of a killed run"}
    assert run(deployed, code=b"better").changed


def test_who_planned_while_somebody_else_deployed_is_told_to_plan_anew(deployed: World) -> None:
    def meanwhile(_: object) -> bool:
        deployed.cloudformation.stacks[
            APP
        ].change_sets.clear()  # CloudFormation drops them when one is executed
        return True

    assert fails(deployed, code=b"better", approve=meanwhile) == (
        "imchat-test-app: somebody else deployed or planned while this run was planning, so the plan does not hold any more; "
        "run this again to plan anew"
    )


# ---- buckets that somebody deleted


def empty(aws: World, bucket: str) -> None:
    for key in aws.objects(bucket):
        aws.s3.delete_object(Bucket=bucket, Key=key)
    aws.s3.delete_bucket(Bucket=bucket)


def test_a_deleted_site_bucket_is_told_with_the_way_out(deployed: World) -> None:
    empty(deployed, BUCKETS["SiteBucketName"])
    assert fails(deployed) == (
        "imchat-test-site: SiteBucket: the site's bucket site was deleted outside of imchat; run `imchat teardown` and "
        "then `imchat deploy`: they make the site anew, and keep accounts, messages and files"
    )


def test_a_deleted_artifact_bucket_is_told_with_the_way_out_which_works(deployed: World) -> None:
    empty(deployed, BUCKETS["ArtifactBucketName"])
    assert fails(deployed, code=b"better") == (
        "imchat-test-state: ArtifactBucket: the bucket artifacts of code and templates was deleted outside of imchat; "
        "make it again with `aws s3 mb s3://artifacts --region eu-west-1`, then run `imchat deploy`: "
        "what it held is uploaded anew"
    )
    assert deployed.change_sets() == []
    deployed.s3.create_bucket(Bucket="artifacts", CreateBucketConfiguration={"LocationConstraint": REGION})
    assert run(deployed, code=b"better").changed


# ---- the smoke test


def test_an_address_that_is_not_known_yet_is_tried_again(aws: World) -> None:
    health = "https://the-DistributionDomain/api/health"
    aws.answers[health] = FetchResult(0, b"Name or service not known")

    def known_after_a_while() -> None:
        if aws.fetched.count(health) == 3:
            aws.answers.clear()

    aws.on_sleep = known_after_a_while
    assert run(aws).changed
    assert SmokeTested(health, 200) in aws.happened


@pytest.mark.parametrize(
    ("path", "answer", "message"),
    [
        ("api/health", FetchResult(503, b""), "/api/health answers 503; `imchat logs` shows what"),
        ("api/health", FetchResult(0, b"refused"), "/api/health cannot be reached: refused; `imchat logs`"),
        (
            "config.json",
            FetchResult(200, b"{}"),
            "/config.json answers something else than was deployed; everything is",
        ),
        ("", FetchResult(403, b""), "https://the-DistributionDomain/ answers 403; everything is deployed"),
    ],
)
def test_what_does_not_work_is_named_with_its_address(
    aws: World, path: str, answer: FetchResult, message: str
) -> None:
    aws.answers[f"https://the-DistributionDomain/{path}"] = answer
    assert message in fails(aws)
    assert aws.statuses() == dict.fromkeys((STATE, APP, SITE), "CREATE_COMPLETE")
