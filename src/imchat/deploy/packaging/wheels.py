"""Downloads locked packages for the functions' platform, on any machine, with pip and its configuration."""

from __future__ import annotations

import re
import struct
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, TypeAlias

from imchat.errors import ConfigError

Architecture: TypeAlias = Literal["arm64", "x86_64"]

_MACHINES: Final[dict[Architecture, tuple[str, int]]] = {"arm64": ("aarch64", 183), "x86_64": ("x86_64", 62)}
"""Each architecture's name in wheel tags and its number in ELF headers."""
_OLDEST_GLIBC: Final = 17  # manylinux2014
_NEWEST_GLIBC: Final = 34  # Amazon Linux 2023
_NEWEST_GLIBC_OF: Final = {"3.11": 26}  # Amazon Linux 2
_UNREACHABLE_MESSAGES: Final = ("Retrying (", "Could not fetch URL", "Max retries exceeded", "not a trusted")


def fetch(lock: str, python: str, architecture: Architecture) -> dict[str, bytes]:
    """Return the files of the packages in `lock`, by their paths in site-packages.

    `python` is a version such as "3.13". Only wheels with the hashes in `lock` are accepted. Raises: ConfigError if pip is
    missing, the index cannot be reached, or a wheel is missing, not the locked one, or for another architecture.
    """
    with tempfile.TemporaryDirectory() as directory:
        folder, requirements = Path(directory, "packages"), Path(directory, "lock.txt")
        requirements.write_text(lock, encoding="utf-8")
        _install(requirements, folder, python, architecture)
        files = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }
    check_machine(files, architecture)
    return files


def platforms(python: str, architecture: Architecture) -> list[str]:
    """Return the platform tags of wheels that Lambda can run with `python`, best first."""
    machine = _MACHINES[architecture][0]
    newest = _NEWEST_GLIBC_OF.get(python, _NEWEST_GLIBC)
    tags = [f"manylinux_2_{glibc}_{machine}" for glibc in range(newest, _OLDEST_GLIBC - 1, -1)]
    return [*tags, f"manylinux2014_{machine}"]


def check_machine(files: Mapping[str, bytes], architecture: Architecture) -> None:
    """Check that all shared libraries are for `architecture`. Raises: ConfigError naming one that is not."""
    for name, content in files.items():
        if name.endswith(".so") or ".so." in name:
            machine = struct.unpack_from("<H", content, 18)[0] if content[:5] == b"\x7fELF\x02" else None
            if machine != _MACHINES[architecture][1]:
                raise ConfigError(
                    f"{name} is not built for {architecture}: the package index returned a wrong wheel; "
                    "check the index that `pip config list` shows"
                )


def _install(requirements: Path, folder: Path, python: str, architecture: Architecture) -> None:
    platform_options = [option for tag in platforms(python, architecture) for option in ("--platform", tag)]
    result = subprocess.run(  # noqa: S603 - fixed arguments
        [
            *(sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet"),
            *("install", "--no-user", "--no-deps", "--no-compile"),
            *("--require-hashes", "--only-binary", ":all:"),
            *("--implementation", "cp", "--python-version", python, "--abi", f"cp{python.replace('.', '')}"),
            *platform_options,
            *("--target", str(folder), "--requirement", str(requirements)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise ConfigError(_explain_pip_error(result.stdout + result.stderr))


def _explain_pip_error(output: str) -> str:
    """Return what pip's error output means for the operator."""
    last = next(
        (line for line in reversed(output.splitlines()) if line.startswith("ERROR: ")), output.strip()[-300:]
    )
    last = last.removeprefix("ERROR: ")
    if "No module named pip" in output:
        return "pip, which downloads the functions' packages, is missing; run: python -m ensurepip"
    if "DO NOT MATCH THE HASHES" in output:
        package = "".join(re.findall(r"^ +(\S+==\S+) from", output, re.MULTILINE)[:1])
        return (
            f"{package} from the package index is not the file that imchat was tested with, so it was not installed; "
            "try again, and if that does not help ask the operator of the index that `pip config list` shows"
        )
    if any(message in output for message in _UNREACHABLE_MESSAGES):
        return (
            "the package index cannot be reached; check the network and the index that `pip config list` shows "
            f"(pip says: {last})"
        )
    return (
        "the package index lacks packages that the functions need; check the index that `pip config list` shows "
        f"(pip says: {last})"
    )
