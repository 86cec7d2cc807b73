"""No text advises installing imchat by its name: the package of that name on PyPI is not this project."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Final

import pytest
from tests.support.problems import fail_on

ROOT: Final = Path(__file__).resolve().parents[2]
NAME: Final = "im" + "chat"  # written apart so that this file does not break its own rule
ADVICE: Final = re.compile(
    r"\b(?:(?:pip3?|pipx|uv|poetry|pdm|conda|mamba)\b[^\n`]{0,60}?\b(?:install|add|run|inject|upgrade)|uvx)\b"
    rf"[^\n`;|#]*?(?<=[\s'\"]){NAME}(?![\w/*-]|\.\w|:)",
    re.IGNORECASE,
)
JOINED: Final = re.compile(r"\"\s*\n\s*f?\"|'\s*\n\s*f?'|\\\n\s*")
"""Where a string literal or a shell command continues on the next line."""


def advice_in(text: str) -> list[str]:
    return [found[0] for found in ADVICE.finditer(JOINED.sub("", text))]


@pytest.mark.parametrize(
    "text",
    [
        f"pip install {NAME}",
        f"pip3 install --upgrade {NAME}",
        f"python -m pip install -U '{NAME}[server]'",
        f"pip install {NAME}==0.1.0",
        f"upgrade with: pip install --upgrade {NAME}",
        f'"pip install "\n    "{NAME}"',
        f"pip install \\\n  {NAME}",
        f"uvx {NAME} local",
        f"uv tool install {NAME}",
        f"uv pip install {NAME}",
        f"pipx run {NAME}",
        f"poetry add {NAME}.",
    ],
)
def test_advice_to_install_by_name_is_recognized(text: str) -> None:
    assert advice_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "pip install .",
        f"pip install dist/{NAME}-0.1.0-py3-none-any.whl",
        f"pip install ./{NAME}",
        f"git clone https://example.org/{NAME} && pip install .",
        f"pip install .          # in a checkout of {NAME}",
        f"install {NAME} from a checkout",
        f"`pip install .` installs it; then run `{NAME} local`",
    ],
)
def test_installing_from_a_checkout_or_a_wheel_file_is_allowed(text: str) -> None:
    assert not advice_in(text)


def test_no_text_advises_installing_by_the_projects_name() -> None:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    problems = []
    for name in filter(None, listed.split("\0")):
        content = (ROOT / name).read_bytes() if (ROOT / name).is_file() else b"\0"
        if b"\0" not in content:
            problems += [
                f"{name} advises installing by name: {advice!r}. Name a checkout or a wheel file."
                for advice in advice_in(content.decode("utf-8"))
            ]
    fail_on(problems)


def test_the_readme_names_the_danger() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert f"named `{NAME}` on PyPI is not this project" in " ".join(readme.split())


def test_the_metadata_is_that_of_a_typed_package_without_dependencies_of_tests() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert {"Typing :: Typed", "Topic :: Communications :: Chat"} <= set(project["classifiers"])
    assert project["keywords"]
    assert not [name for name in project["dependencies"] if re.match("pytest|fastapi|httpx|mypy", name)]
