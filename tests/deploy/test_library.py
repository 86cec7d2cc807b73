"""The deployer as a library: its public names exist, have docstrings and load lazily; its events are frozen."""

from __future__ import annotations

import inspect
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields
from typing import Any, get_args

import pytest

from imchat import deploy
from imchat.deploy import progress


@pytest.mark.parametrize("name", deploy.__all__)
def test_every_public_name_exists_and_has_a_docstring(name: str) -> None:
    value = getattr(deploy, name)
    assert name in {"Event", "Progress"} or inspect.getdoc(value)


def test_importing_the_deployer_loads_none_of_its_dependencies() -> None:
    code = "import sys, imchat.deploy; print(*sorted({'boto3', 'botocore', 'pydantic'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "\n"


@pytest.mark.parametrize("event", get_args(progress.Event), ids=lambda event: event.__name__)
def test_events_are_frozen(event: Any) -> None:
    names = [field.name for field in fields(event)]
    instance = event(**dict.fromkeys(names, ""))
    with pytest.raises(FrozenInstanceError):
        setattr(instance, names[0], "other")


def test_every_kind_of_event_is_in_the_union() -> None:
    defined = {
        member
        for _, member in inspect.getmembers(progress, inspect.isclass)
        if member.__module__ == progress.__name__
    }
    assert set(get_args(progress.Event)) == defined
