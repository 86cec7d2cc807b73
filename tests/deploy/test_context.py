"""The AWS session, and the URLs of a stage on AWS and through an emulator."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.support.fake_aws import World

from imchat.deploy import Config, connect, deploy
from imchat.deploy.aws_errors import translated
from imchat.deploy.context import FetchResult, fetch
from imchat.deploy.endpoints import resolve_endpoints
from imchat.deploy.packaging.site import config_json
from imchat.errors import ConfigError
from imchat.sign_up_policy import OPEN

EMULATOR = "http://127.0.0.1:4566"


@pytest.fixture
def _no_aws_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


@pytest.mark.usefixtures("_no_aws_settings")
def test_a_missing_region_is_reported_with_the_way_to_set_one() -> None:
    with pytest.raises(
        ConfigError, match=r"no AWS region is set; set region in imchat\.toml or pass --region"
    ):
        connect(Config())


@pytest.mark.usefixtures("_no_aws_settings")
def test_an_unknown_profile_is_reported() -> None:
    with pytest.raises(ConfigError, match=r"profile .*nobody.* --profile"):
        connect(Config(profile="nobody", region="eu-west-1"))


@pytest.mark.usefixtures("_no_aws_settings")
def test_clients_are_created_once_for_the_region_or_the_emulator() -> None:
    target = connect(Config(region="eu-west-1"), endpoint_url=EMULATOR)
    assert target.client("s3") is target.client("s3")
    assert target.client("cognito-idp").meta.endpoint_url == EMULATOR
    target = connect(Config(region="eu-west-1"))
    assert target.client("cognito-idp").meta.endpoint_url == "https://cognito-idp.eu-west-1.amazonaws.com"


@pytest.mark.usefixtures("_no_aws_settings")
@pytest.mark.parametrize(
    ("settings", "region"),
    [
        ({"AWS_REGION": "eu-west-1"}, "eu-west-1"),
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-1"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-2"),
        ({"AWS_DEFAULT_REGION": ""}, "eu-west-3"),
        ({"AWS_REGION": ""}, "eu-west-3"),
        ({"AWS_REGION": "eusc-de-east-1"}, "eusc-de-east-1"),
    ],
)
def test_the_region_comes_from_the_environment_or_the_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], region: str
) -> None:
    (tmp_path / "config").write_text("[default]\nregion = eu-west-3\n", "utf-8")
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert connect(Config()).region == region
    assert connect(Config(region="us-east-1")).region == "us-east-1"


@pytest.mark.usefixtures("_no_aws_settings")
@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION"])
@pytest.mark.parametrize("region", [" ", "EU_WEST", "eu west 1", "eu-west-1\n"])
def test_an_invalid_region_is_reported_with_its_source(
    monkeypatch: pytest.MonkeyPatch, name: str, region: str
) -> None:
    monkeypatch.setenv(name, region)
    with pytest.raises(ConfigError, match=rf"(?s){name} is .* not the name of an AWS region; .* --region"):
        connect(Config())


@pytest.mark.parametrize("url", ["localhost:4566", "http://", "http://localhost:x", "ftp://localhost", "/x"])
def test_an_invalid_endpoint_url_is_reported(url: str) -> None:
    with pytest.raises(ConfigError, match=r"endpoint URL .* is not valid; .*http://localhost:4566"):
        connect(Config(region="eu-west-1"), endpoint_url=url)


def test_an_invalid_endpoint_url_of_one_service_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", "localhost:4566")
    with pytest.raises(ConfigError, match=r"Invalid endpoint.*AWS_ENDPOINT_URL_CLOUDFORMATION"):
        connect(Config(region="eu-west-1")).client("cloudformation")


@pytest.mark.usefixtures("_no_aws_settings")
@pytest.mark.parametrize(
    "process",
    [
        "/nowhere/credentials",
        "echo hello",
        "echo []",
        "echo {}",
        """echo '{"Version": 2}'""",
        """echo '{"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "b", "Expiration": "soon"}'""",
        '"unclosed',
        "false",
    ],
)
@pytest.mark.parametrize("of_role", [False, True])
def test_a_credential_process_that_fails_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, process: str, *, of_role: bool
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    role = "[profile role]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = source\n"
    (tmp_path / "config").write_text(f"{role}[profile source]\ncredential_process = {process}\n", "utf-8")
    target = connect(Config(profile="role" if of_role else "source", region="eu-west-1"))
    with pytest.raises(ConfigError, match=r"credential_process.*--profile") as raised:
        target.client("sts")
    assert "\n" not in raised.value.message


@pytest.mark.usefixtures("_no_aws_settings")
@pytest.mark.parametrize("later", ["false", "echo hello", "rm -- $0; exit 1"])
def test_a_credential_process_that_fails_at_a_refresh_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, later: str
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    process = tmp_path / "process"
    expired = datetime.now(UTC) + timedelta(seconds=30)  # botocore refreshes them before each request
    keys = {"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "b", "Expiration": expired.isoformat()}
    calls = tmp_path / "calls"
    process.write_text(
        f"#!/bin/sh\necho >> {calls}\n"
        f"if [ $(wc -l < {calls}) -le 2 ]; then echo '{json.dumps(keys)}'; else {later}; fi\n"
    )
    process.chmod(0o755)
    (tmp_path / "config").write_text(f"[default]\ncredential_process = {process}\n")
    sts = connect(Config(region="eu-west-1"), endpoint_url="http://127.0.0.1:9").client("sts")
    with pytest.raises(ConfigError, match=r"credential_process") as raised, translated():
        sts.get_caller_identity()
    assert "\n" not in raised.value.message


@pytest.mark.usefixtures("_no_aws_settings")
@pytest.mark.parametrize(
    "names", [("AWS_PROFILE",), ("AWS_DEFAULT_PROFILE",), ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")]
)
def test_an_empty_profile_variable_counts_as_not_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]
) -> None:
    profiles = "[default]\nregion = eu-west-3\n[profile work]\nregion = eu-west-2\n"
    (tmp_path / "config").write_text(profiles, "utf-8")
    for name in names:
        monkeypatch.setenv(name, "")
    assert connect(Config()).region == "eu-west-3"
    assert connect(Config(profile="work")).region == "eu-west-2"
    other = "AWS_PROFILE" if names == ("AWS_DEFAULT_PROFILE",) else "AWS_DEFAULT_PROFILE"
    monkeypatch.setenv(other, "work")
    assert connect(Config()).region == "eu-west-2"


OUTPUTS = {
    "SiteUrl": "https://chat.example.org",
    "DistributionDomain": "d1.cloudfront.net",
    "HttpApiId": "http1",
    "WebSocketApiId": "ws1",
    "SiteBucketName": "site",
    "UserPoolId": "pool",
    "UserPoolClientId": "client",
}


def test_a_custom_domain_is_shown_but_the_smoke_test_uses_cloudfronts_host_name() -> None:
    endpoints = resolve_endpoints(OUTPUTS, None)
    assert endpoints.site == "https://chat.example.org"
    assert endpoints.health == "https://d1.cloudfront.net/api/health"
    assert (endpoints.api, endpoints.websocket) == ("/api", "/ws")


@pytest.mark.usefixtures("_no_aws_settings")
def test_an_emulators_urls_contain_the_ids_of_its_apis_and_its_bucket() -> None:
    endpoints = resolve_endpoints(OUTPUTS, f"{EMULATOR}/")
    assert endpoints.site == f"{EMULATOR}/site/index.html"
    assert endpoints.health == f"{EMULATOR}/_aws/execute-api/http1/$default/api/health"
    assert endpoints.websocket == "ws://127.0.0.1:4566/_aws/execute-api/ws1/ws"
    config = config_json(connect(Config(region="eu-west-1"), endpoint_url=EMULATOR), OUTPUTS, OPEN).decode()
    assert f'"api_url":"{EMULATOR}/_aws/execute-api/http1/$default/api"' in config
    assert f'"endpoint":"{EMULATOR}"' in config


def test_functions_on_an_emulator_reach_connections_through_it(aws: World) -> None:
    aws.target = replace(aws.target, endpoint_url=EMULATOR, fetch=lambda _: FetchResult(200, b""))
    release = aws.release(files={"index.html": b""})
    assert release.parameters["CallbackUrlOverride"] == f"{EMULATOR}/_aws/execute-api"
    aws.target = replace(aws.target, endpoint_url=None)
    assert "CallbackUrlOverride" not in aws.release().parameters
    assert deploy(aws.target, release=release, approve=lambda _: False) is None


def test_a_url_that_cannot_be_fetched_returns_the_reason() -> None:
    result = fetch("http://127.0.0.1:9/")
    assert result.status == 0
    assert b"refused" in result.body
