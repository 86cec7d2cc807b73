"""Watching a stack: what it is now, and its events until nothing happens to it any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError

from imchat.deploy.aws_errors import code_of, in_our_words
from imchat.deploy.context import Target
from imchat.deploy.progress import Progress, ResourceProgress
from imchat.errors import Busy

_CANCELLED: Final = "cancelled"
"""In the reason of what CloudFormation gave up because something else had failed."""
_FIRST_WAIT_S: Final = 1.0
_LONGEST_WAIT_S: Final = 5.0
_SERVER_ERROR: Final = 500
_STEADY_POLLS: Final = 3
"""Right after a request a stack may still be shown as it was: without an event that says so, so many polls make an end."""
_MISSED_POLLS: Final = 40
"""So many polls in a row may go unanswered: some minutes. CloudFormation goes on meanwhile."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack as CloudFormation describes it."""

    name: str
    id: str
    status: str
    reason: str | None
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]
    updated_ms: int


def waits(jitter: Callable[[], float]) -> Iterator[float]:
    """Seconds to wait before each next look: from 1 to 5, a quarter more or less, so that deployers do not march in step."""
    wait = _FIRST_WAIT_S
    while True:
        yield wait * (0.75 + jitter() / 2)
        wait = min(wait * 1.5, _LONGEST_WAIT_S)


class Watcher:
    """Asks CloudFormation again and again, ever more slowly, and bears to be told to slow down."""

    def __init__(self, target: Target, progress: Progress) -> None:
        self._client = target.client("cloudformation")
        self._sleep = target.sleep
        self._jitter = target.jitter
        self._progress = progress

    def find(self, name: str) -> Stack | None:
        """The stack of this name or id; None if there is none (any more)."""
        try:
            [found] = self._client.describe_stacks(StackName=name)["Stacks"]
        except ClientError as error:
            if code_of(error) == "ValidationError" and "does not exist" in str(error):
                return None
            raise
        stack = _stack(found)
        return None if stack.status == "DELETE_COMPLETE" else stack

    def follow(
        self, stack_id: str, *, seen: str | None, name: str
    ) -> tuple[Stack | None, tuple[str, str] | None]:
        """Report events after `seen` until nothing happens any more. Returns the stack and its first failure."""
        missed, steady, ended, failure = 0, 0, False, None
        for wait in waits(self._jitter):
            self._sleep(wait)
            try:
                stack = self.find(stack_id)
                fresh = self._events_after(stack_id, seen)
            except (ClientError, BotoCoreError) as error:
                missed += 1
                if not _passes(error) or missed == _MISSED_POLLS:
                    raise
                continue
            missed = 0
            for event in fresh:
                seen = event["EventId"]
                status, reason = event["ResourceStatus"], event.get("ResourceStatusReason")
                if event.get("PhysicalResourceId") == stack_id:
                    ended = not is_busy(status)
                    continue
                resource = event["LogicalResourceId"]
                at_ms = int(event["Timestamp"].timestamp() * 1000)
                self._progress(
                    ResourceProgress(name, resource, event.get("ResourceType", ""), status, reason, at_ms)
                )
                if status.endswith("_FAILED") and failure is None and _CANCELLED not in (reason or ""):
                    failure = (resource, reason or status)
            if stack is None:
                return None, failure
            steady = 0 if is_busy(stack.status) else steady + 1
            if steady and (ended or steady == _STEADY_POLLS):
                return stack, failure
        raise AssertionError  # `waits` never ends

    def _events_after(self, stack_id: str, seen: str | None) -> list[dict[str, Any]]:
        """Oldest first. CloudFormation tells them newest first, page by page."""
        found: list[dict[str, Any]] = []
        for page in self._event_pages(stack_id):
            for event in page:
                if event["EventId"] == seen:
                    return found[::-1]
                found.append(event)
        return found[::-1]

    def newest_event(self, stack_id: str) -> str | None:
        """The id of the last thing that happened to a stack, to follow what comes after it."""
        for page in self._event_pages(stack_id):
            return str(page[0]["EventId"]) if page else None
        return None

    def _event_pages(self, stack_id: str) -> Iterator[list[dict[str, Any]]]:
        more: dict[str, str] = {}
        while True:
            try:
                answer = self._client.describe_stack_events(StackName=stack_id, **more)
            except ClientError as error:
                if code_of(error) == "ValidationError":  # it is gone, and its events with it
                    return
                raise
            yield answer["StackEvents"]
            if not answer.get("NextToken"):
                return
            more = {"NextToken": answer["NextToken"]}


def _stack(found: dict[str, Any]) -> Stack:
    updated = found.get("LastUpdatedTime") or found["CreationTime"]
    return Stack(
        name=found["StackName"],
        id=found["StackId"],
        status=found["StackStatus"],
        reason=found.get("StackStatusReason"),
        parameters={
            one["ParameterKey"]: one.get("ParameterValue", "") for one in found.get("Parameters", [])
        },
        outputs={one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])},
        updated_ms=int(updated.timestamp() * 1000),
    )


def is_busy(status: str) -> bool:
    """Whether CloudFormation is changing a stack, or a resource, of this status."""
    return status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS"


def _passes(error: ClientError | BotoCoreError) -> bool:
    """Whether asking again a moment later can help."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= _SERVER_ERROR or isinstance(in_our_words(error), Busy)
    return isinstance(error, exceptions.ConnectionError | exceptions.HTTPClientError)
