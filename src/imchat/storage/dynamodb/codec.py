"""Convert items, ops and key ranges to DynamoDB's request format, and items back. Makes no calls.

Attribute names always go through ExpressionAttributeNames: a name can be any text, and many names are reserved words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from imchat.storage.table import Absent, Equals, Key, Present, Put, Update

if TYPE_CHECKING:
    from imchat.storage.table import Condition, Item, KeyRange, Op

READ_BATCH: Final = 100
"""Keys in one BatchGetItem. Source: DynamoDB API reference, "BatchGetItem"."""

Wire = dict[str, Any]

_COMPARISONS: Final = {
    (":low", ":high"): "#sk BETWEEN :low AND :high",
    (":low",): "#sk >= :low",
    (":high",): "#sk <= :high",
}


def serialize(value: Any) -> Wire:
    """Return a value as DynamoDB's typed JSON."""
    if isinstance(value, str):
        return {"S": value}
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int):
        return {"N": str(value)}
    if isinstance(value, dict):
        return {"M": {name: serialize(element) for name, element in value.items()}}
    return {"L": [serialize(element) for element in value]}


def deserialize(wire: Wire) -> Any:
    """Return the value of DynamoDB's typed JSON."""
    ((kind, value),) = wire.items()
    match kind:
        case "S" | "BOOL":
            return value
        case "N":
            return int(value)
        case "M":
            return {name: deserialize(element) for name, element in value.items()}
        case "L":
            return [deserialize(element) for element in value]
        case "NULL":
            return None
        case _:
            raise ValueError(f"the table contains a value of type {kind}, which imchat never writes")


def serialize_key(key: Key) -> Wire:
    """Return the two key attributes."""
    return {"pk": {"S": key.pk}, "sk": {"S": key.sk}}


def deserialize_item(wire: Wire) -> Item:
    """Return the item without its key."""
    return {name: deserialize(value) for name, value in wire.items() if name not in {"pk", "sk"}}


def serialize_op(op: Op) -> Wire:
    """Return the parameters of one write, single or in a transaction, without the table name."""
    names: dict[str, str] = {}
    values: Wire = {}
    request: Wire = {}
    if isinstance(op, Put):
        request["Item"] = {**serialize_key(op.key), **serialize(op.item)["M"]}
    else:
        request["Key"] = serialize_key(op.key)
    if isinstance(op, Update):
        request["UpdateExpression"] = _update_expression(op, names, values)
    if op.condition is not None:
        request["ConditionExpression"] = _condition_expression(op.condition, names, values)
        request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    if names:
        request["ExpressionAttributeNames"] = names
    if values:
        request["ExpressionAttributeValues"] = values
    return request


def query_request(key_range: KeyRange, *, reverse: bool) -> Wire | None:
    """Return the parameters of a Query for a key range, or None if no sort key can be within its bounds.

    DynamoDB rejects bounds in the wrong order, empty bounds, and a start outside the bounds or at their end.
    """
    pk, prefix, low, high, after = key_range
    if high == "" or (low and high and low > high):
        return None
    condition: Wire = {
        "KeyConditionExpression": "#pk = :pk",
        "ExpressionAttributeNames": {"#pk": "pk"},
        "ExpressionAttributeValues": {":pk": {"S": pk}},
    }
    bounds = {f":{name}": {"S": bound} for name, bound in (("low", prefix or low), ("high", high)) if bound}
    if bounds:
        limit = "begins_with(#sk, :low)" if prefix else _COMPARISONS[tuple(bounds)]
        condition["KeyConditionExpression"] += f" AND {limit}"
        condition["ExpressionAttributeNames"]["#sk"] = "sk"
        condition["ExpressionAttributeValues"].update(bounds)
    if after is None:
        return condition
    first = prefix or low or ""
    if after <= first if reverse else high is not None and after >= high:
        return None
    below = not after or after < first
    above = not after.startswith(prefix) and after > prefix if prefix else high is not None and after > high
    if below or above:  # the start is outside the range: return all of it, or none
        return condition if below != reverse else None
    return {**condition, "ExclusiveStartKey": serialize_key(Key(pk, after))}


def _update_expression(op: Update, names: dict[str, str], values: Wire) -> str:
    clauses: dict[str, list[str]] = {"SET": [], "ADD": [], "REMOVE": []}
    for index, (name, value) in enumerate(op.set.items()):
        names[f"#s{index}"], values[f":s{index}"] = name, serialize(value)
        clauses["SET"].append(f"#s{index} = :s{index}")
    for index, (name, amount) in enumerate(op.add.items()):
        names[f"#a{index}"], values[f":a{index}"] = name, serialize(amount)
        clauses["ADD"].append(f"#a{index} :a{index}")
    for index, name in enumerate(op.remove):
        names[f"#r{index}"] = name
        clauses["REMOVE"].append(f"#r{index}")
    return " ".join(f"{verb} {', '.join(parts)}" for verb, parts in clauses.items() if parts)


def _condition_expression(condition: Condition, names: dict[str, str], values: Wire) -> str:
    if isinstance(condition, Absent | Present):
        names["#pk"] = "pk"
        return "attribute_not_exists(#pk)" if isinstance(condition, Absent) else "attribute_exists(#pk)"
    names["#c"], values[":c"] = condition.attribute, serialize(condition.value)
    (kind,) = values[":c"]
    values[":kind"] = {"S": kind}
    # DynamoDB needs only the comparison. Some emulators confuse 1 with True, and a missing attribute with None.
    comparison = "=" if isinstance(condition, Equals) else "<"
    return f"attribute_type(#c, :kind) AND #c {comparison} :c"
