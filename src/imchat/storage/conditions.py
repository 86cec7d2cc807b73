"""Evaluate conditions and apply ops to one item, for tables whose store cannot do it."""

from __future__ import annotations

from typing import Any

from imchat.storage.table import (
    Absent,
    Condition,
    ConditionFailed,
    Delete,
    Item,
    LessThan,
    Op,
    Present,
    Put,
    Update,
)
from imchat.storage.validation import check_int, is_int


def evaluate(condition: Condition, item: Item | None) -> bool:
    """Return whether a condition holds for the stored item (None: it does not exist)."""
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
    # True == 1 in Python, but not in a table.
    return bool(actual == condition.value) and isinstance(actual, bool) == isinstance(condition.value, bool)


def apply_op(index: int, op: Op, item: Item | None) -> Item | None:
    """Return the item after an op is applied to `item` (None: it does not exist). Does not change `item`.

    Raises: ConditionFailed, with the op's `index`; ValueError if the op adds to a value that is not an integer.
    """
    if op.condition is not None and not evaluate(op.condition, item):
        raise ConditionFailed(index, item)
    if isinstance(op, Put):
        return op.item
    if isinstance(op, Update):
        return _apply_update(item, op)
    return None if isinstance(op, Delete) else item


def _apply_update(item: Item | None, op: Update) -> Item:
    changed: Item = {**(item or {}), **op.set}
    for name, amount in op.add.items():
        count: Any = changed.get(name, 0)
        if not is_int(count):
            raise ValueError(f"cannot add to {name}: it is not an integer")
        changed[name] = count + amount
        check_int(changed[name])
    for name in op.remove:
        changed.pop(name, None)
    return changed
