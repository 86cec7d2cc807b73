"""Looks at a stage and plans: compares what is there with the templates, the code and the site of this installation."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping

from botocore.exceptions import BotoCoreError, ClientError

from imchat import __version__
from imchat.deploy.aws_errors import translated
from imchat.deploy.cloudformation.stacks import EMPTY, INLINE_BYTES, ChangeSet, Inputs, Stacks
from imchat.deploy.cloudformation.templates import KINDS
from imchat.deploy.cloudformation.watcher import Stack
from imchat.deploy.context import Target
from imchat.deploy.endpoints import addresses
from imchat.deploy.packaging.artifacts import Artifacts
from imchat.deploy.packaging.release import Release, read_release
from imchat.deploy.packaging.site import SiteBucket, config_json, in_order
from imchat.deploy.plan import (
    ParameterChange,
    Plan,
    PlannedArtifact,
    PlannedFiles,
    ResourceChange,
    StackPlan,
    check_safe,
    resource_changes,
)
from imchat.deploy.progress import Progress, StackKind, silent


class Planner:
    """One look at one stage."""

    def __init__(self, target: Target, release: Release, stacks: Stacks, *, change_set: str) -> None:
        """`change_set`: the name of the change sets it makes."""
        self._target = target
        self._release = release
        self._stacks = stacks
        self._change_set = change_set
        self.found: dict[StackKind, Stack | None] = {}
        self.proposals: dict[StackKind, ChangeSet] = {}

    def survey(self, *, wait: bool) -> Plan:
        """The plan. Change sets of stacks that would change are left in `proposals`. Raises: DeployError."""
        steps: list[StackPlan] = []
        known: dict[str, str] = {}
        for kind in KINDS:
            stack = self._stacks.settle(self._target.stack_name(kind), wait=wait)
            self.found[kind] = stack
            steps.append(self._step(kind, stack, known))
            if stack is not None and stack.status not in EMPTY:
                known |= stack.outputs
        return Plan(
            stage=self._target.config.stage,
            version=__version__,
            stacks=tuple(steps),
            artifacts=self._artifacts(steps[KINDS.index("app")], known),
            files=self._files(steps, known),
        )

    def propose(
        self, kind: StackKind, values: Mapping[str, str], known: Mapping[str, str]
    ) -> ChangeSet | None:
        """What `values` would change; None for nothing. Raises: DeployError for a change that would lose data."""
        stack, name = self.found[kind], self._target.stack_name(kind)
        creates = stack is None or stack.status in EMPTY
        proposal = self._stacks.propose(
            name, self._inputs(kind, values, known), creates=creates, change_set=self._change_set
        )
        if proposal is not None:
            self.proposals[kind] = proposal
            check_safe(name, proposal.changes)
        return proposal

    def discard(self) -> None:
        """Leave no change set behind, as far as AWS lets us: the next run removes what is left."""
        while self.proposals:
            _, proposal = self.proposals.popitem()
            with contextlib.suppress(ClientError, BotoCoreError):
                self._stacks.discard(proposal)

    def artifacts(self, known: Mapping[str, str]) -> Artifacts:
        """The artifact bucket, of whose name the state's stack tells."""
        target = self._target
        return Artifacts(
            target.client("s3"), known["ArtifactBucketName"], target.stack_name("state"), target.region
        )

    def site(self, known: Mapping[str, str]) -> SiteBucket:
        """The site's bucket."""
        return SiteBucket(self._target.client("s3"), known["SiteBucketName"], self._target.stack_name("site"))

    def config(self, known: Mapping[str, str]) -> bytes:
        """The content of `config.json`, once all stacks are known."""
        cognito = self._target.client("cognito-idp").meta.endpoint_url
        where = addresses(known, cognito=cognito, endpoint_url=self._target.endpoint_url)
        return config_json(known, where, region=self._target.region)

    def _step(self, kind: StackKind, stack: Stack | None, known: Mapping[str, str]) -> StackPlan:
        name, template = self._target.stack_name(kind), self._release.templates[kind]
        values = template.parameter_values(self._release.values, known)
        before = {} if stack is None or stack.status in EMPTY else stack.parameters
        parameters = tuple(
            ParameterChange(key, before.get(key), value)
            for key, value in values.items()
            if value is None or before.get(key) != value
        )
        if stack is None or stack.status in EMPTY:
            failed = stack is not None and stack.status == "ROLLBACK_COMPLETE"
            adds = tuple(
                ResourceChange("add", one.logical_id, one.type, condition=one.condition)
                for one in template.resources
            )
            return StackPlan(kind, name, "recreate" if failed else "create", adds, parameters, exact=False)
        complete = {key: value for key, value in values.items() if value is not None}
        if len(complete) < len(values):
            return StackPlan(kind, name, "update", (), parameters, exact=False)
        if complete == stack.parameters and self._stacks.template(stack.id) == template.body.rstrip():
            return StackPlan(kind, name, "none")
        proposal = self.propose(kind, complete, known)
        if proposal is None:
            return StackPlan(kind, name, "none")
        return StackPlan(kind, name, "update", resource_changes(proposal.changes), parameters)

    def _inputs(self, kind: StackKind, values: Mapping[str, str], known: Mapping[str, str]) -> Inputs:
        body = self._release.templates[kind].body
        if len(body.encode()) <= INLINE_BYTES:
            return Inputs(body, values)
        artifacts = self.artifacts(known)
        key = f"templates/{hashlib.sha256(body.encode()).hexdigest()}.yaml"
        artifacts.provide("template", key, body.encode, silent)
        return Inputs(body, values, artifacts.url(key))

    def _artifacts(self, app: StackPlan, known: Mapping[str, str]) -> tuple[PlannedArtifact, ...]:
        code, layer = self._release.code, self._release.layer_key
        running = self.found["app"].parameters if self.found["app"] is not None else {}

        def is_missing(parameter: str, key: str) -> bool:
            if app.action == "none" or (app.action == "update" and running.get(parameter) == key):
                return False
            return "ArtifactBucketName" not in known or not self.artifacts(known).has(key)

        return (
            PlannedArtifact("layer", layer, None, is_missing("LayerKey", layer)),
            PlannedArtifact("code", code.key, len(code.content), is_missing("CodeKey", code.key)),
        )

    def _files(self, steps: list[StackPlan], known: Mapping[str, str]) -> PlannedFiles:
        if "SiteBucketName" not in known:
            return PlannedFiles(upload=in_order(self._release.files), config=True)
        settled = all(step.action == "none" for step in steps)
        return self.site(known).differences(self._release.files, self.config(known) if settled else None)


@translated()
def make_plan(
    target: Target, *, release: Release | None = None, wait: bool = True, progress: Progress = silent
) -> Plan:
    """What `deploy` would do now. Nothing is executed, and no change set and no empty stack is left behind.

    Only a template that is too long for a request has to be uploaded to be looked at; it is named by its checksum.
    With `wait` a stack that somebody is changing is waited for; without, that raises DeployError.
    Raises: DeployError also for a plan that would replace or remove what holds data, naming the property that asks for it.
    """
    stacks = Stacks(target, progress)
    planner = Planner(target, release or read_release(target), stacks, change_set="imchat-plan")
    try:
        return planner.survey(wait=wait)
    finally:
        planner.discard()
