"""The distributions: an sdist that needs no Node, and a wheel that contains the web client and the templates."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest

pytestmark = pytest.mark.slow

ROOT: Final = Path(__file__).resolve().parents[1]


def run(command: Sequence[object], cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """Run a command that must succeed, and return its output."""
    result = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def no_node(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return environment variables with an empty PATH: no Node, and nothing else outside Python."""
    return {"PATH": str(tmp_path_factory.mktemp("empty-path")), "HOME": str(tmp_path_factory.mktemp("home"))}


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the sdist from the files that git tracks or would add, without anything that was built in this checkout."""
    checkout = tmp_path_factory.mktemp("checkout")
    listed = run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], ROOT)
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, checkout / name)
    run([sys.executable, "-m", "hatchling", "build", "--target", "sdist"], checkout)
    return next((checkout / "dist").glob("*.tar.gz"))


@pytest.fixture(scope="module")
def wheel(sdist: Path, no_node: dict[str, str]) -> Path:
    """Build the wheel from the unpacked sdist, without Node."""
    with tarfile.open(sdist) as archive:
        archive.extractall(sdist.parent / "unpacked", filter="data")
    unpacked = next((sdist.parent / "unpacked").iterdir())
    run([sys.executable, "-m", "hatchling", "build", "--target", "wheel"], unpacked, no_node)
    return next((unpacked / "dist").glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory, no_node: dict[str, str]) -> Path:
    """Install the wheel into a new environment that uses our dependencies. Return the environment's `bin` folder."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, with_pip=False, symlinks=True)
    bin_dir = home / "bin"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        bin_dir / "python",
        "install",
        "--quiet",
        "--no-index",
        "--no-deps",
    ]
    run([*pip, wheel], home, no_node)
    packages = next((home / "lib").glob("python*/site-packages"))
    ours = next(Path(sys.prefix, "lib").glob("python*/site-packages"))
    (packages / "shared.pth").write_text(f"{ours}\n")
    return bin_dir


def test_the_wheel_contains_the_web_client_the_templates_and_types(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        page = archive.read("imchat/site/index.html").decode()
    scripts = [name for name in names if name.startswith("imchat/site/assets/") and name.endswith(".js")]
    assert "imchat/templates/state.yaml" in names
    for name in (
        "cloudformation/templates.json",
        "packaging/functions.lock",
        "iam/permissions.json",
        "operate/prices.json",
    ):
        assert f"imchat/deploy/{name}" in names
    assert "imchat/py.typed" in names
    assert "imchat/site/sw.js" in names
    assert any(Path(name).name in page for name in scripts)
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert not [name for name in names if not name.startswith(("imchat/", "imchat-"))]


def test_the_sdist_contains_all_that_a_build_and_its_tests_need(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    needed = {
        "Makefile",
        "hatch_build.py",
        "frontend/package-lock.json",
        "requirements/dev.lock",
        "tests/conftest.py",
    }
    assert needed <= names
    assert "src/imchat/site/index.html" in names
    assert "src/imchat/deploy/cloudformation/templates.json" in names
    assert not [name for name in names if "node_modules" in name or name.startswith((".venv", "build"))]


def test_the_installed_wheel_runs_and_finds_its_files(installed: Path, no_node: dict[str, str]) -> None:
    assert "imchat" in run([installed / "imchat", "--version"], installed, no_node)
    program = "import imchat.assets as a; print(a.__file__, a.site_dir(), a.templates_dir(), sep='\\n')"
    paths = run([installed / "python", "-c", program], installed, no_node).splitlines()
    assert len(paths) == 3
    assert all(path.startswith(str(installed.parent)) for path in paths)
