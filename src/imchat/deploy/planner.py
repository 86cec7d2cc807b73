"""Plans a deployment: compares what is deployed with the templates, the code and the site of a release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from imchat import __version__
from imchat.deploy.aws_errors import translated
from imchat.deploy.cloudformation.change_sets import ChangeSets
from imchat.deploy.cloudformation.stacks import EMPTY, Stacks
from imchat.deploy.cloudformation.templates import KINDS
from imchat.deploy.cloudformation.watcher import Stack
from imchat.deploy.context import AwsSession, DeployContext, stack_name
from imchat.deploy.packaging.artifacts import ArtifactBucket
from imchat.deploy.packaging.release import Release, read_release
from imchat.deploy.packaging.site import PlannedFiles, SiteBucket, config_json, upload_order
from imchat.deploy.plan import (
    ParameterChange,
    Plan,
    PlannedArtifact,
    ResourceChange,
    StackPlan,
    resource_changes,
)
from imchat.deploy.progress import Progress, StackKind, silent


@translated()
def make_plan(
    context: DeployContext, *, release: Release | None = None, wait: bool = True, progress: Progress = silent
) -> Plan:
    """Return what `deploy` would do now. Executes nothing, and leaves no change set and no empty stack.

    A template that is too long for a request is uploaded, under a key with its checksum.
    With `wait`, a stack that is being changed is waited for; without, it raises DeployError.
    Raises: DeployError also if the plan would replace or remove a resource that holds data, naming the property.
    """
    planner = Planner(
        context, release or read_release(context), Stacks(context, progress), change_set_name="imchat-plan"
    )
    try:
        plan = planner.inspect(wait=wait)
    finally:
        planner.change_sets.delete_pending()
    return replace(plan, stacks=tuple(replace(step, change_set=None) for step in plan.stacks))


class Planner:
    """Plans the deployment of one release. `change_sets` are those that its plan refers to."""

    def __init__(
        self, session: AwsSession, release: Release, stacks: Stacks, *, change_set_name: str
    ) -> None:
        """Prepare a plan whose change sets are all called `change_set_name`."""
        self._session = session
        self._release = release
        self._stage = release.parameters["Stage"]
        self._stacks = stacks
        self.change_sets = ChangeSets(session, stacks, name=change_set_name)

    def inspect(self, *, wait: bool) -> Plan:
        """Return the plan. The change sets of the stacks that it updates exist. Raises: DeployError."""
        steps: list[StackPlan] = []
        outputs: dict[str, str] = {}
        for kind in KINDS:
            stack = self._stacks.wait_until_stable(stack_name(self._stage, kind), wait=wait)
            steps.append(self._plan_stack(kind, stack, outputs))
            if stack is not None and stack.status not in EMPTY:
                outputs |= stack.outputs
        return Plan(
            stage=self._stage,
            version=__version__,
            stacks=tuple(steps),
            artifacts=self._plan_artifacts(steps[KINDS.index("app")], outputs),
            files=self._plan_files(steps, outputs),
            release=self._release,
        )

    def _plan_stack(self, kind: StackKind, stack: Stack | None, outputs: Mapping[str, str]) -> StackPlan:
        name, template = stack_name(self._stage, kind), self._release.templates[kind]
        values = template.parameter_values(self._release.parameters, outputs)
        current = None if stack is None or stack.status in EMPTY else stack
        before = current.parameters if current else {}
        parameters = tuple(
            ParameterChange(key, before.get(key), value)
            for key, value in values.items()
            if value is None or before.get(key) != value
        )
        if current is None:
            failed = stack is not None and stack.status == "ROLLBACK_COMPLETE"
            additions = tuple(
                ResourceChange("add", resource.logical_id, resource.type, condition=resource.condition)
                for resource in template.resources
            )
            return StackPlan(
                kind, name, "recreate" if failed else "create", additions, parameters, exact=False
            )
        known = {key: value for key, value in values.items() if value is not None}
        if len(known) < len(values):
            return StackPlan(kind, name, "update", (), parameters, exact=False, current=current)
        if known == current.parameters and self._stacks.template(current.id) == template.body.rstrip():
            return StackPlan(kind, name, "none", current=current)
        change_set = self.change_sets.create(template, known, outputs, creates=False)
        if change_set is None:
            return StackPlan(kind, name, "none", current=current)
        changes = resource_changes(change_set.changes)
        return StackPlan(kind, name, "update", changes, parameters, current=current, change_set=change_set)

    def _plan_artifacts(self, app: StackPlan, outputs: Mapping[str, str]) -> tuple[PlannedArtifact, ...]:
        code, layer = self._release.code, self._release.layer_key
        deployed = app.current.parameters if app.current else {}

        def is_missing(parameter: str, key: str) -> bool:
            if app.action == "none" or (app.action == "update" and deployed.get(parameter) == key):
                return False
            if "ArtifactBucketName" not in outputs:
                return True
            return not ArtifactBucket.of(self._session, outputs, stage=self._stage).has(key)

        return (
            PlannedArtifact("layer", layer, None, is_missing("LayerKey", layer)),
            PlannedArtifact("code", code.key, len(code.content), is_missing("CodeKey", code.key)),
        )

    def _plan_files(self, steps: list[StackPlan], outputs: Mapping[str, str]) -> PlannedFiles:
        files = self._release.site_files
        if "SiteBucketName" not in outputs:
            return PlannedFiles(upload=upload_order(files), config=True)
        unchanged = all(step.action == "none" for step in steps)
        config = config_json(self._session, outputs, self._release.sign_up) if unchanged else None
        return SiteBucket.of(self._session, outputs, stage=self._stage).compare(files, config)
