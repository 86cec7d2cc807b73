"""Reads a stack's state, and follows its events until CloudFormation has finished with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError

from imchat.deploy.aws_errors import error_code, explain
from imchat.deploy.context import AwsSession
from imchat.deploy.progress import Progress, ResourceProgress
from imchat.errors import Busy

_CANCELLED: Final = "cancelled"
"""In the reason of a resource that CloudFormation cancelled because another one had failed."""
_FIRST_DELAY_S: Final = 1.0
_MAX_DELAY_S: Final = 5.0
_SERVER_ERROR: Final = 500
_STABLE_POLLS: Final = 3
"""Right after a request CloudFormation may still return the old status. Without an event that says so, a stack counts as
finished after this many polls that show it stable."""
_MAX_FAILED_POLLS: Final = 40
"""This many polls in a row may fail, which takes some minutes. CloudFormation continues meanwhile."""


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


def poll_delays(jitter: Callable[[], float]) -> Iterator[float]:
    """Yield the seconds to wait before each poll, from 1 to 5, with jitter so that several deployers do not poll in step."""
    delay = _FIRST_DELAY_S
    while True:
        yield delay * (0.75 + jitter() / 2)
        delay = min(delay * 1.5, _MAX_DELAY_S)


class StackWatcher:
    """Polls CloudFormation, with growing delays. Throttling and short outages do not end it."""

    def __init__(self, session: AwsSession, progress: Progress) -> None:
        self._client = session.client("cloudformation")
        self._sleep = session.sleep
        self._jitter = session.jitter
        self._progress = progress

    def find(self, name: str) -> Stack | None:
        """Return the stack of this name or id; None if it does not exist (any more)."""
        try:
            [described] = self._client.describe_stacks(StackName=name)["Stacks"]
        except ClientError as error:
            if error_code(error) == "ValidationError" and "does not exist" in str(error):
                return None
            raise
        stack = _stack(described)
        return None if stack.status == "DELETE_COMPLETE" else stack

    def follow(
        self, stack_id: str, *, after: str | None, name: str
    ) -> tuple[Stack | None, tuple[str, str] | None]:
        """Report the events after the event `after` until the stack is stable.

        Returns the stack (None: deleted), and the first resource that failed with the reason.
        """
        failed_polls, stable_polls, finished, failure = 0, 0, False, None
        for delay in poll_delays(self._jitter):
            self._sleep(delay)
            try:
                stack = self.find(stack_id)
                new_events = self._events_after(stack_id, after)
            except (ClientError, BotoCoreError) as error:
                failed_polls += 1
                if not _is_transient(error) or failed_polls == _MAX_FAILED_POLLS:
                    raise
                continue
            failed_polls = 0
            for event in new_events:
                after = event["EventId"]
                status, reason = event["ResourceStatus"], event.get("ResourceStatusReason")
                if event.get("PhysicalResourceId") == stack_id:
                    finished = not is_in_progress(status)
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
            stable_polls = 0 if is_in_progress(stack.status) else stable_polls + 1
            if stable_polls and (finished or stable_polls == _STABLE_POLLS):
                return stack, failure
        raise AssertionError  # `poll_delays` never ends

    def latest_event_id(self, stack_id: str) -> str | None:
        """Return the id of a stack's latest event, to follow those after it."""
        for page in self._event_pages(stack_id):
            return str(page[0]["EventId"]) if page else None
        return None

    def _events_after(self, stack_id: str, after: str | None) -> list[dict[str, Any]]:
        """Return events, oldest first. CloudFormation returns them newest first, in pages."""
        found: list[dict[str, Any]] = []
        for page in self._event_pages(stack_id):
            for event in page:
                if event["EventId"] == after:
                    return found[::-1]
                found.append(event)
        return found[::-1]

    def _event_pages(self, stack_id: str) -> Iterator[list[dict[str, Any]]]:
        next_token: dict[str, str] = {}
        while True:
            try:
                response = self._client.describe_stack_events(StackName=stack_id, **next_token)
            except ClientError as error:
                if error_code(error) == "ValidationError":  # the stack was deleted, and its events with it
                    return
                raise
            yield response["StackEvents"]
            if not response.get("NextToken"):
                return
            next_token = {"NextToken": response["NextToken"]}


def is_in_progress(status: str) -> bool:
    """Return whether CloudFormation is changing a stack or resource with this status."""
    return status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS"


def _stack(described: dict[str, Any]) -> Stack:
    updated = described.get("LastUpdatedTime") or described["CreationTime"]
    return Stack(
        name=described["StackName"],
        id=described["StackId"],
        status=described["StackStatus"],
        reason=described.get("StackStatusReason"),
        parameters={
            parameter["ParameterKey"]: parameter.get("ParameterValue", "")
            for parameter in described.get("Parameters", [])
        },
        outputs={output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])},
        updated_ms=int(updated.timestamp() * 1000),
    )


def _is_transient(error: ClientError | BotoCoreError) -> bool:
    """Return whether the same request can succeed a moment later."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= _SERVER_ERROR or isinstance(explain(error), Busy)
    return isinstance(error, exceptions.ConnectionError | exceptions.HTTPClientError)
