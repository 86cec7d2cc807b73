"""Members of a group."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from imchat.api.schema.base import Answer, Request
from imchat.api.schema.conversations import Member
from imchat.api.schema.fields import Id
from imchat.api.schema.users import User
from imchat.domain import limits
from imchat.domain.member import Role


class NewMembers(Request):
    """People to add."""

    user_ids: Annotated[list[Id], Field(json_schema_extra={"minItems": 1, "maxItems": limits.USER_IDS_MAX})]


class RoleChange(Request):
    """A member's new role."""

    role: Role


class MembersAnswer(Answer):
    """A page of a conversation's members, and their profiles. `next_cursor` is left out on the last page."""

    members: list[Member]
    users: list[User]
    next_cursor: str | None = None
