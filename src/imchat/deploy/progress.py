"""The events of a deployment or teardown, as data. A program passes a callback that receives them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

StackKind = Literal["state", "app", "site"]
"""The three stacks, in the order in which they are created."""
ArtifactKind = Literal["code", "layer", "template"]


@dataclass(frozen=True, slots=True)
class StackStarted:
    """CloudFormation starts to create, update or delete a stack."""

    stack: str
    action: Literal["create", "update", "delete"]


@dataclass(frozen=True, slots=True)
class StackBusy:
    """Another user or an earlier run is changing the stack; this run waits until that is done."""

    stack: str
    status: str


@dataclass(frozen=True, slots=True)
class ResourceProgress:
    """A resource's status changed. `resource` is its logical id, `status` CloudFormation's, `at_ms` epoch milliseconds."""

    stack: str
    resource: str
    type: str
    status: str
    reason: str | None
    at_ms: int


@dataclass(frozen=True, slots=True)
class StackFinished:
    """The stack is deployed or deleted; `changed` is false if nothing had to be done."""

    stack: str
    changed: bool


@dataclass(frozen=True, slots=True)
class LayerStep:
    """A step of building the layer of third-party packages, which is seldom needed: fetching, compiling or packing."""

    step: str


@dataclass(frozen=True, slots=True)
class ArtifactUploaded:
    """An artifact is in the artifact bucket; `uploaded` is false if it was stored there before."""

    kind: ArtifactKind
    key: str
    size_bytes: int
    uploaded: bool


@dataclass(frozen=True, slots=True)
class FileUploaded:
    """One file of the site was uploaded: number `number` of `of`."""

    path: str
    size_bytes: int
    number: int
    of: int


@dataclass(frozen=True, slots=True)
class FileRemoved:
    """An old file of the site was removed from the bucket."""

    path: str


@dataclass(frozen=True, slots=True)
class ConfigWritten:
    """`config.json` was written because it changed."""

    url: str


@dataclass(frozen=True, slots=True)
class Invalidated:
    """These paths were removed from CloudFront's caches."""

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SmokeTested:
    """A URL of the deployed site was fetched."""

    url: str
    status: int


@dataclass(frozen=True, slots=True)
class BucketEmptied:
    """Objects deleted from a bucket so far, versions and delete markers included."""

    bucket: str
    objects: int


@dataclass(frozen=True, slots=True)
class ResourceDeleted:
    """A retained resource was deleted outside its stack. `resource` is its name or id."""

    type: str
    resource: str


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Ctrl-C was pressed. `stack` is the stack that CloudFormation is still changing, if any; `hint` is the next step."""

    stack: str | None
    hint: str


Event = (
    StackStarted
    | StackBusy
    | ResourceProgress
    | StackFinished
    | LayerStep
    | ArtifactUploaded
    | FileUploaded
    | FileRemoved
    | ConfigWritten
    | Invalidated
    | SmokeTested
    | BucketEmptied
    | ResourceDeleted
    | Interrupted
)
Progress = Callable[[Event], None]


def silent(event: Event) -> None:
    """Ignore an event."""
