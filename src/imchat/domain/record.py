"""`Record`: the base class of results, which have named fields and convert to JSON objects."""

from __future__ import annotations

from typing import Any, ClassVar


class Record:
    """Base class of the dataclasses that services return."""

    __slots__ = ()
    __match_args__: ClassVar[tuple[str, ...]] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name, as `json.dumps` takes them: records become dicts, and tuples become lists."""
        return {name: _to_json(getattr(self, name)) for name in self.__match_args__}


def _to_json(value: Any) -> Any:
    if isinstance(value, Record):
        return value.to_dict()
    if isinstance(value, (list, tuple)):
        return [_to_json(element) for element in value]
    if isinstance(value, dict):
        return {name: _to_json(element) for name, element in value.items()}
    return value
