"""Field types with the limits shown in the reference. `domain/limits.py` defines and enforces these limits."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from imchat.domain import limits


def text(least: int, most: int, pattern: str | None = None) -> WithJsonSchema:
    """Describe text of `least` to `most` characters."""
    schema: dict[str, Any] = {"type": "string", "minLength": least, "maxLength": most}
    return WithJsonSchema(schema | ({"pattern": pattern} if pattern else {}))


def number(least: int, most: int) -> WithJsonSchema:
    """Describe a whole number from `least` to `most`."""
    return WithJsonSchema({"type": "integer", "minimum": least, "maximum": most})


def _digits(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch("[0-9]{1,20}", value, re.ASCII):
        raise ValueError("a whole number in digits")
    return value


def _page_cursor(text: str) -> str:
    if not limits.is_id(text):
        raise ValueError("a next_cursor")
    return text


Body = Annotated[str, text(1, limits.BODY_CHARS)]
Title = Annotated[str, text(1, limits.TITLE_CHARS)]
Description = Annotated[str, text(0, limits.DESCRIPTION_CHARS)]
DisplayName = Annotated[str, text(1, limits.DISPLAY_NAME_CHARS)]
Handle = Annotated[str, text(limits.HANDLE_MIN, limits.HANDLE_MAX, limits.HANDLE_PATTERN)]
HandlePrefix = Annotated[str, text(limits.PREFIX_MIN, limits.HANDLE_MAX, r"^[A-Za-z0-9_.]+$")]
ClientMessageId = Annotated[str, text(1, limits.CLIENT_MESSAGE_ID_MAX, limits.CLIENT_MESSAGE_ID_PATTERN)]
Id = Annotated[str, WithJsonSchema({"type": "string", "pattern": limits.ID_PATTERN})]
PageCursor = Annotated[Id, AfterValidator(_page_cursor)]

Seq = Annotated[int, number(1, limits.SEQ_MAX)]
Cursor = Annotated[int, number(0, limits.SEQ_MAX)]
QueryCursor = Annotated[int, BeforeValidator(_digits), number(0, limits.SEQ_MAX)]
QueryLimit = Annotated[int, BeforeValidator(_digits), number(1, limits.PAGE_MAX)]
