"""The deployer's policy: all that the templates' resources and the commands need, and nothing else, kept to one stage."""

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
from imchat.deploy.iam.arns import Place
from imchat.deploy.iam.policy import Policy

ROOT: Final = Path(__file__).resolve().parents[2]
PLACE: Final = Place("prod", loading.REGION, loading.ACCOUNT)
WIDEST: Final = Place("a-stage-of-20-letter", "ap-southeast-1", loading.ACCOUNT, "aws-us-gov")
SERVICES: Final = {"cognito-idp": "cognito-idp", "sesv2": "ses"} | {
    name: name
    for name in ("acm", "cloudformation", "cloudfront", "dynamodb", "iam", "lambda", "logs", "s3", "sts")
}
"""The services that the deployer calls, and what IAM calls them."""
RENAMED: Final = {
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:ListObjectsV2": "s3:ListBucket",
}
"""Requests whose right has another name."""
NOT_CALLED: Final = {"cognito-idp:SignUp", "iam:ListUsers"}
"""Requests that are named like a setting, or like one of another service, which is."""


def needed() -> Iterator[tuple[str, str]]:
    """Every resource type in the templates with each action in its schema."""
    for kind, handlers in json.loads(permissions.generate())["resources"].items():
        for action in {action for actions in handlers.values() for action in actions}:
            yield kind, action


def allowed(policies: list[Policy]) -> dict[str, dict[str, Any]]:
    """The statement that allows each action."""
    return {
        action: statement
        for made in policies
        for statement in made.document["Statement"]
        for action in statement["Action"]
    }


@cache
def deployer() -> dict[str, dict[str, Any]]:
    return allowed(policy.deployer_policies(PLACE))


def test_the_permissions_file_is_what_the_templates_need() -> None:
    check_generated(permissions.PLACE, permissions.generate())


def test_every_action_of_every_resource_type_is_allowed_or_needless_for_a_reason() -> None:
    for kind, action in needed():
        needless = any(re.fullmatch(pattern, f"{kind} {action}") for pattern in policy.NEEDLESS)
        assert needless or action in deployer(), (kind, action)


def test_nothing_else_is_allowed() -> None:
    known = {action for _, action in needed()}.union(*policy.OWN_CALLS.values())
    assert set(deployer()) <= known
    assert not any("*" in action for action in deployer())


@pytest.mark.parametrize("pattern", policy.NEEDLESS)
def test_every_exception_is_of_something(pattern: str) -> None:
    assert any(re.fullmatch(pattern, f"{kind} {action}") for kind, action in needed())


def test_every_call_that_the_deployer_makes_is_allowed() -> None:
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
    assert {RENAMED.get(call, call) for call in calls - NOT_CALLED} <= set(deployer())


def test_iam_knows_every_action() -> None:
    known = permissions.known_actions().values()
    unknown = (policy.deployer_actions() | policy.function_actions()) - set(known)
    assert unknown == permissions.KNOWN_BY_SCHEMAS_ALONE


def test_an_action_is_allowed_on_what_it_can_be_limited_to() -> None:
    """On a resource of a type that IAM checks for it, or else everywhere: another would be no permission at all."""
    statements = deployer() | allowed([policy.boundary_policy(PLACE)])
    for action, statement in statements.items():
        service, _, name = action.partition(":")
        if service == "apigateway":
            formats = {"arn:${Partition}:apigateway:${Region}::/apis"}
        else:
            formats = {row["resource_arn_format"] for row in get_action_data(service, name)[service]} - {"*"}
        if formats:
            patterns = [re.sub(r"\$\{[^}]+\}", "*", one) for one in formats]
            assert "*" not in statement["Resource"], action
            assert any(overlap(one, other) for one in statement["Resource"] for other in patterns), action
        else:
            assert statement["Resource"] == ["*"], action


@cache
def overlap(one: str, other: str) -> bool:
    """Whether anything matches both patterns, in which `*` is anything."""
    if not one or not other:
        return set(one + other) <= {"*"}
    if one[0] == "*":
        return overlap(one[1:], other) or overlap(one, other[1:])
    if other[0] == "*":
        return overlap(other, one)
    return one[0] == other[0] and overlap(one[1:], other[1:])


@pytest.mark.parametrize("place", [PLACE, WIDEST], ids=["usual", "widest"])
def test_every_policy_is_as_small_as_iam_takes(place: Place) -> None:
    policies = [*policy.deployer_policies(place), policy.boundary_policy(place)]
    for made in policies:
        assert len(re.sub(r"\s", "", json.dumps(made.document))) <= 6_144
    assert len(policies) <= 4


@pytest.mark.parametrize("name", loading.NAMES)
def test_what_the_templates_name_lies_where_the_policy_reaches(name: str) -> None:
    named = re.findall(r"Name: !Sub (\S+)", loading.path_of(name).read_text("utf-8"))
    for sub in named:
        made = sub.replace("${Stage}", "prod")
        assert made == "imchat-prod" or made.startswith(
            ("imchat-prod-", "/imchat/prod/", "/aws/lambda/imchat-prod-")
        )


def test_roles_are_made_only_within_the_boundary_and_given_only_to_functions() -> None:
    boundary = policy.boundary_policy(PLACE).arn
    assert boundary == f"arn:aws:iam::{loading.ACCOUNT}:policy/imchat-prod-boundary"
    for action in ("iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary"):
        assert deployer()[action]["Condition"] == {"ArnEquals": {"iam:PermissionsBoundary": boundary}}
    assert "iam:DeleteRolePermissionsBoundary" not in deployer()
    assert deployer()["iam:PassRole"]["Condition"] == {
        "StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}
    }


def test_another_stages_resources_are_out_of_reach() -> None:
    other = "imchat-test"
    for action, statement in deployer().items():
        for resource in statement["Resource"]:
            if resource != "*" and "/aws/" not in resource and "imchat" in resource:
                assert "imchat-prod" in resource or "/imchat/prod/" in resource, action
            assert other not in resource
    for action in ("cognito-idp:DeleteUserPool", "cognito-idp:AdminSetUserPassword"):
        assert deployer()[action]["Condition"] == {"StringEquals": {"aws:ResourceTag/imchat:stage": "prod"}}


def test_the_user_pool_has_the_tag_by_which_it_is_known() -> None:
    template = loading.load("state")
    [pool] = loading.of_type(template, "AWS::Cognito::UserPool").values()
    assert loading.render(template, pool["UserPoolTags"])["imchat:stage"] == "prod"


def test_whoever_deploys_reads_no_message() -> None:
    assert not {"dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:BatchGetItem"} & set(
        deployer()
    )


def test_the_boundary_covers_every_function_and_no_more() -> None:
    boundary = allowed([policy.boundary_policy(PLACE)])
    used = set()
    templates = map(loading.load, loading.NAMES)
    roles = [(one, role) for one in templates for role in loading.of_type(one, "AWS::IAM::Role")]
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
