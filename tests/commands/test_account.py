"""`imchat iam-policy` and `imchat cost` as an operator meets them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from moto import mock_aws

from imchat.cli import commands
from imchat.deploy import Config
from imchat.deploy.iam import policy
from imchat.deploy.iam.arns import DeploymentScope
from imchat.errors import ImchatError

PLACE = DeploymentScope("test", "eu-west-1", "123456789012")
WHERE = ("--stage", "test", "--region", "eu-west-1")


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("IMCHAT_STAGE", "IMCHAT_REGION", "IMCHAT_PROFILE", "IMCHAT_CONFIG", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(commands, arguments)


def document(made: policy.Policy) -> Any:
    return json.loads(json.dumps(made.document))


def test_the_policies_are_printed_as_json_for_the_account_of_the_credentials() -> None:
    with mock_aws():
        done = run("iam-policy", *WHERE)
    assert done.exit_code == 0, done.output
    expected = [*policy.deployer_policies(PLACE), policy.boundary_policy(PLACE)]
    assert json.loads(done.stdout) == {made.name: document(made) for made in expected}


def test_an_account_that_is_named_needs_no_credentials() -> None:
    done = run("iam-policy", *WHERE, "--account", "123456789012")
    assert "arn:aws:dynamodb:eu-west-1:123456789012:table/imchat-test" in done.stdout
    china = run("iam-policy", "--region", "cn-north-1", "--account", "123456789012")
    assert "arn:aws-cn:dynamodb:cn-north-1:" in china.stdout


def test_an_account_that_is_none_is_refused() -> None:
    done = run("iam-policy", *WHERE, "--account", "me")
    assert isinstance(done.exception, ImchatError)
    assert "12 digits" in done.exception.message


def test_policies_are_written_to_files_with_what_to_do_next() -> None:
    done = run("iam-policy", *WHERE, "--account", "123456789012", "--write", "policies")
    boundary = policy.boundary_policy(PLACE)
    assert json.loads(Path("policies", f"{boundary.name}.json").read_text("utf-8")) == document(boundary)
    assert {path.stem for path in Path("policies").iterdir()} == {
        boundary.name,
        *(made.name for made in policy.deployer_policies(PLACE)),
    }
    for path in Path("policies").iterdir():
        assert f"--policy-document file://{path}" in done.stdout
    assert f'permissions_boundary_arn = "{boundary.arn}"' in done.stderr
    assert Config(permissions_boundary_arn=boundary.arn)


def test_a_folder_that_cannot_be_written_is_named() -> None:
    Path("taken").write_text("a file", "utf-8")
    done = run("iam-policy", *WHERE, "--account", "123456789012", "--write", "taken/policies")
    assert isinstance(done.exception, ImchatError)
    assert "taken/policies" in done.exception.message


def test_the_cost_is_a_table_with_every_meter_its_sum_and_the_prices_date() -> None:
    done = run("cost", "--users", "1000", "--group-size", "10")
    for word in (
        "API Gateway",
        "WebSocket connection minutes",
        "DynamoDB",
        "Cognito",
        "Together",
        "beyond free",
    ):
        assert word in done.stdout
    assert "List prices of 20" in done.stderr


def test_the_cost_of_a_region_without_prices_says_whose_they_are() -> None:
    done = run("cost", "--region", "eu-central-1")
    assert "They are of us-east-1: eu-central-1's are not known here." in done.stderr


def test_the_cost_in_json_adds_up() -> None:
    told = json.loads(run("cost", "--json").stdout)
    assert told["total"] == pytest.approx(sum(row["cost"] for row in told["rows"]), abs=0.01)
    assert told["usage"]["users"] == 100


def test_a_number_that_cannot_be_is_refused() -> None:
    done = run("cost", "--hours", "25")
    assert isinstance(done.exception, ImchatError)
    assert "hours_online is from 0 to 24" in done.exception.message
