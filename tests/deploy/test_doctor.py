"""`imchat doctor` finds what would block a deployment and says how to fix it."""

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

from imchat.cli import cli
from imchat.deploy import Config, DeployContext
from imchat.deploy.operate.doctor import Finding, run_checks

NOW = datetime(2026, 1, 31, 8, tzinfo=UTC)
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/1"
IDENTITY = "arn:aws:ses:eu-west-1:123456789012:identity/example.org"


class Missing(Exception):
    """Raised for a resource that does not exist."""


def access_denied(service: str, operation: str) -> dict[str, Any]:
    error = ClientError({"Error": {"Code": "AccessDenied", "Message": "No."}}, operation)
    return {"failing": {service: error}}


def certificate(domain: str, status: str) -> dict[str, Any]:
    return {"certificate": {"DomainName": domain, "Status": status}}


class Account:
    """A fake account without problems, changed by tests."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.arn = "arn:aws:sts::123456789012:assumed-role/deployer/ada"
        self.date = "Sat, 31 Jan 2026 08:00:01 GMT"
        self.concurrency = 1000
        self.certificate = {"DomainName": "*.example.org", "Status": "ISSUED"}
        self.verified, self.production = True, True
        self.denied_actions: set[str] = set()
        self.simulations: list[dict[str, Any]] = []
        self.failing: dict[str, Exception] = {}

    def target(self, **settings: Any) -> DeployContext:
        return replace(self._world.target, config=Config(stage="test", **settings), client=self.client)

    def client(self, service: str) -> Any:
        fakes: dict[str, dict[str, Callable[..., Any]]] = {
            "sts": {"get_caller_identity": self._identity},
            "lambda": {
                "get_account_settings": lambda: {
                    "AccountLimit": {
                        "ConcurrentExecutions": self.concurrency,
                        "UnreservedConcurrentExecutions": self.concurrency,
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
        if service not in fakes:
            return self._world.client(service)
        return SimpleNamespace(
            exceptions=SimpleNamespace(ResourceNotFoundException=Missing), **fakes[service]
        )

    def _identity(self) -> dict[str, Any]:
        headers = {"HTTPHeaders": {"date": self.date}}
        return {"Account": "123456789012", "Arn": self.arn, "ResponseMetadata": headers}

    def _simulate(self, **request: Any) -> Iterator[dict[str, Any]]:
        self.simulations.append(request)
        yield {
            "EvaluationResults": [
                {
                    "EvalActionName": action,
                    "EvalDecision": "implicitDeny" if action in self.denied_actions else "allowed",
                }
                for action in request["ActionNames"]
            ]
        }


@pytest.fixture
def account(aws: World) -> Account:
    return Account(aws)


def findings(account: Account, **settings: Any) -> dict[str, Finding]:
    found = run_checks(account.target(**settings), now_ms=lambda: int(NOW.timestamp() * 1000))
    return {finding.about: finding for finding in found}


def test_without_problems_only_mail_has_a_note(account: Account) -> None:
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
    ("change", "about", "outcome", "what", "fix"),
    [
        ({"arn": "arn:aws:iam::123456789012:root"}, "Credentials", "note", "root", "imchat iam-policy"),
        ({"date": "Sat, 31 Jan 2026 07:50:00 GMT"}, "Clock", "problem", "600 s ahead", "NTP"),
        ({"concurrency": 10}, "Functions", "note", "only 10 concurrent executions", "Service Quotas"),
        ({"denied_actions": {"s3:PutObject"}}, "Permissions", "problem", "s3:PutObject", "imchat iam-policy"),
        (certificate("chat.example.org", "PENDING_VALIDATION"), "Certificate", "problem", "PENDING_VALIDATION", "us-east-1"),
        (certificate("example.com", "ISSUED"), "Certificate", "problem", "not for chat.example.org", "certificate_arn"),
        ({"verified": False}, "Mail", "problem", "not verified", "SES"),
        ({"production": False}, "Mail", "problem", "sandbox", "production access"),
        (access_denied("lambda", "GetAccountSettings"), "Functions", "unknown", "GetAccountSettings", "imchat iam-policy"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)  # fmt: skip
def test_each_problem_is_found_with_its_fix(
    account: Account, change: dict[str, Any], about: str, outcome: str, what: str, fix: str
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
    assert fix in (found.fix or "")


@pytest.mark.parametrize(
    ("status", "outcome", "fix"),
    [
        ("UPDATE_COMPLETE", "good", ""),
        ("ROLLBACK_COMPLETE", "note", "imchat deploy"),
        ("REVIEW_IN_PROGRESS", "note", "imchat deploy"),
        ("UPDATE_IN_PROGRESS", "note", "wait"),
        ("UPDATE_ROLLBACK_FAILED", "problem", "continue-update-rollback --stack-name imchat-test-app"),
        ("DELETE_FAILED", "problem", "CloudFormation console"),
    ],
)
def test_incomplete_stacks_are_found(
    aws: World, account: Account, status: str, outcome: str, fix: str
) -> None:
    aws.cloudformation.put(STATE, "CREATE_COMPLETE")
    aws.cloudformation.put(APP, status)
    found = findings(account)["Stacks"]
    assert found.outcome == outcome
    assert fix in (found.fix or "")


def test_a_table_without_its_stack_is_found_before_deploying(aws: World, account: Account) -> None:
    aws.client("dynamodb").create_table(
        TableName="imchat-test",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )
    found = findings(account)["Stacks"]
    assert (found.outcome, found.what[:22]) == ("problem", "the table imchat-test ")


def test_without_credentials_other_checks_are_skipped(account: Account) -> None:
    account.failing["sts"] = NoCredentialsError()
    found = findings(account)
    assert list(found) == ["Package", "Credentials"]
    assert "aws configure" in (found["Credentials"].fix or "")


def test_permissions_are_simulated_for_the_role_of_the_caller(account: Account) -> None:
    findings(account)
    sources = {simulation["PolicySourceArn"] for simulation in account.simulations}
    assert sources == {"arn:aws:iam::123456789012:role/deployer"}
    [pass_role] = [call for call in account.simulations if "iam:PassRole" in call["ActionNames"]]
    assert pass_role["ContextEntries"] == [
        {
            "ContextKeyName": "iam:PassedToService",
            "ContextKeyValues": ["lambda.amazonaws.com"],
            "ContextKeyType": "string",
        }
    ]


def test_the_command_prints_each_finding_and_exits_with_1_if_there_is_a_problem(account: Account) -> None:
    def run_doctor(*more: str) -> Any:
        return CliRunner().invoke(cli, ["doctor", *more], obj=lambda *_, **__: account.target())

    result = run_doctor()
    assert "Credentials" in result.output
    assert "→" in result.output
    assert result.exit_code == 1, "the fake clock of AWS is at 2026-01-31"
    assert [finding["about"] for finding in json.loads(run_doctor("--json").output)][:3] == [
        "Package",
        "Credentials",
        "Clock",
    ]
