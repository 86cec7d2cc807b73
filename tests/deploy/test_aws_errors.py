"""AWS errors are shown to the operator as one line with the next step."""

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


def aws_error(code: str, message: str = "No.") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "CreateChangeSet")


def explained(error: ClientError | BotoCoreError) -> ImchatError:
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
        (aws_error("ExpiredToken"), ["have expired", "sign in again"]),
        (aws_error("InvalidClientTokenId"), ["does not accept these credentials", "--profile"]),
        (
            aws_error("SignatureDoesNotMatch", "Signature expired: 2020 is now earlier than"),
            ["clock", "set the clock"],
        ),
        (aws_error("RequestTimeTooSkewed"), ["clock"]),
        (
            aws_error("AccessDenied", DENIED),
            ["cloudformation:CreateChangeSet on arn:aws:", "imchat iam-policy"],
        ),
        (aws_error("AccessDenied", DENIED + " with an explicit deny"), ["explicit deny", "administrator"]),
        (aws_error("AccessDenied"), ["CreateChangeSet", "imchat iam-policy"]),
        (aws_error("OptInRequired"), ["cannot use CreateChangeSet", "enable the region"]),
        (
            aws_error("Strange", "Two\nlines."),
            ["rejected CreateChangeSet (Strange: Two lines)", "imchat doctor"],
        ),
    ],
    ids=lambda value: value.__class__.__name__ if isinstance(value, Exception) else None,
)
def test_every_error_says_what_is_wrong_and_what_to_do(
    error: ClientError | BotoCoreError, words: list[str]
) -> None:
    explained_error = explained(error)
    assert isinstance(explained_error, ConfigError)
    for word in words:
        assert word in explained_error.message


def test_throttling_is_a_busy_error() -> None:
    assert isinstance(explained(aws_error("Throttling")), Busy)


def test_a_wrong_parameter_is_an_invalid_error() -> None:
    assert isinstance(explained(raised.ParamValidationError(report="Missing UserPoolId")), Invalid)


def test_imchats_own_errors_pass_unchanged() -> None:
    with pytest.raises(Invalid, match=r"^mine$"), translated():
        raise Invalid("mine")
