"""The plan of a deployment, as data: what each stack would create, change, replace and remove, and what is uploaded.

Also which changes no plan may have.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from imchat.deploy.progress import ArtifactKind, StackKind
from imchat.errors import DeployError

Change = Literal["add", "modify", "replace", "may replace", "remove"]


@dataclass(frozen=True, slots=True)
class ResourceChange:
    """What happens to one resource. `properties`: those whose new value asks for it. `condition`: it is made only if so."""

    change: Change
    resource: str
    type: str
    properties: tuple[str, ...] = ()
    condition: str | None = None


@dataclass(frozen=True, slots=True)
class ParameterChange:
    """A parameter's value before (None: it has none) and after (None: known only once an earlier stack is made)."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class StackPlan:
    """What happens to one stack.

    "recreate": a creation failed and left an empty stack, which is deleted first. `exact` is false where CloudFormation
    was not asked, because the stack, or one whose values it takes, does not exist yet: then the template is what is known.
    """

    kind: StackKind
    stack: str
    action: Literal["create", "recreate", "update", "none"]
    changes: tuple[ResourceChange, ...] = ()
    parameters: tuple[ParameterChange, ...] = ()
    exact: bool = True


@dataclass(frozen=True, slots=True)
class PlannedArtifact:
    """A bundle under its key in the artifact bucket; `upload` is false if it lies there. The layer's size is known built."""

    kind: ArtifactKind
    key: str
    size_bytes: int | None
    upload: bool


@dataclass(frozen=True, slots=True)
class PlannedFiles:
    """The site's files by path. `config`: whether `config.json` is written; None where that is known only later."""

    upload: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    config: bool | None = False


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a deployment would do."""

    stage: str
    version: str
    stacks: tuple[StackPlan, ...]
    artifacts: tuple[PlannedArtifact, ...]
    files: PlannedFiles

    @property
    def empty(self) -> bool:
        """Nothing at all would change."""
        stacks = all(stack.action == "none" for stack in self.stacks)
        files = not (self.files.upload or self.files.remove or self.files.config)
        return stacks and files and not any(artifact.upload for artifact in self.artifacts)


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
"""What holds data, or what data cannot be read or people not sign in without: never replaced, never removed."""
_LOSING: Final = {"replace": "replaced", "may replace": "perhaps replaced", "remove": "removed"}


def resource_changes(changes: Iterable[Mapping[str, Any]]) -> tuple[ResourceChange, ...]:
    """CloudFormation's list of what a change set does, in our terms and in its order."""
    return tuple(map(_resource_change, changes))


def check_safe(stack: str, changes: Iterable[Mapping[str, Any]]) -> None:
    """Raises: DeployError for a change set that loses data or that DynamoDB would refuse, naming what asks for it."""
    for raw in changes:
        change = _resource_change(raw)
        if change.type in STATEFUL and change.change in _LOSING:
            because = f" because of {', '.join(change.properties)}" if change.properties else ""
            raise DeployError(
                f"{change.type} would be {_LOSING[change.change]}{because}, and what it holds lost",
                hint=_UNSAFE_HINT,
                stack=stack,
                resource=change.resource,
            )
        indexes = _changed_indexes(raw)
        if len(indexes) > 1:
            raise DeployError(
                f"{len(indexes)} secondary indexes would change at once ({', '.join(indexes)}), and DynamoDB changes one "
                "an update (replacing one counts twice)",
                hint="deploy the templates with one of the changes first, then with the next",
                stack=stack,
                resource=change.resource,
            )


_UNSAFE_HINT: Final = (
    "nothing was changed; deploy the version that was deployed before, or a template without this change. "
    "A new installation beside this one takes --stage with another name"
)


def _resource_change(raw: Mapping[str, Any]) -> ResourceChange:
    details = raw.get("Details", [])
    change = _change(raw)
    asking = [one for one in details if one.get("Target", {}).get("RequiresRecreation", "Never") != "Never"]
    named = asking if change in {"replace", "may replace"} and asking else details
    properties = {str(one["Target"].get("Name") or one["Target"].get("Attribute")): None for one in named}
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
    """The names of the indexes that are made, dropped or (twice) replaced, as far as CloudFormation tells the tables."""
    before, after = _indexes(raw.get("BeforeContext")), _indexes(raw.get("AfterContext"))
    if not before and raw["Action"] == "Add":
        return []
    replaced = [name for name in before.keys() & after.keys() if before[name] != after[name]]
    return sorted([*(before.keys() ^ after.keys()), *replaced, *replaced])


def _indexes(context: str | None) -> dict[str, tuple[object, object]]:
    properties = json.loads(context).get("Properties", {}) if context else {}
    indexes = properties.get("GlobalSecondaryIndexes", []) if isinstance(properties, dict) else []
    return {one["IndexName"]: (one.get("KeySchema"), one.get("Projection")) for one in indexes}
