"""The profile of a user."""

from __future__ import annotations

from typing import Literal, TypeAlias

from imchat.domain.ids import UserId
from imchat.domain.record import Record, record

GroupAdditions: TypeAlias = Literal["everyone", "known"]


@record
class User(Record):
    """A user's profile. `handle` and `display_name` are None until the user has chosen them.

    `last_seen_ms` is when the user's last device disconnected. Other users see it only with `show_presence`.
    `suspended_at_ms` is when an administrator suspended the user. `group_additions`: who may add the user to groups.
    `name_indexed`: the search index has the display name.
    """

    user_id: UserId
    handle: str | None
    display_name: str | None
    created_at_ms: int
    show_presence: bool = True
    last_seen_ms: int | None = None
    suspended_at_ms: int | None = None
    group_additions: GroupAdditions = "everyone"
    name_indexed: bool = False
