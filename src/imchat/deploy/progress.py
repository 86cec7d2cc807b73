"""What happens during a deployment or teardown, as data. Whoever shows it passes a callback; nothing here prints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

StackKind = Literal["state", "app", "site"]
"""The three stacks, in the order they are made."""
ArtifactKind = Literal["code", "layer", "template"]


@dataclass(frozen=True, slots=True)
class StackStarted:
    """CloudFormation begins to create, update or delete a stack."""

    stack: str
    action: Literal["create", "update", "delete"]


@dataclass(frozen=True, slots=True)
class StackBusy:
    """Somebody else, or an earlier run, is changing the stack; this one waits until it is done."""

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
    """The stack is as wanted; `changed` is false where nothing had to be done."""

    stack: str
    changed: bool


@dataclass(frozen=True, slots=True)
class LayerStep:
    """The layer of third-party packages is made, which is seldom needed: `step` is fetching, compiling or packing."""

    step: str


@dataclass(frozen=True, slots=True)
class ArtifactUploaded:
    """An artifact lies in the artifact bucket; `uploaded` is false if it lay there already."""

    kind: ArtifactKind
    key: str
    size_bytes: int
    uploaded: bool


@dataclass(frozen=True, slots=True)
class FileUploaded:
    """One file of the site was uploaded: the `number`th of `of`."""

    path: str
    size_bytes: int
    number: int
    of: int


@dataclass(frozen=True, slots=True)
class FileRemoved:
    """One file that the site no longer has was removed."""

    path: str


@dataclass(frozen=True, slots=True)
class ConfigWritten:
    """`config.json` was written because it changed."""

    url: str


@dataclass(frozen=True, slots=True)
class Invalidated:
    """CloudFront was told to fetch these paths anew."""

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SmokeTested:
    """An address of the deployed site was fetched."""

    url: str
    status: int


@dataclass(frozen=True, slots=True)
class BucketEmptied:
    """So many objects (versions and delete markers included) were deleted from a bucket so far."""

    bucket: str
    objects: int


@dataclass(frozen=True, slots=True)
class ResourceDeleted:
    """A retained resource was deleted outside its stack. `resource` is its name or id."""

    type: str
    resource: str


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Ctrl-C. `stack` is the one that CloudFormation goes on with by itself, if any; `hint` says what to do."""

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
    """Show nothing."""
