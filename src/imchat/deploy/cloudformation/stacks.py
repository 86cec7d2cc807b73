"""CloudFormation: looking at a stack, proposing a change set, executing it and following it to its end, deleting."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from imchat.deploy.aws_errors import code_of
from imchat.deploy.cloudformation.failures import failed, not_deleted, refused, stuck
from imchat.deploy.cloudformation.watcher import Stack, Watcher, is_busy, waits
from imchat.deploy.context import Target
from imchat.deploy.progress import Progress, StackBusy, StackFinished, StackStarted
from imchat.errors import DeployError

INLINE_BYTES: Final = 51_200
"""A longer template has to lie in a bucket."""
EMPTY: Final = frozenset({"REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE"})
"""A stack in one of these holds nothing: it was proposed and never made, or failed when it was made."""
_STEADY: Final = frozenset(
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
_GONE_OR_DONE: Final = frozenset(
    {
        "ChangeSetNotFound",
        "ChangeSetNotFoundException",
        "InvalidChangeSetStatus",
        "InvalidChangeSetStatusException",
    }
)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a stack is made from. `template_url` is where a body over `INLINE_BYTES` lies."""

    body: str
    parameters: Mapping[str, str]
    template_url: str | None = None


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """A proposal that CloudFormation worked out: `changes` are its `ResourceChange`s."""

    id: str
    stack: str
    stack_id: str
    creates: bool
    inputs: Inputs
    changes: tuple[Mapping[str, Any], ...]


class Stacks:
    """The stacks of one account and region."""

    def __init__(self, target: Target, progress: Progress) -> None:
        self._client = target.client("cloudformation")
        self._sleep = target.sleep
        self._jitter = target.jitter
        self._progress = progress
        self._watcher = Watcher(target, progress)

    def find(self, name: str) -> Stack | None:
        """The stack of this name or id; None if there is none (any more)."""
        return self._watcher.find(name)

    def template(self, name: str) -> str | None:
        """The text that the stack was last made from, without white space at its end; None where it is told otherwise."""
        body = self._client.get_template(StackName=name, TemplateStage="Original").get("TemplateBody")
        return body.rstrip() if isinstance(body, str) else None

    def settle(self, name: str, *, wait: bool) -> Stack | None:
        """The stack once nothing happens to it; None if there is none.

        Raises: DeployError if something happens to it and `wait` is false, or if only its operator can mend it.
        """
        stack = self.find(name)
        if stack is not None and is_busy(stack.status):
            if not wait:
                raise DeployError(
                    f"somebody else, or an earlier run, is changing it ({stack.status})",
                    hint="wait until that is done (`imchat status` shows it), then run this again",
                    stack=name,
                )
            self._progress(StackBusy(name, stack.status))
            stack, _ = self._watcher.follow(stack.id, seen=self._watcher.newest_event(stack.id), name=name)
        if stack is None or stack.status in _STEADY | EMPTY:
            return stack
        pages = self._client.get_paginator("list_stack_resources").paginate(StackName=stack.id)
        raise stuck(stack, [one for page in pages for one in page["StackResourceSummaries"]])

    def propose(self, name: str, inputs: Inputs, *, creates: bool, change_set: str) -> ChangeSet | None:
        """Let CloudFormation work out what `inputs` change; None for nothing at all, and then nothing is left behind."""
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
            # CloudFormation passes it on to whatever can have tags: what a stage costs can be told apart.
            "Tags": [{"Key": "imchat:stage", "Value": inputs.parameters["Stage"]}],
            "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
            **template,
        }
        try:
            made = self._create_change_set(request)
        except ClientError as error:
            if _says_no_changes(str(error)):
                return None
            if code_of(error) != "ValidationError":
                raise
            message = str(error.response["Error"].get("Message"))
            raise refused(name, message, None, creates=creates) from error
        proposed = ChangeSet(made["Id"], name, made["StackId"], creates, inputs, ())
        described = self._worked_out(proposed)
        if described["Status"] == "CREATE_COMPLETE":
            return ChangeSet(
                made["Id"], name, made["StackId"], creates, inputs, tuple(self._changes(described))
            )
        reason = str(described.get("StatusReason", described["Status"]))
        if _says_no_changes(reason):
            self.discard(proposed)
            return None
        resource, reason = self._invalid(proposed) or (None, reason)
        self.discard(proposed)
        raise refused(name, reason, resource, creates=creates)

    def discard(self, change_set: ChangeSet) -> None:
        """Remove a proposal that is not executed."""
        try:
            self._client.delete_change_set(ChangeSetName=change_set.id)
        except ClientError as error:
            if code_of(error) not in _GONE_OR_DONE:
                raise

    def execute(self, change_set: ChangeSet) -> Stack:
        """Carry a proposal out. Raises: DeployError with the first resource that failed."""
        name = change_set.stack
        seen = self._watcher.newest_event(change_set.stack_id)
        self._progress(StackStarted(name, "create" if change_set.creates else "update"))
        with _told_if_overtaken(name):
            self._client.execute_change_set(ChangeSetName=change_set.id)
        stack, failure = self._watcher.follow(change_set.stack_id, seen=seen, name=name)
        wanted = "CREATE_COMPLETE" if change_set.creates else "UPDATE_COMPLETE"
        if stack is not None and stack.status == wanted:
            return stack
        raise failed(name, stack, failure, creates=change_set.creates)

    def delete(self, name: str) -> bool:
        """Delete a stack; False if there was none. Raises: DeployError with the first resource that would not go."""
        stack = self.find(name)
        if stack is None:
            return False
        if is_busy(stack.status) and stack.status != "DELETE_IN_PROGRESS":
            stack = self.settle(name, wait=True)
            if stack is None:
                return True
        seen = self._watcher.newest_event(stack.id)
        self._progress(StackStarted(name, "delete"))
        self._client.delete_stack(StackName=stack.id)
        left, failure = self._watcher.follow(stack.id, seen=seen, name=name)
        if left is None:
            self._progress(StackFinished(name, changed=True))
            return True
        raise not_deleted(left, failure)

    def _create_change_set(self, request: dict[str, Any]) -> dict[str, str]:
        try:
            made: dict[str, str] = self._client.create_change_set(**request)
        except ClientError as error:
            if code_of(error) != "AlreadyExistsException":
                raise
        else:
            return made
        # Left behind by a run that was killed, or by another one that is just planning and will be told.
        self._client.delete_change_set(StackName=request["StackName"], ChangeSetName=request["ChangeSetName"])
        again: dict[str, str] = self._client.create_change_set(**request)
        return again

    def _worked_out(self, change_set: ChangeSet) -> dict[str, Any]:
        for wait in waits(self._jitter):
            with _told_if_overtaken(change_set.stack):
                described: dict[str, Any] = self._client.describe_change_set(
                    ChangeSetName=change_set.id, IncludePropertyValues=True
                )
            if not described["Status"].endswith(("_PENDING", "_IN_PROGRESS")):
                break
            self._sleep(wait)
        return described

    def _invalid(self, change_set: ChangeSet) -> tuple[str, str] | None:
        """The first resource that CloudFormation's validation refused, and why: the change set itself does not tell."""
        try:
            answer = self._client.describe_events(ChangeSetName=change_set.id, Filters={"FailedEvents": True})
        # Not allowed, or not known to an emulator: then it stays as it was told.
        except (ClientError, BotoCoreError):
            return None
        for event in answer["OperationEvents"]:
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


def _says_no_changes(reason: str) -> bool:
    return any(wording in reason for wording in _NO_CHANGES)


@contextlib.contextmanager
def _told_if_overtaken(name: str) -> Iterator[None]:
    """Say what it means that a change set of ours is not there any more."""
    try:
        yield
    except ClientError as error:
        if code_of(error) not in _GONE_OR_DONE:
            raise
        raise DeployError(
            "somebody else deployed or planned while this run was planning, so the plan does not hold any more",
            hint="run this again to plan anew",
            stack=name,
        ) from error
