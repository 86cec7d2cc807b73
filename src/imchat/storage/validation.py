"""Validate the arguments of `Table` methods, with the same errors for every store.

All checks raise ValueError for a call that can never succeed, and TooLarge for data above a size limit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeGuard

from imchat.errors import TooLarge
from imchat.storage.table import (
    MAX_ITEM_BYTES,
    MAX_OPS,
    Absent,
    Check,
    Delete,
    Equals,
    Key,
    KeyRange,
    LessThan,
    Op,
    Present,
    Put,
    Update,
)

# Source of these four: DynamoDB quotas, "Partition keys and sort keys", "Data types", "Transactions".
MAX_PK_BYTES: Final = 2048
MAX_SK_BYTES: Final = 1024
MAX_DEPTH: Final = 32
MAX_TRANSACTION_BYTES: Final = 4 * 1024 * 1024
_INT_BOUND: Final = 10**38  # DynamoDB stores 38 digits exactly
_SMALL_INT: Final = 2**47
_SMALL_INT_BYTES: Final = 10
_CONDITIONS_WITHOUT_VALUE: Final = (Absent, Present)
_KEY_ATTRIBUTES: Final = frozenset(Key._fields)


def check_key(key: Key) -> int:
    """Return the size of a key in bytes. Raises: ValueError for an empty part, a part above its limit, or invalid Unicode."""
    pk, sk = key
    pk_bytes, sk_bytes = text_bytes(pk), text_bytes(sk)
    if not 0 < pk_bytes <= MAX_PK_BYTES:
        raise ValueError(f"a partition key must have 1 to {MAX_PK_BYTES} bytes")
    if not 0 < sk_bytes <= MAX_SK_BYTES:
        raise ValueError(f"a sort key must have 1 to {MAX_SK_BYTES} bytes")
    return pk_bytes + sk_bytes


def check_query(key_range: KeyRange, limit: int | None) -> None:
    """Reject bounds that exclude each other or are longer than any sort key, and a limit below 1."""
    pk, prefix, low, high, after = key_range
    if not 0 < text_bytes(pk) <= MAX_PK_BYTES:
        raise ValueError(f"a partition key must have 1 to {MAX_PK_BYTES} bytes")
    if prefix is not None and (low is not None or high is not None):
        raise ValueError("a key range takes either prefix, or low and high; not both")
    if limit is not None and limit < 1:
        raise ValueError("the limit of a query must be 1 or more")
    if (
        (prefix is not None and text_bytes(prefix) > MAX_SK_BYTES)
        or (low is not None and text_bytes(low) > MAX_SK_BYTES)
        or (high is not None and text_bytes(high) > MAX_SK_BYTES)
        or (after is not None and text_bytes(after) > MAX_SK_BYTES)
    ):  # unrolled, because every send runs this
        raise ValueError(f"a bound of a key range may have at most {MAX_SK_BYTES} bytes")


def check_ops(ops: Sequence[Op]) -> list[int]:
    """Return the most bytes that each op can write, in DynamoDB's count or slightly more.

    Raises: ValueError for a write that can never succeed; TooLarge. See `Table.write`.
    """
    if not 0 < len(ops) <= MAX_OPS:
        raise ValueError(f"a write takes 1 to {MAX_OPS} ops, got {len(ops)}")
    if len(ops) > 1 and len({op.key for op in ops}) < len(ops):
        raise ValueError("a write may contain each key only once")
    sizes = [_check_op(op) for op in ops]
    if len(ops) > 1 and sum(sizes) > MAX_TRANSACTION_BYTES:
        raise TooLarge(
            f"a transaction may contain at most {MAX_TRANSACTION_BYTES} bytes; split it into smaller writes",
            limit=MAX_TRANSACTION_BYTES,
        )
    return sizes


def check_item_size(key: Key, item: Mapping[str, Any]) -> int:
    """Return the size of an item in bytes, in DynamoDB's count or slightly more. Raises: TooLarge; ValueError."""
    return _item_bytes(check_key(key), item)


def _item_bytes(key_bytes: int, item: Mapping[str, Any]) -> int:
    size = 4 + key_bytes + attributes_bytes(item)
    if size > MAX_ITEM_BYTES:
        raise TooLarge(
            f"an item may have at most {MAX_ITEM_BYTES} bytes, this one has {size}", limit=MAX_ITEM_BYTES
        )
    return size


def attributes_bytes(item: Mapping[str, Any]) -> int:
    """Return the size of an item's attributes in bytes. Raises: ValueError for an invalid name or value."""
    if not _KEY_ATTRIBUTES.isdisjoint(item):
        raise ValueError("an item must not contain its key: remove the attributes pk and sk")
    return _map_bytes(item, MAX_DEPTH)


def text_bytes(text: str) -> int:
    """Return the length of a string in UTF-8 bytes. Raises: ValueError for a lone surrogate, or a value that is not a string."""
    if type(text) is str and text.isascii():  # the fast path: nearly every string
        return len(text)
    if isinstance(text, str):
        return len(text.encode())
    raise ValueError(f"expected a string, got {type(text).__name__}")


def is_int(value: object) -> TypeGuard[int]:
    """Return whether a value is an integer. A bool does not count as one."""
    return isinstance(value, int) and not isinstance(value, bool)


def check_int(value: object) -> None:
    """Raise ValueError unless the value is an integer of at most 38 digits."""
    if type(value) is int and -_SMALL_INT < value < _SMALL_INT:
        return
    if not is_int(value):
        raise ValueError(f"expected an integer, got {type(value).__name__}")
    _value_bytes(value, 0)


def _check_op(op: Op) -> int:
    """Return the most bytes that an op can write. Raises: ValueError; TooLarge."""
    key_bytes = check_key(op.key)
    condition = op.condition
    if condition is not None and not isinstance(condition, _CONDITIONS_WITHOUT_VALUE):
        _check_condition(condition)
    if isinstance(op, Put):
        return _item_bytes(key_bytes, op.item)
    if isinstance(op, Update):
        return _check_update(key_bytes, op)
    if isinstance(op, (Delete, Check)):
        return 0
    raise ValueError(f"expected Put, Update, Delete or Check, got {type(op).__name__}")


def _check_update(key_bytes: int, op: Update) -> int:
    if op.set and not op.add and not op.remove:  # the most common kind
        return _item_bytes(key_bytes, op.set)
    names = [*op.set, *op.add, *op.remove]
    if not names:
        raise ValueError("an update must set, add or remove at least one attribute")
    if len(set(names)) < len(names):
        raise ValueError("an update may contain each attribute only once")
    for amount in op.add.values():
        check_int(amount)
    attributes_bytes(dict.fromkeys(op.remove))
    return _item_bytes(key_bytes, {**op.set, **op.add})


def _check_condition(condition: Equals | LessThan) -> None:
    if not text_bytes(condition.attribute) or condition.attribute in _KEY_ATTRIBUTES:
        raise ValueError("a condition must name an attribute of the item, not empty and not pk or sk")
    if isinstance(condition, LessThan):
        check_int(condition.value)
    else:
        _value_bytes(condition.value, 0)  # depth 0: lists and dicts cannot be compared


def _map_bytes(attributes: Mapping[str, Any], depth: int) -> int:
    if "" in attributes:
        raise ValueError("an attribute name must not be empty")
    try:
        size = text_bytes("".join(attributes))
    except TypeError as error:
        raise ValueError("an attribute name must be a string") from error
    for value in attributes.values():
        # Runs for every attribute of every put, so the most common types are handled without a function call.
        kind = type(value)
        if kind is str and value.isascii():
            size += len(value)
        elif kind is int and -_SMALL_INT < value < _SMALL_INT:
            size += _SMALL_INT_BYTES
        elif kind is dict and depth:
            size += 3 + len(value) + _map_bytes(value, depth - 1)
        else:
            size += _value_bytes(value, depth)
    return size


def _value_bytes(value: object, depth: int) -> int:
    if isinstance(value, str):
        return text_bytes(value)
    if value is None or isinstance(value, bool):
        return 1
    if isinstance(value, int):
        if not -_INT_BOUND < value < _INT_BOUND:
            raise ValueError("an integer may have at most 38 digits")
        return value.bit_length() // 6 + 3
    if depth == 0:
        raise ValueError(
            f"{type(value).__name__} is not allowed here: it is nested deeper than {MAX_DEPTH} levels, or used in a condition"
        )
    if isinstance(value, dict):
        return 3 + len(value) + _map_bytes(value, depth - 1)
    if isinstance(value, list):
        return 3 + len(value) + sum(_value_bytes(element, depth - 1) for element in value)
    raise ValueError(f"an item may contain str, int, bool, None, lists and dicts, not {type(value).__name__}")
