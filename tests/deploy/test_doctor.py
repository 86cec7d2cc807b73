"""`imchat doctor` finds what would hamper a deployment, and every finding that is not good says its mend."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError
from click.testing import CliRunner
from tests.support.fake_aws import APP, STATE, World

from imchat.cli import commands
from imchat.deploy import Config, DeployContext
from imchat.deploy.operate.doctor import Finding, examine

NOW = datetime(2026, 1, 31, 8, tzinfo=UTC)
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/1"
IDENTITY = "arn:aws:ses:eu-west-1:123456789012:identity/example.org"


class Missing(Exception):
    """There is no such thing."""


def refusing(service: str, operation: str) -> dict[str, Any]:
    error = ClientError({"Error": {"Code": "AccessDenied", "Message": "No."}}, operation)
    return {"failing": {service: error}}


def certificate(domain: str, status: str) -> dict[str, Any]:
    return {"certificate": {"DomainName": domain, "Status": status}}


class Account:
    """An account in which all is well, until a test says otherwise."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.arn = "arn:aws:sts::123456789012:assumed-role/deployer/ada"
        self.date = "Sat, 31 Jan 2026 08:00:01 GMT"
        self.at_once = 1000
        self.certificate = {"DomainName": "*.example.org", "Status": "ISSUED"}
        self.verified, self.production = True, True
        self.not_allowed: set[str] = set()
        self.simulated: list[dict[str, Any]] = []
        self.failing: dict[str, Exception] = {}

    def target(self, **settings: Any) -> DeployContext:
        return replace(self._world.target, config=Config(stage="test", **settings), client=self.client)

    def client(self, service: str) -> Any:
        played: dict[str, dict[str, Callable[..., Any]]] = {
            "sts": {"get_caller_identity": self._identity},
            "lambda": {
                "get_account_settings": lambda: {
                    "AccountLimit": {
                        "ConcurrentExecutions": self.at_once,
                        "UnreservedConcurrentExecutions": self.at_once,
                    }
                }
            },
            "acm": {"describe_certificate": lambda **_: {"Certificate": self.certificate}},
            "sesv2": {
                "get_email_identity": lambda **_: {"VerifiedForSendingStatus": self.verified},
                "get_account": lambda: {"ProductionAccessEnabled": self.production},
            },
            "iam": {
                "get_role": lambda **_: {"Role": {"Arn": "arn:aws:iam::123456789012:role/deployer"}},
                "get_paginator": lambda _: SimpleNamespace(paginate=self._simulate),
            },
        }
        if service in self.failing:
            raise self.failing[service]
        if service not in played:
            return self._world.client(service)
        return SimpleNamespace(
            exceptions=SimpleNamespace(ResourceNotFoundException=Missing), **played[service]
        )

    def _identity(self) -> dict[str, Any]:
        headers = {"HTTPHeaders": {"date": self.date}}
        return {"Account": "123456789012", "Arn": self.arn, "ResponseMetadata": headers}

    def _simulate(self, **asked: Any) -> Iterator[dict[str, Any]]:
        self.simulated.append(asked)
        yield {
            "EvaluationResults": [
                {
                    "EvalActionName": one,
                    "EvalDecision": "implicitDeny" if one in self.not_allowed else "allowed",
                }
                for one in asked["ActionNames"]
            ]
        }


@pytest.fixture
def account(aws: World) -> Account:
    return Account(aws)


def findings(account: Account, **settings: Any) -> dict[str, Finding]:
    found = examine(account.target(**settings), now_ms=lambda: int(NOW.timestamp() * 1000))
    return {finding.about: finding for finding in found}


def test_where_all_is_well_everything_is_good_but_the_small_allowance_for_mail(account: Account) -> None:
    found = findings(account)
    assert {about: finding.outcome for about, finding in found.items()} == {
        "Package": "good",
        "Credentials": "good",
        "Clock": "good",
        "Stacks": "good",
        "Functions": "good",
        "Mail": "note",
        "Permissions": "good",
    }


@pytest.mark.parametrize(
    ("change", "about", "outcome", "what", "mend"),
    [
        ({"arn": "arn:aws:iam::123456789012:root"}, "Credentials", "note", "root", "imchat iam-policy"),
        ({"date": "Sat, 31 Jan 2026 07:50:00 GMT"}, "Clock", "problem", "600 s ahead", "NTP"),
        ({"at_once": 10}, "Functions", "note", "only 10 may run at once", "Service Quotas"),
        ({"not_allowed": {"s3:PutObject"}}, "Permissions", "problem", "s3:PutObject", "imchat iam-policy"),
        (certificate("chat.example.org", "PENDING_VALIDATION"), "Certificate", "problem", "PENDING_VALIDATION", "us-east-1"),
        (certificate("example.com", "ISSUED"), "Certificate", "problem", "not for chat.example.org", "certificate_arn"),
        ({"verified": False}, "Mail", "problem", "not verified", "SES"),
        ({"production": False}, "Mail", "problem", "sandbox", "production access"),
        (refusing("lambda", "GetAccountSettings"), "Functions", "unknown", "GetAccountSettings", "imchat iam-policy"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)  # fmt: skip
def test_what_is_wrong_is_found_with_its_mend(
    account: Account, change: dict[str, Any], about: str, outcome: str, what: str, mend: str
) -> None:
    for name, value in change.items():
        setattr(account, name, value)
    settings = {
        "domain_name": "chat.example.org",
        "certificate_arn": CERTIFICATE,
        "mail_identity_arn": IDENTITY,
    }
    found = findings(account, **settings)[about]
    assert found.outcome == outcome
    assert what in found.what
    assert mend in (found.mend or "")


@pytest.mark.parametrize(
    ("status", "outcome", "mend"),
    [
        ("UPDATE_COMPLETE", "good", ""),
        ("ROLLBACK_COMPLETE", "note", "imchat deploy"),
        ("REVIEW_IN_PROGRESS", "note", "imchat deploy"),
        ("UPDATE_IN_PROGRESS", "note", "wait"),
        ("UPDATE_ROLLBACK_FAILED", "problem", "continue-update-rollback --stack-name imchat-test-app"),
        ("DELETE_FAILED", "problem", "CloudFormation console"),
    ],
)
def test_half_finished_stacks_are_found(
    aws: World, account: Account, status: str, outcome: str, mend: str
) -> None:
    aws.cloudformation.put(STATE, "CREATE_COMPLETE")
    aws.cloudformation.put(APP, status)
    found = findings(account)["Stacks"]
    assert found.outcome == outcome
    assert mend in (found.mend or "")


def test_a_table_without_its_stack_is_found_before_the_deployment_stumbles_over_it(
    aws: World, account: Account
) -> None:
    aws.client("dynamodb").create_table(
        TableName="imchat-test",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )
    found = findings(account)["Stacks"]
    assert (found.outcome, found.what[:22]) == ("problem", "the table imchat-test ")


def test_without_credentials_nothing_else_is_asked(account: Account) -> None:
    account.failing["sts"] = NoCredentialsError()
    found = findings(account)
    assert list(found) == ["Package", "Credentials"]
    assert "aws configure" in (found["Credentials"].mend or "")


def test_permissions_are_asked_for_as_a_deployment_uses_them(account: Account) -> None:
    findings(account)
    asked = {one["PolicySourceArn"] for one in account.simulated}
    assert asked == {"arn:aws:iam::123456789012:role/deployer"}
    [pass_role] = [one for one in account.simulated if "iam:PassRole" in one["ActionNames"]]
    assert pass_role["ContextEntries"] == [
        {
            "ContextKeyName": "iam:PassedToService",
            "ContextKeyValues": ["lambda.amazonaws.com"],
            "ContextKeyType": "string",
        }
    ]


def test_the_command_prints_each_finding_and_ends_with_1_if_there_is_a_problem(account: Account) -> None:
    def type_(*more: str) -> Any:
        return CliRunner().invoke(commands, ["doctor", *more], obj=lambda *_, **__: account.target())

    done = type_()
    assert "Credentials" in done.output
    assert "→" in done.output
    assert done.exit_code == 1, "the clock is long past 2026-01-31"
    assert [one["about"] for one in json.loads(type_("--json").output)][:3] == [
        "Package",
        "Credentials",
        "Clock",
    ]
