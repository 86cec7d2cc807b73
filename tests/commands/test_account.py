"""The output of `imchat iam-policy` and `imchat cost`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from moto import mock_aws

from imchat.cli import cli
from imchat.deploy import Config
from imchat.deploy.iam import policy
from imchat.deploy.iam.arns import DeploymentScope
from imchat.errors import ImchatError

SCOPE = DeploymentScope("test", "eu-west-1", "123456789012")
STAGE_OPTIONS = ("--stage", "test", "--region", "eu-west-1")


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("IMCHAT_STAGE", "IMCHAT_REGION", "IMCHAT_PROFILE", "IMCHAT_CONFIG", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)


def run(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": None}).invoke(cli, arguments)


def document(generated: policy.Policy) -> Any:
    return json.loads(json.dumps(generated.document))


def test_policies_are_printed_as_json_for_the_account_of_the_credentials() -> None:
    with mock_aws():
        result = run("iam-policy", *STAGE_OPTIONS)
    assert result.exit_code == 0, result.output
    expected = [*policy.deployer_policies(SCOPE), policy.boundary_policy(SCOPE)]
    assert json.loads(result.stdout) == {generated.name: document(generated) for generated in expected}


def test_the_account_option_needs_no_credentials() -> None:
    result = run("iam-policy", *STAGE_OPTIONS, "--account", "123456789012")
    assert "arn:aws:dynamodb:eu-west-1:123456789012:table/imchat-test" in result.stdout
    china = run("iam-policy", "--region", "cn-north-1", "--account", "123456789012")
    assert "arn:aws-cn:dynamodb:cn-north-1:" in china.stdout


def test_an_invalid_account_number_is_an_error() -> None:
    result = run("iam-policy", *STAGE_OPTIONS, "--account", "me")
    assert isinstance(result.exception, ImchatError)
    assert "12 digits" in result.exception.message


def test_policies_are_written_to_files_with_the_next_steps() -> None:
    result = run("iam-policy", *STAGE_OPTIONS, "--account", "123456789012", "--write", "policies")
    boundary = policy.boundary_policy(SCOPE)
    assert json.loads(Path("policies", f"{boundary.name}.json").read_text("utf-8")) == document(boundary)
    assert {path.stem for path in Path("policies").iterdir()} == {
        boundary.name,
        *(generated.name for generated in policy.deployer_policies(SCOPE)),
    }
    for path in Path("policies").iterdir():
        assert f"--policy-document file://{path}" in result.stdout
    assert f'permissions_boundary_arn = "{boundary.arn}"' in result.stderr
    assert Config(permissions_boundary_arn=boundary.arn)


def test_a_folder_that_is_not_writable_is_an_error() -> None:
    Path("taken").write_text("a file", "utf-8")
    result = run("iam-policy", *STAGE_OPTIONS, "--account", "123456789012", "--write", "taken/policies")
    assert isinstance(result.exception, ImchatError)
    assert "taken/policies" in result.exception.message


def test_the_cost_table_shows_every_charge_the_total_and_the_date_of_the_prices() -> None:
    result = run("cost", "--users", "1000", "--group-size", "10")
    for text in (
        "API Gateway",
        "WebSocket connection minutes",
        "DynamoDB",
        "Cognito",
        "Total",
        "after free tier",
    ):
        assert text in result.stdout
    assert "List prices of 20" in result.stderr


def test_a_region_without_prices_shows_which_prices_are_used() -> None:
    result = run("cost", "--region", "eu-central-1")
    assert "Prices are for us-east-1: imchat has no prices for eu-central-1." in result.stderr


def test_the_json_total_is_the_sum_of_the_rows() -> None:
    estimate = json.loads(run("cost", "--json").stdout)
    assert estimate["total"] == pytest.approx(sum(row["cost"] for row in estimate["rows"]), abs=0.01)
    assert estimate["usage"]["users"] == 100


def test_a_number_out_of_range_is_an_error() -> None:
    result = run("cost", "--hours", "25")
    assert isinstance(result.exception, ImchatError)
    assert "hours_online must be between 0 and 24" in result.exception.message
