"""What all shapes are made of: a request, a query string, an answer; and the answers that every route may give."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from imchat.api.schema.fields import PageCursor


class Request(BaseModel):
    """A request: exact types, nothing unknown."""

    # Built at its first use: a start, in a function above all, then pays for no model that it does not meet.
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


class Query(BaseModel):
    """A query string: numbers are written as text, nothing unknown."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Answer(BaseModel):
    """An answer. Clients must ignore fields that they do not know."""

    # Nothing that serves ever checks an answer, so the models are built only where they are described.
    model_config = ConfigDict(extra="forbid", defer_build=True)


class PageQuery(Query):
    """Where the next page begins: the `next_cursor` of the page before."""

    cursor: PageCursor | None = None


class ErrorInfo(Answer):
    """`code` is for programs, `message` for people; `details` names the field and the limit where there is one."""

    code: str
    message: str
    retryable: bool
    request_id: str
    details: dict[str, Any] = Field(default_factory=dict)


class ErrorBody(Answer):
    """Every refusal, over HTTP and WebSocket alike."""

    error: ErrorInfo


class Nothing(Answer):
    """It is done; there is nothing to say."""
