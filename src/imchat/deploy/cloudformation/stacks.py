"""Finds, changes and deletes stacks: creates change sets, executes them and waits until they are done."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from imchat.deploy.aws_errors import error_code
from imchat.deploy.cloudformation.failures import (
    change_set_failed,
    change_set_rejected,
    deletion_failed,
    stack_needs_repair,
)
from imchat.deploy.cloudformation.watcher import Stack, StackWatcher, is_in_progress, poll_delays
from imchat.deploy.context import AwsSession
from imchat.deploy.progress import Progress, StackBusy, StackFinished, StackStarted
from imchat.errors import DeployError

INLINE_BYTES: Final = 51_200
"""CloudFormation's limit for a template in a request. It reads a longer one from a bucket."""
EMPTY: Final = frozenset({"REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE"})
"""A stack with one of these statuses has no resources: its change set was never executed, or its creation failed."""
_STABLE: Final = frozenset(
    {
        "CREATE_COMPLETE",
        "IMPORT_COMPLETE",
        "IMPORT_ROLLBACK_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_FAILED",
        "UPDATE_ROLLBACK_COMPLETE",
    }
)
_NO_CHANGES: Final = ("didn't contain changes", "No updates are to be performed")
_CHANGE_SET_GONE: Final = frozenset(
    {
        "ChangeSetNotFound",
        "ChangeSetNotFoundException",
        "InvalidChangeSetStatus",
        "InvalidChangeSetStatusException",
    }
)


@dataclass(frozen=True, slots=True)
class StackInputs:
    """A stack's template and parameters. `template_url` is where a template over `INLINE_BYTES` is stored."""

    body: str
    parameters: Mapping[str, str]
    template_url: str | None = None


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """A change set that CloudFormation has created: `changes` are its `ResourceChange`s."""

    id: str
    stack: str
    stack_id: str
    creates: bool
    inputs: StackInputs
    changes: tuple[Mapping[str, Any], ...]


class Stacks:
    """The stacks of one account and region."""

    def __init__(self, session: AwsSession, progress: Progress) -> None:
        self._client = session.client("cloudformation")
        self._sleep = session.sleep
        self._jitter = session.jitter
        self._progress = progress
        self._watcher = StackWatcher(session, progress)

    def find(self, name: str) -> Stack | None:
        """Return the stack of this name or id; None if it does not exist (any more)."""
        return self._watcher.find(name)

    def template(self, name: str) -> str | None:
        """Return the stack's current template without trailing white space; None if it is not text (boto3 parses JSON)."""
        body = self._client.get_template(StackName=name, TemplateStage="Original").get("TemplateBody")
        return body.rstrip() if isinstance(body, str) else None

    def wait_until_stable(self, name: str, *, wait: bool) -> Stack | None:
        """Return the stack once CloudFormation is not changing it; None if it does not exist.

        Raises: DeployError if it is being changed and `wait` is false, or if only its operator can repair it.
        """
        stack = self.find(name)
        if stack is not None and is_in_progress(stack.status):
            if not wait:
                raise DeployError(
                    f"another user or an earlier run is changing it ({stack.status})",
                    hint="wait until that is done (`imchat status` shows it), then run this again",
                    stack=name,
                )
            self._progress(StackBusy(name, stack.status))
            stack, _ = self._watcher.follow(
                stack.id, after=self._watcher.latest_event_id(stack.id), name=name
            )
        if stack is None or stack.status in _STABLE | EMPTY:
            return stack
        pages = self._client.get_paginator("list_stack_resources").paginate(StackName=stack.id)
        raise stack_needs_repair(
            stack, [resource for page in pages for resource in page["StackResourceSummaries"]]
        )

    def create_change_set(
        self, name: str, inputs: StackInputs, *, creates: bool, change_set: str
    ) -> ChangeSet | None:
        """Create a change set; None if `inputs` change nothing, and then none is left in the account.

        Raises: DeployError if CloudFormation rejects it.
        """
        template = (
            {"TemplateURL": inputs.template_url} if inputs.template_url else {"TemplateBody": inputs.body}
        )
        request = {
            "StackName": name,
            "ChangeSetName": change_set,
            "ChangeSetType": "CREATE" if creates else "UPDATE",
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": value} for key, value in inputs.parameters.items()
            ],
            # CloudFormation tags every resource that can have tags with it, so that a stage's costs can be filtered.
            "Tags": [{"Key": "imchat:stage", "Value": inputs.parameters["Stage"]}],
            "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
            **template,
        }
        try:
            created = self._request_change_set(request)
        except ClientError as error:
            if _means_no_changes(str(error)):
                return None
            if error_code(error) != "ValidationError":
                raise
            message = str(error.response["Error"].get("Message"))
            raise change_set_rejected(name, message, None, creates=creates) from error
        pending = ChangeSet(created["Id"], name, created["StackId"], creates, inputs, ())
        described = self._wait_for_change_set(pending)
        if described["Status"] == "CREATE_COMPLETE":
            return ChangeSet(
                created["Id"], name, created["StackId"], creates, inputs, tuple(self._changes(described))
            )
        reason = str(described.get("StatusReason", described["Status"]))
        if _means_no_changes(reason):
            self.delete_change_set(pending)
            return None
        resource, reason = self._validation_failure(pending) or (None, reason)
        self.delete_change_set(pending)
        raise change_set_rejected(name, reason, resource, creates=creates)

    def delete_change_set(self, change_set: ChangeSet) -> None:
        """Delete a change set that is not executed."""
        try:
            self._client.delete_change_set(ChangeSetName=change_set.id)
        except ClientError as error:
            if error_code(error) not in _CHANGE_SET_GONE:
                raise

    def execute(self, change_set: ChangeSet) -> Stack:
        """Execute a change set and wait until it is done. Raises: DeployError with the first resource that failed."""
        name = change_set.stack
        latest = self._watcher.latest_event_id(change_set.stack_id)
        self._progress(StackStarted(name, "create" if change_set.creates else "update"))
        with _change_set_expected(name):
            self._client.execute_change_set(ChangeSetName=change_set.id)
        stack, failure = self._watcher.follow(change_set.stack_id, after=latest, name=name)
        expected = "CREATE_COMPLETE" if change_set.creates else "UPDATE_COMPLETE"
        if stack is not None and stack.status == expected:
            return stack
        raise change_set_failed(name, stack, failure, creates=change_set.creates)

    def delete(self, name: str) -> bool:
        """Delete a stack; False if it does not exist. Raises: DeployError with the first resource that could not be deleted."""
        stack = self.find(name)
        if stack is None:
            return False
        if is_in_progress(stack.status) and stack.status != "DELETE_IN_PROGRESS":
            stack = self.wait_until_stable(name, wait=True)
            if stack is None:
                return True
        latest = self._watcher.latest_event_id(stack.id)
        self._progress(StackStarted(name, "delete"))
        self._client.delete_stack(StackName=stack.id)
        remaining, failure = self._watcher.follow(stack.id, after=latest, name=name)
        if remaining is None:
            self._progress(StackFinished(name, changed=True))
            return True
        raise deletion_failed(remaining, failure)

    def _request_change_set(self, request: dict[str, Any]) -> dict[str, str]:
        try:
            created: dict[str, str] = self._client.create_change_set(**request)
        except ClientError as error:
            if error_code(error) != "AlreadyExistsException":
                raise
        else:
            return created
        # It belongs to a run that was killed, or to one that is planning now and will report that its change set is gone.
        self._client.delete_change_set(StackName=request["StackName"], ChangeSetName=request["ChangeSetName"])
        again: dict[str, str] = self._client.create_change_set(**request)
        return again

    def _wait_for_change_set(self, change_set: ChangeSet) -> dict[str, Any]:
        for delay in poll_delays(self._jitter):
            with _change_set_expected(change_set.stack):
                described: dict[str, Any] = self._client.describe_change_set(
                    ChangeSetName=change_set.id, IncludePropertyValues=True
                )
            if not described["Status"].endswith(("_PENDING", "_IN_PROGRESS")):
                break
            self._sleep(delay)
        return described

    def _validation_failure(self, change_set: ChangeSet) -> tuple[str, str] | None:
        """Return the first resource that CloudFormation's validation rejected, and why; the change set does not contain it."""
        try:
            response = self._client.describe_events(
                ChangeSetName=change_set.id, Filters={"FailedEvents": True}
            )
        # Not permitted, or not supported by an emulator: then the change set's own reason is shown.
        except (ClientError, BotoCoreError):
            return None
        for event in response["OperationEvents"]:
            if event.get("EventType") == "VALIDATION_ERROR" and event.get("ValidationStatusReason"):
                return event["LogicalResourceId"], event["ValidationStatusReason"]
        return None

    def _changes(self, described: dict[str, Any]) -> Iterator[Mapping[str, Any]]:
        while True:
            yield from (change["ResourceChange"] for change in described.get("Changes", []))
            if not described.get("NextToken"):
                return
            described = self._client.describe_change_set(
                ChangeSetName=described["ChangeSetId"],
                IncludePropertyValues=True,
                NextToken=described["NextToken"],
            )


def _means_no_changes(reason: str) -> bool:
    return any(message in reason for message in _NO_CHANGES)


@contextlib.contextmanager
def _change_set_expected(name: str) -> Iterator[None]:
    """Raise DeployError if a change set created by this run no longer exists."""
    try:
        yield
    except ClientError as error:
        if error_code(error) not in _CHANGE_SET_GONE:
            raise
        raise DeployError(
            "another run deployed or planned meanwhile, so this plan is out of date",
            hint="run this again to make a new plan",
            stack=name,
        ) from error
