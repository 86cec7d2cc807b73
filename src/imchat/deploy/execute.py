"""Executes a plan: the stacks in their order, artifacts before the app stack, the site's files, and a smoke test."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from imchat.deploy.aws_errors import explain
from imchat.deploy.cloudformation.change_sets import ChangeSets
from imchat.deploy.cloudformation.stacks import Stacks
from imchat.deploy.context import AwsSession, DeployContext
from imchat.deploy.endpoints import resolve_endpoints
from imchat.deploy.packaging.artifacts import ArtifactBucket
from imchat.deploy.packaging.release import Release, read_release
from imchat.deploy.packaging.site import CONFIG_FILE, INDEX_FILE, SiteBucket, config_json, invalidate
from imchat.deploy.plan import Plan, StackPlan
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

_CHANGE_SET_NAME: Final = "imchat-deploy"
_NEXT_RUN_HINT: Final = "the next `imchat deploy` continues from here"
_MISMATCH_HINT: Final = "the templates are not of one version; install imchat again"


@dataclass(frozen=True, slots=True)
class Deployment:
    """What is deployed now. Users open `url`; `changed` is false if nothing had to be done.

    `outputs` are those of all stacks; a custom domain's DNS record has to point to `DistributionDomain`.
    """

    plan: Plan
    url: str
    changed: bool
    outputs: Mapping[str, str]


def deploy(
    context: DeployContext,
    *,
    release: Release | None = None,
    approve: Callable[[Plan], bool] | None = None,
    wait: bool = True,
    progress: Progress = silent,
) -> Deployment | None:
    """Plan and execute a deployment. Returns None if `approve` returned false; it is not called for an empty plan.

    `release` is what to deploy, by default this installation. With `wait`, a stack that is being changed is waited for.
    After an interruption the next run continues. Raises: DeployError with the first resource that failed.
    """
    stacks = Stacks(context, progress)
    execution = _Execution(context, stacks, progress)
    with execution.errors_explained():
        planner = Planner(context, release or read_release(context), stacks, change_set_name=_CHANGE_SET_NAME)
        approved = False
        try:
            plan = planner.inspect(wait=wait)
            approved = approve is None or plan.empty or approve(plan)
        finally:
            if not approved:
                planner.change_sets.delete_pending()
        return execution.run(plan) if approved else None


def execute_plan(plan: Plan, session: AwsSession, *, progress: Progress = silent) -> Deployment:
    """Execute a plan of `make_plan`. Raises: DeployError with the first resource that failed."""
    execution = _Execution(session, Stacks(session, progress), progress)
    with execution.errors_explained():
        return execution.run(plan)


class _Execution:
    """The execution of one plan. `_outputs` grows with the outputs of each stack."""

    def __init__(self, session: AwsSession, stacks: Stacks, progress: Progress) -> None:
        self._session = session
        self._stacks = stacks
        self._progress = progress
        self._change_sets = ChangeSets(session, stacks, name=_CHANGE_SET_NAME)
        self._outputs: dict[str, str] = {}
        self._stack_in_progress: str | None = None
        self._changed = False

    def run(self, plan: Plan) -> Deployment:
        """Execute the plan, and delete the change sets that are not executed."""
        self._change_sets.pending |= {step.kind: step.change_set for step in plan.stacks if step.change_set}
        try:
            return self._run(plan)
        finally:
            self._change_sets.delete_pending()

    @contextlib.contextmanager
    def errors_explained(self) -> Iterator[None]:
        """Add to an error or Ctrl-C what CloudFormation is still doing, and that the next run continues."""
        try:
            yield
        except KeyboardInterrupt:
            self._progress(Interrupted(self._stack_in_progress, self._interruption_hint("; ")))
            raise
        except (ClientError, BotoCoreError) as error:
            explained = explain(error)
            if self._stack_in_progress is None and not self._changed:
                raise explained from error
            hint = self._interruption_hint(", and ")
            raise DeployError(explained.message, hint=hint, stack=self._stack_in_progress) from error

    def _interruption_hint(self, separator: str) -> str:
        if self._stack_in_progress is None:
            return _NEXT_RUN_HINT
        return f"CloudFormation continues to change {self._stack_in_progress}{separator}{_NEXT_RUN_HINT}"

    def _run(self, plan: Plan) -> Deployment:
        for step in plan.stacks:
            if step.kind == "app":
                self._upload_artifacts(plan)
            self._deploy_stack(step, plan.release)
        config = config_json(self._session, self._outputs, plan.release.sign_up)
        old_files = self._upload_site(plan, config)
        endpoints = resolve_endpoints(self._outputs, self._session.endpoint_url)
        index = plan.release.site_files[INDEX_FILE]
        smoke_test(self._session, endpoints, config=config, index=index, progress=self._progress)
        self._remove_files(plan.stage, old_files)
        return Deployment(plan, endpoints.site, self._changed, dict(self._outputs))

    def _upload_artifacts(self, plan: Plan) -> None:
        release = plan.release
        contents: Mapping[str, Callable[[], bytes]] = {
            "code": lambda: release.code.content,
            "layer": lambda: release.build_layer(lambda step: self._progress(LayerStep(step))),
        }
        for artifact in plan.artifacts:
            if artifact.upload:
                bucket = ArtifactBucket.of(self._session, self._outputs, stage=plan.stage)
                bucket.ensure(artifact.kind, artifact.key, contents[artifact.kind], self._progress)

    def _deploy_stack(self, step: StackPlan, release: Release) -> None:
        parameters = self._parameters(step, release)
        if step.action == "none" and step.current is not None and parameters == step.current.parameters:
            self._finish(step, release, step.current.outputs, changed=False)
            return
        if step.action == "recreate":
            self._stacks.delete(step.stack)
        change_set = self._change_sets.pending.get(step.kind)
        # An earlier stack may have got other outputs than the plan assumed.
        if change_set is None or change_set.inputs.parameters != parameters:
            template = release.templates[step.kind]
            creates = step.current is None
            change_set = self._change_sets.create(template, parameters, self._outputs, creates=creates)
        if change_set is None:
            self._finish(step, release, step.current.outputs if step.current else {}, changed=False)
            return
        self._stack_in_progress = step.stack
        stack = self._stacks.execute(change_set)
        self._stack_in_progress = None
        del self._change_sets.pending[step.kind]
        self._finish(step, release, stack.outputs, changed=True)

    def _parameters(self, step: StackPlan, release: Release) -> dict[str, str]:
        values = release.templates[step.kind].parameter_values(release.parameters, self._outputs)
        known = {name: value for name, value in values.items() if value is not None}
        missing = sorted(values.keys() - known.keys())
        if missing:
            message = f"no earlier stack has an output for its parameters {', '.join(missing)}"
            raise DeployError(message, hint=_MISMATCH_HINT, stack=step.stack)
        return known

    def _finish(
        self, step: StackPlan, release: Release, outputs: Mapping[str, str], *, changed: bool
    ) -> None:
        missing = sorted(release.templates[step.kind].outputs - outputs.keys())
        if missing:
            message = f"it lacks the outputs {', '.join(missing)}"
            raise DeployError(message, hint=_MISMATCH_HINT, stack=step.stack)
        self._outputs |= outputs
        self._changed |= changed
        self._progress(StackFinished(step.stack, changed))

    def _upload_site(self, plan: Plan, config: bytes) -> tuple[str, ...]:
        """Upload the files that differ. Returns those to remove later, because open pages may still load them."""
        bucket = SiteBucket.of(self._session, self._outputs, stage=plan.stage)
        site_files = plan.release.site_files
        files = plan.files if plan.empty else bucket.compare(site_files, config)
        for number, path in enumerate(files.upload, 1):
            content = site_files[path]
            bucket.upload(path, content)
            self._changed = True
            self._progress(FileUploaded(path, len(content), number, len(files.upload)))
        if files.config:
            bucket.upload(CONFIG_FILE, config)
            self._changed = True
            endpoints = resolve_endpoints(self._outputs, self._session.endpoint_url)
            self._progress(ConfigWritten(endpoints.config))
        outdated = (
            *([f"/{INDEX_FILE}"] if INDEX_FILE in files.upload else []),
            *([f"/{CONFIG_FILE}"] if files.config else []),
        )
        # A new distribution has nothing in its caches.
        is_new = any(step.kind == "site" and step.current is None for step in plan.stacks)
        if outdated and not is_new:
            invalidate(self._session, self._outputs["DistributionId"], outdated)
            self._progress(Invalidated(outdated))
        return files.remove

    def _remove_files(self, stage: str, paths: tuple[str, ...]) -> None:
        if paths:
            SiteBucket.of(self._session, self._outputs, stage=stage).remove(paths)
            self._changed = True
        for path in paths:
            self._progress(FileRemoved(path))
