"""The deployer's policies allow what the templates' resources and the commands need on one stage, and nothing else."""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import botocore.session
import pytest
from botocore import xform_name
from policy_sentry.querying.actions import get_action_data
from tests.support.problems import check_generated
from tests.templates import loading
from tools import permissions

from imchat import deploy
from imchat.deploy.iam import policy
from imchat.deploy.iam.arns import DeploymentScope
from imchat.deploy.iam.policy import Policy

ROOT: Final = Path(__file__).resolve().parents[2]
SCOPE: Final = DeploymentScope("prod", loading.REGION, loading.ACCOUNT)
LONGEST_SCOPE: Final = DeploymentScope(
    "a-stage-of-20-letter", "ap-southeast-1", loading.ACCOUNT, "aws-us-gov"
)
SERVICES: Final = {"cognito-idp": "cognito-idp", "sesv2": "ses"} | {
    name: name
    for name in ("acm", "cloudformation", "cloudfront", "dynamodb", "iam", "lambda", "logs", "s3", "sts")
}
"""The services that the deployer calls, with their IAM prefixes."""
ACTION_NAMES: Final = {
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:ListObjectsV2": "s3:ListBucket",
}
"""API operations whose IAM action has another name."""
NOT_CALLED: Final = {"cognito-idp:SignUp", "iam:ListUsers"}
"""API operations with the name of a setting, or of an operation of another service."""


def schema_actions() -> Iterator[tuple[str, str]]:
    """Yield every resource type in the templates with each action in its schema."""
    for kind, handlers in json.loads(permissions.generate())["resources"].items():
        for action in {action for actions in handlers.values() for action in actions}:
            yield kind, action


def statements_by_action(policies: list[Policy]) -> dict[str, dict[str, Any]]:
    """Return the statement that allows each action."""
    return {
        action: statement
        for generated in policies
        for statement in generated.document["Statement"]
        for action in statement["Action"]
    }


@cache
def deployer() -> dict[str, dict[str, Any]]:
    return statements_by_action(policy.deployer_policies(SCOPE))


def test_the_committed_permissions_file_is_current() -> None:
    check_generated(permissions.PATH, permissions.generate())


def test_every_action_in_a_schema_is_allowed_or_listed_as_unneeded() -> None:
    for kind, action in schema_actions():
        unneeded = any(re.fullmatch(pattern, f"{kind} {action}") for pattern in policy.UNNEEDED)
        assert unneeded or action in deployer(), (kind, action)


def test_no_other_action_is_allowed() -> None:
    known = {action for _, action in schema_actions()}.union(*policy.DIRECT_CALLS.values())
    assert set(deployer()) <= known
    assert not any("*" in action for action in deployer())


@pytest.mark.parametrize("pattern", policy.UNNEEDED)
def test_every_unneeded_pattern_matches_an_action(pattern: str) -> None:
    assert any(re.fullmatch(pattern, f"{kind} {action}") for kind, action in schema_actions())


def test_every_aws_call_of_the_deployer_is_allowed() -> None:
    package = Path(deploy.__file__).parents[1]
    sources = [*package.glob("deploy/**/*.py"), *package.glob("commands/*.py")]
    words = {word for path in sources for word in re.findall(r"[a-z_0-9]+", path.read_text("utf-8"))}
    session = botocore.session.get_session()
    calls = {
        f"{iam}:{operation}"
        for service, iam in SERVICES.items()
        for operation in session.get_service_model(service).operation_names
        if "_" in xform_name(operation) and xform_name(operation) in words
    }
    assert {ACTION_NAMES.get(call, call) for call in calls - NOT_CALLED} <= set(deployer())


def test_iam_knows_every_action() -> None:
    known = permissions.known_actions().values()
    unknown = (policy.deployer_actions() | policy.function_actions()) - set(known)
    assert unknown == permissions.ONLY_IN_SCHEMAS


def test_an_action_is_limited_to_resources_where_iam_supports_it() -> None:
    """Otherwise its resource must be "*": with any other resource it would not be allowed at all."""
    statements = deployer() | statements_by_action([policy.boundary_policy(SCOPE)])
    for action, statement in statements.items():
        service, _, name = action.partition(":")
        if service == "apigateway":
            formats = {"arn:${Partition}:apigateway:${Region}::/apis"}
        else:
            formats = {row["resource_arn_format"] for row in get_action_data(service, name)[service]} - {"*"}
        if formats:
            patterns = [re.sub(r"\$\{[^}]+\}", "*", text) for text in formats]
            assert "*" not in statement["Resource"], action
            assert any(overlap(pattern, other) for pattern in statement["Resource"] for other in patterns), (
                action
            )
        else:
            assert statement["Resource"] == ["*"], action


@cache
def overlap(one: str, other: str) -> bool:
    """Return whether a string can match both patterns, where `*` matches anything."""
    if not one or not other:
        return set(one + other) <= {"*"}
    if one[0] == "*":
        return overlap(one[1:], other) or overlap(one, other[1:])
    if other[0] == "*":
        return overlap(other, one)
    return one[0] == other[0] and overlap(one[1:], other[1:])


@pytest.mark.parametrize("scope", [SCOPE, LONGEST_SCOPE], ids=["usual", "longest"])
def test_every_policy_is_within_the_size_limit_of_iam(scope: DeploymentScope) -> None:
    policies = [*policy.deployer_policies(scope), policy.boundary_policy(scope)]
    for generated in policies:
        assert len(re.sub(r"\s", "", json.dumps(generated.document))) <= 6_144
    assert len(policies) <= 4


@pytest.mark.parametrize("name", loading.NAMES)
def test_resource_names_in_the_templates_are_covered_by_the_policies(name: str) -> None:
    named = re.findall(r"Name: !Sub (\S+)", loading.path_of(name).read_text("utf-8"))
    for sub in named:
        name_in_prod = sub.replace("${Stage}", "prod")
        assert name_in_prod == "imchat-prod" or name_in_prod.startswith(
            ("imchat-prod-", "/imchat/prod/", "/aws/lambda/imchat-prod-")
        )


def test_roles_require_the_boundary_and_can_be_passed_only_to_lambda() -> None:
    boundary = policy.boundary_policy(SCOPE).arn
    assert boundary == f"arn:aws:iam::{loading.ACCOUNT}:policy/imchat-prod-boundary"
    for action in ("iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary"):
        assert deployer()[action]["Condition"] == {"ArnEquals": {"iam:PermissionsBoundary": boundary}}
    assert "iam:DeleteRolePermissionsBoundary" not in deployer()
    assert deployer()["iam:PassRole"]["Condition"] == {
        "StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}
    }


def test_resources_of_another_stage_are_not_allowed() -> None:
    other = "imchat-test"
    for action, statement in deployer().items():
        for resource in statement["Resource"]:
            if resource != "*" and "/aws/" not in resource and "imchat" in resource:
                assert "imchat-prod" in resource or "/imchat/prod/" in resource, action
            assert other not in resource
    for action in ("cognito-idp:DeleteUserPool", "cognito-idp:AdminSetUserPassword"):
        assert deployer()[action]["Condition"] == {"StringEquals": {"aws:ResourceTag/imchat:stage": "prod"}}


def test_the_user_pool_has_the_stage_tag() -> None:
    template = loading.load("state")
    [pool] = loading.of_type(template, "AWS::Cognito::UserPool").values()
    assert loading.render(template, pool["UserPoolTags"])["imchat:stage"] == "prod"


def test_a_deployer_cannot_read_messages() -> None:
    assert not {"dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:BatchGetItem"} & set(
        deployer()
    )


def test_the_boundary_allows_exactly_the_actions_of_the_functions() -> None:
    boundary = statements_by_action([policy.boundary_policy(SCOPE)])
    used = set()
    templates = map(loading.load, loading.NAMES)
    roles = [
        (template, role) for template in templates for role in loading.of_type(template, "AWS::IAM::Role")
    ]
    for template, role in roles:
        for action, resource in loading.permissions(template, role):
            used.add(action)
            patterns = boundary[action]["Resource"]
            assert any(fnmatch.fnmatchcase(resource, pattern) for pattern in patterns), (
                role,
                action,
                resource,
            )
    assert set(boundary) == used
