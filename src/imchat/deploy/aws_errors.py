"""Translates botocore's errors to ImchatErrors of one line with the next step. All translations are here."""

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
_THROTTLED: Final = {
    "LimitExceededException",
    "RequestLimitExceeded",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
_NOT_ENABLED: Final = {"OptInRequired", "SubscriptionRequiredException"}
_CLOCK: Final = re.compile(r"Signature expired|Signature not yet current|RequestTimeTooSkewed")
_ACTION: Final = re.compile(r"not authorized to perform: ([\w-]+:\w+)")
_RESOURCE: Final = re.compile(r"on resource: (\S+)")
_CHECK_IDENTITY: Final = "`aws sts get-caller-identity` shows who you are signed in as"


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Raise ImchatErrors in place of botocore's errors. A context manager and a decorator."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise explain(error) from error


def error_code(error: ClientError) -> str:
    """Return AWS's error code, such as `ValidationError`."""
    return str(error.response.get("Error", {}).get("Code", ""))


def explain(error: ClientError | BotoCoreError) -> ImchatError:
    """Return the error as one line with the next step."""
    return _explain_response(error) if isinstance(error, ClientError) else _explain_client_error(error)


def _explain_response(error: ClientError) -> ImchatError:
    code, message = error_code(error), _plain(str(error.response.get("Error", {}).get("Message", "")))
    if code in _THROTTLED:
        return Busy(f"AWS throttles these requests ({code}); try again in a minute")
    if code in _EXPIRED:
        text = "the AWS credentials have expired; sign in again (`aws sso login`, or get new keys), then run this again"
    elif _CLOCK.search(f"{code} {message}"):
        text = "this machine's clock is wrong, so AWS rejects its requests; set the clock and try again"
    elif code in _UNKNOWN_KEY:
        text = f"AWS does not accept these credentials ({code}); check --profile: {_CHECK_IDENTITY}"
    elif code in _DENIED:
        text = _denied(error, message)
    elif code in _NOT_ENABLED:
        text = (
            f"this AWS account cannot use {error.operation_name} in this region yet ({message}); "
            "enable the region or finish the account's registration in the AWS console"
        )
    else:
        text = f"AWS rejected {error.operation_name} ({code}: {message}); `imchat doctor` looks for the cause"
    return ConfigError(text)


def _denied(error: ClientError, message: str) -> str:
    match = _ACTION.search(message)
    action = match[1] if match else error.operation_name
    resource = _RESOURCE.search(message)
    where = f" on {resource[1]}" if resource and resource[1] != "*" else ""
    if "explicit deny" in message:
        return (
            f"an explicit deny forbids these credentials {action}{where}; "
            "ask the account's administrator which policy has it"
        )
    return (
        f"these credentials do not allow {action}{where}; "
        "attach the policies that `imchat iam-policy` prints, or use another --profile"
    )


def _explain_client_error(error: BotoCoreError) -> ImchatError:
    reason = _plain(str(error))
    match error:
        case raised.ParamValidationError():
            return Invalid(reason)
        case raised.ProfileNotFound():
            fix = "check --profile: `aws configure list-profiles` lists the profiles"
            text = f"{reason[0].lower()}{reason[1:]}; {fix}"
        case raised.NoRegionError() | raised.InvalidRegionError():
            text = "no valid AWS region is set; pass --region, such as eu-central-1, or run `imchat init`"
        case raised.PartialCredentialsError():
            text = f"the AWS credentials are incomplete: {reason}; `aws configure` sets both keys"
        case raised.SSOError() | raised.TokenRetrievalError() | raised.CredentialRetrievalError():
            text = f"the AWS sign-in is no longer valid ({reason}); sign in again: `aws sso login`, with your --profile"
        case raised.NoCredentialsError():
            text = "no AWS credentials were found; run `aws configure` or `aws sso login`, or pass --profile"
        case raised.ConnectionError() | raised.HTTPClientError():
            text = f"AWS cannot be reached: {reason}; check the network, --region and --endpoint-url, then try again"
        case _:
            text = f"the request to AWS failed: {reason}; check --profile and --region"
    return ConfigError(text)


def _plain(text: str) -> str:
    return " ".join(text.split()).rstrip(".")
