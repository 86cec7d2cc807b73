"""Accounts, passwords, codes and sessions, through boto3's Cognito client over a real socket."""

from __future__ import annotations

import json
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
from botocore.exceptions import ClientError
from tests.support.user_pools import EMAIL, PASSWORD, UserPool, expect_error, open_pool

from imchat.errors import Unauthenticated
from imchat.local.identity import Purpose
from imchat.local.identity.service import TARGET_PREFIX

NEW_PASSWORD = "battery staple"
HOUR_S = 3600
DAY_S = 24 * HOUR_S


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[UserPool]:
    with open_pool(tmp_path) as opened:
        yield opened


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[UserPool]:
    """Run a pool whose sign-ups must be confirmed by a code."""
    with open_pool(tmp_path, confirm=True) as opened:
        yield opened


def test_a_sign_up_is_confirmed_at_once_by_default(pool: UserPool) -> None:
    response = pool.call("sign_up", Username=EMAIL, Password=PASSWORD)
    assert response["UserConfirmed"] is True
    assert pool.tokens()["TokenType"] == "Bearer"
    assert pool.mailbox == []


def test_an_email_address_signs_up_once_and_signs_in_in_any_case(pool: UserPool) -> None:
    pool.sign_up("Ann@Example.com")
    with expect_error("UsernameExistsException"):
        pool.sign_up("aNN@example.COM")
    assert pool.tokens("ANN@EXAMPLE.COM")["AccessToken"]


@pytest.mark.parametrize(
    "email", ["ann", "a@b@c", "a b@example.com", "@example.com", "ann@", "a\x00@example.com"]
)
def test_a_username_that_is_not_an_email_address_is_rejected(pool: UserPool, email: str) -> None:
    with expect_error("InvalidParameterException", "Username should be an email"):
        pool.sign_up(email)


def test_the_error_for_a_weak_password_names_the_rule(pool: UserPool) -> None:
    with expect_error("InvalidPasswordException", "not long enough (at least 8 characters)"):
        pool.sign_up(password="1234567")
    with expect_error("InvalidPasswordException", "begin or end with a space"):
        pool.sign_up(password=" 12345678")
    with expect_error("InvalidParameterException", "256"):
        raw(pool, "SignUp", {"ClientId": pool.identity.client_id, "Username": EMAIL, "Password": "x" * 257})
    pool.sign_up(password="x" * 256)


def test_a_wrong_password_and_an_unknown_user_get_the_same_error(pool: UserPool) -> None:
    pool.sign_up()
    for email in (EMAIL, "nobody@example.com"):
        with expect_error("NotAuthorizedException", "Incorrect username or password."):
            pool.sign_in(email, "wrong password")


def test_password_guessing_is_throttled_even_for_the_right_password(pool: UserPool) -> None:
    pool.sign_up()
    for _ in range(5):
        with expect_error("NotAuthorizedException", "Incorrect"):
            pool.sign_in(password="wrong password")
    with expect_error("NotAuthorizedException", "Password attempts exceeded"):
        pool.sign_in()
    pool.clock.advance_s(2)
    assert pool.tokens()


@pytest.mark.parametrize("set_by_s", [-365 * DAY_S, 365 * DAY_S])
def test_the_wait_after_wrong_passwords_does_not_depend_on_the_system_clock(
    pool: UserPool, set_by_s: int
) -> None:
    pool.sign_up()
    for _ in range(5):
        with expect_error("NotAuthorizedException", "Incorrect"):
            pool.sign_in(password="wrong password")
    pool.clock.set_by_s(set_by_s)
    with expect_error("NotAuthorizedException", "Password attempts exceeded"):
        pool.sign_in()
    pool.clock.advance_s(2)
    assert pool.tokens()


def test_tokens_carry_the_claims_of_cognito(pool: UserPool) -> None:
    user_id = pool.sign_up()
    pool.admin("admin_add_user_to_group", GroupName="admins")
    tokens = pool.tokens()
    access = dict(pool.identity.verify_access_token(tokens["AccessToken"]))
    identity = jwt.decode(tokens["IdToken"], options={"verify_signature": False})
    assert access["iss"] == identity["iss"] == f"{pool.url}/{pool.identity.pool_id}"
    assert access["origin_jti"] == identity["origin_jti"]
    assert access["jti"] != identity["jti"]
    assert access["exp"] - access["iat"] == tokens["ExpiresIn"] == HOUR_S
    fixed = {"sub": user_id, "cognito:groups": ["admins"]}
    own_access = {"token_use": "access", "client_id": pool.identity.client_id, "username": user_id}
    assert access.items() >= {**own_access, "scope": "aws.cognito.signin.user.admin"}.items()
    own_id = {"token_use": "id", "aud": pool.identity.client_id, "cognito:username": user_id, "email": EMAIL}
    assert identity.items() >= {**own_id, "email_verified": False}.items()
    for claims in (access, identity):
        assert {name: claims[name] for name in fixed} == fixed
        assert {"event_id", "auth_time", "iat"} <= set(claims)


def test_only_the_newest_code_confirms_a_sign_up(strict: UserPool) -> None:
    strict.sign_up()
    first = strict.last_code()
    with expect_error("UserNotConfirmedException"):
        strict.sign_in()
    strict.call("resend_confirmation_code", Username=EMAIL)
    assert strict.mailbox[-1][:2] == (Purpose.SIGN_UP, EMAIL)
    if first != strict.last_code():
        with expect_error("CodeMismatchException"):
            strict.call("confirm_sign_up", Username=EMAIL, ConfirmationCode=first)
    strict.call("confirm_sign_up", Username=EMAIL, ConfirmationCode=strict.last_code())
    assert strict.tokens()
    with expect_error("CodeMismatchException"):
        strict.call("confirm_sign_up", Username=EMAIL, ConfirmationCode=strict.last_code())


def test_a_sign_up_code_expires_after_a_day(strict: UserPool) -> None:
    strict.sign_up()
    strict.clock.advance_s(DAY_S + 1)
    with expect_error("ExpiredCodeException"):
        strict.call("confirm_sign_up", Username=EMAIL, ConfirmationCode=strict.last_code())


def test_a_code_is_void_after_a_few_wrong_attempts(strict: UserPool) -> None:
    strict.sign_up()
    for _ in range(5):
        with expect_error("CodeMismatchException"):
            strict.call("confirm_sign_up", Username=EMAIL, ConfirmationCode="000000x")
    with expect_error("LimitExceededException"):
        strict.call("confirm_sign_up", Username=EMAIL, ConfirmationCode=strict.last_code())
    strict.clock.advance_s(DAY_S // 2)
    with expect_error("CodeMismatchException"):
        strict.call("confirm_sign_up", Username=EMAIL, ConfirmationCode=strict.last_code())


def test_resetting_a_password_with_a_code_ends_all_sessions(pool: UserPool) -> None:
    pool.sign_up()
    before = pool.tokens()
    delivery = pool.call("forgot_password", Username=EMAIL)["CodeDeliveryDetails"]
    assert delivery == {"Destination": "a***@e***", "DeliveryMedium": "EMAIL", "AttributeName": "email"}
    code = pool.last_code()
    confirm = {"Username": EMAIL, "Password": NEW_PASSWORD}
    with expect_error("InvalidPasswordException"):
        pool.call("confirm_forgot_password", **{**confirm, "Password": "short"}, ConfirmationCode=code)
    pool.call("confirm_forgot_password", **confirm, ConfirmationCode=code)
    with expect_error("CodeMismatchException"):
        pool.call("confirm_forgot_password", **confirm, ConfirmationCode=code)
    with expect_error("NotAuthorizedException", "revoked"):
        pool.refresh(before["RefreshToken"])
    with expect_error("NotAuthorizedException"):
        pool.sign_in()
    assert pool.tokens(password=NEW_PASSWORD)


def test_a_reset_code_expires_after_an_hour(pool: UserPool) -> None:
    pool.sign_up()
    pool.call("forgot_password", Username=EMAIL)
    pool.clock.advance_s(HOUR_S + 1)
    with expect_error("ExpiredCodeException"):
        pool.call(
            "confirm_forgot_password",
            Username=EMAIL,
            Password=NEW_PASSWORD,
            ConfirmationCode=pool.last_code(),
        )


def test_a_reset_code_does_not_stay_valid_after_the_clock_was_set_back(pool: UserPool) -> None:
    pool.sign_up()
    pool.call("forgot_password", Username=EMAIL)
    pool.clock.set_by_s(-DAY_S)
    with expect_error("ExpiredCodeException"):
        pool.call(
            "confirm_forgot_password",
            Username=EMAIL,
            Password=NEW_PASSWORD,
            ConfirmationCode=pool.last_code(),
        )


def test_a_password_reset_does_not_disclose_who_has_an_account(pool: UserPool) -> None:
    pool.sign_up()
    known = pool.call("forgot_password", Username=EMAIL)
    unknown = pool.call("forgot_password", Username="abe@example.org")
    assert known["CodeDeliveryDetails"] == unknown["CodeDeliveryDetails"]
    assert len(pool.mailbox) == 1
    for email in (EMAIL, "abe@example.org"):
        with expect_error("CodeMismatchException", "Invalid verification code"):
            pool.call(
                "confirm_forgot_password", Username=email, Password=NEW_PASSWORD, ConfirmationCode="abc"
            )


def test_the_number_of_sent_codes_is_limited(pool: UserPool) -> None:
    pool.sign_up()
    for _ in range(5):
        pool.call("forgot_password", Username=EMAIL)
    with expect_error("LimitExceededException"):
        pool.call("forgot_password", Username=EMAIL)
    assert len(pool.mailbox) == 5


def test_changing_a_password_requires_the_current_one(pool: UserPool) -> None:
    pool.sign_up()
    token = pool.tokens()["AccessToken"]
    change = {"AccessToken": token, "ProposedPassword": NEW_PASSWORD}
    with expect_error("NotAuthorizedException", "Incorrect username or password."):
        pool.cognito.change_password(PreviousPassword="wrong password", **change)
    pool.cognito.change_password(PreviousPassword=PASSWORD, **change)
    with expect_error("NotAuthorizedException"):
        pool.sign_in()
    assert pool.tokens(password=NEW_PASSWORD)


def test_a_refresh_token_gives_new_tokens_for_thirty_days(pool: UserPool) -> None:
    user_id = pool.sign_up()
    first = pool.tokens()
    pool.clock.advance_s(30 * DAY_S - 60)
    again = pool.refresh(first["RefreshToken"])["AuthenticationResult"]
    claims = pool.identity.verify_access_token(again["AccessToken"])
    assert claims["sub"] == user_id
    assert "RefreshToken" not in again
    other = pool.call("get_tokens_from_refresh_token", RefreshToken=first["RefreshToken"])
    assert other["AuthenticationResult"]["AccessToken"]
    pool.clock.advance_s(61)
    with expect_error("NotAuthorizedException", "expired"):
        pool.refresh(first["RefreshToken"])


def test_revoking_a_session_leaves_other_sessions_valid(pool: UserPool) -> None:
    pool.sign_up()
    phone, laptop = pool.tokens(), pool.tokens()
    pool.call("revoke_token", Token=phone["RefreshToken"])
    with expect_error("NotAuthorizedException", "Invalid Refresh Token"):
        pool.refresh(phone["RefreshToken"])
    with expect_error("NotAuthorizedException", "revoked"):
        pool.cognito.get_user(AccessToken=phone["AccessToken"])
    assert pool.refresh(laptop["RefreshToken"])
    with expect_error("NotAuthorizedException", "Invalid Refresh Token"):
        pool.refresh(laptop["RefreshToken"][:-4] + "AAAA")


def test_signing_out_everywhere_ends_every_session(pool: UserPool) -> None:
    pool.sign_up()
    phone, laptop = pool.tokens(), pool.tokens()
    pool.cognito.global_sign_out(AccessToken=phone["AccessToken"])
    for tokens in (phone, laptop):
        with expect_error("NotAuthorizedException", "revoked"):
            pool.refresh(tokens["RefreshToken"])
    assert pool.tokens()


def test_a_user_can_read_their_own_attributes(pool: UserPool) -> None:
    user_id = pool.sign_up()
    found = pool.cognito.get_user(AccessToken=pool.tokens()["AccessToken"])
    assert found["Username"] == user_id
    attributes = {attribute["Name"]: attribute["Value"] for attribute in found["UserAttributes"]}
    assert attributes == {"sub": user_id, "email": EMAIL, "email_verified": "false"}


def test_a_sign_up_cannot_set_email_verified_or_another_email_address(pool: UserPool) -> None:
    verified = [{"Name": "email_verified", "Value": "true"}]
    with expect_error("NotAuthorizedException", "unauthorized attribute"):
        pool.call("sign_up", Username=EMAIL, Password=PASSWORD, UserAttributes=verified)
    other = [{"Name": "email", "Value": "boss@example.com"}]
    with expect_error("InvalidParameterException", "email"):
        pool.call("sign_up", Username=EMAIL, Password=PASSWORD, UserAttributes=other)


def raw(pool: UserPool, operation: str, body: object) -> dict[str, str]:
    """Send a request without boto3's checks, and raise the error that boto3 would raise."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = pool.identity.handle(TARGET_PREFIX + operation, content, {}, endpoint=pool.url)
    parsed: dict[str, str] = json.loads(response.body)
    if response.status != 200:
        assert response.headers["x-amzn-ErrorType"] == parsed["__type"]
        raise ClientError({"Error": {"Code": parsed["__type"], "Message": parsed["message"]}}, operation)
    return parsed


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 60_000, b" " * 70_000])
def test_a_request_that_is_not_a_small_json_object_is_rejected(pool: UserPool, body: bytes) -> None:
    with expect_error("SerializationException"):
        raw(pool, "SignUp", body)


@pytest.mark.parametrize("value", [None, 7, True, [], {}, "", "\ud800", "x" * 3000])
@pytest.mark.parametrize("field", ["ClientId", "Username", "Password", "UserAttributes"])
def test_the_error_for_an_invalid_field_names_the_field(pool: UserPool, field: str, value: object) -> None:
    good = {"ClientId": pool.identity.client_id, "Username": EMAIL, "Password": PASSWORD}
    if field == "UserAttributes" and not value:
        raw(pool, "SignUp", {**good, field: value})
        return
    with expect_error("InvalidParameterException", field if field != "UserAttributes" else ""):
        raw(pool, "SignUp", {**good, field: value})


@pytest.mark.parametrize("text", ["a\0b", "a\r\nb: 1", "a\x1b[31m", "a\x7f", "a\u2028b"])
def test_a_control_character_in_a_field_is_not_in_a_response_header(pool: UserPool, text: str) -> None:
    good = {"ClientId": pool.identity.client_id, "Username": "b@example.com", "Password": PASSWORD}
    for changed in ({"ClientId": text}, {"UserAttributes": [{"Name": text, "Value": "x"}]}):
        body = json.dumps({**good, **changed}).encode()
        response = pool.identity.handle(TARGET_PREFIX + "SignUp", body, {}, endpoint=pool.url)
        assert response.status == 400
        assert all(value.isprintable() for value in response.headers.values())


@pytest.mark.parametrize("size", [37, 1000, 2030, 2048])
@pytest.mark.parametrize("char", ["x", "é", "你"])
def test_a_refresh_token_of_any_size_is_refused_as_invalid(pool: UserPool, char: str, size: int) -> None:
    client = {"ClientId": pool.identity.client_id}
    with expect_error("NotAuthorizedException"):
        raw(pool, "GetTokensFromRefreshToken", client | {"RefreshToken": char * size})
    with expect_error("NotAuthorizedException"):
        raw(
            pool,
            "InitiateAuth",
            client | {"AuthFlow": "REFRESH_TOKEN_AUTH", "AuthParameters": {"REFRESH_TOKEN": char * size}},
        )
    assert raw(pool, "RevokeToken", client | {"Token": char * size}) == {}


def test_an_unknown_client_or_operation_is_rejected(pool: UserPool) -> None:
    with expect_error("ResourceNotFoundException"):
        raw(pool, "SignUp", {"ClientId": "other", "Username": EMAIL, "Password": PASSWORD})
    with expect_error("UnknownOperationException"):
        raw(pool, "CreateUserPool", {})


def test_accounts_sessions_and_keys_survive_a_restart(tmp_path: Path) -> None:
    with open_pool(tmp_path) as before:
        before.sign_up()
        tokens = before.tokens()
    with open_pool(tmp_path) as after:
        assert after.identity.pool_id == before.identity.pool_id
        assert after.identity.verify_access_token(tokens["AccessToken"])
        assert after.refresh(tokens["RefreshToken"])
        assert after.tokens()


def test_only_the_owner_can_read_the_keys_and_no_secret_is_stored_in_plain_text(
    strict: UserPool, tmp_path: Path
) -> None:
    strict.sign_up()
    code = strict.last_code()
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("identity.db*"))
    strict.call("confirm_sign_up", Username=EMAIL, ConfirmationCode=code)
    secret = strict.tokens()["RefreshToken"].partition(".")[2]
    stored += b"".join(path.read_bytes() for path in tmp_path.glob("identity.db*"))
    for value in (PASSWORD, f'"{code}"', secret):
        assert value.encode() not in stored
    for path in strict.keys.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_concurrent_sign_ups_of_one_address_create_one_account(pool: UserPool) -> None:
    outcomes: list[int] = []
    body = {"ClientId": pool.identity.client_id, "Username": EMAIL, "Password": PASSWORD}
    target = TARGET_PREFIX + "SignUp"

    def sign_up() -> None:
        outcomes.append(pool.identity.handle(target, json.dumps(body).encode(), {}, endpoint=pool.url).status)

    threads = [threading.Thread(target=sign_up) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [200] + [400] * 7


def test_an_access_token_is_valid_until_it_expires(pool: UserPool) -> None:
    pool.sign_up()
    token = pool.tokens()["AccessToken"]
    assert pool.identity.verify_access_token(token) == pool.identity.verify_access_token(token)
    pool.clock.advance_s(HOUR_S)
    with pytest.raises(Unauthenticated, match="expired"):
        pool.identity.verify_access_token(token)
    with expect_error("NotAuthorizedException", "expired"):
        pool.cognito.get_user(AccessToken=token)
