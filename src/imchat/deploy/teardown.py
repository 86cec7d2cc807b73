"""Tears down a stage: deletes the site and app stacks, and with `delete_data` also everything that holds data.

Resources that hold data are deleted before their stack: while the stack exists, the next run finds what is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from imchat.deploy.aws_errors import error_code, translated
from imchat.deploy.cloudformation.stacks import Stacks
from imchat.deploy.cloudformation.watcher import poll_delays
from imchat.deploy.context import DeployContext
from imchat.deploy.progress import BucketEmptied, Interrupted, Progress, ResourceDeleted, silent
from imchat.errors import DeployError

_TABLE: Final = "AWS::DynamoDB::Table"
_POOL: Final = "AWS::Cognito::UserPool"
_BUCKET: Final = "AWS::S3::Bucket"
_LABELS: Final = {_TABLE: "table", _POOL: "user pool", _BUCKET: "bucket"}
"""The resource types that hold data. Every other resource of the state stack is a part of one of them."""
_NOT_FOUND: Final = frozenset({"NoSuchBucket", "ResourceNotFoundException", "404"})


@dataclass(frozen=True, slots=True)
class TornDown:
    """What a teardown did. `kept` and `remaining` name resources (`table imchat-prod`); `remaining` should be empty."""

    stacks: tuple[str, ...]
    kept: tuple[str, ...]
    remaining: tuple[str, ...]


@translated()
def tear_down(context: DeployContext, *, delete_data: bool = False, progress: Progress = silent) -> TornDown:
    """Delete the site and app stacks; with `delete_data` also all accounts, messages and files.

    The caller asks for confirmation. After an interruption the next run continues. Raises: DeployError.
    DynamoDB keeps a last backup of a table with point-in-time recovery for 35 days.
    """
    try:
        return _tear_down(_Teardown(context, progress), context, delete_data=delete_data)
    except KeyboardInterrupt:
        progress(Interrupted(None, "run `imchat teardown` again: it continues from here"))
        raise


def _tear_down(teardown: _Teardown, context: DeployContext, *, delete_data: bool) -> TornDown:
    state = context.stack_name("state")
    deleted = [name for name in map(context.stack_name, ("site", "app")) if teardown.delete_stack(name)]
    resources = teardown.resources(state)
    if not delete_data:
        kept = tuple(f"{_LABELS[type_]} {name}" for type_, name in resources if type_ in _LABELS)
        return TornDown(tuple(deleted), kept=kept, remaining=())
    for type_, name in resources:
        teardown.delete_data(type_, name)
    if teardown.delete_stack(state):
        deleted.append(state)
    return TornDown(tuple(deleted), kept=(), remaining=teardown.remaining())


class _Teardown:
    def __init__(self, context: DeployContext, progress: Progress) -> None:
        self._context = context
        self._progress = progress
        self._cloudformation = context.client("cloudformation")
        self._stacks = Stacks(context, progress)

    def delete_stack(self, name: str) -> bool:
        """Delete a stack, and first the objects in its buckets; False if it does not exist."""
        if name != self._context.stack_name("state"):
            for type_, bucket in self.resources(name):
                if type_ == _BUCKET:
                    self._empty_bucket(bucket)
        return self._stacks.delete(name)

    def resources(self, name: str) -> list[tuple[str, str]]:
        """Return the type and name of each existing resource of a stack."""
        if self._stacks.find(name) is None:
            return []
        pages = self._cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
        return [
            (summary["ResourceType"], summary["PhysicalResourceId"])
            for page in pages
            for summary in page["StackResourceSummaries"]
            if summary.get("PhysicalResourceId") and summary["ResourceStatus"] != "DELETE_COMPLETE"
        ]

    def delete_data(self, type_: str, name: str) -> None:
        """Delete a table, user pool or bucket with its contents. Other types, and one that is gone, are skipped."""
        deleters = {_TABLE: self._delete_table, _POOL: self._delete_pool, _BUCKET: self._delete_bucket}
        delete = deleters.get(type_)
        if delete is None:
            return
        try:
            delete(name)
        except ClientError as error:
            if error_code(error) not in _NOT_FOUND:
                raise
        else:
            self._progress(ResourceDeleted(type_, name))

    def remaining(self) -> tuple[str, ...]:
        """Return resources with the stage's name that belong to no stack, because the stack was deleted by hand."""
        name = f"imchat-{self._context.config.stage}"
        found = []
        if self._describe_table(name) is not None:
            found.append(f"table {name}")
        pages = self._context.client("cognito-idp").get_paginator("list_user_pools").paginate(MaxResults=60)
        found += [
            f"user pool {pool['Id']}" for page in pages for pool in page["UserPools"] if pool["Name"] == name
        ]
        return tuple(found)

    def _describe_table(self, name: str) -> dict[str, Any] | None:
        try:
            table: dict[str, Any] = self._context.client("dynamodb").describe_table(TableName=name)["Table"]
        except ClientError as error:
            if error_code(error) in _NOT_FOUND:
                return None
            raise
        return table

    def _delete_table(self, name: str) -> None:
        dynamodb = self._context.client("dynamodb")
        table = self._describe_table(name)
        if table is not None and table.get("DeletionProtectionEnabled"):
            dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
        deleting = False
        for delay in poll_delays(self._context.jitter):
            table = self._describe_table(name)
            if table is None:
                return
            if table["TableStatus"] == "ACTIVE" and not deleting:
                dynamodb.delete_table(TableName=name)
                deleting = True
            self._context.sleep(delay)

    def _delete_pool(self, pool_id: str) -> None:
        cognito = self._context.client("cognito-idp")
        if cognito.describe_user_pool(UserPoolId=pool_id)["UserPool"].get("DeletionProtection") == "ACTIVE":
            cognito.update_user_pool(UserPoolId=pool_id, DeletionProtection="INACTIVE")
        cognito.delete_user_pool(UserPoolId=pool_id)

    def _delete_bucket(self, name: str) -> None:
        self._empty_bucket(name)
        self._context.client("s3").delete_bucket(Bucket=name)

    def _empty_bucket(self, bucket: str) -> None:
        """Delete all objects of a bucket, with all versions and delete markers."""
        s3, deleted = self._context.client("s3"), 0
        try:
            for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
                objects = [
                    {"Key": version["Key"], "VersionId": version["VersionId"]}
                    for version in (*page.get("Versions", []), *page.get("DeleteMarkers", []))
                ]
                if not objects:
                    continue
                response = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
                if response.get("Errors"):
                    first = response["Errors"][0]
                    raise DeployError(
                        f"{first['Key']} in the bucket {bucket} cannot be deleted: {first.get('Message')}",
                        hint="allow that (see `imchat iam-policy`) and run `imchat teardown` again",
                    )
                deleted += len(objects)
                self._progress(BucketEmptied(bucket, deleted))
        except ClientError as error:
            if error_code(error) not in _NOT_FOUND:
                raise
