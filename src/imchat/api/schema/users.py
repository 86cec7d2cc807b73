"""People and their profiles, and that the server is there."""

from __future__ import annotations

from typing import Literal

from imchat.api.schema.base import Answer, Query, Request
from imchat.api.schema.fields import DisplayName, Handle


class ProfileChange(Request):
    """What to change of my profile; what is left out stays."""

    handle: Handle | None = None
    display_name: DisplayName | None = None
    show_presence: bool | None = None


class UsersQuery(Query):
    """Either a `prefix` of handles, or `ids`, separated by commas."""

    prefix: Handle | None = None
    ids: str | None = None


class User(Answer):
    """A person. Handle and name are null until chosen."""

    user_id: str
    handle: str | None
    display_name: str | None


class Me(User):
    """Myself."""

    created_at_ms: int
    show_presence: bool = True
    suspended: bool = False


class HealthAnswer(Answer):
    """It runs, and which version."""

    status: Literal["ok"]
    version: str


class MeAnswer(Answer):
    """My profile."""

    user: Me


class UserAnswer(Answer):
    """A profile."""

    user: User


class UsersAnswer(Answer):
    """Profiles."""

    users: list[User]
