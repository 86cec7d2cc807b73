"""The public names of `imchat`: listed by `dir` and `help`, loaded on first use, and each with its real type."""

from __future__ import annotations

import ast
import inspect
import pydoc
import subprocess
import sys
from pathlib import Path

import pytest

import imchat
from imchat.domain.record import Record

PACKAGE = Path(imchat.__file__)


def test_dir_lists_exactly_the_public_names() -> None:
    assert dir(imchat) == sorted(imchat.__all__)


def test_help_describes_the_public_classes_and_functions() -> None:
    text = pydoc.plain(pydoc.render_doc(imchat))
    for name in ("open_app", "class Member", "class EventPage", "conversations", "ImchatError"):
        assert name in text, name
    for name in ("import_module", "class Any"):
        assert name not in text, name


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'imchat' has no attribute 'mesages'"):
        imchat.mesages  # type: ignore[attr-defined]  # noqa: B018 - the lookup is the test


@pytest.mark.parametrize("name", ["errors", "client", "messages", "conversations", "users", "testing"])
def test_modules_can_be_imported_from_the_package(name: str) -> None:
    code = f"from imchat import {name}; import imchat; assert imchat.{name} is {name}; print({name}.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().rpartition(".")[2] == name


def test_the_names_for_type_checkers_are_the_public_names() -> None:
    block = next(node for node in ast.parse(PACKAGE.read_text("utf-8")).body if isinstance(node, ast.If))
    imported = {
        alias.asname or alias.name
        for node in block.body
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    assert imported == set(imchat.__all__) - {"__version__"}


def test_every_result_of_a_service_is_a_public_record() -> None:
    """A function that returned a plain or a named tuple would become a JSON array."""
    public = {name for name in imchat.__all__ if inspect.isclass(getattr(imchat, name))}
    plain = {"None", "bool", "str", "ConversationId", "dict[str, UserId]", "dict[str, object]"}
    problems = []
    for module in imchat.__all__:
        functions = inspect.getmembers(getattr(imchat, module), inspect.isfunction)
        for name, function in functions:
            if not function.__module__.startswith("imchat.services.") or name.startswith("_"):
                continue
            if function.__module__.rpartition(".")[2] != module:
                continue
            result = function.__annotations__["return"]
            inner = result.removeprefix("list[").removesuffix("]").removesuffix(" | None")
            if result not in plain and inner not in public | {"Op"} and name not in INTERNAL:
                problems.append(f"{module}.{name} -> {result}")
    assert not problems


INTERNAL = {"decide_addition"}
"""Functions of the public modules that other services call."""


def test_records_are_the_public_classes_with_to_dict() -> None:
    records = {name for name in imchat.__all__ if issubclass(type(getattr(imchat, name)), type)}
    records = {name for name in records if issubclass(getattr(imchat, name), Record)}
    assert records >= {
        "Conversation",
        "Head",
        "Member",
        "GroupSettings",
        "Invite",
        "Appended",
        "User",
        "Block",
    }
