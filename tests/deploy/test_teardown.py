"""Taking a stage down: state is kept unless it is asked for, then nothing is left; an interrupted teardown goes on."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from tests.support.fake_aws import APP, SITE, STATE, World, refusal

from imchat.deploy import TornDown, deploy, tear_down
from imchat.deploy.progress import BucketEmptied, Interrupted, ResourceDeleted, StackStarted
from imchat.errors import DeployError, ImchatError


@pytest.fixture
def stage(aws: World) -> World:
    """A deployed stage with people, messages and files, of some of which there are several versions."""
    deploy(aws.target, release=aws.release())
    aws.client("dynamodb").create_table(
        TableName="imchat-test",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        DeletionProtectionEnabled=True,
    )
    pool = aws.client("cognito-idp").create_user_pool(PoolName="imchat-test", DeletionProtection="ACTIVE")
    aws.cloudformation.stacks[STATE].outputs |= {
        "TableName": "imchat-test",
        "UserPoolId": pool["UserPool"]["Id"],
    }
    aws.s3.put_bucket_versioning(Bucket="attachments", VersioningConfiguration={"Status": "Enabled"})
    for content in (b"1", b"2"):
        aws.s3.put_object(Bucket="attachments", Key="cat.png", Body=content)
    aws.s3.delete_object(Bucket="attachments", Key="cat.png")
    return aws


def torn(aws: World, *, delete_data: bool = False) -> TornDown:
    return tear_down(aws.target, delete_data=delete_data, progress=aws.happened.append)


def left(aws: World) -> list[str]:
    """Everything that holds data."""
    tables = aws.client("dynamodb").list_tables()["TableNames"]
    pools = [pool["Name"] for pool in aws.client("cognito-idp").list_user_pools(MaxResults=9)["UserPools"]]
    return [*tables, *pools, *(bucket["Name"] for bucket in aws.s3.list_buckets()["Buckets"])]


def test_a_teardown_removes_site_and_app_and_keeps_what_holds_data(stage: World) -> None:
    done = torn(stage)
    pool = stage.cloudformation.stacks[STATE].outputs["UserPoolId"]
    assert done == TornDown(
        stacks=(SITE, APP),
        kept=("table imchat-test", f"user pool {pool}", "bucket attachments", "bucket artifacts"),
        remaining=(),
    )
    assert stage.statuses() == {STATE: "CREATE_COMPLETE"}
    assert sorted(left(stage)) == ["artifacts", "attachments", "imchat-test", "imchat-test"]
    assert [one for one in stage.happened if isinstance(one, StackStarted)] == [
        StackStarted(SITE, "delete"),
        StackStarted(APP, "delete"),
    ]


def test_after_a_teardown_the_next_deployment_finds_its_data_again(stage: World) -> None:
    torn(stage)
    done = deploy(stage.target, release=stage.release())
    assert done is not None
    assert [step.action for step in done.plan.stacks] == ["none", "create", "create"]
    assert stage.cloudformation.stacks[APP].parameters["TableName"] == "imchat-test"


def test_a_teardown_with_the_data_leaves_nothing(stage: World) -> None:
    done = torn(stage, delete_data=True)
    assert done == TornDown(stacks=(SITE, APP, STATE), kept=(), remaining=())
    assert stage.statuses() == {}
    assert left(stage) == []
    assert BucketEmptied("attachments", 3) in stage.happened
    assert ResourceDeleted("AWS::DynamoDB::Table", "imchat-test") in stage.happened


def test_a_second_teardown_finds_nothing_to_do(stage: World) -> None:
    torn(stage, delete_data=True)
    assert torn(stage, delete_data=True) == TornDown((), (), ())
    assert torn(stage) == TornDown((), (), ())


@pytest.mark.parametrize("operation", ["DeleteTable", "DeleteUserPool", "DeleteBucket", "DeleteObjects"])
def test_an_interrupted_teardown_goes_on_where_it_stopped(stage: World, operation: str) -> None:
    def deny(**_: object) -> None:
        raise refusal("ExpiredToken", "expired", operation)

    torn(stage)
    clients = [stage.client(name) for name in ("dynamodb", "cognito-idp", "s3")]
    for client in clients:
        client.meta.events.register(f"before-call.*.{operation}", deny)
    try:
        with pytest.raises(ImchatError, match="the AWS credentials have expired"):
            torn(stage, delete_data=True)
    finally:
        for client in clients:
            client.meta.events.unregister(f"before-call.*.{operation}", deny)
    assert stage.statuses() == {STATE: "CREATE_COMPLETE"}  # by which the rest is found
    assert torn(stage, delete_data=True).remaining == ()
    assert left(stage) == []


def test_ctrl_c_says_how_to_go_on(stage: World) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    stage.on_sleep = interrupt
    with pytest.raises(KeyboardInterrupt):
        torn(stage)
    assert stage.happened[-1] == Interrupted(
        None, "run `imchat teardown` again: it goes on where this one stopped"
    )
    stage.on_sleep = lambda: None
    assert torn(stage).stacks == (SITE, APP)


def test_a_stack_that_will_not_go_is_told_with_its_first_resource(stage: World) -> None:
    stage.cloudformation.failure[APP] = ("HttpRole", "it is used elsewhere")
    with pytest.raises(DeployError) as failed:
        torn(stage)
    assert failed.value.message == (
        "imchat-test-app: HttpRole: it could not be deleted: it is used elsewhere; "
        "mend that and run `imchat teardown` again; it goes on where this stopped"
    )
    assert torn(stage).stacks == (APP,)


def test_a_stack_that_is_half_deleted_is_deleted_by_the_next_teardown(stage: World) -> None:
    stage.cloudformation.stacks[APP].status = "DELETE_FAILED"
    assert torn(stage).stacks == (SITE, APP)


def test_what_is_left_of_a_stack_that_somebody_deleted_is_reported(stage: World) -> None:
    del stage.cloudformation.stacks[STATE]
    pools = stage.client("cognito-idp").list_user_pools(MaxResults=9)["UserPools"]
    assert torn(stage, delete_data=True).remaining == ("table imchat-test", f"user pool {pools[0]['Id']}")


def test_the_protection_of_a_table_is_real(stage: World) -> None:
    """What the teardown has to lift: without that DynamoDB refuses."""
    with pytest.raises(ClientError, match="DeletionProtectionEnabled is set to True"):
        stage.client("dynamodb").delete_table(TableName="imchat-test")
