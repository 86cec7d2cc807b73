"""Validate requests with pydantic, and turn its errors into `Invalid` with the field and the limit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from pydantic import ValidationError

from imchat.domain.ids import UserId
from imchat.domain.limits import NESTING_MAX, REQUEST_BYTES, is_id
from imchat.errors import Invalid, NotFound, TooLarge

T = TypeVar("T")
M = TypeVar("M")

_QUOTE: Final = ord('"')
_BACKSLASH: Final = ord("\\")


def validate_json(check: Callable[[bytes], M], data: bytes, *, skip: int = 0) -> M:
    """Validate JSON with pydantic's `check`. Raises: Invalid, naming the field; TooLarge.

    `skip`: how many parts to leave out at the start of a field's path, such as the tag of a union.
    """
    if len(data) > REQUEST_BYTES:
        raise TooLarge(
            f"the request is larger than {REQUEST_BYTES:,} bytes", field="request", limit=REQUEST_BYTES
        )
    try:
        return check(data)
    except ValidationError as error:
        _check_nesting(data)  # only here: a valid request is never nested deeply
        raise _invalid(error, skip) from None


def validate(check: Callable[[T], M], value: T) -> M:
    """Validate a value with pydantic's `check`. Raises: Invalid, naming the field."""
    try:
        return check(value)
    except ValidationError as error:
        raise _invalid(error, 0) from None


def user_ids(texts: Iterable[str]) -> list[UserId]:
    """Return user ids, each once. Raises: NotFound for text that cannot be an id, as for any unknown id."""
    unique = list(dict.fromkeys(texts))
    if not all(map(is_id, unique)):
        raise NotFound("no such user")
    return [UserId(text) for text in unique]


def _check_nesting(data: bytes) -> None:
    """Check the nesting depth. A first count includes brackets in strings, so most requests need no exact count."""
    if data.count(b"[") + data.count(b"{") <= NESTING_MAX:
        return
    depth = 0
    in_string = escaped = False
    for byte in data:
        if in_string:
            in_string = escaped or byte != _QUOTE
            escaped = not escaped and byte == _BACKSLASH
        elif byte == _QUOTE:
            in_string = True
        elif byte in b"[{":
            depth += 1
            if depth > NESTING_MAX:
                raise Invalid(
                    f"the request is nested deeper than {NESTING_MAX} levels",
                    field="request",
                    limit=NESTING_MAX,
                )
        elif byte in b"]}":
            depth -= 1


def _invalid(error: ValidationError, skip: int) -> Invalid:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    name = ".".join(str(part) for part in first["loc"][skip:]) or "request"
    kind = first["type"]
    if kind.startswith("union_tag"):
        return Invalid("unknown action", field="action", limit="a known action")
    if kind == "json_invalid":
        return Invalid("the request is not valid JSON", field="request", limit="JSON in UTF-8")
    if kind == "extra_forbidden":
        return Invalid(f"unknown field {name}", field=name, limit="known fields only")
    if kind == "missing":
        return Invalid(f"{name} is missing", field=name, limit="required")
    expected = first["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return Invalid(f"{name} must be {expected}", field=name, limit=expected)
