"""AWS JSON 1.1 as Cognito speaks it: reading a request's fields, and the errors that its clients switch on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from imchat.errors import ImchatError

MAX_REQUEST_BYTES: Final = 64 * 1024
MAX_TEXT: Final = 2048
MAX_USERNAME: Final = 128
"""Source: Cognito API reference, "Username"."""


class CognitoError(ImchatError):
    """A request that Cognito would refuse; `kind` is Cognito's own name for the error."""

    code = "refused"
    status = 400

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def not_authorized(message: str = "Incorrect username or password.") -> CognitoError:
    """Without a message: the one answer to a wrong password and to an unknown user."""
    return CognitoError("NotAuthorizedException", message)


def invalid_parameter(message: str) -> CognitoError:
    """A field that is missing, mistyped, too long or not possible."""
    return CognitoError("InvalidParameterException", message)


class Request:
    """The fields of one request, each checked as it is read.

    `endpoint` is the base URL under which the client reached the server, without a slash at the end. Every reading
    method raises Refused, naming the field.
    """

    def __init__(self, values: Mapping[str, Any], endpoint: str) -> None:
        self._values = values
        self.endpoint = endpoint

    @classmethod
    def parse(cls, body: bytes, endpoint: str) -> Request:
        """Raises: Refused where the body is not a JSON object or has more than `MAX_REQUEST_BYTES`."""
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
        """A string of 1 to `limit` characters."""
        value = self.optional(name, limit=limit)
        if not value:
            raise invalid_parameter(f"Missing required parameter {name}")
        return value

    def optional(self, name: str, *, limit: int = MAX_TEXT) -> str | None:
        """A string of at most `limit` characters, or None where the field is missing or null."""
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

    def flag(self, name: str) -> bool:
        """A boolean; False where the field is missing."""
        value = self._values.get(name, False)
        if not isinstance(value, bool):
            raise invalid_parameter(f"{name} must be true or false.")
        return value

    def limit(self, name: str, *, highest: int) -> int:
        """A page size of 1 to `highest`; `highest` where the field is missing."""
        value = self._values.get(name)
        if value is None:
            return highest
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= highest:
            raise invalid_parameter(f"{name} must be a number from 1 to {highest}.")
        return value

    def part(self, name: str) -> Request:
        """A field that is itself an object; empty where it is missing."""
        value = self._values.get(name, {})
        if not isinstance(value, dict):
            raise invalid_parameter(f"{name} must be an object.")
        return Request(value, self.endpoint)

    def attributes(self, name: str) -> dict[str, str]:
        """A list of `{Name, Value}` objects as a dict."""
        entries = self._values.get(name) or []
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise invalid_parameter(f"{name} must be a list of objects with Name and Value.")
        fields = [Request(entry, self.endpoint) for entry in entries]
        return {entry.text("Name", limit=32): entry.optional("Value") or "" for entry in fields}


def as_attributes(values: Mapping[str, str]) -> list[dict[str, str]]:
    """The reverse of `Request.attributes`."""
    return [{"Name": name, "Value": value} for name, value in values.items()]


def _is_unicode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can carry
        return False
    return True
