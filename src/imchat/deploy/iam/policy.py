"""Generates the IAM policies of the deployer, and the permissions boundary of the functions.

CloudFormation uses the permissions of the deployer. The deployer therefore needs the permissions of each resource type
in the templates (from AWS's schemas, stored in `permissions.json`) and of imchat's own AWS calls. Every permission that
can be limited to one stage is limited to it.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final, NamedTuple

from imchat.deploy.iam.arns import DeploymentScope

MAX_POLICY_CHARS: Final = 6_144
"""Maximum size of a managed policy. IAM does not count white space."""

DIRECT_CALLS: Final[Mapping[str, tuple[str, ...]]] = {
    "deploy: plan, execute, watch": (
        "cloudformation:CreateChangeSet",
        "cloudformation:DeleteChangeSet",
        "cloudformation:DescribeChangeSet",
        "cloudformation:DescribeEvents",
        "cloudformation:DescribeStackEvents",
        "cloudformation:DescribeStacks",
        "cloudformation:ExecuteChangeSet",
        "cloudformation:GetTemplate",
        "cloudformation:ListStackResources",
        "cloudformation:TagResource",
        "cloudformation:UntagResource",
        "sts:GetCallerIdentity",
    ),
    "deploy: code and site": (
        "cloudfront:CreateInvalidation",
        "s3:DeleteObject",
        "s3:GetObject",
        "s3:ListBucket",
        "s3:PutObject",
    ),
    "status": (
        "cloudformation:DescribeStackDriftDetectionStatus",
        "cloudformation:DescribeStackResourceDrifts",
        "cloudformation:DetectStackDrift",
        "cloudformation:DetectStackResourceDrift",
    ),
    "teardown": (
        "cloudformation:DeleteStack",
        "cognito-idp:DeleteUserPool",
        "cognito-idp:DescribeUserPool",
        "cognito-idp:ListUserPools",
        "cognito-idp:UpdateUserPool",
        "dynamodb:DeleteTable",
        "dynamodb:DescribeTable",
        "dynamodb:UpdateTable",
        "s3:DeleteBucket",
        "s3:DeleteObjectVersion",
        "s3:ListBucketVersions",
    ),
    "logs": ("logs:FilterLogEvents",),
    "doctor": (
        "acm:DescribeCertificate",
        "iam:GetRole",
        "iam:SimulatePrincipalPolicy",
        "lambda:GetAccountSettings",
        "ses:GetAccount",
        "ses:GetEmailIdentity",
    ),
    "user": (
        "cognito-idp:AdminAddUserToGroup",
        "cognito-idp:AdminCreateUser",
        "cognito-idp:AdminDeleteUser",
        "cognito-idp:AdminDisableUser",
        "cognito-idp:AdminEnableUser",
        "cognito-idp:AdminRemoveUserFromGroup",
        "cognito-idp:AdminResetUserPassword",
        "cognito-idp:AdminSetUserMFAPreference",
        "cognito-idp:AdminSetUserPassword",
        "cognito-idp:AdminUserGlobalSignOut",
        "cognito-idp:ListUsers",
        "cognito-idp:ListUsersInGroup",
    ),
    "access logs of an HTTP API (missing in its schema)": (
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:GetLogDelivery",
        "logs:ListLogDeliveries",
        "logs:UpdateLogDelivery",
    ),
    "first HTTP API of an account (missing in its schema)": ("iam:CreateServiceLinkedRole",),
}
"""Actions that imchat calls itself or that the schemas lack, by purpose."""

_API_NAME: Final = "an API operation's name; its IAM action has another name, which is included"
UNNEEDED: Final[Mapping[str, str]] = {
    r".* (ec2|elasticfilesystem|firehose|kinesis|kms|s3files|s3tables):.*": (
        "the functions use no VPC; no stream, file system, table bucket or customer managed key is created"
    ),
    r"(?!AWS::IAM::Role |AWS::Lambda::Function |AWS::Cognito::UserPool ).* iam:.*": "for roles that these resources do not have",
    r"AWS::Cognito::UserPool iam:PassRole": "for sending codes by SMS",
    r"AWS::IAM::Role iam:(Attach|Detach)RolePolicy": "the functions' roles have inline policies only",
    r"AWS::IAM::Role iam:DeleteRolePermissionsBoundary": "would remove the functions' permissions boundary",
    r"AWS::DynamoDB::Table dynamodb:((Batch)?(Put|Get|Update|Delete|Write)Item|Query|Scan)": (
        "for replicas in other regions; a deployer may not read or write messages"
    ),
    r"AWS::DynamoDB::Table dynamodb:(ImportTable|DescribeImport|\w+TableReplica)": "for imports and replicas in other regions",
    r"AWS::DynamoDB::Table (logs|s3):.*": "for imports",
    r"AWS::S3::Bucket s3:(Create|Delete|Update)BucketMetadata.*": "for S3 metadata tables",
    r"AWS::S3::Bucket s3:PutObjectAcl": "objects have no ACLs",
    r"AWS::ApiGatewayV2::Api s3:GetObject": "for APIs imported from a file",
    r"AWS::Lambda::Function lambda:(PassCapacityProvider|AssociateRuntimeAlias)": "for functions on managed instances",
    r"AWS::Lambda::Function lambda:GetCodeSigningConfig": "for code signing",
    r".* s3:(REST\.PUT\.OBJECT|GetObjectMetadata|PutBucketReplication|PutObjectLockConfiguration)": _API_NAME,
    r".* s3:DeleteBucket(Analytics|Cors|Encryption|Lifecycle|Metrics|Replication).*": _API_NAME,
    r".* cloudfront:CreateDistributionWithTags": _API_NAME,
}
"""Permissions in the schemas that imchat does not need: patterns of "type action", and the reason."""

_STAGE_PREFIX: Final = "imchat-{stage}"
_REGION_ACCOUNT: Final = "{region}:{account_id}"
_RESOURCES: Final[Mapping[str, tuple[str, ...]]] = {
    "acm": ("acm:us-east-1:{account_id}:certificate/*",),
    "apigateway": (
        "apigateway:{region}::/apis",
        "apigateway:{region}::/apis/*",
        "apigateway:{region}::/tags/*",
    ),
    "cloudformation": (f"cloudformation:{_REGION_ACCOUNT}:stack/{_STAGE_PREFIX}-*",),
    "cloudfront": ("cloudfront::{account_id}:*",),
    "cloudwatch": (
        f"cloudwatch:{_REGION_ACCOUNT}:alarm:{_STAGE_PREFIX}-*",
        f"cloudwatch::{{account_id}}:dashboard/{_STAGE_PREFIX}",
    ),
    "cognito-idp": (f"cognito-idp:{_REGION_ACCOUNT}:userpool/*",),
    "dynamodb": (f"dynamodb:{_REGION_ACCOUNT}:table/{_STAGE_PREFIX}",),
    "execute-api": (f"execute-api:{_REGION_ACCOUNT}:*/ws/*",),
    "iam": (f"iam::{{account_id}}:role/{_STAGE_PREFIX}-*",),
    "lambda": (
        f"lambda:{_REGION_ACCOUNT}:function:{_STAGE_PREFIX}-*",
        f"lambda:{_REGION_ACCOUNT}:layer:{_STAGE_PREFIX}",
        f"lambda:{_REGION_ACCOUNT}:layer:{_STAGE_PREFIX}:*",
    ),
    "logs": (
        f"logs:{_REGION_ACCOUNT}:log-group:/aws/lambda/{_STAGE_PREFIX}-*",
        f"logs:{_REGION_ACCOUNT}:log-group:/imchat/{{stage}}/*",
    ),
    "s3": (f"s3:::{_STAGE_PREFIX}-*",),
    "ses": (f"ses:{_REGION_ACCOUNT}:identity/*",),
    "sns": (f"sns:{_REGION_ACCOUNT}:{_STAGE_PREFIX}-*",),
    "sqs": (f"sqs:{_REGION_ACCOUNT}:{_STAGE_PREFIX}-*",),
}
"""Resources on which a service's actions are allowed, without "arn:<partition>:".

CloudFront, Cognito and API Gateway generate the ids of their resources, so these cannot be limited by name.
"""
_REQUIRE_BOUNDARY: Final = frozenset(
    {"iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"}
)
_EVENT_SOURCE_MAPPINGS: Final = f"lambda:{_REGION_ACCOUNT}:event-source-mapping:*"
_STAGE_TAG: Final = "aws:{}Tag/imchat:stage"
_LINKED_SERVICES: Final = ["email.cognito-idp.amazonaws.com", "ops.apigateway.amazonaws.com"]


@dataclass(frozen=True, slots=True)
class Policy:
    """A managed policy to create in IAM, with its name and future ARN."""

    name: str
    arn: str
    document: Mapping[str, Any]


class _StatementScope(NamedTuple):
    resources: tuple[str, ...]
    condition: str  # JSON, so that it is hashable


def deployer_policies(scope: DeploymentScope) -> list[Policy]:
    """Return the policies for deploying, monitoring, managing users and teardown, in as few policies as IAM allows.

    Roles can be created only with the boundary of `boundary_policy`: set it as `permissions_boundary_arn`.
    """
    documents: list[list[dict[str, Any]]] = [[]]
    for statement in _statements(deployer_actions(), scope):
        if _size([*documents[-1], statement]) > MAX_POLICY_CHARS:
            documents.append([])
        documents[-1].append(statement)
    return [
        _policy(scope, f"deployer-{number}", statements) for number, statements in enumerate(documents, 1)
    ]


def boundary_policy(scope: DeploymentScope) -> Policy:
    """Return the permissions boundary of the functions' roles: all permissions in the templates' role policies."""
    return _policy(scope, "boundary", [*_statements(function_actions(), scope)])


def deployer_actions() -> frozenset[str]:
    """Return all actions used for deploying, monitoring, managing users and teardown."""
    needed = {
        action
        for kind, handlers in _permissions()["resources"].items()
        for actions in handlers.values()
        for action in actions
        if not any(re.fullmatch(pattern, f"{kind} {action}") for pattern in UNNEEDED)
    }
    return frozenset(needed.union(*DIRECT_CALLS.values()))


def function_actions() -> frozenset[str]:
    """Return all actions that the functions use."""
    return frozenset(_permissions()["functions"])


def _statements(actions: frozenset[str], scope: DeploymentScope) -> Iterator[dict[str, Any]]:
    actions_by_scope: dict[_StatementScope, list[str]] = defaultdict(list)
    for action in sorted(actions):
        actions_by_scope[_statement_scope(action, scope)].append(action)
    for (arns, condition_json), allowed in sorted(actions_by_scope.items()):
        statement: dict[str, Any] = {"Effect": "Allow", "Action": allowed, "Resource": list(arns)}
        condition = json.loads(condition_json)
        yield statement | ({"Condition": condition} if condition else {})


def _statement_scope(action: str, scope: DeploymentScope) -> _StatementScope:
    """Return the resources and the condition of an action."""
    service, _, name = action.partition(":")
    if action in _permissions()["unscoped"]:
        return _StatementScope(("*",), json.dumps(_condition(action, scope)))
    arns = [scope.arn(resource) for resource in _RESOURCES[service]]
    if service == "s3" and "Object" in name and "ObjectLock" not in name:
        arns = [f"{bucket}/*" for bucket in arns]
    elif action == "iam:CreateServiceLinkedRole":
        arns = [scope.arn("iam::{account_id}:role/aws-service-role/*")]
    elif action in {
        "iam:GetRole",
        "iam:SimulatePrincipalPolicy",
    }:  # the caller's role or user can have any name
        arns = [scope.arn("iam::{account_id}:role/*"), scope.arn("iam::{account_id}:user/*")]
    elif name.endswith("EventSourceMapping"):
        arns = [scope.arn(_EVENT_SOURCE_MAPPINGS)]
    elif action in {"lambda:ListTags", "lambda:TagResource", "lambda:UntagResource"}:
        arns.append(scope.arn(_EVENT_SOURCE_MAPPINGS))
    return _StatementScope(tuple(arns), json.dumps(_condition(action, scope)))


def _condition(action: str, scope: DeploymentScope) -> dict[str, dict[str, Any]]:
    """Return the condition of an action, needed where the resource name does not identify the stage."""
    stage_condition = {"StringEquals": {_STAGE_TAG.format("Resource"): scope.stage}}
    conditions: dict[str, dict[str, Any]] = {
        "iam:PassRole": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}},
        "iam:CreateServiceLinkedRole": {"StringEquals": {"iam:AWSServiceName": _LINKED_SERVICES}},
        "cognito-idp:ListUserPools": {},
        "cognito-idp:CreateUserPool": {"StringEquals": {_STAGE_TAG.format("Request"): scope.stage}},
        # A pool has no tag while it is being created.
        "cognito-idp:TagResource": {
            "StringEqualsIfExists": stage_condition["StringEquals"],
            "ForAnyValue:StringEquals": {"aws:CalledVia": "cloudformation.amazonaws.com"},
        },
    }
    if action in _REQUIRE_BOUNDARY:
        return {
            "ArnEquals": {
                "iam:PermissionsBoundary": scope.arn(f"iam::{{account_id}}:policy/{_STAGE_PREFIX}-boundary")
            }
        }
    if re.fullmatch("lambda:(Create|Delete|Update)EventSourceMapping", action):
        return {
            "ArnLike": {
                "lambda:FunctionArn": scope.arn(f"lambda:{_REGION_ACCOUNT}:function:{_STAGE_PREFIX}-*")
            }
        }
    return conditions.get(action, stage_condition if action.startswith("cognito-idp:") else {})


def _policy(scope: DeploymentScope, purpose: str, statements: list[dict[str, Any]]) -> Policy:
    name = f"imchat-{scope.stage}-{purpose}"
    return Policy(name, scope.arn(f"iam::{{account_id}}:policy/{name}"), _document(statements))


def _document(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}


def _size(statements: list[dict[str, Any]]) -> int:
    return len(json.dumps(_document(statements), separators=(",", ":")))


@cache
def _permissions() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        resources.files(__package__).joinpath("permissions.json").read_text("utf-8")
    )
    return found
