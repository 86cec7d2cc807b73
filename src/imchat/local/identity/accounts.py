"""Stores the accounts of users: finding, listing, changing, and their groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from imchat.local.identity.protocol import CognitoError
from imchat.storage.table import Absent, ConditionFailed, Delete, Key, KeyRange, Op, Present, Put, Table

GROUPS: Final = frozenset({"admins"})
"""The groups that exist; the AWS template creates the same."""

_ACCOUNTS: Final = "ACCOUNT"


class Status(StrEnum):
    """The status of an account, by Cognito's names."""

    UNCONFIRMED = "UNCONFIRMED"
    CONFIRMED = "CONFIRMED"
    RESET_REQUIRED = "RESET_REQUIRED"
    FORCE_CHANGE_PASSWORD = "FORCE_CHANGE_PASSWORD"  # noqa: S105 - a state, not a password


@dataclass(frozen=True, slots=True)
class Account:
    """One user. `email` is lower case; `salt` and `verifier` are hexadecimal SRP numbers; times are epoch ms, UTC.

    `generation` is raised to end all sessions started so far.
    """

    user_id: str
    email: str
    salt: str
    verifier: str
    status: Status
    created_ms: int
    changed_ms: int
    enabled: bool = True
    email_verified: bool = False
    attributes: dict[str, str] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    generation: int = 0
    temporary_until_ms: int | None = None

    def all_attributes(self) -> dict[str, str]:
        """Return the attributes as Cognito does, including `sub` and `email`."""
        verified = "true" if self.email_verified else "false"
        return {"sub": self.user_id, "email": self.email, "email_verified": verified, **self.attributes}


class Accounts:
    """The accounts in a table. Not thread-safe: `Identity` takes a lock."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def find(self, name: str) -> Account | None:
        """Find an account by e-mail address or user id, in any case. An unknown name takes as many reads as a known one."""
        name = name.lower()
        if "@" not in name:
            pointer = self._table.get(_pointer(name))
            if pointer is not None:
                name = pointer["email"]
        item = self._table.get(_key(name))
        return None if item is None else _from_item(item)

    def add(self, account: Account) -> None:
        """Store a new account. Raises: CognitoError if the e-mail address has one already."""
        try:
            self._table.write(
                Put(_key(account.email), _to_item(account), Absent()),
                Put(_pointer(account.user_id), {"email": account.email}),
            )
        except ConditionFailed:
            raise CognitoError(
                "UsernameExistsException", "An account with the given email already exists."
            ) from None

    def save(self, account: Account) -> None:
        """Store a changed account."""
        self._table.write(Put(_key(account.email), _to_item(account), Present()))

    def delete(self, account: Account, *also: Op) -> None:
        """Delete the account and its memberships, and run the other ops; its tokens are rejected from then on."""
        memberships = [Delete(_membership(group, account.email)) for group in account.groups]
        self._table.write(Delete(_key(account.email)), Delete(_pointer(account.user_id)), *memberships, *also)

    def set_groups(self, account: Account, groups: Sequence[str]) -> None:
        """Set the groups of the account."""
        changed = replace(account, groups=tuple(sorted(groups)))
        ops: list[Op] = [Put(_key(account.email), _to_item(changed), Present())]
        ops += [Put(_membership(group, account.email), {}) for group in set(groups) - set(account.groups)]
        ops += [Delete(_membership(group, account.email)) for group in set(account.groups) - set(groups)]
        self._table.write(*ops)

    def page(self, *, prefix: str, after: str | None, limit: int) -> tuple[list[Account], str | None]:
        """Return a page of accounts by e-mail address, and the `after` of the next page, if any."""
        rows = self._table.query(KeyRange(_ACCOUNTS, prefix=prefix or None, after=after), limit=limit + 1)
        accounts = [_from_item(row.item) for row in rows[:limit]]
        return accounts, rows[limit - 1].sk if len(rows) > limit else None

    def members(self, group: str, *, after: str | None, limit: int) -> tuple[list[Account], str | None]:
        """Return the accounts in a group, in pages like `page`."""
        rows = self._table.query(KeyRange(f"GROUP#{group}", after=after), limit=limit + 1)
        found = self._table.get_many(_key(row.sk) for row in rows[:limit])
        accounts = [_from_item(found[_key(row.sk)]) for row in rows[:limit] if _key(row.sk) in found]
        return accounts, rows[limit - 1].sk if len(rows) > limit else None


def _key(email: str) -> Key:
    return Key(_ACCOUNTS, email)


def _pointer(user_id: str) -> Key:
    return Key(f"USER#{user_id}", "POINTER")


def _membership(group: str, email: str) -> Key:
    return Key(f"GROUP#{group}", email)


def _to_item(account: Account) -> dict[str, Any]:
    return asdict(account) | {"status": account.status.value, "groups": list(account.groups)}


def _from_item(item: dict[str, Any]) -> Account:
    return Account(**item | {"status": Status(item["status"]), "groups": tuple(item["groups"])})
