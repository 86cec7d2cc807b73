"""Compile the lock files from pyproject.toml: every package of every supported platform, by version and hash.

The lock files are for Python 3.11 and newer on Linux, macOS and Windows, name no registry, and agree with each other:
dev.lock is compiled first and constrains the others, except for those with an environment of their own. The functions'
lock is for Lambda's Linux only and is in the package, because `imchat deploy` installs from it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parent
BOUND: Final = ("--constraint", "requirements/dev.lock")
LOCKS: Final = {
    "requirements/dev.lock": ["pyproject.toml", "--group", "dev", "--universal"],
    "requirements/runtime.lock": ["pyproject.toml", *BOUND, "--universal"],
    "requirements/build.lock": ["--group", "build", *BOUND, "--universal"],
    "requirements/checkers.lock": ["--group", "checkers", "--universal"],
    "requirements/node.lock": ["--group", "node", "--universal"],
    "requirements/fuzzer.lock": ["--group", "fuzzer", "--universal"],
    "requirements/emulator.lock": ["--group", "emulator", "--universal"],
    "src/imchat/deploy/packaging/functions.lock": [
        "--group",
        "functions",
        *BOUND,
        "--python-platform",
        "linux",
    ],
}


def main(options: list[str]) -> int:
    """Compile every lock file; `--upgrade` takes the newest releases instead of keeping what is locked."""
    for name, sources in LOCKS.items():
        command = [
            *(str(Path(sys.executable).parent / "uv"), "pip", "compile", *sources),
            *("--python-version", "3.11", "--generate-hashes"),
            *("--no-config", "--no-header", "--no-emit-index-url", "--no-emit-find-links", "--no-annotate"),
            *("--quiet", "--output-file", name, *options),
        ]
        subprocess.run(command, cwd=ROOT, env=_environment(), check=True)  # noqa: S603 - our own arguments
    return 0


def _environment() -> dict[str, str]:
    """Return the environment without settings that would let packages come from anywhere but PyPI."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "PIP_"))}


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
