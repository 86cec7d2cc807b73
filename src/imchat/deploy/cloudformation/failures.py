"""Errors for what CloudFormation rejects and where it fails, each with the next step for the operator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from imchat.deploy.cloudformation.watcher import Stack
from imchat.errors import DeployError

_FIX_AND_RETRY: Final = "fix that and run `imchat deploy` again"
_ALREADY_EXISTS: Final = "already exists"
_LEFTOVER_HINT: Final = (
    "resources of an earlier installation of this stage were kept and their stack was deleted by hand: "
    "delete or rename them, or deploy another stage with --stage"
)


def change_set_rejected(name: str, reason: str, resource: str | None, *, creates: bool) -> DeployError:
    """Return the error for a change set that CloudFormation cannot create, for the first `reason` it gives."""
    hint = _LEFTOVER_HINT if creates and _ALREADY_EXISTS in reason else _FIX_AND_RETRY
    return DeployError(reason, hint=hint, stack=name, resource=resource)


def change_set_failed(
    name: str, stack: Stack | None, failure: tuple[str, str] | None, *, creates: bool
) -> DeployError:
    """Return the error for an executed change set that failed.

    `stack` is the stack as it is now (None: deleted), `failure` the first resource that failed and why.
    """
    resource, reason = failure or (None, (stack and stack.reason) or "CloudFormation gives no reason")
    if stack is None:
        reason, hint = "it was deleted while it was being changed", "run `imchat deploy` again"
    elif creates and _ALREADY_EXISTS in reason:
        hint = _LEFTOVER_HINT
    elif creates:
        hint = "its creation was rolled back; " + _FIX_AND_RETRY
    elif stack.status == "UPDATE_ROLLBACK_COMPLETE":
        hint = "the update was rolled back; " + _FIX_AND_RETRY
    else:
        hint = f"the stack is left in {stack.status}; {_FIX_AND_RETRY}, which shows the next step"
    return DeployError(reason, hint=hint, stack=name, resource=resource)


def deletion_failed(stack: Stack, failure: tuple[str, str] | None) -> DeployError:
    """Return the error for a stack that still exists after its deletion."""
    resource, reason = failure or (None, stack.reason or stack.status)
    return DeployError(
        f"it could not be deleted: {reason}",
        hint="fix that and run `imchat teardown` again; it continues from here",
        stack=stack.name,
        resource=resource,
    )


def stack_needs_repair(stack: Stack, resources: Iterable[Mapping[str, Any]]) -> DeployError:
    """Return the error for a stack in a status that only its operator can end; `resources` are its resource summaries."""
    if stack.status == "UPDATE_ROLLBACK_FAILED":
        failed = [resource for resource in resources if resource["ResourceStatus"] == "UPDATE_FAILED"]
        reasons = ", ".join(
            f"{resource['LogicalResourceId']} ({str(resource.get('ResourceStatusReason', 'no reason given')).rstrip('.')})"
            for resource in failed
        )
        return DeployError(
            f"an update failed, and its rollback failed: {reasons or stack.reason}",
            hint=(
                f"fix that, run `aws cloudformation continue-update-rollback --stack-name {stack.name}`, then "
                "`imchat deploy`; imchat skips no resource in a rollback, or the stack would not match its resources"
            ),
            stack=stack.name,
            resource=failed[0]["LogicalResourceId"] if failed else None,
        )
    holds_data = stack.name.endswith("-state")
    return DeployError(
        f"its creation or deletion did not finish ({stack.status}: {stack.reason or 'no reason given'})",
        hint=(
            "look at it in the CloudFormation console; if you need none of its data, `imchat teardown --delete-data` "
            "removes it, and `imchat deploy` creates it again"
            if holds_data
            else "`imchat teardown` removes it and keeps accounts, messages and files; then run `imchat deploy` again"
        ),
        stack=stack.name,
    )
