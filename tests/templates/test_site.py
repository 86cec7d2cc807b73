"""templates/site.yaml and `imchat local` serve the web client the same way: the same headers, the same file for each path."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from tests.templates.loading import Template, load, of_type, render
from tests.templates.page_function import answers

from imchat.local.http import Request
from imchat.local.http.response import SECURITY_HEADERS, with_security_headers
from imchat.local.static_site import Site

ON_AWS_ONLY: Final = {
    "https://cognito-idp.eu-central-1.amazonaws.com",
    "https://attachments.s3.eu-central-1.amazonaws.com",
}
"""On one machine these are the site's own origin."""
BY_CLOUDFRONT_ONLY: Final = {"strict-transport-security", "x-frame-options"}
"""One is for HTTPS; the other repeats the content security policy for browsers that do not support it."""
LOCAL_ONLY: Final = {"content-type", "content-length", "etag", "server"}
PATHS: Final = {
    "/": "/index.html",
    "/index.html": "/index.html",
    "/config.json": "/config.json",
    "/sw.js": "/sw.js",
    "/conversations": "302 /",
    "/conversations/gabc123": "302 /",
    "/a.b/c": "302 /",
    "/favicon.ico": "/favicon.ico",
    "/.env": "/.env",
    "/conversations/": "302 /",
}
"""Paths in a browser, and the files that are served, or where the browser is redirected to."""


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
    """Return the headers that a response headers policy of CloudFront adds."""
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


def test_a_page_has_the_same_headers_as_on_one_machine(site: Template, local: Site) -> None:
    here, there = local_headers(local, "/"), cloudfront_headers(site, "PageHeaders")
    policy = [
        part for part in there["content-security-policy"].split() if part.rstrip(";") not in ON_AWS_ONLY
    ]
    there["content-security-policy"] = " ".join(policy).replace(
        "connect-src 'self'", "connect-src 'self';", 1
    )
    assert {name: value for name, value in there.items() if name not in BY_CLOUDFRONT_ONLY} == {
        name: value for name, value in here.items() if name not in LOCAL_ONLY
    }


def test_a_page_may_connect_only_to_its_origin_cognito_and_attachments(site: Template) -> None:
    policy = cloudfront_headers(site, "PageHeaders")["content-security-policy"]
    [connect] = [part.split()[1:] for part in policy.split("; ") if part.startswith("connect-src")]
    assert set(connect) == {"'self'", *ON_AWS_ONLY}


def test_a_file_with_a_checksum_in_its_name_is_immutable(site: Template, local: Site) -> None:
    here = local_headers(local, "/assets/index-ABCD1234.js")
    assert cloudfront_headers(site, "AssetHeaders")["cache-control"] == here["cache-control"]
    assert "immutable" in here["cache-control"]


def test_an_api_response_has_the_same_headers_as_on_one_machine(site: Template) -> None:
    there = cloudfront_headers(site, "AnswerHeaders")
    assert {name: value for name, value in there.items() if name not in BY_CLOUDFRONT_ONLY} == {
        name: value for name, value in SECURITY_HEADERS.items() if name != "server"
    }


def test_cloudfront_caches_only_what_the_origin_allows(site: Template) -> None:
    config = site["Resources"]["Distribution"]["Properties"]["DistributionConfig"]
    cache = site["Resources"]["PageCache"]["Properties"]["CachePolicyConfig"]
    assert config["DefaultCacheBehavior"]["CachePolicyId"] == {"Ref": "PageCache"}
    assert (cache["MinTTL"], cache["DefaultTTL"]) == (0, 0)
    patterns = [behaviour["PathPattern"] for behaviour in config["CacheBehaviors"]]
    assert patterns == ["/assets/*", "/api/*", "/ws"], (
        "every other path, also /config.json, has the default behaviour"
    )


def test_only_the_root_is_a_page_and_other_pages_are_redirected_to_it(site: Template) -> None:
    code = site["Resources"]["PageAddresses"]["Properties"]["FunctionCode"]
    assert dict(zip(PATHS, answers(code, tuple(PATHS)), strict=True)) == PATHS


@pytest.mark.parametrize("path", PATHS)
def test_one_machine_answers_in_the_same_way(local: Site, path: str) -> None:
    answer = local.serve(Request.build("GET", path, []))
    there = PATHS[path]
    if there.startswith("302 "):
        assert (answer.status, answer.headers["Location"]) == (302, there.removeprefix("302 "))
    elif there in {"/index.html", "/sw.js"}:
        assert (answer.status, answer.body) == (200, there.removeprefix("/").encode())
    else:
        assert answer.status == 404


def test_a_custom_domain_needs_its_certificate(site: Template) -> None:
    [rule] = site["Rules"].values()
    assert rule["RuleCondition"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "DomainName"}, ""]}]}
    assert rule["Assertions"][0]["Assert"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "CertificateArn"}, ""]}]}
    config = site["Resources"]["Distribution"]["Properties"]["DistributionConfig"]
    custom = {"DomainName": "chat.example.org", "CertificateArn": "arn"}
    assert render(site, config["Aliases"], custom) == ["chat.example.org"]
    assert render(site, config["ViewerCertificate"], custom)["MinimumProtocolVersion"] == "TLSv1.2_2021"
    assert render(site, config["ViewerCertificate"]) == {"CloudFrontDefaultCertificate": True}
    assert render(site, site["Outputs"]["SiteUrl"]["Value"], custom) == "https://chat.example.org"


def test_every_bucket_denies_public_access_and_plain_http() -> None:
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
            [deny] = [statement for statement in policies[name] if statement["Effect"] == "Deny"]
            assert deny["Principal"] == deny["Action"][3:] == "*", name
            assert deny["Resource"] == [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]
            assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}, name
    assert buckets == 3
