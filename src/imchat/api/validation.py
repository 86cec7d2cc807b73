"""From what clients wrote to checked models; what breaks a rule is refused in our words, naming the field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from pydantic import ValidationError

from imchat.domain.limits import NESTING_MAX, REQUEST_BYTES
from imchat.errors import Invalid, TooLarge

T = TypeVar("T")
M = TypeVar("M")

_QUOTE: Final = ord('"')
_BACKSLASH: Final = ord("\\")


def validate_json(check: Callable[[bytes], M], data: bytes, *, below: int = 0) -> M:
    """What pydantic's `check` makes of JSON `data`. Raises: Invalid, naming the field; TooLarge.

    `below`: how many parts of a field's path come before its name, as the tag does in a union.
    """
    if len(data) > REQUEST_BYTES:
        raise TooLarge(f"the request is over {REQUEST_BYTES:,} bytes", field="request", limit=REQUEST_BYTES)
    try:
        return check(data)
    except ValidationError as error:
        _check_nesting(data)  # no request that is right is nested deep
        raise _invalid(error, below) from None


def validate(check: Callable[[T], M], given: T) -> M:
    """What pydantic's `check` makes of `given`. Raises: Invalid, naming the field."""
    try:
        return check(given)
    except ValidationError as error:
        raise _invalid(error, 0) from None


def _check_nesting(data: bytes) -> None:
    """Counts brackets, those in strings too, only where there are enough of them to matter."""
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
                raise Invalid("the request is nested too deep", field="request", limit=NESTING_MAX)
        elif byte in b"]}":
            depth -= 1


def _invalid(error: ValidationError, below: int) -> Invalid:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    name = ".".join(str(part) for part in first["loc"][below:]) or "request"
    kind = first["type"]
    if kind.startswith("union_tag"):
        return Invalid("action is none that is known here", field="action", limit="a known action")
    if kind == "json_invalid":
        return Invalid("the request is not valid JSON", field="request", limit="JSON in UTF-8")
    if kind == "extra_forbidden":
        return Invalid(f"{name} is not known here", field=name, limit="known fields only")
    if kind == "missing":
        return Invalid(f"{name} is missing", field=name, limit="required")
    wanted = first["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return Invalid(f"{name} must be {wanted}", field=name, limit=wanted)
