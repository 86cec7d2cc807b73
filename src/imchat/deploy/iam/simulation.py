"""Asks IAM's policy simulator whether a user or role may deploy. The simulation ignores organization policies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from imchat.deploy.iam.arns import DeploymentScope
from imchat.deploy.iam.policy import deployer_policies


def policy_source(iam: Any, caller_arn: str) -> str | None:
    """Return the ARN of the user or role whose policies apply to the caller, or None if IAM cannot simulate it."""
    resource = caller_arn.split(":", 5)[5]
    kind, _, name = resource.partition("/")
    if kind == "user":
        return caller_arn
    if kind == "assumed-role":
        return str(iam.get_role(RoleName=name.partition("/")[0])["Role"]["Arn"])
    return None


def missing_actions(iam: Any, source_arn: str, scope: DeploymentScope) -> list[str]:
    """Return the deployment actions that the user or role `source_arn` may not perform, sorted by name."""
    missing: set[str] = set()
    for policy in deployer_policies(scope):
        for statement in policy.document["Statement"]:
            missing |= {
                result["EvalActionName"]
                for result in _simulate(iam, source_arn, statement)
                if result["EvalDecision"] != "allowed"
            }
    return sorted(missing)


def _simulate(iam: Any, source_arn: str, statement: dict[str, Any]) -> Iterator[dict[str, Any]]:
    pages = iam.get_paginator("simulate_principal_policy").paginate(
        PolicySourceArn=source_arn,
        ActionNames=statement["Action"],
        ResourceArns=statement["Resource"],
        ContextEntries=list(_context_entries(statement.get("Condition", {}))),
    )
    for page in pages:
        yield from page["EvaluationResults"]


def _context_entries(conditions: dict[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the context of a request that meets the conditions."""
    for operator, keys in conditions.items():
        for key, value in keys.items():
            multivalued = operator.startswith("ForAnyValue:")
            yield {
                "ContextKeyName": key,
                "ContextKeyValues": [value]
                if isinstance(value, str)
                else value[: None if multivalued else 1],
                "ContextKeyType": "stringList" if multivalued else "string",
            }
