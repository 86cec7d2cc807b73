"""Who may sign up with `imchat local`, asked by boto3, in the words that Cognito refuses with."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.user_pools import EMAIL, PASSWORD, expect_error, open_pool

from imchat.sign_up_policy import SignUpPolicy

CLOSED = "SignUp is not permitted for this user pool"
FOREIGN = "PreSignUp failed with error This e-mail domain may not sign up."


def test_by_invitation_nobody_signs_up(tmp_path: Path) -> None:
    with open_pool(tmp_path, policy=SignUpPolicy.parse("invitation")) as pool:
        with expect_error("NotAuthorizedException", CLOSED):
            pool.sign_up()
        with expect_error("UserNotFoundException"):
            pool.admin("admin_get_user")


def test_by_domain_only_its_people_sign_up(tmp_path: Path) -> None:
    with open_pool(tmp_path, policy=SignUpPolicy.parse("domain:example.org")) as pool:
        pool.sign_up("Ann@Example.ORG")
        for email in ("ann@example.com", "ann@mail.example.org"):
            with expect_error("UserLambdaValidationException", FOREIGN):
                pool.sign_up(email)


@pytest.mark.parametrize("policy", ["invitation", "domain:example.org"])
def test_an_administrator_makes_accounts_whatever_the_policy(tmp_path: Path, policy: str) -> None:
    with open_pool(tmp_path, policy=SignUpPolicy.parse(policy)) as pool:
        pool.admin("admin_create_user", EMAIL)
        pool.admin("admin_set_user_password", EMAIL, Password=PASSWORD, Permanent=True)
        assert pool.tokens()["AccessToken"]


@pytest.mark.parametrize(
    ("policy", "kind", "message"),
    [
        ("invitation", "NotAuthorizedException", CLOSED),
        ("domain:example.org", "UserLambdaValidationException", FOREIGN),
    ],
)
def test_a_refusal_does_not_tell_who_has_an_account(
    tmp_path: Path, policy: str, kind: str, message: str
) -> None:
    with open_pool(tmp_path, policy=SignUpPolicy.parse(policy)) as pool:
        pool.admin("admin_create_user", EMAIL)
        for email in (EMAIL, "nobody@example.com"):
            with expect_error(kind, message):
                pool.sign_up(email)


def test_a_stricter_policy_keeps_the_accounts_that_there_are(tmp_path: Path) -> None:
    with open_pool(tmp_path) as pool:
        pool.sign_up()
    with open_pool(tmp_path, policy=SignUpPolicy.parse("invitation")) as pool:
        assert pool.tokens()["AccessToken"]


def test_an_address_cannot_be_changed_past_the_policy(tmp_path: Path) -> None:
    with open_pool(tmp_path, policy=SignUpPolicy.parse("domain:example.org")) as pool:
        pool.sign_up("ann@example.org")
        token = pool.tokens("ann@example.org")["AccessToken"]
        with expect_error("UnknownOperationException"):
            pool.cognito.update_user_attributes(
                AccessToken=token, UserAttributes=[{"Name": "email", "Value": EMAIL}]
            )
