"""Where to deploy, and under which addresses it is found: on AWS, and through an emulator."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.fake_aws import World

from imchat.deploy import Config, connect, deploy
from imchat.deploy.context import Fetched, fetch
from imchat.deploy.endpoints import addresses
from imchat.deploy.packaging.site import config_json
from imchat.errors import ConfigError

EMULATOR = "http://127.0.0.1:4566"


@pytest.fixture
def _no_aws_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


@pytest.mark.usefixtures("_no_aws_settings")
def test_without_any_region_the_operator_is_told_where_to_set_one() -> None:
    with pytest.raises(
        ConfigError, match=r"no AWS region is chosen; set region in imchat\.toml or give --region"
    ):
        connect(Config())


@pytest.mark.usefixtures("_no_aws_settings")
def test_an_unknown_profile_is_told() -> None:
    with pytest.raises(ConfigError, match=r"profile .*nobody.* --profile"):
        connect(Config(profile="nobody", region="eu-west-1"))


@pytest.mark.usefixtures("_no_aws_settings")
def test_clients_are_made_once_for_the_region_or_the_emulator() -> None:
    target = connect(Config(region="eu-west-1"), endpoint_url=EMULATOR)
    assert target.client("s3") is target.client("s3")
    assert target.client("cognito-idp").meta.endpoint_url == EMULATOR
    target = connect(Config(region="eu-west-1"))
    assert target.client("cognito-idp").meta.endpoint_url == "https://cognito-idp.eu-west-1.amazonaws.com"


OUTPUTS = {
    "SiteUrl": "https://chat.example.org",
    "DistributionDomain": "d1.cloudfront.net",
    "HttpApiId": "http1",
    "WebSocketApiId": "ws1",
    "SiteBucketName": "site",
    "UserPoolId": "pool",
    "UserPoolClientId": "client",
}


def test_a_domain_of_ones_own_is_shown_but_cloudfronts_name_is_tried() -> None:
    where = addresses(OUTPUTS, cognito="https://cognito", endpoint_url=None)
    assert where.site == "https://chat.example.org"
    assert where.health == "https://d1.cloudfront.net/api/health"
    assert (where.api, where.websocket) == ("/api", "/ws")


def test_an_emulator_is_reached_by_the_ids_of_its_apis_and_its_bucket() -> None:
    where = addresses(OUTPUTS, cognito=EMULATOR, endpoint_url=f"{EMULATOR}/")
    assert where.site == f"{EMULATOR}/site/index.html"
    assert where.health == f"{EMULATOR}/_aws/execute-api/http1/$default/api/health"
    assert where.websocket == "ws://127.0.0.1:4566/_aws/execute-api/ws1/ws"
    config = config_json(OUTPUTS, where, region="eu-west-1").decode()
    assert f'"api_url":"{EMULATOR}/_aws/execute-api/http1/$default/api"' in config
    assert f'"endpoint":"{EMULATOR}"' in config


def test_the_functions_on_an_emulator_post_to_it(aws: World) -> None:
    aws.target = replace(aws.target, endpoint_url=EMULATOR, fetch=lambda _: Fetched(200, b""))
    release = aws.release(files={"index.html": b""})
    assert release.values["CallbackUrlOverride"] == f"{EMULATOR}/_aws/execute-api"
    aws.target = replace(aws.target, endpoint_url=None)
    assert "CallbackUrlOverride" not in aws.release().values
    assert deploy(aws.target, release=release, approve=lambda _: False) is None


def test_what_cannot_be_fetched_says_why() -> None:
    found = fetch("http://127.0.0.1:9/")
    assert found.status == 0
    assert b"refused" in found.body
