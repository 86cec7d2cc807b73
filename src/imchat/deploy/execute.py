"""Carries a plan out: stacks in their order, artifacts before the app, the site's files, `config.json`, a smoke test."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from imchat.deploy.aws_errors import in_our_words
from imchat.deploy.cloudformation.stacks import Stacks
from imchat.deploy.context import Target
from imchat.deploy.endpoints import addresses
from imchat.deploy.packaging.release import Release, read_release
from imchat.deploy.packaging.site import CONFIG, INDEX, invalidate
from imchat.deploy.plan import Plan, PlannedFiles, StackPlan
from imchat.deploy.planner import Planner
from imchat.deploy.progress import (
    ConfigWritten,
    FileRemoved,
    FileUploaded,
    Interrupted,
    Invalidated,
    LayerStep,
    Progress,
    StackFinished,
    silent,
)
from imchat.deploy.smoke import smoke_test
from imchat.errors import DeployError

_GOES_ON: Final = "the next `imchat deploy` goes on where this one stopped"


@dataclass(frozen=True, slots=True)
class Deployment:
    """What is deployed now. `url` is where people go; `changed` is false where nothing was done.

    `outputs` are those of all stacks; the DNS name of a domain of one's own has to point to `DistributionDomain`.
    """

    plan: Plan
    url: str
    changed: bool
    outputs: Mapping[str, str]


def deploy(
    target: Target,
    *,
    release: Release | None = None,
    approve: Callable[[Plan], bool] | None = None,
    wait: bool = True,
    progress: Progress = silent,
) -> Deployment | None:
    """Plan, ask `approve` (not asked for an empty plan; None: go ahead), carry out. Returns None if it was refused.

    `release`: what to deploy, by default this installation.
    Run again after an interruption, it goes on where it stopped. Raises: DeployError with the first resource that failed.
    """
    run = _Run(target, release or read_release(target), progress)
    with run.explained():
        try:
            plan = run.planner.survey(wait=wait)
            if approve is not None and not plan.empty and not approve(plan):
                return None
            return run.carry_out(plan)
        finally:
            run.planner.discard()


class _Run:
    """One deployment. `known` grows with the outputs of each stack."""

    def __init__(self, target: Target, release: Release, progress: Progress) -> None:
        self._target = target
        self._release = release
        self._progress = progress
        self._stacks = Stacks(target, progress)
        self.planner = Planner(target, release, self._stacks, change_set="imchat-deploy")
        self._known: dict[str, str] = {}
        self._executing: str | None = None
        self._changed = False

    def carry_out(self, plan: Plan) -> Deployment:
        for step in plan.stacks:
            if step.kind == "app":
                self._upload_artifacts(plan)
            self._stack(step)
        site = next(step for step in plan.stacks if step.kind == "site")
        removed = self._site(plan, invalidates=site.action not in {"create", "recreate"})
        known = self._known
        where = addresses(known, cognito="", endpoint_url=self._target.endpoint_url)
        smoke_test(
            self._target,
            where,
            config=self.planner.config(known),
            index=self._release.files[INDEX],
            progress=self._progress,
        )
        self._remove(removed)
        return Deployment(plan, where.site, self._changed, dict(known))

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """Say what happens to the stack that CloudFormation was working on when something came between."""
        try:
            yield
        except KeyboardInterrupt:
            alone = f"CloudFormation goes on with {self._executing} by itself; " if self._executing else ""
            self._progress(Interrupted(self._executing, alone + _GOES_ON))
            raise
        except (ClientError, BotoCoreError) as error:
            told = in_our_words(error)
            if self._executing is None and not self._changed:
                raise told from error
            alone = (
                f"CloudFormation goes on with {self._executing} by itself, and " if self._executing else ""
            )
            raise DeployError(told.message, hint=alone + _GOES_ON, stack=self._executing) from error

    def _upload_artifacts(self, plan: Plan) -> None:
        contents: Mapping[str, Callable[[], bytes]] = {
            "code": lambda: self._release.code.content,
            "layer": lambda: self._release.layer(lambda step: self._progress(LayerStep(step))),
        }
        for artifact in plan.artifacts:
            if artifact.upload:
                bucket = self.planner.artifacts(self._known)
                bucket.provide(artifact.kind, artifact.key, contents[artifact.kind], self._progress)

    def _stack(self, step: StackPlan) -> None:
        found = self.planner.found[step.kind]
        values = self._values(step)
        if step.action == "none" and found is not None and values == found.parameters:
            self._finish(step, found.outputs, changed=False)
            return
        if step.action == "recreate":
            self._stacks.delete(step.stack)
        proposal = self.planner.proposals.get(step.kind)
        if proposal is None or proposal.inputs.parameters != values:
            proposal = self.planner.propose(step.kind, values, self._known)
        if proposal is None:
            self._finish(step, found.outputs if found else {}, changed=False)
            return
        self._executing = step.stack
        made = self._stacks.execute(proposal)
        self._executing = None
        del self.planner.proposals[step.kind]
        self._finish(step, made.outputs, changed=True)

    def _values(self, step: StackPlan) -> dict[str, str]:
        values = self._release.templates[step.kind].parameter_values(self._release.values, self._known)
        complete = {name: value for name, value in values.items() if value is not None}
        missing = sorted(values.keys() - complete.keys())
        if missing:
            raise DeployError(
                f"no earlier stack gives it {', '.join(missing)}",
                hint="these templates do not belong together; install imchat again",
                stack=step.stack,
            )
        return complete

    def _finish(self, step: StackPlan, outputs: Mapping[str, str], *, changed: bool) -> None:
        missing = sorted(self._release.templates[step.kind].outputs - outputs.keys())
        if missing:
            raise DeployError(
                f"it does not tell {', '.join(missing)}",
                hint="these templates do not belong together; install imchat again",
                stack=step.stack,
            )
        self._known |= outputs
        self._changed |= changed
        self._progress(StackFinished(step.stack, changed))

    def _site(self, plan: Plan, *, invalidates: bool) -> tuple[str, ...]:
        """Upload what differs. Returns what has to be removed, later: somebody may be reading it."""
        bucket, config = self.planner.site(self._known), self.planner.config(self._known)
        files: PlannedFiles = plan.files
        if not plan.empty:
            files = bucket.differences(self._release.files, config)
        for number, path in enumerate(files.upload, 1):
            content = self._release.files[path]
            bucket.put(path, content)
            self._changed = True
            self._progress(FileUploaded(path, len(content), number, len(files.upload)))
        if files.config:
            bucket.put(CONFIG, config)
            self._changed = True
            where = addresses(self._known, cognito="", endpoint_url=self._target.endpoint_url)
            self._progress(ConfigWritten(where.config))
        stale = (
            *([f"/{INDEX}"] if INDEX in files.upload else []),
            *([f"/{CONFIG}"] if files.config else []),
        )
        if stale and invalidates:
            cloudfront = self._target.client("cloudfront")
            invalidate(cloudfront, self._known["DistributionId"], stale, reference=self._target.new_id())
            self._progress(Invalidated(stale))
        return files.remove

    def _remove(self, paths: tuple[str, ...]) -> None:
        if paths:
            self.planner.site(self._known).remove(paths)
            self._changed = True
        for path in paths:
            self._progress(FileRemoved(path))
