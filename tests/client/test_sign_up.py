"""People sign up with the Python client at `imchat local`, with and without confirmation codes; errors say what to do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.support.client_site import PASSWORD, Site, running_site

from imchat.client import Client
from imchat.client.cognito import to_error
from imchat.errors import (
    Busy,
    ConfigError,
    Conflict,
    Forbidden,
    ImchatError,
    Invalid,
    RateLimited,
    Unauthenticated,
)
from imchat.sign_up_policy import OPEN, SignUpPolicy

EMAIL = "ada@example.com"


def run(
    folder: Path,
    test: Callable[[Site], Awaitable[None]],
    *,
    confirm: bool = False,
    policy: SignUpPolicy = OPEN,
) -> None:
    async def body() -> None:
        async with asyncio.timeout(30), running_site(folder, confirm=confirm, policy=policy) as site:
            await test(site)

    asyncio.run(body())


def test_someone_who_signs_up_can_sign_in_at_once(tmp_path: Path) -> None:
    async def test(site: Site) -> None:
        account = await Client.sign_up(site.url, EMAIL, PASSWORD)
        assert account.confirmed
        async with Client.sign_in(site.url, EMAIL, PASSWORD) as me:
            assert me.user_id == account.user_id

    run(tmp_path, test)


def test_a_site_with_confirmation_requires_the_code_that_it_sent(tmp_path: Path) -> None:
    async def test(site: Site) -> None:
        account = await Client.sign_up(site.url, EMAIL, PASSWORD)
        assert not account.confirmed
        with pytest.raises(Unauthenticated, match="not confirmed") as unconfirmed:
            async with Client.sign_in(site.url, EMAIL, PASSWORD):
                pass
        assert unconfirmed.value.details["reason"] == "not_confirmed"
        first = await site.secret(0)
        assert await Client.resend_code(site.url, EMAIL) == "a***@e***"
        second = await site.secret(1)
        if first != second:
            with pytest.raises(Invalid, match="code is wrong") as wrong:
                await Client.confirm_sign_up(site.url, EMAIL, first)
            assert wrong.value.details["field"] == "code"
        await Client.confirm_sign_up(site.url, EMAIL, f" {second}\n")
        with pytest.raises(Invalid, match="if the account is confirmed already, sign in"):
            await Client.confirm_sign_up(site.url, EMAIL, second)
        async with Client.sign_in(site.url, EMAIL, PASSWORD) as me:
            assert me.user_id == account.user_id

    run(tmp_path, test, confirm=True)


def test_the_errors_of_signing_up_say_which_value_is_refused_and_why(tmp_path: Path) -> None:
    async def test(site: Site) -> None:
        await Client.sign_up(site.url, EMAIL, PASSWORD)
        with pytest.raises(Conflict, match="sign in") as taken:
            await Client.sign_up(site.url, EMAIL.upper(), PASSWORD)
        assert taken.value.details["reason"] == "taken"
        with pytest.raises(Invalid, match="at least 8 characters") as short:
            await Client.sign_up(site.url, "bob@example.com", "short")
        assert short.value.details["field"] == "password"
        assert "short;" not in short.value.message
        with pytest.raises(Invalid, match="email"):
            await Client.sign_up(site.url, "no address", PASSWORD)
        with pytest.raises(ConfigError):
            await Client.sign_up("chat.example.com", "bob@example.com", PASSWORD)

    run(tmp_path, test)


@pytest.mark.parametrize("policy", ["invitation", "domain:example.org"])
def test_a_site_that_does_not_admit_the_address_says_so(tmp_path: Path, policy: str) -> None:
    async def test(site: Site) -> None:
        with pytest.raises(Forbidden, match="ask its administrator"):
            await Client.sign_up(site.url, EMAIL, PASSWORD)

    run(tmp_path, test, policy=SignUpPolicy.parse(policy))


def test_too_many_wrong_codes_are_an_error_that_says_to_wait(tmp_path: Path) -> None:
    async def test(site: Site) -> None:
        await Client.sign_up(site.url, EMAIL, PASSWORD)
        for _ in range(5):
            with pytest.raises(Invalid, match="code is wrong"):
                await Client.confirm_sign_up(site.url, EMAIL, "none")
        with pytest.raises(RateLimited, match="wait"):
            await Client.confirm_sign_up(site.url, EMAIL, "none")

    run(tmp_path, test, confirm=True)


@pytest.mark.parametrize(
    ("operation", "kind", "error"),
    [
        ("SignUp", "UserLambdaValidationException", Forbidden),
        ("SignUp", "CodeDeliveryFailureException", Busy),
        ("ConfirmSignUp", "ExpiredCodeException", Invalid),
        ("ConfirmSignUp", "UserNotFoundException", Invalid),
        ("ConfirmSignUp", "NotAuthorizedException", Forbidden),
        ("InitiateAuth", "UserNotFoundException", Unauthenticated),
        ("InitiateAuth", "ResourceNotFoundException", ConfigError),
        ("InitiateAuth", "SomethingNewException", Unauthenticated),
        ("SignUp", "SomethingNewException", Invalid),
    ],
)
def test_each_cognito_error_has_its_error_class(operation: str, kind: str, error: type[ImchatError]) -> None:
    assert type(to_error(operation, kind, "a message")) is error


@pytest.mark.parametrize(
    ("operation", "kind", "message"),
    [
        (
            "ConfirmSignUp",
            "NotAuthorizedException",
            "User cannot be confirmed. Current status is CONFIRMED",
        ),
        ("ResendConfirmationCode", "InvalidParameterException", "User is already confirmed."),
    ],
)
def test_a_code_for_a_confirmed_account_is_a_conflict_on_aws(operation: str, kind: str, message: str) -> None:
    error = to_error(operation, kind, message)
    assert isinstance(error, Conflict)
    assert error.details["reason"] == "confirmed"


def test_an_unknown_address_and_a_wrong_password_are_reported_alike() -> None:
    wrong = to_error("InitiateAuth", "NotAuthorizedException", "Incorrect username or password.")
    unknown = to_error("InitiateAuth", "UserNotFoundException", "User does not exist.")
    assert wrong.message == unknown.message
