"""A group's rules and its members."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from imchat.api.schema.base import Answer, Request
from imchat.api.schema.conversations import Member
from imchat.api.schema.fields import Description, Id, Title
from imchat.api.schema.users import User
from imchat.domain import limits
from imchat.domain.conversation import History, Posting
from imchat.domain.member import Role


class ConversationChange(Request):
    """What to change of a group; what is left out stays. An empty description takes it away."""

    title: Title | None = None
    description: Description | None = None
    posting: Posting | None = None
    history: History | None = None
    public: bool | None = None


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
