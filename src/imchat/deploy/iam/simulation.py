"""Asks IAM whether somebody may do what a deployment does. An answer by simulation: organizations' policies are not in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from imchat.deploy.iam.arns import DeploymentScope
from imchat.deploy.iam.policy import deployer_policies


def principal(iam: Any, arn: str) -> str | None:
    """The user or role whose policies count for who is signed in as `arn`; None where IAM can say nothing of them."""
    resource = arn.split(":", 5)[5]
    kind, _, name = resource.partition("/")
    if kind == "user":
        return arn
    if kind == "assumed-role":
        return str(iam.get_role(RoleName=name.partition("/")[0])["Role"]["Arn"])
    return None


def missing_actions(iam: Any, source: str, place: DeploymentScope) -> list[str]:
    """The actions of a deployment that `source` (an ARN of a user or role) is not allowed, in alphabetical order."""
    missing: set[str] = set()
    for policy in deployer_policies(place):
        for statement in policy.document["Statement"]:
            missing |= {
                result["EvalActionName"]
                for result in _simulated(iam, source, statement)
                if result["EvalDecision"] != "allowed"
            }
    return sorted(missing)


def _simulated(iam: Any, source: str, statement: dict[str, Any]) -> Iterator[dict[str, Any]]:
    pages = iam.get_paginator("simulate_principal_policy").paginate(
        PolicySourceArn=source,
        ActionNames=statement["Action"],
        ResourceArns=statement["Resource"],
        ContextEntries=list(_context(statement.get("Condition", {}))),
    )
    for page in pages:
        yield from page["EvaluationResults"]


def _context(conditions: dict[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """A request that meets the conditions."""
    for operator, keys in conditions.items():
        for key, value in keys.items():
            several = operator.startswith("ForAnyValue:")
            yield {
                "ContextKeyName": key,
                "ContextKeyValues": [value] if isinstance(value, str) else value[: None if several else 1],
                "ContextKeyType": "stringList" if several else "string",
            }
