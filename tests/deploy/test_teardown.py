"""Teardown: data is kept unless its deletion is requested, then nothing is left; an interrupted teardown continues."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from tests.support.fake_aws import APP, SITE, STATE, World, client_error

from imchat.deploy import TornDown, deploy, tear_down
from imchat.deploy.progress import BucketEmptied, Interrupted, ResourceDeleted, StackStarted
from imchat.errors import DeployError, ImchatError


@pytest.fixture
def stage(aws: World) -> World:
    """Deploy a stage with a table, a user pool, and a file that has several versions and a delete marker."""
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


def teardown(aws: World, *, delete_data: bool = False) -> TornDown:
    return tear_down(aws.target, delete_data=delete_data, progress=aws.events.append)


def data_resources(aws: World) -> list[str]:
    """Return the names of all resources that hold data."""
    tables = aws.client("dynamodb").list_tables()["TableNames"]
    pools = [pool["Name"] for pool in aws.client("cognito-idp").list_user_pools(MaxResults=9)["UserPools"]]
    return [*tables, *pools, *(bucket["Name"] for bucket in aws.s3.list_buckets()["Buckets"])]


def test_a_teardown_deletes_site_and_app_and_keeps_resources_with_data(stage: World) -> None:
    result = teardown(stage)
    pool = stage.cloudformation.stacks[STATE].outputs["UserPoolId"]
    assert result == TornDown(
        stacks=(SITE, APP),
        kept=("table imchat-test", f"user pool {pool}", "bucket attachments", "bucket artifacts"),
        remaining=(),
    )
    assert stage.statuses() == {STATE: "CREATE_COMPLETE"}
    assert sorted(data_resources(stage)) == ["artifacts", "attachments", "imchat-test", "imchat-test"]
    assert [event for event in stage.events if isinstance(event, StackStarted)] == [
        StackStarted(SITE, "delete"),
        StackStarted(APP, "delete"),
    ]


def test_the_next_deployment_after_a_teardown_uses_the_kept_data(stage: World) -> None:
    teardown(stage)
    result = deploy(stage.target, release=stage.release())
    assert result is not None
    assert [step.action for step in result.plan.stacks] == ["none", "create", "create"]
    assert stage.cloudformation.stacks[APP].parameters["TableName"] == "imchat-test"


def test_a_teardown_with_delete_data_leaves_nothing(stage: World) -> None:
    result = teardown(stage, delete_data=True)
    assert result == TornDown(stacks=(SITE, APP, STATE), kept=(), remaining=())
    assert stage.statuses() == {}
    assert data_resources(stage) == []
    assert BucketEmptied("attachments", 3) in stage.events
    assert ResourceDeleted("AWS::DynamoDB::Table", "imchat-test") in stage.events


def test_a_second_teardown_finds_nothing_to_do(stage: World) -> None:
    teardown(stage, delete_data=True)
    assert teardown(stage, delete_data=True) == TornDown((), (), ())
    assert teardown(stage) == TornDown((), (), ())


@pytest.mark.parametrize("operation", ["DeleteTable", "DeleteUserPool", "DeleteBucket", "DeleteObjects"])
def test_an_interrupted_teardown_is_continued_by_the_next_one(stage: World, operation: str) -> None:
    def deny(**_: object) -> None:
        raise client_error("ExpiredToken", "expired", operation)

    teardown(stage)
    clients = [stage.client(name) for name in ("dynamodb", "cognito-idp", "s3")]
    for client in clients:
        client.meta.events.register(f"before-call.*.{operation}", deny)
    try:
        with pytest.raises(ImchatError, match="the AWS credentials have expired"):
            teardown(stage, delete_data=True)
    finally:
        for client in clients:
            client.meta.events.unregister(f"before-call.*.{operation}", deny)
    assert stage.statuses() == {STATE: "CREATE_COMPLETE"}  # it lists the resources that are left
    assert teardown(stage, delete_data=True).remaining == ()
    assert data_resources(stage) == []


def test_ctrl_c_says_how_to_continue(stage: World) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    stage.on_sleep = interrupt
    with pytest.raises(KeyboardInterrupt):
        teardown(stage)
    assert stage.events[-1] == Interrupted(None, "run `imchat teardown` again: it continues from here")
    stage.on_sleep = lambda: None
    assert teardown(stage).stacks == (SITE, APP)


def test_a_failed_deletion_is_reported_with_its_first_failed_resource(stage: World) -> None:
    stage.cloudformation.failure[APP] = ("HttpRole", "it is used elsewhere")
    with pytest.raises(DeployError) as error:
        teardown(stage)
    assert error.value.message == (
        "imchat-test-app: HttpRole: it could not be deleted: it is used elsewhere; "
        "fix that and run `imchat teardown` again; it continues from here"
    )
    assert teardown(stage).stacks == (APP,)


def test_a_stack_whose_deletion_failed_is_deleted_by_the_next_teardown(stage: World) -> None:
    stage.cloudformation.stacks[APP].status = "DELETE_FAILED"
    assert teardown(stage).stacks == (SITE, APP)


def test_resources_whose_stack_was_deleted_by_hand_are_reported(stage: World) -> None:
    del stage.cloudformation.stacks[STATE]
    pools = stage.client("cognito-idp").list_user_pools(MaxResults=9)["UserPools"]
    assert teardown(stage, delete_data=True).remaining == ("table imchat-test", f"user pool {pools[0]['Id']}")


def test_moto_enforces_a_tables_deletion_protection(stage: World) -> None:
    """The teardown has to turn it off first, and these tests would show if it did not."""
    with pytest.raises(ClientError, match="DeletionProtectionEnabled is set to True"):
        stage.client("dynamodb").delete_table(TableName="imchat-test")
