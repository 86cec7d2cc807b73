"""Signs in to a user pool with SRP: the password does not leave this process.

Source: Cognito API reference, "InitiateAuth" and "RespondToAuthChallenge", and RFC 5054 for SRP-6a. `imchat/srp.py` has
the arithmetic that the server shares.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from imchat.client.http import retry_delay_s
from imchat.client.two_step import SOFTWARE_TOKEN
from imchat.errors import Busy, CodeRequired, Invalid, Unauthenticated
from imchat.srp import SECRET_BITS, G, K, N, password_exponent, power, scrambler, signature

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from imchat.client.cognito import CognitoClient

MAX_ATTEMPTS: Final = 3
"""Attempts per sign-in while the user pool is busy; each starts with a new exchange."""
MAX_WAIT_S: Final = 15
"""The longest wait between them; if the pool asks for more, the sign-in fails and the error has the time."""
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""Cognito takes English names only; `strftime` would use those of the locale."""


CodeSource: TypeAlias = "str | Callable[[Invalid | None], Awaitable[str]]"
"""A code of an authenticator app, or a function that returns one, given the error of the code before, if any."""
MAX_CODES: Final = 3
"""How often the function is called in one sign-in."""


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """What a user signs in with. `new_password` replaces a temporary password; `code` is for two-step sign-in."""

    email: str
    password: str
    new_password: str | None = None
    code: CodeSource | None = None


async def sign_in(cognito: CognitoClient, pool_id: str, credentials: Credentials) -> dict[str, Any]:
    """Return the tokens of a new sign-in.

    Raises: CodeRequired, other Unauthenticated, Invalid for a `new_password` or a `code` that is refused, Busy,
    RateLimited, ConfigError.
    """
    attempt = 0
    while True:
        attempt += 1
        try:
            return await _attempt(cognito, pool_id, credentials)
        except Busy as error:
            if attempt >= MAX_ATTEMPTS or error.details.get("retry_after_s", 0) > MAX_WAIT_S:
                raise
            await asyncio.sleep(retry_delay_s(attempt, error))


async def _attempt(cognito: CognitoClient, pool_id: str, credentials: Credentials) -> dict[str, Any]:
    # The powers take tens of milliseconds, in which this event loop has other work.
    exchange = await asyncio.to_thread(ClientExchange.begin)
    response = await cognito.call(
        "InitiateAuth",
        AuthFlow="USER_SRP_AUTH",
        AuthParameters={"USERNAME": credentials.email, "SRP_A": f"{exchange.public:x}"},
    )
    if response.get("ChallengeName") == "PASSWORD_VERIFIER":
        responses = await asyncio.to_thread(
            exchange.answer, pool_id, credentials.password, response["ChallengeParameters"], time.gmtime()
        )
        response = await _respond(cognito, response, responses)
    if response.get("ChallengeName") == "NEW_PASSWORD_REQUIRED":
        if credentials.new_password is None:
            raise Unauthenticated(
                "the password is temporary; sign in with `new_password` to replace it, or once on the site",
                reason="new_password_required",
            )
        responses = {"USERNAME": _user(response, credentials), "NEW_PASSWORD": credentials.new_password}
        response = await _respond(cognito, response, responses)
    if response.get("ChallengeName") == SOFTWARE_TOKEN:
        response = await _send_code(cognito, response, credentials)
    tokens = response.get("AuthenticationResult")
    if isinstance(tokens, dict):
        return tokens
    challenge = str(response.get("ChallengeName"))
    raise Unauthenticated(
        f"the user pool requires the sign-in step {challenge}, which imchat does not support"
    )


async def _send_code(
    cognito: CognitoClient, challenge: Mapping[str, Any], credentials: Credentials
) -> dict[str, Any]:
    """Answer the challenge with a code. After a refused one, a function is called again."""
    code = credentials.code
    if code is None:
        raise CodeRequired(
            "this account has two-step sign-in; sign in with `code`, the code that its authenticator app shows",
            reason="code_required",
        )
    attempt, refused = 1, None
    while True:
        given = code if isinstance(code, str) else await code(refused)
        responses = {
            "USERNAME": _user(challenge, credentials),
            f"{SOFTWARE_TOKEN}_CODE": "".join(given.split()),
        }
        try:
            return await _respond(cognito, challenge, responses)
        except Invalid as error:
            if isinstance(code, str) or attempt >= MAX_CODES:
                raise
            attempt, refused = attempt + 1, error


def _user(challenge: Mapping[str, Any], credentials: Credentials) -> str:
    """Return the user name for a challenge; Cognito omits the user id in some."""
    return str(challenge.get("ChallengeParameters", {}).get("USER_ID_FOR_SRP") or credentials.email)


async def _respond(
    cognito: CognitoClient, challenge: Mapping[str, Any], responses: Mapping[str, str]
) -> dict[str, Any]:
    session = {"Session": challenge["Session"]} if challenge.get("Session") else {}
    return await cognito.call(
        "RespondToAuthChallenge",
        ChallengeName=challenge["ChallengeName"],
        ChallengeResponses=responses,
        **session,
    )


@dataclass(frozen=True, slots=True, repr=False)
class ClientExchange:
    """The client's side of one SRP exchange: its secret, and its public value `SRP_A`."""

    secret: int
    public: int

    @classmethod
    def begin(cls) -> ClientExchange:
        """Draw a secret; slow."""
        secret = secrets.randbits(SECRET_BITS) | 1 << (SECRET_BITS - 1)
        return cls(secret, power(G, secret))

    def answer(
        self, pool_id: str, password: str, parameters: Mapping[str, Any], now: time.struct_time
    ) -> dict[str, str]:
        """Return the responses to the challenge PASSWORD_VERIFIER; slow.

        Raises: Unauthenticated for a challenge that no right server sends.
        """
        try:
            user_id, block = str(parameters["USER_ID_FOR_SRP"]), str(parameters["SECRET_BLOCK"])
            server_public, salt = int(parameters["SRP_B"], 16), int(parameters["SALT"], 16)
            secret_block = base64.b64decode(block, validate=True)
        except (KeyError, TypeError, ValueError) as error:
            raise _bad_challenge() from error
        # With such a public value the proof would tell nothing of the password. Source: RFC 5054, section 2.5.3.
        if server_public < 0 or server_public % N == 0 or salt < 0:
            raise _bad_challenge()
        u = scrambler(self.public, server_public)
        if u == 0:
            raise _bad_challenge()
        identity = pool_id.partition("_")[2] + user_id
        x = password_exponent(identity, password, salt)
        shared = power((server_public - K * power(G, x)) % N, self.secret + u * x)
        timestamp = format_timestamp(now)
        proof = signature(shared, u, identity, secret_block, timestamp)
        return {
            "USERNAME": user_id,
            "PASSWORD_CLAIM_SECRET_BLOCK": block,
            "PASSWORD_CLAIM_SIGNATURE": base64.b64encode(proof).decode(),
            "TIMESTAMP": timestamp,
        }


def format_timestamp(now: time.struct_time) -> str:
    """Return a UTC time in Cognito's format, such as "Sun Nov 1 19:00:00 UTC 2026": the day has no leading zero."""
    clock = f"{now.tm_hour:02}:{now.tm_min:02}:{now.tm_sec:02}"
    return f"{_DAYS[now.tm_wday]} {_MONTHS[now.tm_mon - 1]} {now.tm_mday} {clock} UTC {now.tm_year}"


def _bad_challenge() -> Unauthenticated:
    return Unauthenticated(
        "the user pool sent a sign-in challenge that is not valid; check the site's address"
    )
