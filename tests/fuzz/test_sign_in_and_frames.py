"""Random JSON for each operation of the user pool and for WebSocket frames: each gets an answer, and no unexpected error."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from tests.support.user_pools import EMAIL, PASSWORD, UserPool, open_pool
from tests.support.world import World, new_world

from imchat.api import schema
from imchat.entrypoints import websocket
from imchat.local.identity import service, sigv4

pytestmark = pytest.mark.slow

FUZZ: Final = settings(
    max_examples=int(os.environ.get("IMCHAT_FUZZ_EXAMPLES", "40")),
    derandomize="IMCHAT_FUZZ_EXAMPLES" not in os.environ,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TEXT: Final = st.one_of(
    st.text(st.characters(), max_size=20),
    st.text("aA09 .@-_\0\r\n\ud800\u200b", max_size=12),
    st.integers(1, 6000).map(lambda length: "x" * length),
    st.sampled_from(
        ["", "\ud800", "a\r\nb", "\0", "0" * 5000, "-1", "null", EMAIL, "../../etc", "%00", "1" * 800]
    ),
)
SCALAR: Final = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -(10**20)])
    | st.floats(allow_nan=True)
    | TEXT
)
JSON: Final = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=8
)
UNUSUAL: Final[tuple[Any, ...]] = (None, 0, 10**400, [], {}, "", "\ud800", "a\r\n\0b", "x" * 6000)
OPERATIONS: Final = sorted({*service._PUBLIC_OPERATIONS, *service._ADMIN_OPERATIONS})
FLOWS: Final = ("USER_PASSWORD_AUTH", "USER_SRP_AUTH", "REFRESH_TOKEN_AUTH", "REFRESH_TOKEN", "CUSTOM_AUTH")
CHALLENGES: Final = (
    "PASSWORD_VERIFIER",
    "NEW_PASSWORD_REQUIRED",
    "SOFTWARE_TOKEN_MFA",
    "MFA_SETUP",
    "SMS_MFA",
)
SERVER_FRAME: Final[TypeAdapter[Any]] = TypeAdapter(schema.ServerFrame)


@pytest.fixture
def pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[UserPool]:
    """Open a pool whose administration needs no signature; `test_identity_attacks.py` tests signatures."""
    monkeypatch.setattr(sigv4, "verify", lambda *_arguments, **_options: None)
    with open_pool(tmp_path) as opened:
        opened.sign_up()
        yield opened


@pytest.fixture
def world() -> Iterator[World]:
    with new_world() as new:
        yield new


def valid_fields(pool: UserPool) -> dict[str, Any]:
    """Return valid values of the fields of all operations; each operation reads those that it knows."""
    tokens = pool.tokens()
    parameters = {
        "USERNAME": EMAIL,
        "PASSWORD": PASSWORD,
        "NEW_PASSWORD": PASSWORD,
        "SRP_A": "ab" * 384,
        "REFRESH_TOKEN": tokens["RefreshToken"],
        "PASSWORD_CLAIM_SECRET_BLOCK": "AAAA",
        "PASSWORD_CLAIM_SIGNATURE": "AAAA",
        "TIMESTAMP": "Sun Nov 29 11:00:00 UTC 2026",
        "SOFTWARE_TOKEN_MFA_CODE": "123456",
    }
    return {
        "ClientId": pool.identity.client_id,
        "UserPoolId": pool.identity.pool_id,
        "Username": EMAIL,
        "Password": PASSWORD,
        "PreviousPassword": PASSWORD,
        "ProposedPassword": PASSWORD,
        "TemporaryPassword": PASSWORD,
        "ConfirmationCode": "123456",
        "UserCode": "123456",
        "AccessToken": tokens["AccessToken"],
        "RefreshToken": tokens["RefreshToken"],
        "Token": tokens["RefreshToken"],
        "Session": "x" * 43,
        "GroupName": "admins",
        "UserAttributes": [{"Name": "email", "Value": EMAIL}],
        "SoftwareTokenMfaSettings": {"Enabled": True, "PreferredMfa": True},
        "Permanent": True,
        "Limit": 10,
        "Filter": 'email = "ann@example.com"',
        "PaginationToken": "",
        "NextToken": "",
        "MessageAction": "SUPPRESS",
        "AuthParameters": parameters,
        "ChallengeResponses": parameters,
    }


def changed(data: st.DataObject, fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields with some of them, also nested ones, left out or replaced by random JSON."""
    result = dict(fields)
    for name in data.draw(st.lists(st.sampled_from(sorted(fields)), max_size=4, unique=True)):
        value = fields[name]
        if isinstance(value, dict) and data.draw(st.booleans()):
            result[name] = changed(data, value)
        elif data.draw(st.booleans()):
            result[name] = data.draw(JSON)
        else:
            del result[name]
    return result


def check_answer(pool: UserPool, operation: str, body: bytes) -> None:
    pool.clock.advance_s(1000)  # so that no request is refused because of many failed ones
    target = f"{service.TARGET_PREFIX}{operation}"
    status, headers, answer = pool.identity.handle(target, body, {}, endpoint="http://localhost")
    assert status in {200, 400}, answer
    assert headers.get("x-amzn-ErrorType") != "InternalErrorException"
    assert not {"\r", "\n", "\0"} & set("".join(headers.values()))
    assert isinstance(json.loads(answer), dict)


def with_each_unusual_value(fields: dict[str, Any], nested: Iterable[str] = ()) -> Iterator[dict[str, Any]]:
    """Yield the fields with each unusual value for each of them, or for those of the `nested` ones only."""
    for name in nested:
        for changed_value in with_each_unusual_value(fields[name]):
            yield fields | {name: changed_value}
    for name in () if nested else fields:
        for unusual in UNUSUAL:
            yield fields | {name: unusual}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_unusual_value_of_a_field_is_an_unexpected_error(
    pool: UserPool, operation: str, caplog: pytest.LogCaptureFixture
) -> None:
    fields = valid_fields(pool)
    kinds: list[dict[str, Any]] = [{}]
    if "Auth" in operation:
        kinds += [
            {"AuthFlow": flow, "ChallengeName": challenge}
            for flow, challenge in zip(FLOWS, CHALLENGES, strict=True)
        ]
    with caplog.at_level(logging.WARNING):
        for kind in kinds:
            nested = ("AuthParameters", "ChallengeResponses") if kind else ()
            for request in with_each_unusual_value(fields | kind, nested):
                check_answer(pool, operation, json.dumps(request).encode())
    assert "unexpected" not in caplog.text


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_request_to_the_user_pool_is_an_unexpected_error(
    pool: UserPool, operation: str, caplog: pytest.LogCaptureFixture
) -> None:
    fields = valid_fields(pool)

    @FUZZ
    @given(data=st.data())
    def check(data: st.DataObject) -> None:
        request = changed(data, fields)
        request.setdefault("AuthFlow", data.draw(st.sampled_from(FLOWS) | JSON))
        request.setdefault("ChallengeName", data.draw(st.sampled_from(CHALLENGES) | JSON))
        body = data.draw(st.one_of(st.just(json.dumps(request).encode()), st.binary(max_size=50)))
        check_answer(pool, operation, body)

    with caplog.at_level(logging.WARNING):
        check()
    assert "unexpected" not in caplog.text


@FUZZ
@given(target=TEXT, body=st.binary(max_size=200))
def test_no_target_is_an_unexpected_error(
    tmp_path_factory: pytest.TempPathFactory, target: str, body: bytes
) -> None:
    with open_pool(tmp_path_factory.mktemp("pool")) as pool:
        status, _, answer = pool.identity.handle(target, body, {}, endpoint="http://localhost")
    assert status == 400
    assert json.loads(answer)["__type"] != "InternalErrorException"


def test_every_frame_is_answered_as_documented(world: World, caplog: pytest.LogCaptureFixture) -> None:
    ada, bob = world.people("ada", "bob")
    conversation_id = world.group(ada, bob)
    handle = websocket.create_handler(world.app)
    connection_id = world.connect(ada)
    valid: dict[str, Any] = {"action": "typing", "conversation_id": conversation_id}

    @FUZZ
    @given(data=st.data())
    def check(data: st.DataObject) -> None:
        frame = changed(data, valid) | data.draw(
            st.just({}) | st.just({"action": "ping"}) | st.dictionaries(TEXT, JSON)
        )
        body = data.draw(st.just(json.dumps(frame)) | JSON.map(json.dumps) | TEXT)
        world.gateway.frames.clear()
        context = {
            "routeKey": "$default",
            "connectionId": connection_id,
            "requestId": "r",
            "authorizer": {"principalId": ada},
        }
        assert handle({"requestContext": context, "body": body}, None) == {"statusCode": 200}
        for answer in world.received(connection_id):
            SERVER_FRAME.validate_json(json.dumps(answer))
            assert answer.get("error", {}).get("code") != "internal"

    with caplog.at_level(logging.WARNING):
        check()
    assert "unexpected" not in caplog.text
