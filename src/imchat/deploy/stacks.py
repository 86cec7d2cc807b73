"""CloudFormation: looking at a stack, proposing a change set, executing it and following it to its end, deleting."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from imchat.deploy.progress import Progress, StackBusy, StackStarted
from imchat.deploy.refusals import code_of
from imchat.deploy.watching import Stack, Watcher, is_busy, waits
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
_MEND_AND_REPEAT: Final = "mend that and run `imchat deploy` again"


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

    def __init__(
        self, client: Any, *, sleep: Callable[[float], None], jitter: Callable[[], float], progress: Progress
    ) -> None:
        """`client`: boto3's `cloudformation`; `sleep` takes seconds, `jitter` gives 0 to 1."""
        self._client = client
        self._sleep = sleep
        self._jitter = jitter
        self._progress = progress
        self._watcher = Watcher(client, sleep=sleep, jitter=jitter, progress=progress)

    def find(self, name: str) -> Stack | None:
        """The stack of this name or id; None if there is none (any more)."""
        return self._watcher.find(name)

    def template(self, name: str) -> str | None:
        """The text that the stack was last made from; None where it is not told as text."""
        body = self._client.get_template(StackName=name, TemplateStage="Original").get("TemplateBody")
        return body if isinstance(body, str) else None

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
        raise self._stuck(stack)

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
            raise DeployError(message, hint=_MEND_AND_REPEAT, stack=name) from error
        proposed = ChangeSet(made["Id"], name, made["StackId"], creates, inputs, ())
        described = self._worked_out(proposed)
        if described["Status"] == "CREATE_COMPLETE":
            return ChangeSet(
                made["Id"], name, made["StackId"], creates, inputs, tuple(self._changes(described))
            )
        self.discard(proposed)
        reason = str(described.get("StatusReason", described["Status"]))
        if _says_no_changes(reason):
            return None
        raise DeployError(reason, hint=_MEND_AND_REPEAT, stack=name)

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
        try:
            self._client.execute_change_set(ChangeSetName=change_set.id)
        except ClientError as error:
            if code_of(error) not in _GONE_OR_DONE:
                raise
            raise DeployError(
                "somebody else deployed while this run was planning, so the plan does not hold any more",
                hint="run this again to plan anew",
                stack=name,
            ) from error
        stack, failure = self._watcher.follow(change_set.stack_id, seen=seen, name=name)
        if stack is not None and stack.status in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
            return stack
        raise _failed(name, stack, failure, creates=change_set.creates)

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
            return True
        resource, reason = failure or (None, left.reason or left.status)
        raise DeployError(
            f"it could not be deleted: {reason}",
            hint="mend that and run `imchat teardown` again; it goes on where this stopped",
            stack=name,
            resource=resource,
        )

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
            described: dict[str, Any] = self._client.describe_change_set(
                ChangeSetName=change_set.id, IncludePropertyValues=True
            )
            if not described["Status"].endswith(("_PENDING", "_IN_PROGRESS")):
                break
            self._sleep(wait)
        return described

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

    def _stuck(self, stack: Stack) -> DeployError:
        if stack.status == "UPDATE_ROLLBACK_FAILED":
            resources = self._client.list_stack_resources(StackName=stack.id)["StackResourceSummaries"]
            failed = [one for one in resources if one["ResourceStatus"] == "UPDATE_FAILED"]
            told = ", ".join(
                f"{one['LogicalResourceId']} ({str(one.get('ResourceStatusReason', 'no reason given')).rstrip('.')})"
                for one in failed
            )
            return DeployError(
                f"an update failed and could not be undone either: {told or stack.reason}",
                hint=(
                    f"mend that, then `aws cloudformation continue-update-rollback --stack-name {stack.name}`, then "
                    "`imchat deploy`; imchat skips no resource, because the stack would not know any more what there is"
                ),
                stack=stack.name,
                resource=failed[0]["LogicalResourceId"] if failed else None,
            )
        return DeployError(
            f"it is half made or half deleted ({stack.status}: {stack.reason or 'no reason given'})",
            hint=(
                f"delete it with `aws cloudformation delete-stack --stack-name {stack.name}`, then run `imchat deploy` "
                "again; tables, accounts and files are kept"
            ),
            stack=stack.name,
        )


def _says_no_changes(reason: str) -> bool:
    return any(wording in reason for wording in _NO_CHANGES)


def _failed(name: str, stack: Stack | None, failure: tuple[str, str] | None, *, creates: bool) -> DeployError:
    resource, reason = failure or (None, (stack and stack.reason) or "CloudFormation gives no reason")
    if stack is None:
        reason, hint = "it was deleted while it was being changed", "run `imchat deploy` again"
    elif creates and "already exists" in reason:
        hint = (
            "an earlier installation of this stage was kept and its stack deleted by hand: delete or rename what is in "
            "the way, or deploy another stage with --stage"
        )
    elif creates:
        hint = "nothing is left of it; " + _MEND_AND_REPEAT
    elif stack.status == "UPDATE_ROLLBACK_COMPLETE":
        hint = "the stack is again as it was before; " + _MEND_AND_REPEAT
    else:
        hint = f"the stack is left in {stack.status}; {_MEND_AND_REPEAT}, which says what to do"
    return DeployError(reason, hint=hint, stack=name, resource=resource)
