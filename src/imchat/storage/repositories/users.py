"""User profiles, unique handles and the handle directory."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from itertools import islice

from imchat.domain.ids import UserId
from imchat.domain.limits import INDEX_TERMS
from imchat.domain.search_terms import index_terms, longest_term, matches
from imchat.domain.user import User
from imchat.errors import Conflict
from imchat.storage.repositories import keys
from imchat.storage.table import (
    Absent,
    ConditionFailed,
    Delete,
    Equals,
    Item,
    Key,
    KeyRange,
    Op,
    Present,
    Put,
    Table,
    Update,
)


def get(table: Table, user_id: UserId) -> User | None:
    """Return a user's profile, or None if they never signed in."""
    item = table.get(keys.profile(user_id))
    return None if item is None else _user_from_item(user_id, item)


def get_many(table: Table, user_ids: Iterable[UserId]) -> dict[UserId, User]:
    """Return the profiles that exist, by user id."""
    wanted = {keys.profile(user_id): user_id for user_id in user_ids}
    return {wanted[key]: _user_from_item(wanted[key], item) for key, item in table.get_many(wanted).items()}


def create(table: Table, user: User) -> User:
    """Create a profile. If one exists already, return that one unchanged."""
    item = {"handle": user.handle, "display_name": user.display_name, "created_at_ms": user.created_at_ms}
    # Written first, so that a crash in between leaves no profile that is missing from the administrators' list.
    table.write(Put(keys.user_index(user.user_id), {}))
    try:
        table.write(Put(keys.profile(user.user_id), item, Absent()))
    except ConditionFailed as failed:
        return _user_from_item(user.user_id, failed.item) if failed.item else user
    return user


def replace(table: Table, old: User, new: User) -> None:
    """Replace a profile, its handle, its directory entry and its name in the search index in one transaction.

    Raises: Conflict if the handle is taken, or if the user's handle is no longer the one in `old`.
    """
    profile: Item = {"handle": new.handle, "display_name": new.display_name}
    profile |= {"show_presence": new.show_presence, "group_additions": new.group_additions}
    profile["name_indexed"] = True
    unchanged = Equals("handle", old.handle)
    ops: list[Op] = [Update(keys.profile(new.user_id), set=profile, condition=unchanged)]
    if new.handle is not None:
        entry = {"user_id": new.user_id, "display_name": new.display_name}
        ops.append(Put(keys.directory_entry(new.handle), entry))
        if new.handle != old.handle:
            ops.append(Put(keys.handle(new.handle), {"user_id": new.user_id}, Absent()))
    if old.handle is not None and old.handle != new.handle:
        ops += [Delete(keys.handle(old.handle)), Delete(keys.directory_entry(old.handle))]
    before = name_entries(old.user_id, old.display_name) if old.name_indexed else {}
    after = name_entries(new.user_id, new.display_name)
    ops += [*map(Delete, before.keys() - after.keys())]
    ops += [Put(key, item) for key, item in after.items() if before.get(key) != item]
    try:
        table.write(*ops)
    except ConditionFailed as failed:
        if failed.index == 0:
            raise Conflict(
                "the profile was changed at the same time elsewhere; try again", reason="changed"
            ) from None
        raise Conflict("this handle is taken; choose another", field="handle", reason="taken") from None


def set_suspended(user_id: UserId, at_ms: int | None) -> Update:
    """Return the op that sets when a user was suspended (None: not suspended)."""
    if at_ms is None:
        return Update(keys.profile(user_id), remove=["suspended_at_ms"], condition=Present())
    return Update(keys.profile(user_id), set={"suspended_at_ms": at_ms}, condition=Present())


def list_ids(table: Table, *, after: UserId | None, limit: int) -> list[UserId]:
    """Return the ids of users with a profile: the first `limit` after the id `after`."""
    return [
        UserId(row.sk)
        for row in table.query(KeyRange(keys.USER_INDEX_PK, after=after), limit=limit, consistent=False)
    ]


def set_last_seen(table: Table, user_id: UserId, now_ms: int) -> None:
    """Set when a user was last seen. Does nothing without a profile."""
    with suppress(ConditionFailed):
        table.write(Update(keys.profile(user_id), set={"last_seen_ms": now_ms}, condition=Present()))


def name_entries(user_id: UserId, display_name: str | None) -> dict[Key, Item]:
    """Return the entries of a display name in the search index."""
    terms = index_terms(display_name or "", limit=INDEX_TERMS)
    return {keys.name_index_entry(term, user_id): {"display_name": display_name} for term in terms}


def find_by_handle(table: Table, prefix: str, *, limit: int) -> list[User]:
    """Return users whose handle starts with `prefix` (at least two characters), by handle."""
    rows = table.query(KeyRange(keys.directory_pk(prefix), prefix=prefix), limit=limit, consistent=False)
    return [User(UserId(row.item["user_id"]), row.sk, row.item["display_name"], 0) for row in rows]


def find_by_name(table: Table, query: str, *, limit: int) -> list[User]:
    """Return up to `limit` users whose display name has words that start with the words of `query`, by name.

    Reads up to five times as many index entries of the longest word, because the other words may exclude most of them.
    """
    term = longest_term(query)
    if term is None:
        return []
    index = KeyRange(keys.name_index_pk(term.text), prefix=term.text if term.is_prefix else f"{term.text}#")
    rows = table.query(index, limit=5 * limit, consistent=False)
    matching = (row for row in rows if matches(row.item["display_name"], query))
    user_ids = {UserId(row.sk.rpartition("#")[2]) for row in islice(matching, limit)}
    found = get_many(table, user_ids).values()  # an entry may be older than the name
    named = [user for user in found if matches(user.display_name or "", query)]
    return sorted(named, key=lambda user: (user.display_name or "").casefold())


def find_by_handles(table: Table, handles: Iterable[str]) -> dict[str, UserId]:
    """Return the users with these handles, by handle. Omits handles that are not taken."""
    wanted = {keys.handle(text): text for text in handles}
    return {wanted[key]: UserId(item["user_id"]) for key, item in table.get_many(wanted).items()}


def _user_from_item(user_id: UserId, item: Item) -> User:
    return User(
        user_id,
        item["handle"],
        item["display_name"],
        item["created_at_ms"],
        item.get("show_presence", True),
        item.get("last_seen_ms"),
        item.get("suspended_at_ms"),
        item.get("group_additions", "everyone"),
        item.get("name_indexed", False),
    )
