"""Takes a stage down: site and app, and only where that is wanted what holds data, too."""

from __future__ import annotations

from dataclasses import dataclass

from imchat.deploy.progress import Progress, silent
from imchat.deploy.target import Target


@dataclass(frozen=True, slots=True)
class TornDown:
    """What a teardown did. `kept` and `remaining` name resources, as `table imchat-prod`; `remaining` should be empty."""

    stacks: tuple[str, ...]
    kept: tuple[str, ...]
    remaining: tuple[str, ...]


def tear_down(target: Target, *, delete_data: bool = False, progress: Progress = silent) -> TornDown:
    """Delete the site's and the app's stack; with `delete_data` everybody's accounts, messages and files as well.

    Asking whether that is meant is the caller's part. Running it again goes on where it stopped. Raises: DeployError.
    """
    raise NotImplementedError
