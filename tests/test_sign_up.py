"""The sign-up policy: its text format and the addresses it allows."""

from __future__ import annotations

import pytest

from imchat.errors import Invalid
from imchat.sign_up_policy import MAX_DOMAINS, SignUpPolicy

KELVIN = "\N{KELVIN SIGN}"
CYRILLIC_A = "\N{CYRILLIC SMALL LETTER A}"


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("open", SignUpPolicy("open")),
        ("invitation", SignUpPolicy("invitation")),
        ("domain:example.org", SignUpPolicy("domain", ("example.org",))),
        ("domain:Example.ORG, b.example,example.org", SignUpPolicy("domain", ("example.org", "b.example"))),
        ("domain:xn--bcher-kva.example", SignUpPolicy("domain", ("xn--bcher-kva.example",))),
    ],
)
def test_a_policy_is_parsed_from_its_text(text: str, policy: SignUpPolicy) -> None:
    assert SignUpPolicy.parse(text) == policy
    assert SignUpPolicy.parse(str(policy)) == policy


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "sign-up must be open, invitation or domain:example.org"),
        ("closed", "sign-up must be open, invitation or domain:example.org"),
        ("domain:", 'has "", which is not a domain'),
        ("domain:example.org,", 'has "", which is not a domain'),
        ("domain:localhost", 'has "localhost", which is not a domain'),
        ("domain:ann@example.org", 'has "ann@example.org", which is not a domain'),
        ("domain:*.example.org", "which is not a domain"),
        ("domain:example.org.", "which is not a domain"),
        ("domain:bücher.example", "use its punycode form, starting with xn--"),
        (f"domain:{'a.' * 130}org", "has a domain of 263 characters; at most 253 are allowed"),
        (
            "domain:" + ",".join(f"d{number}.example" for number in range(MAX_DOMAINS + 1)),
            f"has {MAX_DOMAINS + 1} domains; at most {MAX_DOMAINS} are allowed",
        ),
    ],
)
def test_an_invalid_policy_is_rejected_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(Invalid) as raised:
        SignUpPolicy.parse(text)
    assert message in raised.value.message
    assert raised.value.details["field"] == "sign_up"


def test_an_open_server_allows_everyone_and_an_invitation_server_no_one() -> None:
    assert SignUpPolicy.parse("open").allows("ann@example.com")
    assert not SignUpPolicy.parse("invitation").allows("ann@example.com")


@pytest.mark.parametrize(
    "email", ["ann@example.org", "Ann@EXAMPLE.org", '"a@b"@example.org', "x@kit.example"]
)
def test_a_domain_policy_allows_its_domains_in_any_case(email: str) -> None:
    assert SignUpPolicy.parse("domain:example.org,kit.example").allows(email)


@pytest.mark.parametrize(
    "email",
    [
        "ann@mail.example.org",
        "ann@notexample.org",
        "ann@example.org.evil.example",
        "ann@example.org@evil.example",
        "ann@example.org.",
        "ann@org",
        "example.org@evil.example",
        f"ann@ex{CYRILLIC_A}mple.org",
        f"x@{KELVIN}it.example",
        "",
    ],
)
def test_a_domain_policy_rejects_subdomains_and_look_alikes(email: str) -> None:
    assert not SignUpPolicy.parse("domain:example.org,kit.example").allows(email)
