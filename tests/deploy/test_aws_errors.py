"""What AWS refuses reaches the operator as one line that says the next step."""

from __future__ import annotations

import pytest
from botocore import exceptions as raised
from botocore.exceptions import BotoCoreError, ClientError

from imchat.deploy.aws_errors import translated
from imchat.errors import Busy, ConfigError, ImchatError, Invalid

DENIED = (
    "User: arn:aws:iam::123456789012:user/ada is not authorized to perform: cloudformation:CreateChangeSet "
    "on resource: arn:aws:cloudformation:eu-central-1:123456789012:stack/imchat-prod-app/* "
    "because no identity-based policy allows the cloudformation:CreateChangeSet action"
)


def answered(code: str, message: str = "No.") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "CreateChangeSet")


def said(error: ClientError | BotoCoreError) -> ImchatError:
    with pytest.raises(ImchatError) as caught, translated():
        raise error
    assert caught.value.__cause__ is error
    assert "\n" not in caught.value.message
    return caught.value


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (raised.NoCredentialsError(), ["no AWS credentials", "aws configure"]),
        (raised.PartialCredentialsError(provider="env", cred_var="aws_secret_access_key"), ["aws configure"]),
        (raised.UnauthorizedSSOTokenError(), ["sign in again", "aws sso login"]),
        (raised.TokenRetrievalError(provider="sso", error_msg="it expired"), ["aws sso login"]),
        (raised.ProfileNotFound(profile="work"), ["(work)", "aws configure list-profiles"]),
        (raised.NoRegionError(), ["--region", "eu-central-1"]),
        (
            raised.EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
            ["127.0.0.1:1", "--endpoint-url"],
        ),
        (raised.ConnectTimeoutError(endpoint_url="https://sts.example"), ["sts.example", "network"]),
        (answered("ExpiredToken"), ["have expired", "sign in again"]),
        (answered("InvalidClientTokenId"), ["does not accept these credentials", "--profile"]),
        (
            answered("SignatureDoesNotMatch", "Signature expired: 2020 is now earlier than"),
            ["clock", "set it"],
        ),
        (answered("RequestTimeTooSkewed"), ["clock"]),
        (
            answered("AccessDenied", DENIED),
            ["cloudformation:CreateChangeSet on arn:aws:", "imchat iam-policy"],
        ),
        (answered("AccessDenied", DENIED + " with an explicit deny"), ["explicit deny", "administers"]),
        (answered("AccessDenied"), ["CreateChangeSet", "imchat iam-policy"]),
        (answered("OptInRequired"), ["may not do CreateChangeSet", "enable the region"]),
        (
            answered("Strange", "Two\nlines."),
            ["refused CreateChangeSet (Strange: Two lines)", "imchat doctor"],
        ),
    ],
    ids=lambda value: value.__class__.__name__ if isinstance(value, Exception) else None,
)
def test_every_refusal_says_what_is_wrong_and_what_to_do(
    error: ClientError | BotoCoreError, words: list[str]
) -> None:
    found = said(error)
    assert isinstance(found, ConfigError)
    for word in words:
        assert word in found.message


def test_being_asked_too_much_can_be_tried_again() -> None:
    assert isinstance(said(answered("Throttling")), Busy)


def test_a_wrong_parameter_is_our_callers() -> None:
    assert isinstance(said(raised.ParamValidationError(report="Missing UserPoolId")), Invalid)


def test_our_own_errors_pass_as_they_are() -> None:
    with pytest.raises(Invalid, match=r"^mine$"), translated():
        raise Invalid("mine")
