"""What an op means for one item, for a `Table` that has to work that out itself."""

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


def apply_op(index: int, op: Op, item: Item | None) -> Item | None:
    """What lies under the op's key once the op was applied to `item`, which stays as it is (None: nothing).

    Raises: ConditionFailed, with the op's `index`; ValueError where it adds to what is no integer.
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
            raise ValueError(f"{name} is no integer, so nothing can be added to it")
        changed[name] = count + amount
        check_int(changed[name])
    for name in op.remove:
        changed.pop(name, None)
    return changed
