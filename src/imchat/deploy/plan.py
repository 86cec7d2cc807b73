"""The plan of a deployment, as data: what each stack would create, change, replace and remove, and what is uploaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from imchat.deploy.progress import ArtifactKind, Progress, StackKind, silent
from imchat.deploy.target import Target

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
    """A bundle or large template under its key in the artifact bucket; `upload` is false if it lies there."""

    kind: ArtifactKind
    key: str
    size_bytes: int
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


def make_plan(target: Target, *, wait: bool = True, progress: Progress = silent) -> Plan:
    """What `deploy` would do now. Nothing is executed, and no change set and no empty stack is left behind.

    With `wait` a stack that somebody is changing is waited for; without, that raises DeployError.
    Raises: DeployError also for a plan that would replace or remove what holds data, naming the property that asks for it.
    """
    raise NotImplementedError
