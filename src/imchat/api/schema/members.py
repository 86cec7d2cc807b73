"""Schemas for members."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from imchat.api.schema.base import Query, Request, ResponseModel
from imchat.api.schema.conversations import Member
from imchat.api.schema.fields import Id
from imchat.api.schema.users import User
from imchat.domain import limits
from imchat.domain.member import Role


class NewMembers(Request):
    """The users to add."""

    user_ids: Annotated[list[Id], Field(json_schema_extra={"minItems": 1, "maxItems": limits.USER_IDS_MAX})]


class RoleChange(Request):
    """The new role of a member."""

    role: Role


class LeaveQuery(Query):
    """The id of a user to block in the same step, when the caller leaves."""

    block: Id | None = None


class MembersResponse(ResponseModel):
    """A page of the members, with their profiles. `next_cursor` is omitted on the last page."""

    members: list[Member]
    users: list[User]
    next_cursor: str | None = None
