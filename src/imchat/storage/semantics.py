"""What a condition and an update mean for one item, for a `Table` that has to work that out itself."""

from __future__ import annotations

from typing import Any

from imchat.storage.table import Absent, Condition, Item, LessThan, Present, Update
from imchat.storage.validation import check_int, is_int


def holds(condition: Condition, item: Item | None) -> bool:
    """Whether the condition holds for what lies under its key (None: nothing)."""
    if isinstance(condition, Absent):
        return item is None
    if item is None:
        return False
    if isinstance(condition, Present):
        return True
    if condition.attribute not in item:
        return False
    actual = item[condition.attribute]
    if isinstance(condition, LessThan):
        return is_int(actual) and actual < condition.value
    # Python's True equals 1; a table's does not.
    return bool(actual == condition.value) and isinstance(actual, bool) == isinstance(condition.value, bool)


def change(item: Item, op: Update) -> None:
    """Do to `item` what the update says. Raises: ValueError where it adds to what is no integer."""
    item.update(op.set)
    for name, amount in op.add.items():
        count: Any = item.get(name, 0)
        if not is_int(count):
            raise ValueError(f"{name} is no integer, so nothing can be added to it")
        item[name] = count + amount
        check_int(item[name])
    for name in op.remove:
        item.pop(name, None)
