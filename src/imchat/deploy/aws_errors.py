"""What AWS refuses, said once in our words: one line, with the next step. No other module reads botocore's errors for people."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Final

from botocore import exceptions as raised
from botocore.exceptions import BotoCoreError, ClientError

from imchat.errors import Busy, ConfigError, ImchatError, Invalid

_EXPIRED: Final = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidGrantException",
    "RequestExpired",
    "TokenRefreshRequired",
}
_UNKNOWN_KEY: Final = {
    "AuthFailure",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSecurity",
    "MissingAuthenticationToken",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_DENIED: Final = {
    "403",
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "AuthorizationErrorException",
    "UnauthorizedOperation",
}
_TOO_FAST: Final = {
    "LimitExceededException",
    "RequestLimitExceeded",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
_NOT_OPEN: Final = {"OptInRequired", "SubscriptionRequiredException"}
_CLOCK: Final = re.compile(r"Signature expired|Signature not yet current|RequestTimeTooSkewed")
_ACTION: Final = re.compile(r"not authorized to perform: ([\w-]+:\w+)")
_ON: Final = re.compile(r"on resource: (\S+)")
_SEE_SIGN_IN: Final = "`aws sts get-caller-identity` shows what AWS takes you for"


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Let no error of botocore's leave the block, only ImchatErrors. Also a decorator."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise in_our_words(error) from error


def code_of(error: ClientError) -> str:
    """AWS's name for what went wrong, as `ValidationError`."""
    return str(error.response.get("Error", {}).get("Code", ""))


def in_our_words(error: ClientError | BotoCoreError) -> ImchatError:
    """The same error as one line with the next step."""
    return _answered(error) if isinstance(error, ClientError) else _not_asked(error)


def _answered(error: ClientError) -> ImchatError:
    code, message = code_of(error), _plain(str(error.response.get("Error", {}).get("Message", "")))
    if code in _TOO_FAST:
        return Busy(f"AWS is asked too much at once ({code}); try again in a minute")
    if code in _EXPIRED:
        told = "the AWS credentials have expired; sign in again (`aws sso login`, or fetch new keys), then run this again"
    elif _CLOCK.search(f"{code} {message}"):
        told = "this machine's clock is wrong, so AWS refuses its requests; set it and try again"
    elif code in _UNKNOWN_KEY:
        told = f"AWS does not accept these credentials ({code}); check --profile: {_SEE_SIGN_IN}"
    elif code in _DENIED:
        told = _denied(error, message)
    elif code in _NOT_OPEN:
        told = (
            f"this AWS account may not do {error.operation_name} in this region yet ({message}); "
            "enable the region, or finish the account's registration, in the AWS console"
        )
    else:
        told = f"AWS refused {error.operation_name} ({code}: {message}); `imchat doctor` looks for the cause"
    return ConfigError(told)


def _denied(error: ClientError, message: str) -> str:
    named = _ACTION.search(message)
    action = named[1] if named else error.operation_name
    resource = _ON.search(message)
    where = f" on {resource[1]}" if resource and resource[1] != "*" else ""
    if "explicit deny" in message:
        return (
            f"these credentials are forbidden {action}{where} by an explicit deny; "
            "ask whoever administers the account which policy says so"
        )
    return (
        f"these credentials may not {action}{where}; "
        "have the policy that `imchat iam-policy` prints attached to them, or take another --profile"
    )


def _not_asked(error: BotoCoreError) -> ImchatError:
    why = _plain(str(error))
    match error:
        case raised.ParamValidationError():
            return Invalid(why)
        case raised.ProfileNotFound():
            mend = "check --profile: `aws configure list-profiles` shows which there are"
            told = f"{why[0].lower()}{why[1:]}; {mend}"
        case raised.NoRegionError() | raised.InvalidRegionError():
            told = "no usable AWS region is chosen; give --region, such as eu-central-1, or run `imchat init`"
        case raised.PartialCredentialsError():
            told = f"half of the AWS credentials is missing: {why}; `aws configure` sets both"
        case raised.SSOError() | raised.TokenRetrievalError() | raised.CredentialRetrievalError():
            told = f"the AWS sign-in is not valid any more ({why}); sign in again: `aws sso login`, with your --profile"
        case raised.NoCredentialsError():
            told = (
                "there are no AWS credentials here; run `aws configure` or `aws sso login`, or give --profile"
            )
        case raised.ConnectionError() | raised.HTTPClientError():
            told = f"AWS cannot be reached: {why}; check the network, --region and --endpoint-url, then try again"
        case _:
            told = f"AWS cannot be asked: {why}; check --profile and --region"
    return ConfigError(told)


def _plain(text: str) -> str:
    return " ".join(text.split()).rstrip(".")
