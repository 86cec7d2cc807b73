"""`Record` and `record`: results with named fields, which convert to JSON objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, dataclass_transform

R = TypeVar("R", bound="Record")


class Record:
    """Base class of the values that services return. Its subclasses are dataclasses, made by `record`.

    These methods are written once here: `dataclass` would compile them again for each class, at every start.
    """

    __slots__ = ()
    __match_args__: ClassVar[tuple[str, ...]] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name, as `json.dumps` takes them: records become dicts, and tuples become lists."""
        return {name: _to_json(getattr(self, name)) for name in self.__match_args__}

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
        return f"{type(self).__qualname__}({fields})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.__match_args__)


@dataclass_transform(frozen_default=True)
def record(cls: type[R]) -> type[R]:
    """Make a class a dataclass with slots. Type checkers refuse assignments to its fields.

    Python does not: `dataclass(frozen=True)` takes 1.4 ms to define a class instead of 0.2 ms, and every message creates
    a few of these values.
    """
    return dataclass(slots=True, repr=False, eq=False)(cls)


def _to_json(value: Any) -> Any:
    if isinstance(value, Record):
        return value.to_dict()
    if isinstance(value, (list, tuple)):
        return [_to_json(element) for element in value]
    if isinstance(value, dict):
        return {name: _to_json(element) for name, element in value.items()}
    return value
