"""The sign-up policies of `imchat local`, tested with boto3, with Cognito's own errors."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.user_pools import EMAIL, PASSWORD, expect_error, open_pool

from imchat.sign_up_policy import SignUpPolicy

CLOSED = "SignUp is not permitted for this user pool"
FOREIGN = "PreSignUp failed with error This e-mail domain may not sign up."


def test_the_invitation_policy_rejects_every_sign_up(tmp_path: Path) -> None:
    with open_pool(tmp_path, policy=SignUpPolicy.parse("invitation")) as pool:
        with expect_error("NotAuthorizedException", CLOSED):
            pool.sign_up()
        with expect_error("UserNotFoundException"):
            pool.admin("admin_get_user")


def test_the_domain_policy_accepts_only_addresses_of_the_domain(tmp_path: Path) -> None:
    with open_pool(tmp_path, policy=SignUpPolicy.parse("domain:example.org")) as pool:
        pool.sign_up("Ann@Example.ORG")
        for email in ("ann@example.com", "ann@mail.example.org"):
            with expect_error("UserLambdaValidationException", FOREIGN):
                pool.sign_up(email)


@pytest.mark.parametrize("policy", ["invitation", "domain:example.org"])
def test_an_administrator_can_create_accounts_under_any_policy(tmp_path: Path, policy: str) -> None:
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
def test_a_rejected_sign_up_does_not_disclose_who_has_an_account(
    tmp_path: Path, policy: str, kind: str, message: str
) -> None:
    with open_pool(tmp_path, policy=SignUpPolicy.parse(policy)) as pool:
        pool.admin("admin_create_user", EMAIL)
        for email in (EMAIL, "nobody@example.com"):
            with expect_error(kind, message):
                pool.sign_up(email)


def test_a_stricter_policy_keeps_existing_accounts(tmp_path: Path) -> None:
    with open_pool(tmp_path) as pool:
        pool.sign_up()
    with open_pool(tmp_path, policy=SignUpPolicy.parse("invitation")) as pool:
        assert pool.tokens()["AccessToken"]


def test_the_policy_cannot_be_bypassed_by_changing_the_address(tmp_path: Path) -> None:
    with open_pool(tmp_path, policy=SignUpPolicy.parse("domain:example.org")) as pool:
        pool.sign_up("ann@example.org")
        token = pool.tokens("ann@example.org")["AccessToken"]
        with expect_error("UnknownOperationException"):
            pool.cognito.update_user_attributes(
                AccessToken=token, UserAttributes=[{"Name": "email", "Value": EMAIL}]
            )
