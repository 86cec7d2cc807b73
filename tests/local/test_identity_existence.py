"""No operation discloses who has an account: existing and unknown users get the same response for the same work.

The work is counted, not timed: reads and writes of the table, modular powers, and deliveries.
"""

from __future__ import annotations

import base64
import json
import sqlite3
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.support.user_pools import PASSWORD, UserPool, open_pool

from imchat.local.identity import Purpose, deliveries, srp
from imchat.local.identity.deliveries import Deliveries
from imchat.local.identity.protocol import CognitoError
from imchat.local.identity.service import TARGET_PREFIX
from imchat.srp import N

KNOWN, UNKNOWN = "ann@example.com", "abe@example.org"
"""Both are masked as a***@e***."""
NEW_PASSWORD = "battery staple"


class Work:
    """Counts the work of requests."""

    def __init__(self, pool: UserPool, monkeypatch: pytest.MonkeyPatch) -> None:
        self.counts: Counter[str] = Counter()
        self._pool = pool
        table = pool.identity._context.accounts._table
        for target, name in [
            (table, "get"),
            (table, "query"),
            (table, "get_many"),
            (table, "write"),
            (srp, "power"),
            (pool.identity._context.deliveries, "add"),
        ]:
            monkeypatch.setattr(target, name, self._counted(name, getattr(target, name)))

    def of(self, operation: str, **fields: object) -> tuple[Counter[str], int, Any]:
        """Call an operation and return its work, status and body."""
        self.counts.clear()
        body = json.dumps({"ClientId": self._pool.identity.client_id, **fields}).encode()
        response = self._pool.identity.handle(
            TARGET_PREFIX + operation, body, {}, endpoint="http://localhost"
        )
        assert {name.lower() for name in response.headers} <= {
            *("content-type", "x-amzn-errortype", "x-amzn-errormessage")
        }
        return Counter(self.counts), response.status, json.loads(response.body)

    def _counted(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            self.counts[name] += 1
            return function(*arguments, **options)

        return counted


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[UserPool]:
    with open_pool(tmp_path, confirm=True) as opened:
        yield opened


@pytest.fixture
def work(pool: UserPool, monkeypatch: pytest.MonkeyPatch) -> Work:
    return Work(pool, monkeypatch)


def unconfirmed(pool: UserPool) -> None:
    pool.sign_up(KNOWN)


def confirmed(pool: UserPool) -> None:
    pool.sign_up(KNOWN)
    pool.call("confirm_sign_up", Username=KNOWN, ConfirmationCode=pool.last_code())


def with_a_reset_code(pool: UserPool) -> None:
    confirmed(pool)
    pool.call("forgot_password", Username=KNOWN)


def disabled(pool: UserPool) -> None:
    with_a_reset_code(pool)
    pool.admin("admin_disable_user", KNOWN)


def without_a_code(pool: UserPool) -> None:
    """Create an unconfirmed account whose code has been deleted after it expired."""
    unconfirmed(pool)
    now_s = int(time.time()) + 3 * 24 * 3600
    table: Any = pool.identity._context.accounts._table
    table.purge_expired(now_s, 100)


def created_by_an_administrator(pool: UserPool) -> None:
    pool.admin("admin_create_user", KNOWN, TemporaryPassword=PASSWORD)


STATES = [unconfirmed, confirmed, with_a_reset_code, disabled, without_a_code, created_by_an_administrator]
OPERATIONS: list[tuple[str, dict[str, object]]] = [
    ("ForgotPassword", {}),
    ("ResendConfirmationCode", {}),
    ("ConfirmSignUp", {"ConfirmationCode": "000000x"}),
    ("ConfirmForgotPassword", {"ConfirmationCode": "000000x", "Password": NEW_PASSWORD}),
    ("ConfirmForgotPassword", {"ConfirmationCode": "000000x", "Password": "short"}),
]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(("operation", "fields"), OPERATIONS)
@pytest.mark.parametrize("by_user_id", [False, True])
def test_a_request_about_a_code_is_answered_alike_for_every_user(
    pool: UserPool,
    work: Work,
    state: Callable[[UserPool], None],
    operation: str,
    fields: dict[str, object],
    *,
    by_user_id: bool,
) -> None:
    state(pool)
    known, unknown = KNOWN, UNKNOWN
    if by_user_id:
        known, unknown = str(pool.admin("admin_get_user", KNOWN)["Username"]), str(uuid.uuid4())
    pool.identity._context.throttle._accounts.clear()  # the user's own attempts were long ago
    for _ in range(7):  # the last ones are over the limit of attempts
        assert work.of(operation, Username=known, **fields) == work.of(operation, Username=unknown, **fields)


def sign_in_attempts(work: Work, name: str) -> list[object]:
    """Return the work and response of wrong passwords, sent as they are and as a proof."""
    password = {"USERNAME": name, "PASSWORD": "wrong password"}
    attempts: list[object] = [work.of("InitiateAuth", AuthFlow="USER_PASSWORD_AUTH", AuthParameters=password)]
    parameters = {"USERNAME": name, "SRP_A": f"{N // 3:x}"}
    counts, status, body = work.of("InitiateAuth", AuthFlow="USER_SRP_AUTH", AuthParameters=parameters)
    challenge = body.get("ChallengeParameters")
    if challenge is None:
        return [*attempts, counts, status, body]
    attempts += [counts, status, sorted(body), body["ChallengeName"], sorted(challenge)]
    attempts += [len(challenge["SALT"]), len(challenge["SECRET_BLOCK"]), len(challenge["USER_ID_FOR_SRP"])]
    proof = {
        "USERNAME": challenge["USER_ID_FOR_SRP"],
        "PASSWORD_CLAIM_SECRET_BLOCK": challenge["SECRET_BLOCK"],
        "PASSWORD_CLAIM_SIGNATURE": base64.b64encode(bytes(32)).decode(),
        "TIMESTAMP": "Sun Nov 29 19:00:00 UTC 2026",
    }
    return [
        *attempts,
        work.of("RespondToAuthChallenge", ChallengeName="PASSWORD_VERIFIER", ChallengeResponses=proof),
    ]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("by_user_id", [False, True])
def test_a_wrong_password_is_answered_alike_for_every_user(
    pool: UserPool, work: Work, state: Callable[[UserPool], None], *, by_user_id: bool
) -> None:
    state(pool)
    known, unknown = KNOWN, UNKNOWN
    if by_user_id:
        known, unknown = str(pool.admin("admin_get_user", KNOWN)["Username"]), str(uuid.uuid4())
    for _ in range(4):  # the last ones are over the limit of attempts
        assert sign_in_attempts(work, known) == sign_in_attempts(work, unknown)


def srp_challenge(work: Work, name: str) -> dict[str, str]:
    parameters = {"USERNAME": name, "SRP_A": f"{N // 3:x}"}
    challenge: dict[str, str] = work.of("InitiateAuth", AuthFlow="USER_SRP_AUTH", AuthParameters=parameters)[
        2
    ]["ChallengeParameters"]
    return challenge


@pytest.mark.parametrize("email", [KNOWN, UNKNOWN])
def test_the_user_id_in_a_challenge_is_a_name_of_the_same_user(
    pool: UserPool, work: Work, email: str
) -> None:
    confirmed(pool)
    first = srp_challenge(work, email)
    user_id = first["USER_ID_FOR_SRP"]
    for name in (email.upper(), user_id, user_id.upper()):
        again = srp_challenge(work, name)
        assert (again["USER_ID_FOR_SRP"], again["SALT"]) == (user_id, first["SALT"])
    delivery = work.of("ForgotPassword", Username=user_id)[2]["CodeDeliveryDetails"]
    assert delivery["Destination"] == "***@***"


@pytest.mark.parametrize("email", [KNOWN, UNKNOWN])
def test_wrong_passwords_are_counted_for_all_names_of_a_user(pool: UserPool, work: Work, email: str) -> None:
    confirmed(pool)
    user_id = srp_challenge(work, email)["USER_ID_FOR_SRP"]
    for _ in range(5):
        parameters = {"USERNAME": email, "PASSWORD": "wrong password"}
        work.of("InitiateAuth", AuthFlow="USER_PASSWORD_AUTH", AuthParameters=parameters)
    parameters = {"USERNAME": user_id, "PASSWORD": "wrong password"}
    body = work.of("InitiateAuth", AuthFlow="USER_PASSWORD_AUTH", AuthParameters=parameters)[2]
    assert body["message"] == "Password attempts exceeded"


def test_a_disabled_user_cannot_reset_the_password_with_an_earlier_code(pool: UserPool) -> None:
    with_a_reset_code(pool)
    code = pool.last_code()
    pool.admin("admin_disable_user", KNOWN)
    body = {"Username": KNOWN, "ConfirmationCode": code, "Password": NEW_PASSWORD}
    with pytest.raises(pool.cognito.exceptions.CodeMismatchException):
        pool.call("confirm_forgot_password", **body)


def test_unknown_users_take_no_space_in_the_database(pool: UserPool, work: Work, tmp_path: Path) -> None:
    for number in range(20):
        for operation, fields in OPERATIONS:
            work.of(operation, Username=f"nobody{number}@example.org", **fields)
    with closing(sqlite3.connect(tmp_path / "identity.db")) as connection:
        rows = connection.execute("SELECT sk FROM items WHERE pk LIKE 'CODE#%' ORDER BY sk").fetchall()
    assert rows == [(Purpose.PASSWORD_RESET,), (Purpose.SIGN_UP,)]


def test_a_code_is_delivered_after_the_response_on_another_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "_DELAY_S", 0.2)
    with open_pool(tmp_path) as pool:
        pool.sign_up(KNOWN)
        pool.call("forgot_password", Username=KNOWN)
        assert pool.delivered == []
        assert [purpose for purpose, _, _ in pool.mailbox] == [Purpose.PASSWORD_RESET]


def test_a_code_that_cannot_be_delivered_is_logged_without_the_user(caplog: pytest.LogCaptureFixture) -> None:
    delivered: list[str] = []

    def deliver(_purpose: Purpose, email: str, secret: str) -> None:
        if not delivered and email == KNOWN:
            delivered.append("failed")
            raise OSError(f"no mail goes to {email}: {secret}")
        delivered.append(email)

    codes = Deliveries(deliver)
    for email in (KNOWN, None, UNKNOWN):
        codes.add(Purpose.SIGN_UP, email, "123456")
    codes.flush()
    assert delivered == ["failed", UNKNOWN]
    assert "a code could not be delivered: OSError at deliver" in caplog.text
    assert KNOWN not in caplog.text
    assert "123456" not in caplog.text


def test_closing_waits_a_bounded_time_for_a_paused_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "MAX_WAITING", 2)
    codes = Deliveries(lambda *_: time.sleep(60))
    codes.add(Purpose.SIGN_UP, KNOWN, "123456")
    started = time.monotonic()
    codes.flush(timeout_s=0.1)
    assert time.monotonic() - started < 10
    for _ in range(2):
        codes.add(Purpose.SIGN_UP, None, "123456")
    with pytest.raises(CognitoError, match="could not be sent"):
        codes.add(Purpose.SIGN_UP, None, "123456")
