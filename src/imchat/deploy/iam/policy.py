"""What an operator has to be allowed, to the action, and the bound of what the functions may ever be.

CloudFormation acts with the rights of whoever deploys, so these are what each resource type in the templates needs (from
AWS's own schemas; `permissions.json` has them) and the deployer's own calls. Whatever can be limited to a stage is.
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

MOST_CHARACTERS: Final = 6_144
"""Of a managed policy, as IAM counts: without white space."""

OWN_CALLS: Final[Mapping[str, tuple[str, ...]]] = {
    "deploy: plan, carry out, watch": (
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
        "cognito-idp:AdminSetUserPassword",
        "cognito-idp:AdminUserGlobalSignOut",
        "cognito-idp:ListUsers",
        "cognito-idp:ListUsersInGroup",
    ),
    "access logs of an HTTP API, which its schema does not mention": (
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:GetLogDelivery",
        "logs:ListLogDeliveries",
        "logs:UpdateLogDelivery",
    ),
    "the first HTTP API of an account, likewise": ("iam:CreateServiceLinkedRole",),
}
"""What is called beside the schemas' permissions, by what for."""

_OTHER_NAME: Final = "a request's name; the right to it has another, which is there too"
NEEDLESS: Final[Mapping[str, str]] = {
    r".* (ec2|elasticfilesystem|firehose|kinesis|kms|s3files|s3tables):.*": (
        "no function is in a network of one's own; no stream, file system, table bucket or key of one's own is made"
    ),
    r"(?!AWS::IAM::Role |AWS::Lambda::Function |AWS::Cognito::UserPool ).* iam:.*": "for roles that nothing here has",
    r"AWS::Cognito::UserPool iam:PassRole": "for codes by text message",
    r"AWS::IAM::Role iam:(Attach|Detach)RolePolicy": "the functions' roles have no policies but their own",
    r"AWS::IAM::Role iam:DeleteRolePermissionsBoundary": "would free the functions of their bound",
    r"AWS::DynamoDB::Table dynamodb:((Batch)?(Put|Get|Update|Delete|Write)Item|Query|Scan)": (
        "for copies in other regions; whoever deploys reads and writes no message"
    ),
    r"AWS::DynamoDB::Table dynamodb:(ImportTable|DescribeImport|\w+TableReplica)": "for imports and copies elsewhere",
    r"AWS::DynamoDB::Table (logs|s3):.*": "for imports",
    r"AWS::S3::Bucket s3:(Create|Delete|Update)BucketMetadata.*": "for tables of a bucket's contents",
    r"AWS::S3::Bucket s3:PutObjectAcl": "no object has rules of its own",
    r"AWS::ApiGatewayV2::Api s3:GetObject": "for APIs described in a file",
    r"AWS::Lambda::Function lambda:(PassCapacityProvider|AssociateRuntimeAlias)": "for machines of one's own",
    r"AWS::Lambda::Function lambda:GetCodeSigningConfig": "for signed code",
    r".* s3:(REST\.PUT\.OBJECT|GetObjectMetadata|PutBucketReplication|PutObjectLockConfiguration)": _OTHER_NAME,
    r".* s3:DeleteBucket(Analytics|Cors|Encryption|Lifecycle|Metrics|Replication).*": _OTHER_NAME,
    r".* cloudfront:CreateDistributionWithTags": _OTHER_NAME,
}
"""Permissions in the schemas that this use of a resource type has no need of, as patterns of "type action": and why."""

_STAGE: Final = "imchat-{stage}"
_HERE: Final = "{region}:{account_id}"
_RESOURCES: Final[Mapping[str, tuple[str, ...]]] = {
    "acm": ("acm:us-east-1:{account_id}:certificate/*",),
    "apigateway": (
        "apigateway:{region}::/apis",
        "apigateway:{region}::/apis/*",
        "apigateway:{region}::/tags/*",
    ),
    "cloudformation": (f"cloudformation:{_HERE}:stack/{_STAGE}-*",),
    "cloudfront": ("cloudfront::{account_id}:*",),
    "cloudwatch": (f"cloudwatch:{_HERE}:alarm:{_STAGE}-*", f"cloudwatch::{{account_id}}:dashboard/{_STAGE}"),
    "cognito-idp": (f"cognito-idp:{_HERE}:userpool/*",),
    "dynamodb": (f"dynamodb:{_HERE}:table/{_STAGE}",),
    "execute-api": (f"execute-api:{_HERE}:*/ws/*",),
    "iam": (f"iam::{{account_id}}:role/{_STAGE}-*",),
    "lambda": (
        f"lambda:{_HERE}:function:{_STAGE}-*",
        f"lambda:{_HERE}:layer:{_STAGE}",
        f"lambda:{_HERE}:layer:{_STAGE}:*",
    ),
    "logs": (f"logs:{_HERE}:log-group:/aws/lambda/{_STAGE}-*", f"logs:{_HERE}:log-group:/imchat/{{stage}}/*"),
    "s3": (f"s3:::{_STAGE}-*",),
    "ses": (f"ses:{_HERE}:identity/*",),
    "sns": (f"sns:{_HERE}:{_STAGE}-*",),
    "sqs": (f"sqs:{_HERE}:{_STAGE}-*",),
}
"""Where a service's actions are allowed, without "arn:<partition>:"; CloudFront, Cognito and API Gateway name by chance."""
_BOUND: Final = frozenset({"iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"})
_MAPPINGS: Final = f"lambda:{_HERE}:event-source-mapping:*"
_TAG: Final = "aws:{}Tag/imchat:stage"
_LINKED_SERVICES: Final = ["email.cognito-idp.amazonaws.com", "ops.apigateway.amazonaws.com"]


@dataclass(frozen=True, slots=True)
class Policy:
    """A managed policy to make in IAM under this name, and the ARN that it gets."""

    name: str
    arn: str
    document: Mapping[str, Any]


class _Scope(NamedTuple):
    resources: tuple[str, ...]
    condition: str  # JSON: a scope is a key


def deployer_policies(place: DeploymentScope) -> list[Policy]:
    """What whoever deploys, watches, manages people and tears down has to be allowed; as few policies as IAM takes.

    Roles may be made only within the boundary of `boundary_policy`: set it as `permissions_boundary_arn`.
    """
    documents: list[list[dict[str, Any]]] = [[]]
    for statement in _statements(deployer_actions(), place):
        if _size([*documents[-1], statement]) > MOST_CHARACTERS:
            documents.append([])
        documents[-1].append(statement)
    return [
        _policy(place, f"deployer-{number}", statements) for number, statements in enumerate(documents, 1)
    ]


def boundary_policy(place: DeploymentScope) -> Policy:
    """The most that the functions' roles may ever be allowed: what their own policies in the templates say, together."""
    return _policy(place, "boundary", [*_statements(function_actions(), place)])


def deployer_actions() -> frozenset[str]:
    """Everything that deploying, watching, managing people and tearing down does."""
    needed = {
        action
        for kind, handlers in _permissions()["resources"].items()
        for actions in handlers.values()
        for action in actions
        if not any(re.fullmatch(pattern, f"{kind} {action}") for pattern in NEEDLESS)
    }
    return frozenset(needed.union(*OWN_CALLS.values()))


def function_actions() -> frozenset[str]:
    """Everything that any of the functions does."""
    return frozenset(_permissions()["functions"])


def _statements(actions: frozenset[str], place: DeploymentScope) -> Iterator[dict[str, Any]]:
    scopes: dict[_Scope, list[str]] = defaultdict(list)
    for action in sorted(actions):
        scopes[_scope(action, place)].append(action)
    for scope, allowed in sorted(scopes.items()):
        statement: dict[str, Any] = {"Effect": "Allow", "Action": allowed, "Resource": list(scope.resources)}
        condition = json.loads(scope.condition)
        yield statement | ({"Condition": condition} if condition else {})


def _scope(action: str, place: DeploymentScope) -> _Scope:
    """Where and on what condition an action is allowed."""
    service, _, name = action.partition(":")
    if action in _permissions()["unscoped"]:
        return _Scope(("*",), json.dumps(_condition(action, place)))
    places = [place.arn(one) for one in _RESOURCES[service]]
    if service == "s3" and "Object" in name and "ObjectLock" not in name:
        places = [f"{bucket}/*" for bucket in places]
    elif action == "iam:CreateServiceLinkedRole":
        places = [place.arn("iam::{account_id}:role/aws-service-role/*")]
    elif action in {"iam:GetRole", "iam:SimulatePrincipalPolicy"}:  # who asks may have any name
        places = [place.arn("iam::{account_id}:role/*"), place.arn("iam::{account_id}:user/*")]
    elif name.endswith("EventSourceMapping"):
        places = [place.arn(_MAPPINGS)]
    elif action in {"lambda:ListTags", "lambda:TagResource", "lambda:UntagResource"}:
        places.append(place.arn(_MAPPINGS))
    return _Scope(tuple(places), json.dumps(_condition(action, place)))


def _condition(action: str, place: DeploymentScope) -> dict[str, dict[str, Any]]:
    """On what condition, where a resource's name alone does not tell whose it is."""
    stage_is = {"StringEquals": {_TAG.format("Resource"): place.stage}}
    conditions: dict[str, dict[str, Any]] = {
        "iam:PassRole": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}},
        "iam:CreateServiceLinkedRole": {"StringEquals": {"iam:AWSServiceName": _LINKED_SERVICES}},
        "cognito-idp:ListUserPools": {},
        "cognito-idp:CreateUserPool": {"StringEquals": {_TAG.format("Request"): place.stage}},
        # While a pool is being made it has no tag yet.
        "cognito-idp:TagResource": {
            "StringEqualsIfExists": stage_is["StringEquals"],
            "ForAnyValue:StringEquals": {"aws:CalledVia": "cloudformation.amazonaws.com"},
        },
    }
    if action in _BOUND:
        return {
            "ArnEquals": {
                "iam:PermissionsBoundary": place.arn(f"iam::{{account_id}}:policy/{_STAGE}-boundary")
            }
        }
    if re.fullmatch("lambda:(Create|Delete|Update)EventSourceMapping", action):
        return {"ArnLike": {"lambda:FunctionArn": place.arn(f"lambda:{_HERE}:function:{_STAGE}-*")}}
    return conditions.get(action, stage_is if action.startswith("cognito-idp:") else {})


def _policy(place: DeploymentScope, purpose: str, statements: list[dict[str, Any]]) -> Policy:
    name = f"imchat-{place.stage}-{purpose}"
    return Policy(name, place.arn(f"iam::{{account_id}}:policy/{name}"), _document(statements))


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
