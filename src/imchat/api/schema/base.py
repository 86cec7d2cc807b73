"""Base classes of all schemas, and the responses that every route can return."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from imchat.api.schema.fields import PageCursor


class Request(BaseModel):
    """A request body: exact types, no unknown fields."""

    # Models are built at their first use, so that a cold start of a Lambda function builds only those it needs.
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


class Query(BaseModel):
    """A query string: numbers are written as text, no unknown parameters."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class ResponseModel(BaseModel):
    """A response. Clients must ignore unknown fields."""

    # Responses are not validated when they are sent; only the generators and tests build these models.
    model_config = ConfigDict(extra="forbid", defer_build=True)


class PageQuery(Query):
    """The `next_cursor` of the previous page; omit it for the first page."""

    cursor: PageCursor | None = None


class ErrorInfo(ResponseModel):
    """An error. Programs read `code`, people read `message`. `details` names the field and its limit, if there is one."""

    code: str
    message: str
    retryable: bool
    request_id: str
    details: dict[str, Any] = Field(default_factory=dict)


class ErrorBody(ResponseModel):
    """The body of every error response."""

    error: ErrorInfo


class Nothing(ResponseModel):
    """An empty response."""
