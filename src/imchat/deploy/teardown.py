"""Takes a stage down: site and app, and only where that is wanted what holds data, too.

What holds data is deleted before its stack: as long as the stack is there, an interrupted teardown finds the rest by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from imchat.deploy.aws_errors import code_of, translated
from imchat.deploy.cloudformation.stacks import Stacks
from imchat.deploy.cloudformation.watcher import waits
from imchat.deploy.context import Target
from imchat.deploy.progress import BucketEmptied, Interrupted, Progress, ResourceDeleted, silent
from imchat.errors import DeployError

_TABLE: Final = "AWS::DynamoDB::Table"
_POOL: Final = "AWS::Cognito::UserPool"
_BUCKET: Final = "AWS::S3::Bucket"
_WORDS: Final = {_TABLE: "table", _POOL: "user pool", _BUCKET: "bucket"}
"""What holds data; everything else of the state's stack is part of one of these and goes with it."""
_GONE: Final = frozenset({"NoSuchBucket", "ResourceNotFoundException", "404"})


@dataclass(frozen=True, slots=True)
class TornDown:
    """What a teardown did. `kept` and `remaining` name resources, as `table imchat-prod`; `remaining` should be empty."""

    stacks: tuple[str, ...]
    kept: tuple[str, ...]
    remaining: tuple[str, ...]


@translated()
def tear_down(target: Target, *, delete_data: bool = False, progress: Progress = silent) -> TornDown:
    """Delete the site's and the app's stack; with `delete_data` everybody's accounts, messages and files as well.

    Asking whether that is meant is the caller's part. Running it again goes on where it stopped. Raises: DeployError.
    Of a table that could be restored to any moment DynamoDB itself keeps a last backup for 35 days.
    """
    try:
        return _tear_down(_Teardown(target, progress), target, delete_data=delete_data)
    except KeyboardInterrupt:
        progress(Interrupted(None, "run `imchat teardown` again: it goes on where this one stopped"))
        raise


def _tear_down(down: _Teardown, target: Target, *, delete_data: bool) -> TornDown:
    gone = [name for name in map(target.stack_name, ("site", "app")) if down.stack(name)]
    holding = down.resources(target.stack_name("state"))
    named = tuple(f"{_WORDS[type_]} {name}" for type_, name in holding if type_ in _WORDS)
    if not delete_data:
        return TornDown(tuple(gone), kept=named, remaining=())
    for type_, name in holding:
        down.data(type_, name)
    if down.stack(target.stack_name("state")):
        gone.append(target.stack_name("state"))
    return TornDown(tuple(gone), kept=(), remaining=down.remaining())


class _Teardown:
    def __init__(self, target: Target, progress: Progress) -> None:
        self._target = target
        self._progress = progress
        self._cloudformation = target.client("cloudformation")
        self._stacks = Stacks(target, progress)

    def stack(self, name: str) -> bool:
        """Delete a stack, and first what lies in the buckets that go with it; False if there was none."""
        if name != self._target.stack_name("state"):
            for type_, bucket in self.resources(name):
                if type_ == _BUCKET:
                    self._empty(bucket)
        return self._stacks.delete(name)

    def resources(self, name: str) -> list[tuple[str, str]]:
        """Type and name of each resource of a stack that is there."""
        if self._stacks.find(name) is None:
            return []
        pages = self._cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
        return [
            (one["ResourceType"], one["PhysicalResourceId"])
            for page in pages
            for one in page["StackResourceSummaries"]
            if one.get("PhysicalResourceId") and one["ResourceStatus"] != "DELETE_COMPLETE"
        ]

    def data(self, type_: str, name: str) -> None:
        """Delete a table, pool or bucket with all that is in it; nothing if it is gone already."""
        delete = {_TABLE: self._delete_table, _POOL: self._delete_pool, _BUCKET: self._delete_bucket}.get(
            type_
        )
        if delete is None:
            return
        try:
            delete(name)
        except ClientError as error:
            if code_of(error) not in _GONE:
                raise
        else:
            self._progress(ResourceDeleted(type_, name))

    def remaining(self) -> tuple[str, ...]:
        """What bears the stage's name and belongs to no stack of ours: somebody deleted the stack by hand."""
        name = f"imchat-{self._target.config.stage}"
        found = []
        if self._table(name) is not None:
            found.append(f"table {name}")
        pages = self._target.client("cognito-idp").get_paginator("list_user_pools").paginate(MaxResults=60)
        found += [
            f"user pool {pool['Id']}" for page in pages for pool in page["UserPools"] if pool["Name"] == name
        ]
        return tuple(found)

    def _table(self, name: str) -> dict[str, Any] | None:
        try:
            table: dict[str, Any] = self._target.client("dynamodb").describe_table(TableName=name)["Table"]
        except ClientError as error:
            if code_of(error) in _GONE:
                return None
            raise
        return table

    def _delete_table(self, name: str) -> None:
        dynamodb = self._target.client("dynamodb")
        table = self._table(name)
        if table is not None and table.get("DeletionProtectionEnabled"):
            dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
        deleting = False
        for wait in waits(self._target.jitter):
            table = self._table(name)
            if table is None:
                return
            if table["TableStatus"] == "ACTIVE" and not deleting:
                dynamodb.delete_table(TableName=name)
                deleting = True
            self._target.sleep(wait)

    def _delete_pool(self, pool_id: str) -> None:
        cognito = self._target.client("cognito-idp")
        if cognito.describe_user_pool(UserPoolId=pool_id)["UserPool"].get("DeletionProtection") == "ACTIVE":
            cognito.update_user_pool(UserPoolId=pool_id, DeletionProtection="INACTIVE")
        cognito.delete_user_pool(UserPoolId=pool_id)

    def _delete_bucket(self, name: str) -> None:
        self._empty(name)
        self._target.client("s3").delete_bucket(Bucket=name)

    def _empty(self, bucket: str) -> None:
        """Delete all objects of a bucket, in all their versions, and the markers of deleted ones."""
        s3, deleted = self._target.client("s3"), 0
        try:
            for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
                objects = [
                    {"Key": one["Key"], "VersionId": one["VersionId"]}
                    for one in (*page.get("Versions", []), *page.get("DeleteMarkers", []))
                ]
                if not objects:
                    continue
                answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
                if answer.get("Errors"):
                    refused = answer["Errors"][0]
                    raise DeployError(
                        f"{refused['Key']} in the bucket {bucket} cannot be deleted: {refused.get('Message')}",
                        hint="allow that (see `imchat iam-policy`) and run `imchat teardown` again",
                    )
                deleted += len(objects)
                self._progress(BucketEmptied(bucket, deleted))
        except ClientError as error:
            if code_of(error) not in _GONE:
                raise
