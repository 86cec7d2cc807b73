"""Sign-up policies in templates/state.yaml allow the same users as on one machine."""

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
SIGN_UP_RESOURCES: Final = {"SignUpFunction", "SignUpLogs", "SignUpPermission", "SignUpRole"}
BY_DOMAIN: Final = "domain:example.org,xn--bcher-kva.example,kit.example"
KELVIN: Final = "\N{KELVIN SIGN}"
PARAMETER_BYTES: Final = 4_096
"""Maximum length of a parameter's value. Source: CloudFormation's quotas."""
LONGEST: Final = "domain:" + ",".join(
    f"{number:02}{'a' * 61}.{'b' * 63}.{'c' * 63}.{'d' * 57}.org" for number in range(MAX_DOMAINS)
)


def rendered(value: Any, policy: str) -> Any:
    return render(STATE, value, GIVEN | {"SignUp": policy})


def inline_function(policy: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any], object], Any]:
    """Return the function whose code is in the template, loaded as Lambda does."""
    function = of_type(STATE, "AWS::Lambda::Function")["SignUpFunction"]
    module, _, name = function["Handler"].partition(".")
    assert module == "index"  # Lambda's name for inline code
    for variable, value in rendered(function["Environment"]["Variables"], policy).items():
        monkeypatch.setenv(variable, value)
    namespace: dict[str, Any] = {}
    exec(function["Code"]["ZipFile"], namespace)  # noqa: S102 - our own template
    handler: Callable[[dict[str, Any], object], Any] = namespace[name]
    return handler


def sign_up_event(email: str, source: str = "PreSignUp_SignUp") -> dict[str, Any]:
    """Return Cognito's event. Source: its developer guide, "Pre sign-up Lambda trigger"."""
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
def test_only_the_invitation_policy_closes_the_pool(policy: str) -> None:
    closed = policy == "invitation"
    assert rendered(POOL["AdminCreateUserConfig"], policy) == {"AllowAdminCreateUserOnly": closed}


@pytest.mark.parametrize("policy", ["open", "invitation"])
def test_without_domains_there_is_no_sign_up_function(policy: str) -> None:
    assert rendered(POOL, policy).get("LambdaConfig") is None
    assert {is_created(name, policy) for name in SIGN_UP_RESOURCES} == {False}


def test_with_domains_the_pool_calls_the_sign_up_function() -> None:
    arn = "arn:aws:lambda:eu-central-1:123456789012:function:imchat-prod-sign-up"
    assert rendered(POOL["LambdaConfig"], BY_DOMAIN) == {"PreSignUp": arn}
    assert {is_created(name, BY_DOMAIN) for name in SIGN_UP_RESOURCES} == {True}
    permission = rendered(of_type(STATE, "AWS::Lambda::Permission")["SignUpPermission"], BY_DOMAIN)
    assert permission == {
        "Action": "lambda:InvokeFunction",
        "FunctionName": "imchat-prod-sign-up",
        "Principal": "cognito-idp.amazonaws.com",
        "SourceArn": "UserPool.Arn",
    }


def is_created(name: str, policy: str) -> bool:
    return bool(rendered({"Fn::If": [STATE["Resources"][name]["Condition"], True, False]}, policy))


def test_a_normalized_policy_is_an_allowed_parameter_value() -> None:
    pattern = STATE["Parameters"]["SignUp"]["AllowedPattern"]
    for policy in ("open", "invitation", BY_DOMAIN, LONGEST):
        assert re.fullmatch(pattern, str(SignUpPolicy.parse(policy)))
    for wrong in ("", "closed", "domain:", "domain:example.org,", "domain:Example.org", "domain:a.b, c.d"):
        assert not re.fullmatch(pattern, wrong)


def test_the_maximum_number_of_the_longest_domains_fits_into_a_parameter() -> None:
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
def test_aws_allows_the_same_addresses_as_one_machine(
    name: str, domain: str, change: Callable[[str], str]
) -> None:
    event = sign_up_event(f"{name}@{change(domain)}")
    with pytest.MonkeyPatch.context() as monkeypatch:
        handler = inline_function(BY_DOMAIN, monkeypatch)
    if SignUpPolicy.parse(BY_DOMAIN).allows(event["request"]["userAttributes"]["email"]):
        assert handler(event, None) == event
        assert not any(event["response"].values())
    else:
        # Lambda logs the message, so it contains no address.
        with pytest.raises(Exception, match=r"^This e-mail domain may not sign up$"):
            handler(event, None)


def test_an_administrator_can_create_accounts_of_any_domain(monkeypatch: pytest.MonkeyPatch) -> None:
    handler = inline_function(BY_DOMAIN, monkeypatch)
    event = sign_up_event("ann@example.com", "PreSignUp_AdminCreateUser")
    assert handler(event, None) == event


def test_a_sign_up_without_an_address_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    event = sign_up_event("")
    del event["request"]["userAttributes"]["email"]
    with pytest.raises(Exception, match="may not sign up"):
        inline_function(BY_DOMAIN, monkeypatch)(event, None)
