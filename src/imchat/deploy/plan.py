"""The plan of a deployment: what it changes in each stack and what it uploads. Also the changes that are refused.

A plan is shown to the operator, and holds everything that `imchat.deploy.execute_plan` needs to carry it out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

from imchat.deploy.cloudformation.stacks import ChangeSet
from imchat.deploy.cloudformation.watcher import Stack
from imchat.deploy.packaging.release import Release
from imchat.deploy.packaging.site import PlannedFiles
from imchat.deploy.progress import ArtifactKind, StackKind
from imchat.errors import DeployError

Change = Literal["add", "modify", "replace", "may replace", "remove"]


@dataclass(frozen=True, slots=True)
class ResourceChange:
    """What happens to one resource.

    `properties` are those whose new values cause it. With a `condition`, the resource is created only if that is true.
    """

    change: Change
    resource: str
    type: str
    properties: tuple[str, ...] = ()
    condition: str | None = None


@dataclass(frozen=True, slots=True)
class ParameterChange:
    """A parameter's value before (None: it had none) and after (None: known once an earlier stack is deployed)."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class StackPlan:
    """What happens to one stack.

    "recreate": an earlier creation failed and left an empty stack, which is deleted first. `exact` is false if
    CloudFormation could not list the changes, because the stack, or one whose outputs it uses, does not exist yet; then
    they are listed from the template. `current` is the stack that is updated or left as it is, `change_set` what
    CloudFormation proposed for it.
    """

    kind: StackKind
    stack: str
    action: Literal["create", "recreate", "update", "none"]
    changes: tuple[ResourceChange, ...] = ()
    parameters: tuple[ParameterChange, ...] = ()
    exact: bool = True
    current: Stack | None = field(default=None, repr=False)
    change_set: ChangeSet | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class PlannedArtifact:
    """A bundle and its key in the artifact bucket; `upload` is false if it is stored already.

    The layer's size is None, because it is known only once the layer is built.
    """

    kind: ArtifactKind
    key: str
    size_bytes: int | None
    upload: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a deployment would do, and the release that it would deploy."""

    stage: str
    version: str
    stacks: tuple[StackPlan, ...]
    artifacts: tuple[PlannedArtifact, ...]
    files: PlannedFiles
    release: Release = field(repr=False)

    @property
    def empty(self) -> bool:
        """Return whether nothing would change."""
        stacks = all(stack.action == "none" for stack in self.stacks)
        files = not (self.files.upload or self.files.remove or self.files.config)
        return stacks and files and not any(artifact.upload for artifact in self.artifacts)

    def to_dict(self) -> dict[str, Any]:
        """Return what the operator is shown, for JSON."""
        return {
            "empty": self.empty,
            "stage": self.stage,
            "version": self.version,
            "stacks": [_stack_to_dict(stack) for stack in self.stacks],
            "artifacts": [asdict(artifact) for artifact in self.artifacts],
            "files": asdict(self.files),
        }


STATEFUL: Final = frozenset(
    {
        "AWS::Cognito::UserPool",
        "AWS::Cognito::UserPoolClient",
        "AWS::Cognito::UserPoolGroup",
        "AWS::DynamoDB::GlobalTable",
        "AWS::DynamoDB::Table",
        "AWS::KMS::Key",
        "AWS::S3::Bucket",
    }
)
"""Resources that hold data, or that are needed to read it or to sign in. They are never replaced and never removed."""
_DESTRUCTIVE: Final = {"replace": "replaced", "may replace": "possibly replaced", "remove": "removed"}
_UNSAFE_HINT: Final = (
    "nothing was changed; deploy the version that was deployed before, or a template without this change. "
    "To create a second installation beside this one, pass --stage with another name"
)


def resource_changes(changes: Iterable[Mapping[str, Any]]) -> tuple[ResourceChange, ...]:
    """Convert CloudFormation's list of a change set's changes, in its order."""
    return tuple(map(_resource_change, changes))


def check_safe(stack: str, changes: Iterable[Mapping[str, Any]]) -> None:
    """Check that a change set loses no data and that DynamoDB accepts it.

    Raises: DeployError naming the resource and the properties that cause it.
    """
    for raw in changes:
        change = _resource_change(raw)
        if change.type in STATEFUL and change.change in _DESTRUCTIVE:
            because = f" because of {', '.join(change.properties)}" if change.properties else ""
            raise DeployError(
                f"{change.type} would be {_DESTRUCTIVE[change.change]}{because}, and its data lost",
                hint=_UNSAFE_HINT,
                stack=stack,
                resource=change.resource,
            )
        indexes = _changed_indexes(raw)
        if len(indexes) > 1:
            raise DeployError(
                f"{len(indexes)} secondary indexes would change at once ({', '.join(indexes)}), but DynamoDB changes one "
                "per update (replacing one counts twice)",
                hint="deploy the templates with one of the changes first, then with the next",
                stack=stack,
                resource=change.resource,
            )


def _resource_change(raw: Mapping[str, Any]) -> ResourceChange:
    details = raw.get("Details", [])
    change = _change(raw)
    replacing = [
        detail for detail in details if detail.get("Target", {}).get("RequiresRecreation", "Never") != "Never"
    ]
    causes = replacing if change in {"replace", "may replace"} and replacing else details
    properties = {
        str(detail["Target"].get("Name") or detail["Target"].get("Attribute")): None for detail in causes
    }
    return ResourceChange(change, raw["LogicalResourceId"], raw["ResourceType"], tuple(properties))


def _change(raw: Mapping[str, Any]) -> Change:
    replaces = raw.get("Replacement") == "True" or str(raw.get("PolicyAction", "")).startswith("Replace")
    match raw["Action"]:
        case "Add" | "Import":
            return "add"
        case "Remove":
            return "remove"
        case _ if replaces:
            return "replace"
        case "Dynamic":
            return "may replace"
    return "may replace" if raw.get("Replacement") == "Conditional" else "modify"


def _changed_indexes(raw: Mapping[str, Any]) -> list[str]:
    """Return the names of the indexes that are created, deleted or (listed twice) replaced, if CloudFormation lists them."""
    before, after = _indexes(raw.get("BeforeContext")), _indexes(raw.get("AfterContext"))
    if not before and raw["Action"] == "Add":
        return []
    replaced = [name for name in before.keys() & after.keys() if before[name] != after[name]]
    return sorted([*(before.keys() ^ after.keys()), *replaced, *replaced])


def _indexes(context: str | None) -> dict[str, tuple[object, object]]:
    properties = json.loads(context).get("Properties", {}) if context else {}
    indexes = properties.get("GlobalSecondaryIndexes", []) if isinstance(properties, dict) else []
    return {index["IndexName"]: (index.get("KeySchema"), index.get("Projection")) for index in indexes}


def _stack_to_dict(plan: StackPlan) -> dict[str, Any]:
    return {
        "kind": plan.kind,
        "stack": plan.stack,
        "action": plan.action,
        "changes": [asdict(change) for change in plan.changes],
        "parameters": [asdict(parameter) for parameter in plan.parameters],
        "exact": plan.exact,
    }
