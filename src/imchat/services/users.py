"""Users: read and update profiles, and search the directory."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from imchat.domain.ids import UserId
from imchat.domain.limits import (
    DIRECTORY_PAGE,
    DISPLAY_NAME_CHARS,
    check_handle,
    check_line,
    is_handle_prefix,
)
from imchat.domain.search_terms import SEARCHABLE, query_terms
from imchat.domain.user import GroupAdditions, User
from imchat.errors import Conflict, Invalid
from imchat.services import presence
from imchat.services.access import require_users
from imchat.services.app import App
from imchat.storage.repositories import users


def me(app: App, user_id: UserId) -> User:
    """Return the user's own profile. The first call creates it, without handle and name.

    Adds the name of a user who chose it before names were searchable to the search index.
    """
    profile = users.get(app.table, user_id)
    if profile is None:
        return users.create(app.table, User(user_id, None, None, app.now_ms()))
    if profile.display_name is not None and not profile.name_indexed:
        with suppress(Conflict):  # a change at the same time, which adds the name
            users.replace(app.table, profile, profile)
    return profile


def update_profile(
    app: App,
    user_id: UserId,
    *,
    handle: str | None = None,
    display_name: str | None = None,
    show_presence: bool | None = None,
    group_additions: GroupAdditions | None = None,
) -> User:
    """Update those fields of the profile that are not None. Raises: Invalid; Conflict if the handle is taken."""
    old = me(app, user_id)
    new = old
    if handle is not None:
        new = replace(new, handle=check_handle(handle))
    if display_name is not None:
        new = replace(
            new, display_name=check_line(display_name, field="display_name", maximum=DISPLAY_NAME_CHARS)
        )
    if show_presence is not None:
        new = replace(new, show_presence=show_presence)
    if group_additions is not None:
        new = replace(new, group_additions=group_additions)
    if new != old:
        users.replace(app.table, old, new)
    if new.show_presence != old.show_presence:
        presence.on_visibility_change(app, user_id)
    return new


def get(app: App, user_id: UserId) -> User:
    """Return a user's profile. Raises: NotFound."""
    return require_users(app, [user_id])[0]


def get_many(app: App, user_ids: Sequence[UserId]) -> list[User]:
    """Return the profiles of those of these users that exist."""
    return list(users.get_many(app.table, user_ids).values())


def search(app: App, prefix: str) -> list[User]:
    """Return up to `DIRECTORY_PAGE` users: those whose handle begins with `prefix`, then those whose name has such words.

    Each word of `prefix` must begin a word of the display name; upper case, accents and their order do not matter.
    Raises: Invalid.
    """
    check_line(prefix, field="prefix", maximum=DISPLAY_NAME_CHARS)
    if not query_terms(prefix):
        raise Invalid(f"prefix needs {SEARCHABLE}", field="prefix", limit=SEARCHABLE)
    start = prefix.strip().removeprefix("@").lower()
    found = users.find_by_handle(app.table, start, limit=DIRECTORY_PAGE) if is_handle_prefix(start) else []
    if len(found) < DIRECTORY_PAGE:
        known = {user.user_id for user in found}
        named = users.find_by_name(app.table, prefix, limit=DIRECTORY_PAGE)
        found += [user for user in named if user.user_id not in known]
    return found[:DIRECTORY_PAGE]
