"""A fake AWS account for the deployer: a CloudFormation that tests control, moto's S3, a CloudFront that records requests.

moto supports neither API Gateway's APIs nor CloudFront in CloudFormation, so CloudFormation is faked here, with its
statuses, events and errors. No time passes: a stack advances by one step each time the deployer sleeps.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from types import SimpleNamespace
from typing import Any, Final

import boto3
from botocore import xform_name
from botocore.exceptions import ClientError
from moto import mock_aws

from imchat.deploy import Config, DeployContext, Event, Release
from imchat.deploy.cloudformation.templates import KINDS, read_template
from imchat.deploy.context import FetchResult
from imchat.deploy.packaging.bundle import Bundle
from imchat.deploy.packaging.release import release_parameters
from imchat.deploy.progress import StackKind

REGION: Final = "eu-west-1"
STATE, APP, SITE = (f"imchat-test-{kind}" for kind in KINDS)
BUCKETS: Final = {
    "ArtifactBucketName": "artifacts",
    "AttachmentBucketName": "attachments",
    "SiteBucketName": "site",
}
SITE_FILES: Final = {
    "index.html": b"<html>1</html>",
    "sw.js": b"worker",
    "assets/app-12345678.js": b"script",
}
NO_CHANGES: Final = (
    "The submitted information didn't contain changes. Submit different information to create a change set.",
    "No updates are to be performed.",
)


def client_error(
    code: str, message: str = "", operation: str = "DescribeStacks", status: int = 400
) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}},
        operation,
    )


def change(action: str, resource: str, type_: str, *properties: str, **more: Any) -> dict[str, Any]:
    """Return a change as CloudFormation lists it; `properties` that end in `!` require a replacement."""
    details = [
        {
            "Target": {
                "Attribute": "Properties",
                "Name": name.rstrip("!"),
                "RequiresRecreation": "Always" if name.endswith("!") else "Never",
            }
        }
        for name in properties
    ]
    return {
        "Action": action,
        "LogicalResourceId": resource,
        "ResourceType": type_,
        "Details": details,
        **({"Replacement": "True"} if any(name.endswith("!") for name in properties) else {}),
        **more,
    }


_ADDITIONS: Final = [change("Add", f"Resource{number}", "AWS::Any::Thing") for number in range(4)]
_UPDATE: Final = change("Modify", "Any", "AWS::Lambda::Function", "Code")


@dataclass
class FakeStack:
    """A stack. `upcoming` are its next events as (resource, status, reason); resource None: the stack itself.

    `on_done` is called after the last of them.
    """

    name: str
    id: str
    status: str
    body: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    change_sets: dict[str, dict[str, Any]] = field(default_factory=dict)
    upcoming: list[tuple[str | None, str, str | None]] = field(default_factory=list)
    on_done: Callable[[], None] = lambda: None


class CloudFormation:
    """A fake CloudFormation. `calls` lists every request; tests set `changes`, `failure` and `raising` for the next ones."""

    def __init__(self, on_change: Callable[[str, Mapping[str, str]], None]) -> None:
        """Call `on_change` with the name and outputs of each stack that is created, updated or deleted (no outputs)."""
        self.stacks: dict[str, FakeStack] = {}
        self.calls: list[str] = []
        self.changes: dict[str, list[dict[str, Any]]] = {}
        self.failure: dict[str, tuple[str, str]] = {}
        self.no_changes_wording = NO_CHANGES[0]
        self.raising: dict[str, list[Exception]] = {}
        self._on_change = on_change
        self._number = itertools.count(1)

    # ---- for tests

    def tick(self) -> None:
        """Advance each stack by one step."""
        for stack in list(self.stacks.values()):
            if stack.upcoming:
                resource, status, reason = stack.upcoming.pop(0)
                self._add_event(stack, resource, status, reason)
                if not stack.upcoming:
                    stack.on_done()

    def put(self, name: str, status: str, **facts: Any) -> FakeStack:
        """Add an existing stack."""
        stack = self.stacks[name] = FakeStack(name, f"arn:stack/{name}/{next(self._number)}", status, **facts)
        self._add_event(stack, None, status, None)
        return stack

    # ---- the methods of boto3's client

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        self._record("describe_stacks")
        stack = self._find(StackName)
        described: dict[str, Any] = {
            "StackName": stack.name,
            "StackId": stack.id,
            "StackStatus": stack.status,
            "CreationTime": datetime(2026, 1, 1, tzinfo=UTC),
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": value} for key, value in stack.parameters.items()
            ],
            "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in stack.outputs.items()],
        }
        return {"Stacks": [described]}

    def get_template(self, *, StackName: str, **_: Any) -> dict[str, Any]:  # noqa: N803 - boto3's names
        self._record("get_template")
        return {"TemplateBody": self._find(StackName).body}

    def create_change_set(self, **request: Any) -> dict[str, str]:
        self._record("create_change_set")
        name, creates = request["StackName"], request["ChangeSetType"] == "CREATE"
        if creates and name not in self.stacks:
            self.put(name, "REVIEW_IN_PROGRESS")
        stack = self.stacks.get(name)
        if stack is None or creates != (stack.status == "REVIEW_IN_PROGRESS"):
            raise client_error(
                "ValidationError", f"Stack [{name}] cannot take this change set", "CreateChangeSet"
            )
        if request["ChangeSetName"] in stack.change_sets:
            raise client_error("AlreadyExistsException", "it exists", "CreateChangeSet")
        parameters = {
            parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in request["Parameters"]
        }
        stack.tags = {tag["Key"]: tag["Value"] for tag in request["Tags"]}
        body = request.get("TemplateBody") or request["TemplateURL"]
        change_set: dict[str, Any] = {
            "ChangeSetId": f"{stack.id}/{request['ChangeSetName']}/{next(self._number)}",
            "Status": "CREATE_COMPLETE",
            "body": body,
            "parameters": parameters,
            "Changes": [
                {"ResourceChange": change}
                for change in (_ADDITIONS if creates else self.changes.get(name, [_UPDATE]))
            ],
        }
        if (body, parameters) == (stack.body, stack.parameters):
            change_set |= {"Status": "FAILED", "StatusReason": self.no_changes_wording, "Changes": []}
        stack.change_sets[request["ChangeSetName"]] = change_set
        return {"Id": change_set["ChangeSetId"], "StackId": stack.id}

    def describe_change_set(self, *, ChangeSetName: str, **_: Any) -> dict[str, Any]:  # noqa: N803 - boto3's names
        self._record("describe_change_set")
        return self._change_set(ChangeSetName)[1]

    def delete_change_set(self, *, ChangeSetName: str, StackName: str | None = None) -> None:  # noqa: N803 - boto3's names
        self._record("delete_change_set")
        if StackName is not None:
            del self.stacks[StackName].change_sets[ChangeSetName]
            return
        stack, change_set = self._change_set(ChangeSetName)
        stack.change_sets = {key: one for key, one in stack.change_sets.items() if one is not change_set}

    def execute_change_set(self, *, ChangeSetName: str) -> None:  # noqa: N803 - boto3's names
        self._record("execute_change_set")
        stack, change_set = self._change_set(ChangeSetName)
        stack.change_sets = {}
        creates = stack.status == "REVIEW_IN_PROGRESS"
        verb = "CREATE" if creates else "UPDATE"
        stack.status = f"{verb}_IN_PROGRESS"
        resources = [change["ResourceChange"]["LogicalResourceId"] for change in change_set["Changes"]]
        failed = self.failure.pop(stack.name, None)
        if failed is None:
            stack.upcoming = [(resource, f"{verb}_COMPLETE", None) for resource in resources]
            stack.upcoming.append((None, f"{verb}_COMPLETE", None))
            stack.on_done = lambda: self._finish(stack, change_set)
            return
        rollback = "ROLLBACK" if creates else "UPDATE_ROLLBACK"
        stack.upcoming = [
            ("Other", f"{verb}_FAILED", "Resource creation cancelled"),
            (failed[0], f"{verb}_FAILED", failed[1]),
            ("Later", f"{verb}_FAILED", "something that follows from it"),
            (None, f"{rollback}_IN_PROGRESS", f"The following resource(s) failed: [{failed[0]}, Other]."),
            ("Other", "DELETE_COMPLETE", None),
            (None, f"{rollback}_COMPLETE", None),
        ]

    def delete_stack(self, *, StackName: str) -> None:  # noqa: N803 - boto3's names
        self._record("delete_stack")
        stack = self._find(StackName)
        stack.status = "DELETE_IN_PROGRESS"
        failed = self.failure.pop(stack.name, None)
        if failed is None:
            stack.upcoming = [(None, "DELETE_IN_PROGRESS", None), (None, "DELETE_COMPLETE", None)]
            stack.on_done = lambda: self._on_change(stack.name, {})
        else:
            stack.upcoming = [(failed[0], "DELETE_FAILED", failed[1]), (None, "DELETE_FAILED", failed[1])]

    def describe_stack_events(self, *, StackName: str, NextToken: str = "0") -> dict[str, Any]:  # noqa: N803 - boto3's names
        """Return two events per page, newest first."""
        self._record("describe_stack_events")
        newest_first, start = self._find_any(StackName).events[::-1], int(NextToken)
        more = {"NextToken": str(start + 2)} if start + 2 < len(newest_first) else {}
        return {"StackEvents": newest_first[start : start + 2], **more}

    def list_stack_resources(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        self._record("list_stack_resources")
        stack = self._find(StackName)
        found = []
        for declared in read_template(stack.name.rpartition("-")[2]).resources:  # type: ignore[arg-type]  # stack names end in their kind
            failed = stack.status == "UPDATE_ROLLBACK_FAILED" and declared.logical_id == "HttpFunction"
            found.append(
                {
                    "LogicalResourceId": declared.logical_id,
                    "PhysicalResourceId": _physical_id(stack, declared.logical_id),
                    "ResourceType": declared.type,
                    "ResourceStatus": "UPDATE_FAILED" if failed else "CREATE_COMPLETE",
                    **({"ResourceStatusReason": "its role is gone."} if failed else {}),
                }
            )
        return {"StackResourceSummaries": found}

    # ---- internals

    def _record(self, operation: str) -> None:
        self.calls.append(operation)
        if self.raising.get(operation):
            raise self.raising[operation].pop(0)

    def _find_any(self, name: str) -> FakeStack:
        for stack in self.stacks.values():
            if name in {stack.name, stack.id}:
                return stack
        raise client_error("ValidationError", f"Stack with id {name} does not exist")

    def _find(self, name: str) -> FakeStack:
        stack = self._find_any(name)
        if stack.status == "DELETE_COMPLETE" and name == stack.name:
            raise client_error("ValidationError", f"Stack with id {name} does not exist")
        return stack

    def _change_set(self, id_: str) -> tuple[FakeStack, dict[str, Any]]:
        for stack in self.stacks.values():
            for change_set in stack.change_sets.values():
                if change_set["ChangeSetId"] == id_:
                    return stack, change_set
        raise client_error("ChangeSetNotFound", "there is no such change set", "ExecuteChangeSet", 404)

    def _finish(self, stack: FakeStack, change_set: dict[str, Any]) -> None:
        stack.body, stack.parameters = change_set["body"], change_set["parameters"]
        kind: StackKind = stack.name.rpartition("-")[2]  # type: ignore[assignment]  # stack names end in their kind
        stack.outputs = {name: f"the-{name}" for name in sorted(read_template(kind).outputs)}
        stack.outputs |= {name: value for name, value in BUCKETS.items() if name in stack.outputs}
        self._on_change(stack.name, stack.outputs)

    def _add_event(self, stack: FakeStack, resource: str | None, status: str, reason: str | None) -> None:
        if resource is None:
            stack.status = status
            if status == "DELETE_COMPLETE":
                self.stacks.pop(stack.name)
                self.stacks[stack.id] = stack  # from now on found by its id only
        stack.events.append(
            {
                "EventId": str(next(self._number)),
                "LogicalResourceId": resource or stack.name,
                "PhysicalResourceId": resource or stack.id,
                "ResourceType": "AWS::Any::Thing" if resource else "AWS::CloudFormation::Stack",
                "ResourceStatus": status,
                "Timestamp": datetime(2026, 1, 1, tzinfo=UTC),
                **({"ResourceStatusReason": reason} if reason else {}),
            }
        )


def _physical_id(stack: FakeStack, resource: str) -> str:
    return stack.outputs.get(f"{resource}Name") or stack.outputs.get(f"{resource}Id") or resource


class CloudFront:
    """Records invalidations."""

    def __init__(self, calls: list[str]) -> None:
        self.invalidated: list[list[str]] = []
        self.references: list[str] = []
        self._calls = calls

    def create_invalidation(self, *, DistributionId: str, InvalidationBatch: dict[str, Any]) -> None:  # noqa: N803 - boto3's names
        self._calls.append("create_invalidation")
        assert DistributionId == "the-DistributionId"
        self.invalidated.append(InvalidationBatch["Paths"]["Items"])
        self.references.append(InvalidationBatch["CallerReference"])


class World:
    """One account with a stage `test`. `events` are those that the deployer reported."""

    def __init__(self) -> None:
        self.s3 = _clients()["test's s3"]
        self.cloudformation = CloudFormation(self._on_stack_change)
        self.calls = self.cloudformation.calls
        self.cloudfront = CloudFront(self.calls)
        self.events: list[Event] = []
        self.slept: list[float] = []
        self.responses: dict[str, FetchResult] = {}
        self.fetched: list[str] = []
        self.on_sleep: Callable[[], None] = lambda: None
        self.client = _clients().__getitem__
        self.target = DeployContext(
            REGION,
            self.client,
            sleep=self._sleep,
            jitter=lambda: 0.5,
            fetch=self._fetch,
            new_id=map(str, itertools.count(1)).__next__,
            config=Config(stage="test"),
        )

    def release(self, *, code: bytes = b"code", files: Mapping[str, bytes] = SITE_FILES) -> Release:
        bundle = Bundle(f"code/{code.decode()}.zip", code.decode(), code)
        values = release_parameters(
            self.target.config, bundle.key, "layer/1.zip", endpoint_url=self.target.endpoint_url
        )
        templates = {kind: read_template(kind) for kind in KINDS}
        return Release(templates, values, bundle, "layer/1.zip", _build_layer, files)

    def configure(self, **settings: Any) -> None:
        """Change settings."""
        self.target = replace(self.target, config=self.target.config.model_copy(update=settings))

    def objects(self, bucket: str) -> dict[str, bytes]:
        listed = self.s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        return {
            item["Key"]: self.s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read() for item in listed
        }

    def statuses(self) -> dict[str, str]:
        return {name: stack.status for name, stack in self.cloudformation.stacks.items() if "/" not in name}

    def change_sets(self) -> list[str]:
        return [name for stack in self.cloudformation.stacks.values() for name in stack.change_sets]

    def _on_stack_change(self, stack: str, outputs: Mapping[str, str]) -> None:
        for bucket in (outputs[name] for name in BUCKETS if name in outputs):
            if bucket not in {bucket_info["Name"] for bucket_info in self.s3.list_buckets()["Buckets"]}:
                self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        if stack == SITE and not outputs:
            self.s3.delete_bucket(Bucket="site")  # S3 refuses to delete a bucket that is not empty

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.on_sleep()
        self.cloudformation.tick()

    def _fetch(self, url: str) -> FetchResult:
        self.fetched.append(url)
        if url in self.responses:
            return self.responses[url]
        path = url.removeprefix("https://the-DistributionDomain/") or "index.html"
        if path == "api/health":
            return FetchResult(200, b"{}")
        return FetchResult(200, self.s3.get_object(Bucket="site", Key=path)["Body"].read())

    def record(self, model: Any, **_: Any) -> None:
        """Record a request to one of moto's services."""
        self.calls.append(model.name)

    def respond(self, model: Any, context: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
        """Return the response of a fake service to a request that boto3 has validated."""
        fakes = {"cloudformation": self.cloudformation, "cloudfront": self.cloudfront}
        operation = getattr(fakes[model.service_model.service_name], xform_name(model.name))
        return SimpleNamespace(status_code=200), operation(**context["request"]) or {}


def _keep_request(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    context["request"] = params


def _build_layer(on_step: Callable[[str], object]) -> bytes:
    on_step("packing")
    return b"layer"


@cache
def _clients() -> dict[str, Any]:
    """Return boto3's clients, created once because that takes longer than a test.

    The calls of the client "test's s3" are not recorded.
    """
    services = ("s3", "cognito-idp", "dynamodb", "cloudformation", "cloudfront")
    clients = {service: boto3.client(service, region_name=REGION) for service in services}
    return {**clients, "test's s3": boto3.client("s3", region_name=REGION)}


@contextmanager
def fake_aws() -> Iterator[World]:
    """Yield an empty account, with a stage `test` to deploy."""
    with mock_aws(), ExitStack() as exits:
        account = World()

        def listen(service: str, event: str, handler: Callable[..., Any]) -> None:
            events = _clients()[service].meta.events
            events.register(event, handler)
            exits.callback(events.unregister, event, handler)

        for service in ("s3", "cognito-idp", "dynamodb"):
            listen(service, "before-call", account.record)
        for service in ("cloudformation", "cloudfront"):
            listen(service, "before-parameter-build", _keep_request)
            listen(service, "before-call", account.respond)
        yield account
