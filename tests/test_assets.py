"""The web client and the templates are found, or the error says how to fix it."""

from __future__ import annotations

from pathlib import Path

import pytest

from imchat.assets import FINGERPRINT, site_dir, templates_dir
from imchat.errors import ConfigError

PAGE = '<script type="module" src="./assets/app.js"></script><link rel="icon" href="./icon.svg"><a href="https://a.example/">'


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Create an installed package with a complete site and the templates."""
    package = tmp_path / "lib" / "imchat"
    (package / "site" / "assets").mkdir(parents=True)
    (package / "site" / "index.html").write_text(PAGE)
    (package / "site" / "icon.svg").write_text("<svg/>")
    (package / "site" / "assets" / "app.js").write_text("")
    (package / "site" / FINGERPRINT).write_text("0\n")
    (package / "templates").mkdir()
    (package / "templates" / "state.yaml").write_text("")
    return package


def test_a_complete_site_is_found_in_the_package(package: Path) -> None:
    assert site_dir(package) == package / "site"


@pytest.mark.parametrize("missing", ["index.html", FINGERPRINT, "assets/app.js", "icon.svg"])
def test_an_incomplete_site_is_an_error_that_says_how_to_fix_it(package: Path, missing: str) -> None:
    (package / "site" / missing).unlink()
    with pytest.raises(ConfigError, match=r"the web client.*install imchat again from its wheel file"):
        site_dir(package)


def test_in_a_checkout_the_fix_is_to_build_the_site(package: Path, tmp_path: Path) -> None:
    (tmp_path / "hatch_build.py").touch()
    (package / "site" / "index.html").unlink()
    with pytest.raises(ConfigError, match=r"build it with: make -C .* site"):
        site_dir(package)


def test_templates_are_found_in_the_package_and_in_a_checkout(package: Path, tmp_path: Path) -> None:
    assert templates_dir(package) == package / "templates"
    (package / "templates").rename(tmp_path / "templates")
    assert templates_dir(package) == tmp_path / "templates"


def test_missing_templates_are_an_error_that_says_how_to_fix_it(package: Path) -> None:
    (package / "templates" / "state.yaml").unlink()
    with pytest.raises(ConfigError, match=r"templates are missing.*install imchat again"):
        templates_dir(package)


def test_this_installation_has_the_site_and_the_templates() -> None:
    assert (site_dir() / "sw.js").is_file()
    assert (templates_dir() / "state.yaml").is_file()
