"""Fetches locked packages for the functions' platform, whatever machine this is, with pip and its configuration."""

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
"""Of each architecture, its name in wheels and its number in ELF headers."""
_OLDEST_GLIBC: Final = 17  # manylinux2014
_NEWEST_GLIBC: Final = 34  # Amazon Linux 2023
_NEWEST_GLIBC_OF: Final = {"3.11": 26}  # Amazon Linux 2
_UNREACHABLE: Final = ("Retrying (", "Could not fetch URL", "Max retries exceeded", "not a trusted")


def fetch(lock: str, python: str, architecture: Architecture) -> dict[str, bytes]:
    """The files of the packages in `lock`, as they lie in site-packages.

    `python`: such as "3.13". Only wheels, and only those whose hashes the lock has. Raises: ConfigError if pip is
    missing, the index out of reach, a wheel missing, not the one that is locked, or for another machine.
    """
    with tempfile.TemporaryDirectory() as made:
        folder, requirements = Path(made, "packages"), Path(made, "lock.txt")
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
    """The tags of wheels that run where Lambda runs `python`, best first."""
    machine = _MACHINES[architecture][0]
    newest = _NEWEST_GLIBC_OF.get(python, _NEWEST_GLIBC)
    tags = [f"manylinux_2_{glibc}_{machine}" for glibc in range(newest, _OLDEST_GLIBC - 1, -1)]
    return [*tags, f"manylinux2014_{machine}"]


def check_machine(files: Mapping[str, bytes], architecture: Architecture) -> None:
    """Raises: ConfigError naming a shared library that is not made for `architecture`."""
    for name, content in files.items():
        if name.endswith(".so") or ".so." in name:
            machine = struct.unpack_from("<H", content, 18)[0] if content[:5] == b"\x7fELF\x02" else None
            if machine != _MACHINES[architecture][1]:
                raise ConfigError(
                    f"{name} is not made for {architecture}; the package index gave a wrong wheel"
                )


def _install(requirements: Path, folder: Path, python: str, architecture: Architecture) -> None:
    platform_options = [option for tag in platforms(python, architecture) for option in ("--platform", tag)]
    done = subprocess.run(  # noqa: S603 - our own arguments
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
    if done.returncode:
        raise ConfigError(_explain(done.stdout + done.stderr))


def _explain(said: str) -> str:
    """What pip's complaint means for the operator."""
    last = next(
        (line for line in reversed(said.splitlines()) if line.startswith("ERROR: ")), said.strip()[-300:]
    )
    last = last.removeprefix("ERROR: ")
    if "No module named pip" in said:
        return "the functions' packages are fetched with pip, which is missing here; run: python -m ensurepip"
    if "DO NOT MATCH THE HASHES" in said:
        wrong = "".join(re.findall(r"^ +(\S+==\S+) from", said, re.MULTILINE)[:1])
        return (
            f"the package index gave another {wrong} than the one imchat was tested with, and it was not installed; "
            "try again, and if it stays so ask whoever runs the index that `pip config list` shows"
        )
    if any(sign in said for sign in _UNREACHABLE):
        return (
            "the package index cannot be reached; check the network, and the index that `pip config list` shows "
            f"(pip says: {last})"
        )
    return (
        "the package index does not have all that the functions need; check which index `pip config list` shows "
        f"(pip says: {last})"
    )
