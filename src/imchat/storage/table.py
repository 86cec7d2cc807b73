"""The `Table` protocol: the only way imchat persists anything. Knows nothing of chats.

Four verbs over items addressed by (`pk`, `sk`). An item is a JSON-like dict: str, int, bool, None, lists and
dicts of these (no floats, no bytes, no sets); it does not hold its key. Within one `pk`, items are ordered by
the UTF-8 bytes of `sk`. The attribute `TTL_ATTRIBUTE` (epoch seconds) lets the store remove the item some time after
that moment; until it does, reads still return it, so whoever reads it must look.

Items are values: nobody changes one that was read from a table or given to a write, neither the table nor its caller. So a
table may keep it and hand it out again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from imchat.errors import ImchatError

Item: TypeAlias = dict[str, Any]
_EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})

TTL_ATTRIBUTE: Final = "expires_at"
MAX_ITEM_BYTES: Final = 400 * 1024
"""DynamoDB's limit; both tables refuse a larger item with `TooLarge`. Source: DynamoDB quotas, "Item size"."""
MAX_OPS: Final = 100
"""Operations in one `write`. Source: DynamoDB quotas, "Transactions"."""


class Key(NamedTuple):
    """The address of one item."""

    pk: str
    sk: str


class KeyRange(NamedTuple):
    """The keys that a query reads: one partition, and optional bounds on the sort key.

    Bounds are either `prefix`, or `low` and `high` (each optional, inclusive). `after` can be combined with both: it is
    the sort key of the last row already read. It is exclusive, and applies in reading direction.
    """

    pk: str
    prefix: str | None = None
    low: str | None = None
    high: str | None = None
    after: str | None = None


@dataclass(slots=True)
class Row:
    """One answer of a query: the item and the sort key it lies under.

    A table may answer the same row again, so whoever makes something of it keeps that here, in `meaning`. It is a value too.
    """

    sk: str
    item: Item
    parsed: Any = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Absent:
    """No item lies under the key."""


@dataclass(frozen=True, slots=True)
class Present:
    """An item lies under the key."""


class Equals(NamedTuple):
    """The item exists and its top-level attribute equals `value`."""

    attribute: str
    value: str | int | bool | None


class LessThan(NamedTuple):
    """The item exists and its top-level integer attribute exists and is lower than `value`."""

    attribute: str
    value: int


Condition: TypeAlias = Absent | Present | Equals | LessThan


class Put(NamedTuple):
    """Store `item` whole, in place of what lay there."""

    key: Key
    item: Item
    condition: Condition | None = None


class Update(NamedTuple):
    """Change top-level attributes: set some, add integers to some (a missing one counts as 0), remove some.

    Makes the item where there is none, unless the condition forbids it. One attribute may stand in one of the three only,
    and at least one must. Adding to what is no integer is a ValueError.
    """

    key: Key
    set: Mapping[str, Any] = _EMPTY
    add: Mapping[str, int] = _EMPTY
    remove: Sequence[str] = ()
    condition: Condition | None = None


class Delete(NamedTuple):
    """Remove the item; nothing happens where there is none, unless the condition forbids it."""

    key: Key
    condition: Condition | None = None


class Check(NamedTuple):
    """Write nothing; the transaction holds only if the condition does."""

    key: Key
    condition: Condition


Op: TypeAlias = Put | Update | Delete | Check


class ConditionFailed(ImchatError):
    """A condition did not hold, so nothing of the `write` happened.

    `index` is the first failing op's place in the call, `item` what lies under its key (None: nothing).
    """

    code = "conflict"
    status = 409

    def __init__(self, index: int, item: Item | None) -> None:
        super().__init__("the stored state has changed")
        self.index = index
        self.item = item


class Table(Protocol):
    """The four verbs. Every implementation passes `tests/storage/test_table_contract.py`.

    Raises, everywhere: Busy where the store asks to try again later; ValueError for a call that could never work
    (a float, an empty key, an empty write, more than `MAX_OPS` ops, two ops on one key).
    """

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:
        """The item under `key`, or None."""

    def get_many(self, keys: Iterable[Key]) -> dict[Key, Item]:
        """The items that exist among `keys` (any number; doubles count once), read consistently."""

    def query(
        self,
        key_range: KeyRange,
        *,
        limit: int | None = None,
        reverse: bool = False,
        consistent: bool = True,
    ) -> list[Row]:
        """Return the rows of a key range in sort-key order (descending with `reverse`): all, or the first `limit`."""

    def write(self, *ops: Op) -> None:
        """Apply one op, or several as one transaction: all or none, durable when this returns.

        Raises: ConditionFailed; TooLarge where an item would pass `MAX_ITEM_BYTES`.
        """
