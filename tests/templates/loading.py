"""Loads the templates as data, and evaluates CloudFormation's functions in them."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

from cfnlint.decode import decode

from imchat.assets import templates_dir

Template: TypeAlias = dict[str, Any]

NAMES: Final = ("state", "app", "site")
"""In the order of deployment."""
REGION: Final = "eu-central-1"
ACCOUNT: Final = "123456789012"
GIVEN: Final = {
    "Stage": "prod",
    "TableArn": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/imchat-prod",
    "AttachmentBucketDomain": f"attachments.s3.{REGION}.amazonaws.com",
    "HttpApiDomain": f"httpapi.execute-api.{REGION}.amazonaws.com",
    "WebSocketApiDomain": f"wsapi.execute-api.{REGION}.amazonaws.com",
}
"""Parameter values that tests compare. Any other parameter without a default renders as its own name."""
_NO_VALUE: Final = object()
_PSEUDO: Final = {
    "AWS::AccountId": ACCOUNT,
    "AWS::NoValue": _NO_VALUE,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackName": "imchat-prod",
    "AWS::URLSuffix": "amazonaws.com",
}


def path_of(name: str) -> Path:
    """Return the path of a template."""
    return templates_dir() / f"{name}.yaml"


def load(name: str) -> Template:
    """Return a new copy of a template. Short forms of functions (!Ref) are converted to long ones."""
    return copy.deepcopy(_decoded(name))


def of_type(template: Template, kind: str) -> dict[str, dict[str, Any]]:
    """Return the properties of all resources of one type, by name."""
    return {
        name: resource.get("Properties", {})
        for name, resource in template["Resources"].items()
        if resource["Type"] == kind
    }


def render(template: Template, value: Any, given: Mapping[str, str] = GIVEN) -> Any:
    """Evaluate `value` as CloudFormation does with these parameters. Values that only AWS knows become readable names."""
    rendered = _Renderer(template, given).value(value)
    return None if rendered is _NO_VALUE else rendered


class Permission(NamedTuple):
    """An action that a role allows on a resource."""

    action: str
    resource: str


def permissions(template: Template, role: str, given: Mapping[str, str] = GIVEN) -> set[Permission]:
    """Return what a role's inline policies allow, rendered: each action on each resource."""
    return {
        Permission(action, resource)
        for policy in policies(template, given)[role]
        for statement in policy["Statement"]
        if statement["Effect"] == "Allow"
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    }


def policies(template: Template, given: Mapping[str, str] = GIVEN) -> dict[str, list[dict[str, Any]]]:
    """Return the rendered policy documents of every role, by the role's logical id."""
    return {
        name: [render(template, policy["PolicyDocument"], given) for policy in role.get("Policies", [])]
        for name, role in of_type(template, "AWS::IAM::Role").items()
    }


def role_of(template: Template, function: str) -> str:
    """Return the logical id of a function's role."""
    role, attribute = template["Resources"][function]["Properties"]["Role"]["Fn::GetAtt"]
    assert attribute == "Arn"
    return str(role)


def as_list(value: Any) -> list[Any]:
    """Return a value of IAM as a list; a single value may stand without one."""
    return value if isinstance(value, list) else [value]


def strings(value: Any) -> Iterator[str]:
    """Yield every string in `value` at any depth, without the keys."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from strings(part)


@cache
def _decoded(name: str) -> Template:
    template, problems = decode(str(path_of(name)))
    assert not problems, problems
    plain: Template = json.loads(json.dumps(template))
    return plain


class _Renderer:
    """Evaluates the functions that the templates use, for one set of parameters."""

    def __init__(self, template: Template, given: Mapping[str, str]) -> None:
        self._template = template
        self._given = given

    def value(self, value: Any) -> Any:
        if isinstance(value, list):
            return [evaluated for part in value if (evaluated := self.value(part)) is not _NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1 and next(iter(value)).startswith(("Ref", "Fn::")):
            return self._function(value)
        evaluated = {key: self.value(part) for key, part in value.items()}
        return {key: part for key, part in evaluated.items() if part is not _NO_VALUE}

    def _function(self, call: dict[str, Any]) -> Any:
        match call:
            case {"Ref": name}:
                return self._ref(name)
            case {"Fn::GetAtt": [name, attribute]}:
                return self._attribute(name, attribute)
            case {"Fn::Sub": str(text)}:
                return re.sub(r"\$\{([^!}]+)\}", lambda match: self._substituted(match[1]), text)
            case {"Fn::If": [condition, then, otherwise]}:
                return self.value(then if self._is_true({"Condition": condition}) else otherwise)
        raise NotImplementedError(call)

    def _is_true(self, condition: dict[str, Any]) -> bool:
        match condition:
            case {"Condition": name}:
                return self._is_true(self._template["Conditions"][name])
            case {"Fn::Not": [inner]}:
                return not self._is_true(inner)
            case {"Fn::Or": several}:
                return any(map(self._is_true, several))
            case {"Fn::Equals": [left, right]}:
                return bool(self.value(left) == self.value(right))
        raise NotImplementedError(condition)

    def _substituted(self, name: str) -> str:
        resource, _, attribute = name.partition(".")
        return str(self._attribute(resource, attribute) if attribute else self._ref(name))

    def _ref(self, name: str) -> Any:
        if name in _PSEUDO:
            return _PSEUDO[name]
        if name in self._template.get("Parameters", {}):
            return self._given.get(name, self._template["Parameters"][name].get("Default", name))
        return self._resource_name(name)

    def _resource_name(self, name: str) -> str:
        """Return the physical name that the template sets, else the logical id."""
        resource = self._template["Resources"][name]
        named = resource.get("Properties", {}).get(_NAME_PROPERTIES.get(resource["Type"], ""))
        return str(self.value(named)) if named else name

    def _attribute(self, name: str, attribute: str) -> str:
        kind = self._template["Resources"][name]["Type"]
        physical_name = self._resource_name(name)
        if attribute == "Arn" and kind in _ARNS:
            return _ARNS[kind].format(region=REGION, account=ACCOUNT, name=physical_name)
        return physical_name if attribute == "QueueName" else f"{name}.{attribute}"


_NAME_PROPERTIES: Final = {
    "AWS::ApiGatewayV2::Stage": "StageName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
}
_ARNS: Final = {
    "AWS::Lambda::Function": "arn:aws:lambda:{region}:{account}:function:{name}",
    "AWS::Logs::LogGroup": "arn:aws:logs:{region}:{account}:log-group:{name}:*",
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::SQS::Queue": "arn:aws:sqs:{region}:{account}:{name}",
}
