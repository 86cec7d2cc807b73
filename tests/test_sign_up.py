"""Who may sign up: the words that say it, and the addresses it lets in."""

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
def test_a_policy_is_said_in_one_word_or_by_its_domains(text: str, policy: SignUpPolicy) -> None:
    assert SignUpPolicy.parse(text) == policy
    assert SignUpPolicy.parse(str(policy)) == policy


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "sign-up must be open, invitation or domain:example.org"),
        ("closed", "sign-up must be open, invitation or domain:example.org"),
        ("domain:", 'names "", which is no domain'),
        ("domain:example.org,", 'names "", which is no domain'),
        ("domain:localhost", 'names "localhost", which is no domain'),
        ("domain:ann@example.org", 'names "ann@example.org", which is no domain'),
        ("domain:*.example.org", "which is no domain"),
        ("domain:example.org.", "which is no domain"),
        ("domain:bücher.example", "write a domain as mail carries it, beginning xn--"),
        (f"domain:{'a.' * 130}org", "names a domain of 263 characters; 253 is the most"),
        (
            "domain:" + ",".join(f"d{number}.example" for number in range(MAX_DOMAINS + 1)),
            f"names {MAX_DOMAINS + 1} domains; {MAX_DOMAINS} is the most",
        ),
    ],
)
def test_what_is_no_policy_is_refused_with_what_is_wrong(text: str, told: str) -> None:
    with pytest.raises(Invalid) as refused:
        SignUpPolicy.parse(text)
    assert told in refused.value.message
    assert refused.value.details["field"] == "sign_up"


def test_an_open_server_lets_everybody_in_and_one_by_invitation_nobody() -> None:
    assert SignUpPolicy.parse("open").allows("ann@example.com")
    assert not SignUpPolicy.parse("invitation").allows("ann@example.com")


@pytest.mark.parametrize(
    "email", ["ann@example.org", "Ann@EXAMPLE.org", '"a@b"@example.org', "x@kit.example"]
)
def test_a_domain_lets_in_its_own_people_in_any_case(email: str) -> None:
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
def test_a_domain_lets_in_no_neighbour_and_no_look_alike(email: str) -> None:
    assert not SignUpPolicy.parse("domain:example.org,kit.example").allows(email)
