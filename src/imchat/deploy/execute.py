"""Carries a plan out: stacks in their order, artifacts before the app, the site's files, `config.json`, a smoke test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from imchat.deploy.plan import Plan
from imchat.deploy.progress import Progress, silent
from imchat.deploy.target import Target


@dataclass(frozen=True, slots=True)
class Deployment:
    """What is deployed now. `url` is where people go; `changed` is false where nothing was done."""

    plan: Plan
    url: str
    changed: bool


def deploy(
    target: Target,
    *,
    approve: Callable[[Plan], bool] | None = None,
    wait: bool = True,
    progress: Progress = silent,
) -> Deployment | None:
    """Plan, ask `approve` (not asked for an empty plan; None: go ahead), carry out. Returns None if it was refused.

    Run again after an interruption, it goes on where it stopped. Raises: DeployError with the first resource that failed.
    """
    raise NotImplementedError
