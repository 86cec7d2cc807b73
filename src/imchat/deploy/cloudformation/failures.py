"""What CloudFormation's refusals and failures mean for an operator, each with the next step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from imchat.deploy.cloudformation.watcher import Stack
from imchat.errors import DeployError

_MEND_AND_REPEAT: Final = "mend that and run `imchat deploy` again"
_EXISTS: Final = "already exists"
_IN_THE_WAY: Final = (
    "an earlier installation of this stage was kept and its stack deleted by hand: delete or rename what is in the way, "
    "or deploy another stage with --stage"
)


def refused(name: str, reason: str, resource: str | None, *, creates: bool) -> DeployError:
    """No change set can be made, for the first `reason` there is."""
    hint = _IN_THE_WAY if creates and _EXISTS in reason else _MEND_AND_REPEAT
    return DeployError(reason, hint=hint, stack=name, resource=resource)


def failed(name: str, stack: Stack | None, failure: tuple[str, str] | None, *, creates: bool) -> DeployError:
    """A change set was executed and `stack` (None: it is gone) is not as wanted; `failure`: first resource and reason."""
    resource, reason = failure or (None, (stack and stack.reason) or "CloudFormation gives no reason")
    if stack is None:
        reason, hint = "it was deleted while it was being changed", "run `imchat deploy` again"
    elif creates and _EXISTS in reason:
        hint = _IN_THE_WAY
    elif creates:
        hint = "nothing is left of it; " + _MEND_AND_REPEAT
    elif stack.status == "UPDATE_ROLLBACK_COMPLETE":
        hint = "the stack is again as it was before; " + _MEND_AND_REPEAT
    else:
        hint = f"the stack is left in {stack.status}; {_MEND_AND_REPEAT}, which says what to do"
    return DeployError(reason, hint=hint, stack=name, resource=resource)


def not_deleted(stack: Stack, failure: tuple[str, str] | None) -> DeployError:
    """A stack is still there after its deletion."""
    resource, reason = failure or (None, stack.reason or stack.status)
    return DeployError(
        f"it could not be deleted: {reason}",
        hint="mend that and run `imchat teardown` again; it goes on where this stopped",
        stack=stack.name,
        resource=resource,
    )


def stuck(stack: Stack, resources: Iterable[Mapping[str, Any]]) -> DeployError:
    """Nothing can be done with a stack in this status before its operator has; `resources` are its summaries."""
    if stack.status == "UPDATE_ROLLBACK_FAILED":
        broken = [one for one in resources if one["ResourceStatus"] == "UPDATE_FAILED"]
        told = ", ".join(
            f"{one['LogicalResourceId']} ({str(one.get('ResourceStatusReason', 'no reason given')).rstrip('.')})"
            for one in broken
        )
        return DeployError(
            f"an update failed and could not be undone either: {told or stack.reason}",
            hint=(
                f"mend that, then `aws cloudformation continue-update-rollback --stack-name {stack.name}`, then "
                "`imchat deploy`; imchat skips no resource, because the stack would not know any more what there is"
            ),
            stack=stack.name,
            resource=broken[0]["LogicalResourceId"] if broken else None,
        )
    holds_data = stack.name.endswith("-state")
    return DeployError(
        f"it is half made or half deleted ({stack.status}: {stack.reason or 'no reason given'})",
        hint=(
            "look at it in the CloudFormation console; if nothing that it holds is needed, `imchat teardown --delete-data` "
            "removes it, and `imchat deploy` makes it anew"
            if holds_data
            else "`imchat teardown` removes it and keeps accounts, messages and files; then run `imchat deploy` again"
        ),
        stack=stack.name,
    )
