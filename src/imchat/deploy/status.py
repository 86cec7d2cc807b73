"""What is deployed: the stacks, their outputs, the version, the address, and, where asked for, drift."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imchat.deploy.progress import StackKind
from imchat.deploy.target import Target


@dataclass(frozen=True, slots=True)
class StackStatus:
    """One stack. `status` is CloudFormation's, None if there is no such stack; `drifted`: resources, None if not asked."""

    kind: StackKind
    stack: str
    status: str | None
    reason: str | None
    updated_ms: int | None
    outputs: Mapping[str, str]
    drifted: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """One stage. `version` and `url` are None while it is not deployed whole."""

    stage: str
    region: str
    version: str | None
    url: str | None
    stacks: tuple[StackStatus, ...]


def read_status(target: Target, *, drift: bool = False) -> Status:
    """Look at the three stacks; with `drift` let CloudFormation compare them with what there is, which takes a while."""
    raise NotImplementedError
