"""Two-step sign-in with an authenticator app, through boto3's Cognito client over a real socket."""

from __future__ import annotations

import base64
import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.authenticator import Authenticator
from tests.support.user_pools import EMAIL, PASSWORD, UserPool, expect_error, open_pool

from imchat.local.identity import software_tokens
from imchat.local.identity.protocol import CognitoError
from imchat.local.identity.service import TARGET_PREFIX
from imchat.local.identity.software_tokens import SoftwareTokens, make_code
from imchat.storage.sqlite.table import SqliteTable

NEW_PASSWORD = "battery staple"
ON = {"Enabled": True, "PreferredMfa": True}
OFF = {"Enabled": False, "PreferredMfa": False}


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[UserPool]:
    with open_pool(tmp_path) as opened:
        # Five seconds after the start of a step, so that no code changes during a test.
        opened.clock.set_by_s(35 - opened.clock.now_ms() // 1000 % 30)
        opened.sign_up()
        yield opened


def code(pool: UserPool, app: Authenticator, *, steps_from_now: int = 0) -> str:
    return app.code_at(pool.clock.now_ms() / 1000 + 30 * steps_from_now)


def wrong_code(pool: UserPool, app: Authenticator) -> str:
    valid = {code(pool, app, steps_from_now=steps) for steps in (-1, 0, 1)}
    return next(each for each in ("000000", "111111", "222222", "333333") if each not in valid)


def associate(pool: UserPool, token: str) -> Authenticator:
    return Authenticator(pool.cognito.associate_software_token(AccessToken=token)["SecretCode"])


def turn_on(pool: UserPool, *, name: str = "") -> Authenticator:
    """Set up an app, require its codes, and let the step pass whose code was used."""
    token = pool.tokens()["AccessToken"]
    app = associate(pool, token)
    pool.cognito.verify_software_token(AccessToken=token, UserCode=code(pool, app), FriendlyDeviceName=name)
    pool.cognito.set_user_mfa_preference(AccessToken=token, SoftwareTokenMfaSettings=ON)
    pool.clock.advance_s(30)
    return app


def respond(pool: UserPool, challenge: dict[str, Any], given: str, email: str = EMAIL) -> dict[str, Any]:
    return pool.call(
        "respond_to_auth_challenge",
        ChallengeName="SOFTWARE_TOKEN_MFA",
        Session=challenge["Session"],
        ChallengeResponses={"USERNAME": email, "SOFTWARE_TOKEN_MFA_CODE": given},
    )


def sign_in_with_code(pool: UserPool, app: Authenticator, password: str = PASSWORD) -> dict[str, Any]:
    signed_in = respond(pool, pool.sign_in(password=password), code(pool, app))
    tokens: dict[str, Any] = signed_in["AuthenticationResult"]
    return tokens


def test_codes_are_those_of_rfc_6238() -> None:
    secret = base64.b32encode(b"12345678901234567890").decode()
    # Source: RFC 6238, appendix B, the last six of the eight digits.
    vectors = {
        59: b"287082",
        1111111109: b"081804",
        1111111111: b"050471",
        1234567890: b"005924",
        2000000000: b"279037",
        20000000000: b"353130",
    }
    assert {time_s: make_code(secret, time_s // 30) for time_s in vectors} == vectors
    app = Authenticator(secret)
    assert {time_s: app.code_at(time_s).encode() for time_s in vectors} == vectors


def test_an_app_is_set_up_with_a_code_and_then_turned_on(pool: UserPool) -> None:
    token = pool.tokens()["AccessToken"]
    app = associate(pool, token)
    assert len(base64.b32decode(app.secret)) == 20
    with expect_error("EnableSoftwareTokenMFAException", "Code mismatch and fail enable Software Token MFA"):
        pool.cognito.verify_software_token(AccessToken=token, UserCode=wrong_code(pool, app))
    verified = pool.cognito.verify_software_token(AccessToken=token, UserCode=code(pool, app))
    assert verified["Status"] == "SUCCESS"
    assert "UserMFASettingList" not in pool.cognito.get_user(AccessToken=token)
    assert pool.tokens()  # the app is set up, but not turned on

    pool.cognito.set_user_mfa_preference(AccessToken=token, SoftwareTokenMfaSettings=ON)
    for found in (pool.cognito.get_user(AccessToken=token), pool.admin("admin_get_user")):
        assert found["UserMFASettingList"] == ["SOFTWARE_TOKEN_MFA"]
        assert found["PreferredMfaSetting"] == "SOFTWARE_TOKEN_MFA"
    challenge = pool.sign_in()
    assert challenge["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    assert "AuthenticationResult" not in challenge


@pytest.mark.parametrize("given", ["12345", "1234567", "12345x", "١٢٣٤٥٦"])
def test_a_code_without_six_digits_is_refused(pool: UserPool, given: str) -> None:
    token = pool.tokens()["AccessToken"]
    associate(pool, token)
    with expect_error("InvalidParameterException"):
        raw(pool, "VerifySoftwareToken", {"AccessToken": token, "UserCode": given})


def raw(pool: UserPool, operation: str, body: dict[str, Any]) -> dict[str, Any]:
    """Send a request without boto3's checks; raise its error as boto3 does."""
    response = pool.identity.handle(
        TARGET_PREFIX + operation, json.dumps(body).encode(), {}, endpoint=pool.url
    )
    parsed: dict[str, Any] = json.loads(response.body)
    if response.status != 200:
        raise ClientError({"Error": {"Code": parsed["__type"], "Message": parsed["message"]}}, operation)
    return parsed


def test_codes_cannot_be_required_before_an_app_is_set_up(pool: UserPool) -> None:
    token = pool.tokens()["AccessToken"]
    message = "User does not have delivery config set to turn on"
    associate(pool, token)
    with expect_error("InvalidParameterException", f"{message} SOFTWARE_TOKEN_MFA"):
        pool.cognito.set_user_mfa_preference(AccessToken=token, SoftwareTokenMfaSettings=ON)
    with expect_error("InvalidParameterException", f"{message} SMS_MFA"):
        pool.cognito.set_user_mfa_preference(AccessToken=token, SMSMfaSettings=ON)
    with expect_error("InvalidParameterException", f"{message} EMAIL_OTP"):
        pool.admin("admin_set_user_mfa_preference", EmailMfaSettings=ON)
    pool.cognito.set_user_mfa_preference(AccessToken=token, SMSMfaSettings=OFF, SoftwareTokenMfaSettings=OFF)
    assert pool.tokens()


def test_settings_that_are_missing_or_null_stay_as_they_are(pool: UserPool) -> None:
    token = pool.tokens()["AccessToken"]
    turn_on(pool)
    for settings in ({}, {"SoftwareTokenMfaSettings": None}, {"SMSMfaSettings": None}):
        raw(pool, "SetUserMFAPreference", {"AccessToken": token, **settings})
    assert pool.sign_in()["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    preferred_only = {"Enabled": False, "PreferredMfa": True}
    with expect_error("InvalidParameterException"):
        pool.cognito.set_user_mfa_preference(AccessToken=token, SoftwareTokenMfaSettings=preferred_only)


def test_sign_in_requires_a_code_and_allows_another_try_after_a_wrong_one(pool: UserPool) -> None:
    app = turn_on(pool, name="Ann's phone")
    challenge = pool.sign_in()
    assert challenge["ChallengeParameters"]["FRIENDLY_DEVICE_NAME"] == "Ann's phone"
    with expect_error("CodeMismatchException", "Invalid code received for user"):
        respond(pool, challenge, wrong_code(pool, app))
    tokens = respond(pool, challenge, code(pool, app))["AuthenticationResult"]
    assert pool.identity.verify_access_token(tokens["AccessToken"])
    with expect_error("NotAuthorizedException", "Invalid session for the user."):
        respond(pool, challenge, code(pool, app, steps_from_now=1))
    assert pool.refresh(tokens["RefreshToken"])["AuthenticationResult"]["AccessToken"]


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_a_code_of_the_step_before_or_after_now_is_accepted(pool: UserPool, steps: int) -> None:
    app = turn_on(pool)
    pool.clock.advance_s(120)
    assert respond(pool, pool.sign_in(), code(pool, app, steps_from_now=steps))["AuthenticationResult"]


@pytest.mark.parametrize("steps", [-2, 2])
def test_a_code_of_two_steps_before_or_after_now_is_refused(pool: UserPool, steps: int) -> None:
    app = turn_on(pool)
    pool.clock.advance_s(120)
    with expect_error("CodeMismatchException"):
        respond(pool, pool.sign_in(), code(pool, app, steps_from_now=steps))


def test_a_code_is_accepted_once_also_after_a_restart(pool: UserPool, tmp_path: Path) -> None:
    app = turn_on(pool)
    used = code(pool, app)
    earlier = code(pool, app, steps_from_now=-1)
    assert respond(pool, pool.sign_in(), used)["AuthenticationResult"]
    message = "Your software token has already been used once."
    for each in (used, earlier):
        with expect_error("ExpiredCodeException", message):
            respond(pool, pool.sign_in(), each)
    with open_pool(tmp_path) as restarted:
        restarted.clock.offset_ms = pool.clock.offset_ms
        with expect_error("ExpiredCodeException", message):
            respond(restarted, restarted.sign_in(), used)
        restarted.clock.advance_s(30)
        assert sign_in_with_code(restarted, app)


def test_the_code_that_set_up_the_app_cannot_sign_in(pool: UserPool) -> None:
    token = pool.tokens()["AccessToken"]
    app = associate(pool, token)
    used = code(pool, app)
    pool.cognito.verify_software_token(AccessToken=token, UserCode=used)
    pool.cognito.set_user_mfa_preference(AccessToken=token, SoftwareTokenMfaSettings=ON)
    with expect_error("ExpiredCodeException"):
        respond(pool, pool.sign_in(), used)


def test_only_one_of_concurrent_requests_with_the_same_code_signs_in(pool: UserPool) -> None:
    app = turn_on(pool)
    responses = {"USERNAME": EMAIL, "SOFTWARE_TOKEN_MFA_CODE": code(pool, app)}
    sessions = [pool.sign_in()["Session"] for _ in range(6)]
    barrier = threading.Barrier(len(sessions))
    outcomes: list[str] = []

    def sign_in(session: str) -> None:
        body = {
            "ClientId": pool.identity.client_id,
            "ChallengeName": "SOFTWARE_TOKEN_MFA",
            "Session": session,
            "ChallengeResponses": responses,
        }
        barrier.wait()
        target = TARGET_PREFIX + "RespondToAuthChallenge"
        response = pool.identity.handle(target, json.dumps(body).encode(), {}, endpoint=pool.url)
        outcomes.append(json.loads(response.body).get("__type", "signed in"))

    threads = [threading.Thread(target=sign_in, args=(session,)) for session in sessions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # After five refused codes the account's attempts are throttled.
    assert outcomes.count("signed in") == 1
    assert set(outcomes) <= {"signed in", "ExpiredCodeException", "NotAuthorizedException"}


def test_a_request_that_read_the_token_before_another_used_the_code_is_refused(tmp_path: Path) -> None:
    """The store itself refuses it, so that this does not depend on the lock of `Identity`."""
    with SqliteTable.open(tmp_path / "identity.db") as table:
        tokens = SoftwareTokens(table, now_ms=lambda: 1_800_000_005_000, elapsed_ms=lambda: 0)
        app = Authenticator(tokens.create_secret("ann"))
        tokens.register("ann", app.code_at(1_799_999_975), "")
        read_by_both = tokens.find("ann")
        assert read_by_both is not None
        current = app.code_at(1_800_000_005)
        tokens.accept("ann", read_by_both, current)
        with pytest.raises(CognitoError, match="already been used once"):
            tokens.accept("ann", read_by_both, current)


def test_wrong_codes_are_throttled_and_the_right_password_does_not_reset_the_count(pool: UserPool) -> None:
    app = turn_on(pool)
    for _ in range(5):
        with expect_error("CodeMismatchException"):
            respond(pool, pool.sign_in(), wrong_code(pool, app))
    challenge = pool.sign_in()
    with expect_error("NotAuthorizedException", "Password attempts exceeded"):
        respond(pool, challenge, code(pool, app))
    pool.clock.advance_s(2)
    assert respond(pool, challenge, code(pool, app))["AuthenticationResult"]


def test_wrong_codes_at_the_set_up_are_throttled(pool: UserPool) -> None:
    token = pool.tokens()["AccessToken"]
    app = associate(pool, token)
    for _ in range(5):
        with expect_error("EnableSoftwareTokenMFAException"):
            pool.cognito.verify_software_token(AccessToken=token, UserCode=wrong_code(pool, app))
    with expect_error("TooManyRequestsException"):
        pool.cognito.verify_software_token(AccessToken=token, UserCode=code(pool, app))


def test_no_challenge_session_sets_up_an_app(pool: UserPool) -> None:
    turn_on(pool)
    session = pool.sign_in()["Session"]
    for operation, more in (
        ("associate_software_token", {}),
        ("verify_software_token", {"UserCode": "123456"}),
    ):
        with expect_error("NotAuthorizedException", "Invalid session"):
            getattr(pool.cognito, operation)(Session=session, **more)
    with expect_error("InvalidParameterException", "AccessToken"):
        pool.cognito.associate_software_token()


def test_a_new_app_replaces_the_old_one_only_with_a_code(pool: UserPool) -> None:
    old = turn_on(pool)
    token = sign_in_with_code(pool, old)["AccessToken"]
    new = associate(pool, token)
    pool.clock.advance_s(30)
    assert sign_in_with_code(pool, old)
    pool.clock.advance_s(30)
    pool.cognito.verify_software_token(AccessToken=token, UserCode=code(pool, new))
    pool.clock.advance_s(30)
    with expect_error("CodeMismatchException"):
        respond(pool, pool.sign_in(), code(pool, old))
    assert sign_in_with_code(pool, new)


def test_a_secret_that_no_code_confirmed_expires(pool: UserPool) -> None:
    app = associate(pool, pool.tokens()["AccessToken"])
    pool.clock.advance_s(3600)
    token = pool.tokens()["AccessToken"]
    with expect_error("SoftwareTokenMFANotFoundException"):
        pool.cognito.verify_software_token(AccessToken=token, UserCode=code(pool, app))


def test_the_number_of_pending_secrets_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(software_tokens, "MAX_PENDING", 3)
    with SqliteTable.open(tmp_path / "identity.db") as table:
        tokens = SoftwareTokens(table, now_ms=lambda: 1_800_000_005_000, elapsed_ms=lambda: 0)
        apps = {user: Authenticator(tokens.create_secret(user)) for user in "abcd"}
        with pytest.raises(CognitoError):
            tokens.register("a", apps["a"].code_at(1_800_000_005), "")
        tokens.register("b", apps["b"].code_at(1_800_000_005), "")


def test_a_reset_password_does_not_remove_the_code(pool: UserPool) -> None:
    app = turn_on(pool)
    pool.call("forgot_password", Username=EMAIL)
    pool.call(
        "confirm_forgot_password", Username=EMAIL, Password=NEW_PASSWORD, ConfirmationCode=pool.last_code()
    )
    assert pool.sign_in(password=NEW_PASSWORD)["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    assert sign_in_with_code(pool, app, NEW_PASSWORD)


def test_a_new_password_for_a_temporary_one_is_followed_by_the_code(pool: UserPool) -> None:
    app = turn_on(pool)
    pool.admin("admin_set_user_password", Password=NEW_PASSWORD, Permanent=False)
    challenge = pool.sign_in(password=NEW_PASSWORD)
    assert challenge["ChallengeName"] == "NEW_PASSWORD_REQUIRED"
    challenge = pool.call(
        "respond_to_auth_challenge",
        ChallengeName="NEW_PASSWORD_REQUIRED",
        Session=challenge["Session"],
        ChallengeResponses={"USERNAME": EMAIL, "NEW_PASSWORD": PASSWORD},
    )
    assert challenge["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    assert respond(pool, challenge, code(pool, app))["AuthenticationResult"]


@pytest.mark.parametrize("change", ["password", "sign out", "disable", "delete", "turn off", "wait"])
def test_a_challenge_ends_when_the_account_changes_or_after_three_minutes(
    pool: UserPool, change: str
) -> None:
    app = turn_on(pool)
    challenge = pool.sign_in()
    match change:
        case "password":
            pool.admin("admin_set_user_password", Password=NEW_PASSWORD, Permanent=True)
        case "sign out":
            pool.admin("admin_user_global_sign_out")
        case "disable":
            pool.admin("admin_disable_user")
        case "delete":
            pool.admin("admin_delete_user")
        case "turn off":
            pool.admin("admin_set_user_mfa_preference", SoftwareTokenMfaSettings=OFF)
        case _:
            pool.clock.advance_s(180)
    with expect_error("NotAuthorizedException", "Invalid session for the user"):
        respond(pool, challenge, code(pool, app))


def test_a_challenge_is_valid_for_its_user_only(pool: UserPool) -> None:
    app = turn_on(pool)
    pool.sign_up("bob@example.com")
    with expect_error("NotAuthorizedException", "Invalid session"):
        respond(pool, pool.sign_in(), code(pool, app), "bob@example.com")


def test_an_administrator_lets_in_a_user_who_lost_the_app(pool: UserPool) -> None:
    lost = turn_on(pool)
    pool.admin("admin_set_user_mfa_preference", SoftwareTokenMfaSettings=OFF)
    assert "UserMFASettingList" not in pool.admin("admin_get_user")
    token = pool.tokens()["AccessToken"]
    app = associate(pool, token)
    pool.cognito.verify_software_token(AccessToken=token, UserCode=code(pool, app))
    pool.cognito.set_user_mfa_preference(AccessToken=token, SoftwareTokenMfaSettings=ON)
    pool.clock.advance_s(30)
    with expect_error("CodeMismatchException"):
        respond(pool, pool.sign_in(), code(pool, lost))
    assert sign_in_with_code(pool, app)


def test_only_an_administrator_turns_off_the_code_of_another_user(pool: UserPool) -> None:
    turn_on(pool)
    body = {"UserPoolId": pool.identity.pool_id, "Username": EMAIL, "SoftwareTokenMfaSettings": OFF}
    response = pool.identity.handle(
        TARGET_PREFIX + "AdminSetUserMFAPreference", json.dumps(body).encode(), {}, endpoint=pool.url
    )
    assert response.status == 400
    assert pool.sign_in()["ChallengeName"] == "SOFTWARE_TOKEN_MFA"


def test_deleting_an_account_deletes_its_secret(pool: UserPool, tmp_path: Path) -> None:
    app = turn_on(pool)
    pool.admin("admin_delete_user")
    with SqliteTable.open(tmp_path / "identity.db") as table:
        rows = table._connection.execute("SELECT count(*) FROM items WHERE item LIKE ?", (f"%{app.secret}%",))
        assert rows.fetchone() == (0,)


def test_a_user_is_not_locked_out_after_the_clock_was_set_back(pool: UserPool) -> None:
    app = turn_on(pool)
    pool.clock.set_by_s(365 * 24 * 3600)
    assert sign_in_with_code(pool, app)
    pool.clock.set_by_s(-365 * 24 * 3600)
    assert sign_in_with_code(pool, app)
    with expect_error("ExpiredCodeException"):
        respond(pool, pool.sign_in(), code(pool, app))


def test_no_secret_or_code_is_logged(pool: UserPool, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="imchat"):
        app = turn_on(pool)
        used = code(pool, app)
        respond(pool, pool.sign_in(), used)
        with expect_error("ExpiredCodeException"):
            respond(pool, pool.sign_in(), used)
    assert app.secret not in caplog.text
    assert used not in caplog.text
