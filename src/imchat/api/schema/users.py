"""Schemas for users, and for the health check."""

from __future__ import annotations

from typing import Literal

from imchat.api.schema.base import Query, Request, ResponseModel
from imchat.api.schema.fields import DisplayName, Handle
from imchat.domain.user import GroupAdditions


class ProfileChange(Request):
    """Changes to the caller's profile. Omitted fields keep their values.

    `group_additions`: who may add the caller to groups, everyone or only people they know.
    """

    handle: Handle | None = None
    display_name: DisplayName | None = None
    show_presence: bool | None = None
    group_additions: GroupAdditions | None = None


class UsersQuery(Query):
    """Either `prefix`, the beginning of a handle or of words of a display name, or `ids` separated by commas."""

    prefix: DisplayName | None = None
    ids: str | None = None


class User(ResponseModel):
    """A user. `handle` and `display_name` are null until the user chooses them."""

    user_id: str
    handle: str | None
    display_name: str | None


class Me(User):
    """The caller."""

    created_at_ms: int
    show_presence: bool = True
    group_additions: GroupAdditions = "everyone"
    suspended: bool = False


class HealthChecks(ResponseModel):
    """Whether messages and accounts can be stored, and whether the disk has enough free space."""

    messages: Literal["ok"]
    accounts: Literal["ok"]
    disk: Literal["ok", "low"]


class HealthResponse(ResponseModel):
    """The status and version of the server. `imchat local` also has the result of each check."""

    status: Literal["ok"]
    version: str
    checks: HealthChecks | None = None


class MeResponse(ResponseModel):
    """The caller's profile."""

    user: Me


class UserResponse(ResponseModel):
    """The profile of a user."""

    user: User


class UsersResponse(ResponseModel):
    """The profiles of the users found."""

    users: list[User]
