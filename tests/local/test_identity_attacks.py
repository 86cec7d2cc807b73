"""Attacks on sign-in: forged tokens, manipulated proofs, replays, calls without the administrator's key."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pycognito.aws_srp import AWSSRP
from tests.support.user_pools import EMAIL, PASSWORD, UserPool, expect_error, open_pool

from imchat.errors import Unauthenticated
from imchat.local.identity import srp
from imchat.local.identity.service import TARGET_PREFIX
from imchat.local.identity.throttle import FREE_FAILURES, MAX_KEYS, MAX_WAIT_MS
from imchat.srp import N

pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[UserPool]:
    with open_pool(tmp_path) as opened:
        opened.sign_up()
        yield opened


def _resigned(token: str, key: Any, algorithm: str, **changed: Any) -> str:
    """Sign a token again with changed claims; a claim of None is left out."""
    header = jwt.get_unverified_header(token)
    claims = {**jwt.decode(token, options={"verify_signature": False}), **changed}
    body = json.dumps({name: value for name, value in claims.items() if value is not None}).encode()
    return jwt.PyJWS().encode(body, key, algorithm=algorithm, headers={"kid": header["kid"]})


def _hs256_with_public_key(token: str, public_pem: bytes) -> str:
    """Sign by hand, because PyJWT refuses to sign with a PEM."""
    _, payload, _ = token.split(".")
    kid = jwt.get_unverified_header(token)["kid"]
    head = base64.urlsafe_b64encode(json.dumps({"alg": "HS256", "kid": kid}).encode()).rstrip(b"=").decode()
    mac = hmac.digest(public_pem, f"{head}.{payload}".encode(), "sha256")
    return f"{head}.{payload}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def test_a_forged_token_is_rejected_everywhere(pool: UserPool) -> None:
    token = pool.tokens()["AccessToken"]
    own = serialization.load_pem_private_key((pool.keys / "signing.pem").read_bytes(), None)
    assert isinstance(own, rsa.RSAPrivateKey)
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public_pem = own.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    head, payload, signature = token.split(".")
    tampered = base64.urlsafe_b64encode(
        base64.urlsafe_b64decode(payload + "==").replace(b"access", b"acces5")
    )
    forged = {
        "other key": _resigned(token, other, "RS256"),
        "alg none": _resigned(token, None, "none"),
        "HS256 with the public key": _hs256_with_public_key(token, public_pem),
        "changed payload": f"{head}.{tampered.rstrip(b'=').decode()}.{signature}",
        "no signature": f"{head}.{payload}.",
        "other issuer": _resigned(token, own, "RS256", iss="https://example.com/local_other"),
        "other client": _resigned(token, own, "RS256", client_id="other"),
        "not yet": _resigned(token, own, "RS256", nbf=4_000_000_000),
        "expired": _resigned(token, own, "RS256", exp=1),
        "no end": _resigned(token, own, "RS256", exp=None),
        "ID token": pool.tokens()["IdToken"],
        "other use": _resigned(token, own, "RS256", token_use="id"),
        "no user": _resigned(token, own, "RS256", sub=None),
        "a number as user": _resigned(token, own, "RS256", sub=7),
        "a long user id": _resigned(token, own, "RS256", sub="x" * 3000),
        "no session": _resigned(token, own, "RS256", origin_jti=None),
        "a start that is text": _resigned(token, own, "RS256", nbf="soon"),
        "nothing": "",
        "no JWT": "a.b.c",
    }
    assert pool.identity.verify_access_token(
        _resigned(token, own, "RS256")
    )  # the helpers above can make valid tokens
    for name, forged_token in forged.items():
        with pytest.raises(Unauthenticated, match=r"sign in again|not valid yet"):
            pytest.fail(f"{name} was accepted as {pool.identity.verify_access_token(forged_token)}")
        if forged_token:
            with expect_error("NotAuthorizedException"):
                pool.cognito.get_user(AccessToken=forged_token)


class Proof:
    """The steps of one SRP sign-in, computed by pycognito."""

    def __init__(self, pool: UserPool, email: str = EMAIL, password: str = PASSWORD) -> None:
        self._pool = pool
        self._email = email
        identity = pool.identity
        self._srp = AWSSRP(email, password, identity.pool_id, identity.client_id, client=pool.cognito)

    def begin(self, **changed: str) -> Mapping[str, str]:
        parameters = {**self._srp.get_auth_params(), **changed}
        response = self._pool.call("initiate_auth", AuthFlow="USER_SRP_AUTH", AuthParameters=parameters)
        assert response["ChallengeName"] == "PASSWORD_VERIFIER"
        found: Mapping[str, str] = response["ChallengeParameters"]
        return found

    def respond(self, challenge: Mapping[str, str]) -> dict[str, str]:
        responses: dict[str, str] = self._srp.process_challenge(challenge, {"USERNAME": self._email})
        return responses

    def finish(self, responses: Mapping[str, str]) -> dict[str, Any]:
        return self._pool.call(
            "respond_to_auth_challenge", ChallengeName="PASSWORD_VERIFIER", ChallengeResponses=responses
        )


def test_a_correct_proof_is_accepted_once(pool: UserPool) -> None:
    proof = Proof(pool)
    responses = proof.respond(proof.begin())
    assert proof.finish(responses)["AuthenticationResult"]["AccessToken"]
    with expect_error("NotAuthorizedException", "Invalid session"):
        proof.finish(responses)


def test_a_proof_expires_after_three_minutes(pool: UserPool) -> None:
    proof = Proof(pool)
    responses = proof.respond(proof.begin())
    pool.clock.advance_s(181)
    with expect_error("NotAuthorizedException", "session is expired"):
        proof.finish(responses)


def test_a_proof_expires_although_the_clock_was_set_back(pool: UserPool) -> None:
    proof = Proof(pool)
    challenge = proof.begin()
    pool.clock.set_by_s(-3600)
    responses = proof.respond(challenge)
    pool.clock.advance_s(181)
    with expect_error("NotAuthorizedException", "session is expired"):
        proof.finish(responses)


@pytest.mark.parametrize(
    "changed",
    [
        {"PASSWORD_CLAIM_SIGNATURE": base64.b64encode(bytes(32)).decode()},
        {"PASSWORD_CLAIM_SIGNATURE": "not base64 !"},
        {"TIMESTAMP": "Sun Nov 22 19:00:00 UTC 2020"},
        {"USERNAME": "boss@example.com"},
        {"PASSWORD_CLAIM_SECRET_BLOCK": base64.b64encode(bytes(48)).decode()},
    ],
)
def test_a_manipulated_proof_is_rejected(pool: UserPool, changed: dict[str, str]) -> None:
    proof = Proof(pool)
    with expect_error("NotAuthorizedException"):
        proof.finish({**proof.respond(proof.begin()), **changed})


def test_a_proof_of_a_wrong_password_is_rejected_and_uses_up_the_challenge(pool: UserPool) -> None:
    wrong, right = Proof(pool, password="wrong password"), Proof(pool)
    challenge = wrong.begin()
    with expect_error("NotAuthorizedException", "Incorrect username or password."):
        wrong.finish(wrong.respond(challenge))
    with expect_error("NotAuthorizedException", "Invalid session"):
        right.finish(right.respond(challenge))


@pytest.mark.parametrize("public", ["0", "1", f"{N:x}", f"{N - 1:x}", f"{2 * N:x}", "xyz", "-5"])
def test_a_public_value_that_makes_the_key_predictable_is_rejected(pool: UserPool, public: str) -> None:
    with expect_error("InvalidParameterException", "SRP_A"):
        Proof(pool).begin(SRP_A=public)


def test_an_unknown_user_gets_a_challenge_and_always_the_same_salt(pool: UserPool) -> None:
    known = Proof(pool).begin()
    proof = Proof(pool, email="nobody@example.com")
    first, second = proof.begin(), proof.begin(USERNAME="Nobody@example.com")
    assert first.keys() == known.keys()
    assert len(first["SALT"]) == len(known["SALT"])
    assert (first["SALT"], first["USER_ID_FOR_SRP"]) == (second["SALT"], second["USER_ID_FOR_SRP"])
    assert first["SRP_B"] != second["SRP_B"]
    with expect_error("NotAuthorizedException", "Incorrect username or password."):
        proof.finish(proof.respond(second))


def test_verifiers_equal_those_of_pycognito_for_edge_case_numbers() -> None:
    """Padding bugs show only for numbers with a special first bit or byte, so numbers of many lengths are tried."""
    for size in (8, 9, 15, 16, 255, 256, 3071):
        number = (1 << size) - 1
        verifier = srp.make_verifier("poolname:user", "pass", number)
        inner = hashlib.sha256(b"poolname:user:pass").hexdigest()
        padded = f"{number:x}".zfill(size // 8 * 2 + 2)
        x = int(hashlib.sha256(bytes.fromhex(padded + inner)).hexdigest(), 16)
        assert verifier == pow(2, x, N)


def test_a_new_password_session_is_valid_once_and_expires(pool: UserPool) -> None:
    pool.admin("admin_create_user", "bob@example.com", TemporaryPassword=PASSWORD)

    def choose(session: str, password: str) -> dict[str, Any]:
        responses = {"USERNAME": "bob@example.com", "NEW_PASSWORD": password}
        return pool.call(
            "respond_to_auth_challenge",
            ChallengeName="NEW_PASSWORD_REQUIRED",
            Session=session,
            ChallengeResponses=responses,
        )

    late = pool.sign_in("bob@example.com")["Session"]
    pool.clock.advance_s(181)
    with expect_error("NotAuthorizedException", "expired"):
        choose(late, "my own words")
    stale, session = (pool.sign_in("bob@example.com")["Session"] for _ in range(2))
    with expect_error("InvalidPasswordException"):
        choose(session, "short")
    assert choose(session, "my own words")["AuthenticationResult"]
    for spent in (session, stale):
        with expect_error("NotAuthorizedException", "Invalid session"):
            choose(spent, "my own words")


def test_administration_requires_the_key_of_the_data_folder(pool: UserPool) -> None:
    key_id = json.loads((pool.keys / "admin.json").read_text())["access_key_id"]
    listing = {"UserPoolId": pool.identity.pool_id}
    with expect_error("UnrecognizedClientException"):
        pool.client("AKIDEXAMPLE", "secret").list_users(**listing)
    with expect_error("InvalidSignatureException"):
        pool.client(key_id, "wrong secret").list_users(**listing)
    with expect_error("MissingAuthenticationTokenException"):
        pool.client("", "", signed=False).list_users(**listing)
    assert pool.cognito.list_users(**listing)["Users"]


def _signed_delete(pool: UserPool, body: bytes, *, service: str = "cognito-idp") -> dict[str, str]:
    stored = json.loads((pool.keys / "admin.json").read_text())
    credentials = Credentials(stored["access_key_id"], stored["secret_access_key"])
    request = AWSRequest(
        "POST", pool.url + "/", data=body, headers={"X-Amz-Target": TARGET_PREFIX + "AdminDeleteUser"}
    )
    SigV4Auth(credentials, service, "local").add_auth(request)
    return {**dict(request.headers.items()), "Host": pool.url.removeprefix("http://")}


def test_a_signature_covers_body_and_operation_and_expires_after_five_minutes(pool: UserPool) -> None:
    body = json.dumps({"UserPoolId": pool.identity.pool_id, "Username": EMAIL}).encode()
    headers = _signed_delete(pool, body)

    def outcome(
        headers: Mapping[str, str], operation: str = "AdminDeleteUser", *, body: bytes = body, path: str = "/"
    ) -> str:
        response = pool.identity.handle(
            TARGET_PREFIX + operation, body, headers, endpoint=pool.url, path=path
        )
        return str(json.loads(response.body).get("__type", "done"))

    wrong = "InvalidSignatureException"
    assert outcome(headers, body=body.replace(b"ann", b"bob")) == wrong
    assert outcome(headers, "AdminDisableUser") == wrong
    assert outcome(headers, path="/other") == wrong
    assert outcome({**headers, "X-Amz-Date": datetime.now(UTC).strftime("%Y%m%dT000000Z")}) == wrong
    assert outcome(_signed_delete(pool, body, service="s3")) == "IncompleteSignatureException"
    assert outcome({**headers, "Authorization": "Bearer x"}) == "IncompleteSignatureException"
    no_text = "\udcff"  # how a web server decodes a byte that is not UTF-8
    assert outcome(headers | {"X-Amz-Date": no_text}) == wrong
    tampered = headers["Authorization"].replace("SignedHeaders=", "SignedHeaders=x;")
    assert outcome(headers | {"Authorization": tampered, "X": no_text}) == wrong
    tampered = headers["Authorization"].replace("Credential=", f"Credential={no_text}")
    assert outcome(headers | {"Authorization": tampered}) == "UnrecognizedClientException"
    pool.clock.advance_s(301)
    assert outcome(headers) == wrong
    pool.clock.advance_s(-602)
    assert outcome(headers) == wrong
    pool.clock.advance_s(301)
    assert outcome(headers) == "done"


def test_failures_on_unknown_names_do_not_displace_those_of_an_account(pool: UserPool) -> None:
    for _ in range(FREE_FAILURES + 10):
        pool.clock.advance_s(MAX_WAIT_MS // 1000)
        pool.call("forgot_password", Username=EMAIL)
    for number in range(MAX_KEYS + 1):
        body = {"ClientId": pool.identity.client_id, "Username": f"nobody{number}@example.com"}
        pool.identity.handle(
            TARGET_PREFIX + "ForgotPassword", json.dumps(body).encode(), {}, endpoint=pool.url
        )
    with expect_error("LimitExceededException"):
        pool.call("forgot_password", Username=EMAIL)


@pytest.mark.parametrize("name", ["ann@example.com\u200b", "\u202eann@example.com", "ann\u00ad@example.com"])
def test_an_address_with_invisible_characters_is_rejected(pool: UserPool, name: str) -> None:
    with expect_error("InvalidParameterException", "email"):
        pool.sign_up(name)


def test_the_log_contains_no_user_and_no_secret(pool: UserPool, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="imchat"):
        tokens = pool.tokens()
        pool.call("forgot_password", Username=EMAIL)
        with expect_error("NotAuthorizedException"):
            pool.sign_in(password="wrong password")
    written = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("imchat"))
    for secret in (EMAIL, PASSWORD, "wrong password", pool.last_code(), tokens["AccessToken"]):
        assert secret not in written


def test_an_unexpected_error_is_logged_without_the_user(
    pool: UserPool, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(f"no row for {EMAIL}")

    monkeypatch.setattr(pool.identity._context.accounts, "find", fail)
    body = {"ClientId": pool.identity.client_id, "Username": EMAIL}
    response = pool.identity.handle(
        TARGET_PREFIX + "ForgotPassword", json.dumps(body).encode(), {}, endpoint=pool.url
    )
    assert (response.status, EMAIL.encode() in response.body) == (500, False)
    assert "unexpected OSError in a sign-in request at fail" in caplog.text
    assert EMAIL not in caplog.text
