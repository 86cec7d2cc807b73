"""Who may make an account, as templates/state.yaml has it: the same people as on one machine."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.templates.loading import GIVEN, load, of_type, render

from imchat.sign_up_policy import MAX_DOMAIN_CHARS, MAX_DOMAINS, SignUpPolicy

STATE: Final = load("state")
POOL: Final = STATE["Resources"]["UserPool"]["Properties"]
ASKED: Final = {"SignUpFunction", "SignUpLogs", "SignUpPermission", "SignUpRole"}
BY_DOMAIN: Final = "domain:example.org,xn--bcher-kva.example,kit.example"
KELVIN: Final = "\N{KELVIN SIGN}"
PARAMETER_BYTES: Final = 4_096
"""Longest value of a parameter. Source: CloudFormation's quotas."""
LONGEST: Final = "domain:" + ",".join(
    f"{number:02}{'a' * 61}.{'b' * 63}.{'c' * 63}.{'d' * 57}.org" for number in range(MAX_DOMAINS)
)


def rendered(value: Any, policy: str) -> Any:
    return render(STATE, value, GIVEN | {"SignUp": policy})


def written_out(policy: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any], object], Any]:
    """The function that stands in the template, as Lambda loads it."""
    function = of_type(STATE, "AWS::Lambda::Function")["SignUpFunction"]
    module, _, name = function["Handler"].partition(".")
    assert module == "index"  # what Lambda calls code that is written out in a template
    for variable, value in rendered(function["Environment"]["Variables"], policy).items():
        monkeypatch.setenv(variable, value)
    made: dict[str, Any] = {}
    exec(function["Code"]["ZipFile"], made)  # noqa: S102 - our own template
    handler: Callable[[dict[str, Any], object], Any] = made[name]
    return handler


def asking(email: str, source: str = "PreSignUp_SignUp") -> dict[str, Any]:
    """Cognito's question. Source: its developer guide, "Pre sign-up Lambda trigger"."""
    return {
        "version": "1",
        "triggerSource": source,
        "region": "eu-central-1",
        "userPoolId": "eu-central-1_pool",
        "userName": "8f8c1d1a-0000-4000-8000-000000000000",
        "callerContext": {"awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": "client"},
        "request": {"userAttributes": {"email": email}, "validationData": None},
        "response": {"autoConfirmUser": False, "autoVerifyEmail": False, "autoVerifyPhone": False},
    }


@pytest.mark.parametrize("policy", ["open", "invitation", BY_DOMAIN])
def test_only_by_invitation_the_pool_itself_is_closed(policy: str) -> None:
    closed = policy == "invitation"
    assert rendered(POOL["AdminCreateUserConfig"], policy) == {"AllowAdminCreateUserOnly": closed}


@pytest.mark.parametrize("policy", ["open", "invitation"])
def test_without_domains_there_is_no_function_and_nobody_is_asked(policy: str) -> None:
    assert rendered(POOL, policy).get("LambdaConfig") is None
    assert {made(name, policy) for name in ASKED} == {False}


def test_with_domains_the_pool_asks_a_function_that_it_may_call() -> None:
    arn = "arn:aws:lambda:eu-central-1:123456789012:function:imchat-prod-sign-up"
    assert rendered(POOL["LambdaConfig"], BY_DOMAIN) == {"PreSignUp": arn}
    assert {made(name, BY_DOMAIN) for name in ASKED} == {True}
    permission = rendered(of_type(STATE, "AWS::Lambda::Permission")["SignUpPermission"], BY_DOMAIN)
    assert permission == {
        "Action": "lambda:InvokeFunction",
        "FunctionName": "imchat-prod-sign-up",
        "Principal": "cognito-idp.amazonaws.com",
        "SourceArn": "UserPool.Arn",
    }


def made(name: str, policy: str) -> bool:
    return bool(rendered({"Fn::If": [STATE["Resources"][name]["Condition"], True, False]}, policy))


def test_what_a_policy_comes_to_is_a_value_of_the_parameter() -> None:
    pattern = STATE["Parameters"]["SignUp"]["AllowedPattern"]
    for policy in ("open", "invitation", BY_DOMAIN, LONGEST):
        assert re.fullmatch(pattern, str(SignUpPolicy.parse(policy)))
    for wrong in ("", "closed", "domain:", "domain:example.org,", "domain:Example.org", "domain:a.b, c.d"):
        assert not re.fullmatch(pattern, wrong)


def test_as_many_of_the_longest_domains_as_may_be_fit_into_a_parameter() -> None:
    policy = SignUpPolicy.parse(LONGEST)
    assert {len(domain) for domain in policy.domains} == {MAX_DOMAIN_CHARS}
    assert len(str(policy)) <= PARAMETER_BYTES


@given(
    name=st.text(max_size=8),
    domain=st.one_of(st.sampled_from(SignUpPolicy.parse(BY_DOMAIN).domains), st.text(max_size=20)),
    change=st.sampled_from([str, str.upper, str.title, lambda domain: f"mail.{domain}"]),
)
@example(name="x", domain=f"{KELVIN}it.example", change=str)
@example(name='"a@b"', domain="example.org", change=str)
@example(name="x", domain="", change=str)
def test_aws_lets_in_whom_one_machine_lets_in(name: str, domain: str, change: Callable[[str], str]) -> None:
    event = asking(f"{name}@{change(domain)}")
    with pytest.MonkeyPatch.context() as monkeypatch:
        handler = written_out(BY_DOMAIN, monkeypatch)
    if SignUpPolicy.parse(BY_DOMAIN).allows(event["request"]["userAttributes"]["email"]):
        assert handler(event, None) == event
        assert not any(event["response"].values())
    else:
        # Lambda logs these words, so they name no address.
        with pytest.raises(Exception, match=r"^This e-mail domain may not sign up$"):
            handler(event, None)


def test_an_administrator_makes_accounts_of_any_domain(monkeypatch: pytest.MonkeyPatch) -> None:
    handler = written_out(BY_DOMAIN, monkeypatch)
    event = asking("ann@example.com", "PreSignUp_AdminCreateUser")
    assert handler(event, None) == event


def test_whoever_comes_without_an_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    event = asking("")
    del event["request"]["userAttributes"]["email"]
    with pytest.raises(Exception, match="may not sign up"):
        written_out(BY_DOMAIN, monkeypatch)(event, None)
