"""Cognito's AWS JSON 1.1 protocol: reading the fields of a request, responses, and the errors that clients check for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from imchat.errors import ImchatError

CONTENT_TYPE: Final = "application/x-amz-json-1.1"
MAX_REQUEST_BYTES: Final = 64 * 1024
MAX_TEXT: Final = 2048
MAX_USERNAME: Final = 128
"""Source: Cognito API reference, "Username"."""


_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


class CognitoResponse(NamedTuple):
    """An HTTP response."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class CognitoError(ImchatError):
    """A request that Cognito would reject; `error_type` is Cognito's name for the error."""

    code = "refused"
    status = 400

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


def not_authorized(message: str = "Incorrect username or password.") -> CognitoError:
    """Return the error; the default message is the same for a wrong password and an unknown user."""
    return CognitoError("NotAuthorizedException", message)


def invalid_parameter(message: str) -> CognitoError:
    """Return the error for a field that is missing, has the wrong type, is too long or has an invalid value."""
    return CognitoError("InvalidParameterException", message)


class CognitoRequest:
    """The fields of one request, each checked as it is read.

    `endpoint` is the base URL that the client used, without a trailing slash. Every method that reads a field raises
    CognitoError with the name of the field.
    """

    def __init__(self, values: Mapping[str, Any], endpoint: str) -> None:
        self._values = values
        self.endpoint = endpoint

    @classmethod
    def parse(cls, body: bytes, endpoint: str) -> CognitoRequest:
        """Parse a request body. Raises: CognitoError if it is not a JSON object of at most `MAX_REQUEST_BYTES`."""
        if len(body) > MAX_REQUEST_BYTES:
            raise CognitoError(
                "SerializationException", f"The request is longer than {MAX_REQUEST_BYTES} bytes."
            )
        try:
            values = json.loads(body)
        except (ValueError, RecursionError):
            raise CognitoError("SerializationException", "The request is not valid JSON.") from None
        if not isinstance(values, dict):
            raise CognitoError("SerializationException", "The request must be a JSON object.")
        return cls(values, endpoint)

    def text(self, name: str, *, limit: int = MAX_TEXT) -> str:
        """Return a string field of 1 to `limit` characters."""
        value = self.optional(name, limit=limit)
        if not value:
            raise invalid_parameter(f"Missing required parameter {name}")
        return value

    def optional(self, name: str, *, limit: int = MAX_TEXT) -> str | None:
        """Return a string field of at most `limit` characters, or None if it is missing or null."""
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or not _is_unicode(value):
            raise invalid_parameter(f"{name} must be a string.")
        if len(value) > limit:
            raise invalid_parameter(
                f"1 validation error detected: Value at '{name}' failed to satisfy constraint: "
                f"Member must have length less than or equal to {limit}"
            )
        return value

    def boolean(self, name: str) -> bool:
        """Return a boolean field; False if it is missing."""
        return self.optional_boolean(name, default=False)

    def optional_boolean(self, name: str, *, default: bool) -> bool:
        """Return a boolean field, or `default` if it is missing or null."""
        value = self._values.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise invalid_parameter(f"{name} must be true or false.")
        return value

    def limit(self, name: str, *, max_limit: int) -> int:
        """Return a page size of 1 to `max_limit`; `max_limit` if the field is missing."""
        value = self._values.get(name)
        if value is None:
            return max_limit
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= max_limit:
            raise invalid_parameter(f"{name} must be a number from 1 to {max_limit}.")
        return value

    def nested(self, name: str) -> CognitoRequest:
        """Return an object field; empty if it is missing or null."""
        value = self._values.get(name)
        if value is None:
            value = {}
        if not isinstance(value, dict):
            raise invalid_parameter(f"{name} must be an object.")
        return CognitoRequest(value, self.endpoint)

    def attributes(self, name: str) -> dict[str, str]:
        """Return a list of `{Name, Value}` objects as a dict."""
        entries = self._values.get(name) or []
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise invalid_parameter(f"{name} must be a list of objects with Name and Value.")
        fields = [CognitoRequest(entry, self.endpoint) for entry in entries]
        return {entry.text("Name", limit=32): entry.optional("Value") or "" for entry in fields}


def error_response(
    status: int, error_type: str, message: str, headers: Mapping[str, str] = _NO_HEADERS
) -> CognitoResponse:
    """Return an error in the form of AWS JSON 1.1, with additional headers."""
    # Messages quote fields of the request; a header can hold no control character.
    header_message = "".join(char if char.isprintable() else "?" for char in message)
    all_headers = {
        "Content-Type": CONTENT_TYPE,
        "x-amzn-ErrorType": error_type,
        "x-amzn-ErrorMessage": header_message,
        **headers,
    }
    return CognitoResponse(
        status, all_headers, json.dumps({"__type": error_type, "message": message}).encode()
    )


def too_many_requests(wait_ms: int) -> CognitoResponse:
    """Return Cognito's response to a client that sends too many requests, with the time to wait in both usual headers.

    Sources: Cognito API reference, "TooManyRequestsException" (status 400); https://github.com/boto/boto3/issues/2517 for
    the message.
    """
    return error_response(400, "TooManyRequestsException", "Rate exceeded", _retry_after(wait_ms))


def service_unavailable() -> CognitoResponse:
    """Return the response while the database cannot store anything; AWS SDKs retry status 503.

    Sources: Cognito API reference, "Common Errors"; botocore's `data/_retry.json`.
    """
    return error_response(
        503, "ServiceUnavailable", "The server could not store this, please try again.", _retry_after(1000)
    )


def _retry_after(wait_ms: int) -> dict[str, str]:
    """Return HTTP's header in seconds, and that of the AWS SDKs in milliseconds. Source: botocore's `retries/standard.py`."""
    return {"Retry-After": str(max(-(-wait_ms // 1000), 1)), "x-amz-retry-after": str(wait_ms)}


def as_attributes(values: Mapping[str, str]) -> list[dict[str, str]]:
    """Return a dict as a list of `{Name, Value}` objects, the reverse of `CognitoRequest.attributes`."""
    return [{"Name": name, "Value": value} for name, value in values.items()]


def _is_unicode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can carry
        return False
    return True
