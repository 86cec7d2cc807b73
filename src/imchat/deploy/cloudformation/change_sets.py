"""Creates change sets for stacks, refuses those that would lose data, and deletes those that were not executed."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping

from botocore.exceptions import BotoCoreError, ClientError

from imchat.deploy.cloudformation.stacks import INLINE_BYTES, ChangeSet, StackInputs, Stacks
from imchat.deploy.cloudformation.templates import Template
from imchat.deploy.context import AwsSession, stack_name
from imchat.deploy.packaging.artifacts import ArtifactBucket
from imchat.deploy.plan import check_safe
from imchat.deploy.progress import StackKind, silent


class ChangeSets:
    """The change sets of one run. `pending` holds those that exist and were not executed."""

    def __init__(self, session: AwsSession, stacks: Stacks, *, name: str) -> None:
        """Prepare a run whose change sets are all called `name`."""
        self._session = session
        self._stacks = stacks
        self._name = name
        self.pending: dict[StackKind, ChangeSet] = {}

    def create(
        self,
        template: Template,
        parameters: Mapping[str, str],
        earlier_outputs: Mapping[str, str],
        *,
        creates: bool,
    ) -> ChangeSet | None:
        """Create a change set that gives a stack this template and these parameters; None if it would change nothing.

        `creates`: whether the stack has no resources yet. Raises: DeployError for a change that would lose data.
        """
        stack = stack_name(parameters["Stage"], template.kind)
        inputs = self._inputs(template, parameters, earlier_outputs)
        change_set = self._stacks.create_change_set(stack, inputs, creates=creates, change_set=self._name)
        if change_set is not None:
            self.pending[template.kind] = change_set
            check_safe(stack, change_set.changes)
        return change_set

    def delete_pending(self) -> None:
        """Delete the change sets that were not executed. One that AWS does not delete is replaced by the next run."""
        while self.pending:
            _, change_set = self.pending.popitem()
            with contextlib.suppress(ClientError, BotoCoreError):
                self._stacks.delete_change_set(change_set)

    def _inputs(
        self, template: Template, parameters: Mapping[str, str], earlier_outputs: Mapping[str, str]
    ) -> StackInputs:
        """Return a stack's inputs, and upload a template that is too long for a request."""
        content = template.body.encode()
        if len(content) <= INLINE_BYTES:
            return StackInputs(template.body, parameters)
        bucket = ArtifactBucket.of(self._session, earlier_outputs, stage=parameters["Stage"])
        key = f"templates/{hashlib.sha256(content).hexdigest()}.yaml"
        bucket.ensure("template", key, lambda: content, silent)
        return StackInputs(template.body, parameters, bucket.url(key))
