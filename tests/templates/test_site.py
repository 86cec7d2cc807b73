"""templates/site.yaml and `imchat local` serve the web client alike: the same headers, the same file for every address."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
from tests.templates.loading import Template, load, of_type, render

from imchat.local.http import Request
from imchat.local.http.response import SECURITY_HEADERS, with_security_headers
from imchat.local.static_site import Site

ON_AWS_ONLY: Final = {
    "https://cognito-idp.eu-central-1.amazonaws.com",
    "https://attachments.s3.eu-central-1.amazonaws.com",
}
"""Origins that have the site's own on one machine."""
BY_CLOUDFRONT_ONLY: Final = {"strict-transport-security", "x-frame-options"}
"""HTTPS is CloudFront's; the other says what the content security policy says, to browsers that do not know it."""
OF_ONE_MACHINE: Final = {"content-type", "content-length", "etag", "server"}
ADDRESSES: Final = {
    "/": "/index.html",
    "/index.html": "/index.html",
    "/config.json": "/config.json",
    "/sw.js": "/sw.js",
    "/conversations": "/index.html",
    "/conversations/gabc123": "/index.html",
    "/a.b/c": "/index.html",
    "/favicon.ico": "/favicon.ico",
    "/.env": "/.env",
    "/conversations/": "/index.html",
}
"""Addresses in a browser, and the files that are looked for."""


@pytest.fixture(scope="module")
def site() -> Template:
    return load("site")


@pytest.fixture
def local(tmp_path: Path) -> Site:
    (tmp_path / "assets").mkdir()
    for name in ("index.html", "sw.js", "assets/index-ABCD1234.js"):
        (tmp_path / name).write_text(name)
    return Site(tmp_path)


def local_headers(local: Site, path: str) -> dict[str, str]:
    answer = local.serve(Request.build("GET", path, []))
    return with_security_headers(answer.headers.items())


def cloudfront_headers(site: Template, policy: str) -> dict[str, str]:
    """What a response headers policy makes of an answer, as CloudFront writes it."""
    config = render(site, of_type(site, "AWS::CloudFront::ResponseHeadersPolicy")[policy])
    security = config["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    headers = {
        "content-security-policy": " ".join(
            security["ContentSecurityPolicy"]["ContentSecurityPolicy"].split()
        ),
        "x-content-type-options": "nosniff",
        "x-frame-options": security["FrameOptions"]["FrameOption"],
        "referrer-policy": security["ReferrerPolicy"]["ReferrerPolicy"],
        "strict-transport-security": str(security["StrictTransportSecurity"]["AccessControlMaxAgeSec"]),
    }
    custom = config["ResponseHeadersPolicyConfig"]["CustomHeadersConfig"]["Items"]
    assert all(header["Override"] for header in [*security.values(), *custom])
    return headers | {header["Header"].lower(): header["Value"] for header in custom}


def test_a_page_has_the_headers_that_it_has_on_one_machine(site: Template, local: Site) -> None:
    here, there = local_headers(local, "/"), cloudfront_headers(site, "PageHeaders")
    policy = [
        part for part in there["content-security-policy"].split() if part.rstrip(";") not in ON_AWS_ONLY
    ]
    there["content-security-policy"] = " ".join(policy).replace(
        "connect-src 'self'", "connect-src 'self';", 1
    )
    assert {name: value for name, value in there.items() if name not in BY_CLOUDFRONT_ONLY} == {
        name: value for name, value in here.items() if name not in OF_ONE_MACHINE
    }


def test_a_page_may_reach_cognito_and_the_attachments_and_nothing_else(site: Template) -> None:
    policy = cloudfront_headers(site, "PageHeaders")["content-security-policy"]
    [connect] = [part.split()[1:] for part in policy.split("; ") if part.startswith("connect-src")]
    assert set(connect) == {"'self'", *ON_AWS_ONLY}


def test_a_file_that_never_changes_is_never_asked_for_again(site: Template, local: Site) -> None:
    here = local_headers(local, "/assets/index-ABCD1234.js")
    assert cloudfront_headers(site, "AssetHeaders")["cache-control"] == here["cache-control"]
    assert "immutable" in here["cache-control"]


def test_an_answer_of_the_api_has_the_headers_that_it_has_on_one_machine(site: Template) -> None:
    there = cloudfront_headers(site, "AnswerHeaders")
    assert {name: value for name, value in there.items() if name not in BY_CLOUDFRONT_ONLY} == {
        name: value for name, value in SECURITY_HEADERS.items() if name != "server"
    }


def test_nothing_uncached_is_kept_at_the_edge(site: Template) -> None:
    config = site["Resources"]["Distribution"]["Properties"]["DistributionConfig"]
    cache = site["Resources"]["PageCache"]["Properties"]["CachePolicyConfig"]
    assert config["DefaultCacheBehavior"]["CachePolicyId"] == {"Ref": "PageCache"}
    assert (cache["MinTTL"], cache["DefaultTTL"]) == (0, 0)
    patterns = [behaviour["PathPattern"] for behaviour in config["CacheBehaviors"]]
    assert patterns == ["/assets/*", "/api/*", "/ws"], (
        "all else, /config.json too, is the default behaviour's"
    )


def rewritten(site: Template, addresses: list[str]) -> list[str]:
    """What the function at the edge, run by Node, makes of addresses."""
    code = site["Resources"]["PageAddresses"]["Properties"]["FunctionCode"]
    call = (
        f"{code}\nconst uris = JSON.parse(process.argv[1])\n"
        "console.log(JSON.stringify(uris.map(uri => handler({request: {method: 'GET', uri, headers: {}}}).uri)))"
    )
    node = shutil.which("node")
    assert node, "Node is needed to build the client, and to run this"
    done = subprocess.run(
        [node, "-e", call, json.dumps(addresses)], capture_output=True, text=True, check=True
    )
    found: list[str] = json.loads(done.stdout)
    return found


def test_the_address_of_a_page_is_answered_by_the_application(site: Template) -> None:
    assert dict(zip(ADDRESSES, rewritten(site, list(ADDRESSES)), strict=True)) == ADDRESSES


@pytest.mark.parametrize("address", ADDRESSES)
def test_one_machine_answers_an_address_by_the_same_file(local: Site, address: str) -> None:
    answer: Any = local.serve(Request.build("GET", address, []))
    there = ADDRESSES[address].removeprefix("/")
    assert (answer.status, answer.body) == (
        (200, there.encode()) if there in {"index.html", "sw.js"} else (404, answer.body)
    )


def test_an_address_of_ones_own_needs_its_certificate(site: Template) -> None:
    [rule] = site["Rules"].values()
    assert rule["RuleCondition"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "DomainName"}, ""]}]}
    assert rule["Assertions"][0]["Assert"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "CertificateArn"}, ""]}]}
    config = site["Resources"]["Distribution"]["Properties"]["DistributionConfig"]
    own = {"DomainName": "chat.example.org", "CertificateArn": "arn"}
    assert render(site, config["Aliases"], own) == ["chat.example.org"]
    assert render(site, config["ViewerCertificate"], own)["MinimumProtocolVersion"] == "TLSv1.2_2021"
    assert render(site, config["ViewerCertificate"]) == {"CloudFrontDefaultCertificate": True}
    assert render(site, site["Outputs"]["SiteUrl"]["Value"], own) == "https://chat.example.org"


def test_every_bucket_refuses_the_public_and_what_is_not_encrypted() -> None:
    buckets = 0
    for template in (load("state"), load("site")):
        policies = {
            policy["Bucket"]["Ref"]: render(template, policy["PolicyDocument"])["Statement"]
            for policy in of_type(template, "AWS::S3::BucketPolicy").values()
        }
        for name, bucket in of_type(template, "AWS::S3::Bucket").items():
            buckets += 1
            assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}, name
            assert len(bucket["PublicAccessBlockConfiguration"]) == 4, name
            assert bucket["BucketEncryption"], name
            [refusal] = [statement for statement in policies[name] if statement["Effect"] == "Deny"]
            assert refusal["Principal"] == refusal["Action"][3:] == "*", name
            assert refusal["Resource"] == [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]
            assert refusal["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}, name
    assert buckets == 3
