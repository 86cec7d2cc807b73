"""The gzipped size of the web client: what a browser loads at the start, and later."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from imchat.assets import site_dir

pytestmark = pytest.mark.budget

KB = 1024


def _gzipped(files: list[Path]) -> int:
    return sum(len(gzip.compress(path.read_bytes(), 9)) for path in files)


def _at_start(suffix: str) -> list[Path]:
    """Return the files that `index.html` loads, including static imports."""
    site = site_dir()
    names = set(re.findall(r"""(?:src|href)="\./([^"]+)\b""", (site / "index.html").read_text("utf-8")))
    scripts = [site / name for name in names if name.endswith(".js")]
    for script in scripts:
        text = script.read_text("utf-8")
        for imported in re.findall(r"""(?:from|import)\s*["']\./([\w.-]+\.js)["']""", text):
            if script.parent / imported not in scripts:
                scripts.append(script.parent / imported)
    return [path for path in {*scripts, *(site / name for name in names)} if path.suffix == suffix]


def test_the_script_at_start_fits_its_budget() -> None:
    assert 10 * KB < _gzipped(_at_start(".js")) <= 45 * KB


def test_the_style_at_start_fits_its_budget() -> None:
    assert 1 * KB < _gzipped(_at_start(".css")) <= 10 * KB


def test_every_part_that_loads_later_fits_its_budget() -> None:
    later = set(site_dir().glob("assets/*")) - set(_at_start(".js")) - set(_at_start(".css"))
    assert {path.name: size for path in later if (size := _gzipped([path])) > 50 * KB} == {}
