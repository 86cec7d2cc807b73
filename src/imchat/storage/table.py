"""The `Table` protocol: the storage interface below all repositories. It knows nothing about chat.

A table has four methods on items addressed by (`pk`, `sk`). An item is a JSON-like dict: str, int, bool, None, lists and
dicts of these (no floats, no bytes, no sets). It does not contain its key. Within one `pk`, items are ordered by
the UTF-8 bytes of `sk`. The attribute `TTL_ATTRIBUTE` (epoch seconds) lets the store remove the item some time after
that moment. Until then reads still return the item, so the reader must check the attribute.

Items are immutable by convention: neither the table nor its caller changes an item that was read or written. A table may
therefore cache an item and return it again.
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
"""DynamoDB's limit; both tables reject a larger item with `TooLarge`. Source: DynamoDB quotas, "Item size"."""
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
    """One result of a query: an item and its sort key.

    A table may return the same row again, so a repository caches the object it parses from the row in `parsed`.
    That object is immutable by convention, too.
    """

    sk: str
    item: Item
    parsed: Any = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Absent:
    """The item does not exist."""


@dataclass(frozen=True, slots=True)
class Present:
    """The item exists."""


class Equals(NamedTuple):
    """The item exists and its top-level attribute equals `value`."""

    attribute: str
    value: str | int | bool | None


class LessThan(NamedTuple):
    """The item exists and its top-level integer attribute exists and is less than `value`."""

    attribute: str
    value: int


Condition: TypeAlias = Absent | Present | Equals | LessThan


class Put(NamedTuple):
    """Store an item. Replaces an existing item completely."""

    key: Key
    item: Item
    condition: Condition | None = None


class Update(NamedTuple):
    """Change top-level attributes: `set` values, `add` integers (a missing attribute counts as 0), `remove` attributes.

    Creates the item if it does not exist, unless the condition prevents it. At least one attribute is required, and each
    may appear in only one of the three. Adding to a value that is not an integer raises ValueError.
    """

    key: Key
    set: Mapping[str, Any] = _EMPTY
    add: Mapping[str, int] = _EMPTY
    remove: Sequence[str] = ()
    condition: Condition | None = None


class Delete(NamedTuple):
    """Remove an item. Does nothing if the item does not exist, unless the condition prevents it."""

    key: Key
    condition: Condition | None = None


class Check(NamedTuple):
    """Write nothing. The transaction succeeds only if the condition holds."""

    key: Key
    condition: Condition


Op: TypeAlias = Put | Update | Delete | Check


class ConditionFailed(ImchatError):
    """A condition did not hold, so `write` changed nothing.

    `index` is the position of the first failing op in the call. `item` is the stored item (None: it does not exist).
    """

    code = "conflict"
    status = 409

    def __init__(self, index: int, item: Item | None) -> None:
        super().__init__("the stored state has changed")
        self.index = index
        self.item = item


class Table(Protocol):
    """The four methods of a table. Every implementation passes `tests/storage/test_table_contract.py`.

    All methods raise Busy if the store asks to retry later, and ValueError for a call that can never succeed
    (a float, an empty key, an empty write, more than `MAX_OPS` ops, two ops on one key).
    """

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:
        """Return the item with this key, or None."""

    def get_many(self, keys: Iterable[Key]) -> dict[Key, Item]:
        """Return the items that exist, by key. Takes any number of keys, ignores duplicates, and reads consistently."""

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
        """Apply one op, or several as one transaction (all or nothing). The write is durable when this returns.

        Raises: ConditionFailed; TooLarge if an item would exceed `MAX_ITEM_BYTES`.
        """
