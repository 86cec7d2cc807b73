"""Signing in with SRP: against our server, against challenges that no right server sends, and with a temporary password."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
from pycognito.aws_srp import AWSSRP
from tests.client.test_http import server_returning
from tests.support.client_site import PASSWORD, running_site
from tests.support.user_pools import EMAIL, UserPool, open_pool

from imchat.client import Client
from imchat.client.cognito import CognitoClient
from imchat.client.sign_in import MAX_ATTEMPTS, ClientExchange, Credentials, format_timestamp, sign_in
from imchat.errors import Busy, Conflict, ImchatError, Invalid, Unauthenticated
from imchat.local.identity.srp import Exchange, make_verifier, new_salt
from imchat.srp import N

pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")
POOL_ID = "eu-central-1_AbCdEfGhI"
NOW = time.gmtime(1_900_000_000)


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[UserPool]:
    with open_pool(tmp_path) as opened:
        yield opened


def tokens(pool: UserPool, password: str, new_password: str | None = None) -> dict[str, Any]:
    with urllib3.PoolManager() as connections:
        cognito = CognitoClient(connections, f"{pool.url}/", pool.identity.client_id)
        return asyncio.run(
            sign_in(cognito, pool.identity.pool_id, Credentials(EMAIL, password, new_password))
        )


@pytest.mark.parametrize("password", ["correct horse", "wählt ein Neues 🔑", "a" * 256])
def test_only_the_right_password_signs_in(pool: UserPool, password: str) -> None:
    user_id = pool.sign_up(password=password)
    signed_in = tokens(pool, password)
    assert pool.identity.verify_access_token(signed_in["AccessToken"])["sub"] == user_id
    assert pool.refresh(signed_in["RefreshToken"])["AuthenticationResult"]["AccessToken"]
    with pytest.raises(Unauthenticated, match="password is wrong") as wrong:
        tokens(pool, "x" + password[1:])
    assert password[1:] not in "".join(traceback.format_exception(wrong.value))


def test_an_unknown_address_gets_the_error_of_a_wrong_password(pool: UserPool) -> None:
    with pytest.raises(Unauthenticated, match="e-mail address or the password is wrong"):
        tokens(pool, PASSWORD)


def test_a_temporary_password_is_replaced_by_a_new_one(pool: UserPool) -> None:
    pool.admin("admin_create_user", TemporaryPassword="temporary 1")
    with pytest.raises(Unauthenticated, match="password is temporary") as required:
        tokens(pool, "temporary 1")
    assert required.value.details["reason"] == "new_password_required"
    with pytest.raises(Invalid, match="at least 8") as refused:
        tokens(pool, "temporary 1", "short")
    assert refused.value.details["field"] == "password"
    assert tokens(pool, "temporary 1", PASSWORD)["AccessToken"]
    assert tokens(pool, PASSWORD)["AccessToken"]
    assert tokens(pool, PASSWORD, "not used for a permanent one")["AccessToken"]


def test_the_client_class_takes_the_new_password_too(tmp_path: Path) -> None:
    async def body() -> None:
        async with running_site(tmp_path) as site:
            await asyncio.to_thread(
                site.administer, "admin_create_user", EMAIL, TemporaryPassword="temporary 1"
            )
            async with Client.sign_in(site.url, EMAIL, "temporary 1", new_password=PASSWORD) as me:
                assert (await me.me())["user_id"] == me.user_id

    asyncio.run(body())


def challenge(exchange: ClientExchange, password: str) -> tuple[dict[str, str], Exchange]:
    """Return what our server sends, and its side of the exchange."""
    salt = new_salt()
    server = Exchange.begin(exchange.public, make_verifier("AbCdEfGhI" + "user", password, salt))
    block = base64.b64encode(secrets.token_bytes(48)).decode()
    return {
        "SALT": f"{salt:x}",
        "SRP_B": f"{server.server_public:x}",
        "SECRET_BLOCK": block,
        "USER_ID_FOR_SRP": "user",
    }, server


@pytest.mark.slow
def test_client_and_server_agree_for_many_exchanges_and_pycognito_with_both() -> None:
    for _ in range(12):  # the padding of numbers matters only for some of them
        exchange = ClientExchange.begin()
        parameters, server = challenge(exchange, PASSWORD)
        responses = exchange.answer(POOL_ID, PASSWORD, parameters, NOW)
        block = base64.b64decode(parameters["SECRET_BLOCK"])
        expected = server.proof("AbCdEfGhI" + "user", block, responses["TIMESTAMP"])
        assert base64.b64decode(responses["PASSWORD_CLAIM_SIGNATURE"]) == expected
        other = AWSSRP("user", PASSWORD, POOL_ID, "client", client=object())
        other.small_a_value, other.large_a_value = exchange.secret, exchange.public
        key = other.get_password_authentication_key(
            "user", PASSWORD, int(parameters["SRP_B"], 16), parameters["SALT"]
        )
        assert len(key) == 16
        challenge_responses = other.process_challenge(parameters, {"USERNAME": "user"})
        server_proof = server.proof("AbCdEfGhI" + "user", block, challenge_responses["TIMESTAMP"])
        assert base64.b64decode(challenge_responses["PASSWORD_CLAIM_SIGNATURE"]) == server_proof


@pytest.mark.parametrize(
    "changed",
    [
        {"SRP_B": "0"},
        {"SRP_B": f"{N:x}"},
        {"SRP_B": f"{2 * N:x}"},
        {"SRP_B": "-5"},
        {"SRP_B": "xyz"},
        {"SALT": "-1"},
        {"SALT": ""},
        {"SECRET_BLOCK": "no base64 !"},
        {"SRP_B": None},
    ],
)
def test_a_challenge_that_would_accept_any_password_is_refused(changed: dict[str, Any]) -> None:
    exchange = ClientExchange.begin()
    parameters = {**challenge(exchange, PASSWORD)[0], **changed}
    with pytest.raises(Unauthenticated, match="not valid"):
        exchange.answer(POOL_ID, PASSWORD, parameters, NOW)


def test_the_secret_of_an_exchange_is_long_random_and_not_shown() -> None:
    first, second = ClientExchange.begin(), ClientExchange.begin()
    assert first.secret != second.secret
    assert first.secret.bit_length() == 256
    assert str(first.secret) not in repr(first)


def test_the_timestamp_has_english_names_and_no_leading_zero() -> None:
    assert format_timestamp(time.gmtime(1_900_000_000)) == "Sun Mar 17 17:46:40 UTC 2030"
    assert format_timestamp(time.gmtime(1_888_956_305)) == "Fri Nov 9 22:05:05 UTC 2029"


def signing_in_at(*responses: tuple[int, object]) -> int:
    """Sign in at a pool that returns these responses. Returns how many it received."""
    with server_returning(*responses, method="POST") as (url, received), urllib3.PoolManager() as connections:
        cognito = CognitoClient(connections, url, "client")
        try:
            asyncio.run(sign_in(cognito, POOL_ID, Credentials(EMAIL, PASSWORD)))
        finally:
            assert PASSWORD not in json.dumps(received)
        return len(received)


BUSY = (400, {"__type": "com.amazon#TooManyRequestsException", "message": "Rate exceeded"})
DONE: tuple[int, object] = (200, {"AuthenticationResult": {"AccessToken": "a", "ExpiresIn": 3600}})


@pytest.mark.slow
def test_a_busy_pool_is_asked_again_a_few_times() -> None:
    assert signing_in_at(BUSY, (503, {}), DONE) == 3
    with pytest.raises(Busy):
        signing_in_at(*[BUSY] * (MAX_ATTEMPTS + 1))


def test_signing_in_fails_at_once_if_the_pool_asks_for_a_long_wait() -> None:
    with (
        server_returning(BUSY, method="POST", retry_after_s=60) as (url, received),
        urllib3.PoolManager() as connections,
    ):
        cognito = CognitoClient(connections, url, "client")
        with pytest.raises(Busy, match="gets too many requests; try again in 60 seconds") as raised:
            asyncio.run(sign_in(cognito, POOL_ID, Credentials(EMAIL, PASSWORD)))
    assert raised.value.details["retry_after_s"] == 60
    assert len(received) == 1


@pytest.mark.parametrize(
    ("response", "error"),
    [
        ((400, {"__type": "NotAuthorizedException", "message": "User is disabled."}), Unauthenticated),
        ((400, {"__type": "aws#UsernameExistsException", "message": "no"}), Conflict),
        ((400, {"__type": "InternalErrorException"}), Busy),
        ((500, "<html>"), Busy),
        ((403, "<html>"), Unauthenticated),
    ],
)
def test_each_response_of_the_pool_raises_its_error_class(
    response: tuple[int, object], error: type[ImchatError]
) -> None:
    operation = "SignUp" if error is Conflict else "InitiateAuth"

    async def call(url: str) -> None:
        with urllib3.PoolManager() as connections:
            await CognitoClient(connections, url, "client").call(operation, Username=EMAIL)

    with server_returning(response, method="POST") as (url, _), pytest.raises(error) as raised:
        asyncio.run(call(url))
    assert type(raised.value) is error
