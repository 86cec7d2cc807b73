"""The deployer as a library: its names are there, explained and loaded when used; what it tells is frozen data."""

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
def test_every_public_name_is_there_and_explained(name: str) -> None:
    value = getattr(deploy, name)
    assert name in {"Event", "Progress"} or inspect.getdoc(value)


def test_importing_the_deployer_loads_nothing_that_is_not_used() -> None:
    code = "import sys, imchat.deploy; print(*sorted({'boto3', 'botocore', 'pydantic'} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "\n"


@pytest.mark.parametrize("event", get_args(progress.Event), ids=lambda event: event.__name__)
def test_an_event_is_frozen_data(event: Any) -> None:
    names = [field.name for field in fields(event)]
    made = event(**dict.fromkeys(names, ""))
    with pytest.raises(FrozenInstanceError):
        setattr(made, names[0], "other")


def test_every_kind_of_event_is_in_the_union() -> None:
    defined = {
        one for _, one in inspect.getmembers(progress, inspect.isclass) if one.__module__ == progress.__name__
    }
    assert set(get_args(progress.Event)) == defined
