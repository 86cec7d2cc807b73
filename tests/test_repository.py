"""Check repository rules that no other checker covers, on all files that are tracked or would be added."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tests.support.problems import fail_on

ROOT: Final = Path(__file__).resolve().parents[1]
LOCKS: Final = (
    "requirements/build.lock",
    "requirements/checkers.lock",
    "requirements/dev.lock",
    "requirements/emulator.lock",
    "requirements/fuzzer.lock",
    "requirements/node.lock",
    "requirements/runtime.lock",
    "src/imchat/deploy/packaging/functions.lock",
)
NPM_LOCKS: Final = ("frontend/package-lock.json", "tests/local/js/package-lock.json")

# Split, so that this file does not break its own rule.
REGISTRIES: Final = (
    "pypi" + ".org",
    "python" + "hosted",
    "npm" + "js.org",
    "npm" + "js.com",
    "yarn" + "pkg.com",
)
MACHINE_PATH: Final = re.compile(r"(?<![\w.$}/-])/(?:" + "root|work|home/" + r"\w+|Users/\w+)/[\w.-]")
MOCKING: Final = re.compile(
    r"\bmock\." + r"patch\b|\bunittest\." + r"mock\b|\bfrom unittest " + r"import mock\b"
)
INJECTED_ONLY: Final = re.compile(
    r"\b(datetime\.now|datetime\.utcnow|time\.time(_ns)?\(|uuid\d|import random|secrets\.)"
)


@cache
def tracked() -> tuple[str, ...]:
    """Return the names of all files that git tracks or would add."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return tuple(sorted(name for name in listed.split("\0") if name and (ROOT / name).is_file()))


@cache
def texts() -> dict[str, str]:
    """Return the text of every tracked text file, by name."""
    found = {}
    for name in tracked():
        content = (ROOT / name).read_bytes()
        if b"\0" not in content:
            found[name] = content.decode("utf-8")
    return found


def python_files(*prefixes: str) -> dict[str, str]:
    """Return the text of the Python files whose names have one of these prefixes, by name."""
    return {
        name: text for name, text in texts().items() if name.startswith(prefixes) and name.endswith(".py")
    }


def pinned(lock: str) -> dict[str, set[str]]:
    """Return the versions in a lock file, by package: several if platforms or Python versions differ."""
    pins: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)(?:\[[^]]*\])?==([^\s;]+)", texts()[lock], re.MULTILINE):
        pins.setdefault(canonicalize_name(name), set()).add(version)
    return pins


@cache
def project() -> dict[str, Any]:
    """Return the parsed pyproject.toml."""
    return tomllib.loads(texts()["pyproject.toml"])


def required(group: str) -> list[str]:
    """Return the requirements of a dependency group and of the groups that it includes."""
    found: list[str] = []
    for part in project()["dependency-groups"][group]:
        found += required(part["include-group"]) if isinstance(part, dict) else [part]
    return found


def test_no_file_names_a_package_registry_or_a_path_of_one_machine() -> None:
    named = [(name, host) for name, text in texts().items() for host in REGISTRIES if host in text]
    paths = [(name, match[0]) for name, text in texts().items() for match in MACHINE_PATH.finditer(text)]
    fail_on(f"{name} names the package registry {host}. Remove the host's name." for name, host in named)
    fail_on(f"{name} names {path}, a path of one machine. Write a relative path." for name, path in paths)


@pytest.mark.parametrize("lock", LOCKS)
def test_a_python_lock_names_no_host_and_hashes_every_package(lock: str) -> None:
    text = texts()[lock]
    fail_on(
        f"{lock} contains {word}, so it names a registry. Run `make lock`; do not edit the file by hand."
        for word in ("://", "--index", "--find-links")
        if word in text
    )
    pins = re.findall(r"^\S+==", text, re.MULTILINE)
    hashed = re.findall(r"^\S+==[^\n]+\\\n    --hash=sha256:", text, re.MULTILINE)
    if not len(pins) == len(hashed) > 0:
        fail_on([f"{lock}: {len(hashed)} of {len(pins)} packages have a hash. Run `make lock`."])


@pytest.mark.parametrize("lock", NPM_LOCKS)
def test_an_npm_lock_names_no_host_and_hashes_every_package(lock: str) -> None:
    packages = json.loads(texts()[lock])["packages"]
    fail_on(
        f'{lock}: {name} has "resolved", which names a registry. Run `make lock`.'
        for name, package in packages.items()
        if "resolved" in package
    )
    fail_on(
        f'{lock}: {name} has no "integrity". Run `make lock`.'
        for name, package in packages.items()
        if name and "integrity" not in package
    )


@pytest.mark.parametrize(
    ("lock", "requirements"),
    [
        ("requirements/runtime.lock", project()["project"]["dependencies"]),
        ("requirements/dev.lock", [*project()["project"]["dependencies"], *required("dev")]),
        ("requirements/build.lock", required("build")),
        ("requirements/checkers.lock", required("checkers")),
        ("requirements/emulator.lock", required("emulator")),
        ("requirements/fuzzer.lock", required("fuzzer")),
        ("requirements/node.lock", required("node")),
        ("src/imchat/deploy/packaging/functions.lock", required("functions")),
    ],
    ids=["runtime", "dev", "build", "checkers", "emulator", "fuzzer", "node", "functions"],
)
def test_a_lock_has_the_versions_that_pyproject_requires(lock: str, requirements: list[str]) -> None:
    """Run `make lock` if this fails."""
    pins = pinned(lock)
    for requirement in map(Requirement, requirements):
        versions = pins.get(canonicalize_name(requirement.name), set())
        if not versions or not all(map(requirement.specifier.contains, versions)):
            has = ", ".join(sorted(versions)) or "no version"
            fail_on([f"{lock} has {has} of what pyproject.toml requires: {requirement}. Run `make lock`."])


def test_the_locks_agree_with_each_other() -> None:
    dev = pinned("requirements/dev.lock")
    for lock in (
        "requirements/runtime.lock",
        "requirements/build.lock",
        "src/imchat/deploy/packaging/functions.lock",
    ):
        fail_on(
            f"{lock} has {name} {', '.join(sorted(versions))}, which dev.lock does not have. Run `make lock`."
            for name, versions in pinned(lock).items()
            if not versions <= dev.get(name, set())
        )


def test_the_npm_lock_matches_package_json() -> None:
    package, lock = (
        json.loads(texts()[f"frontend/{name}"]) for name in ("package.json", "package-lock.json")
    )
    for kind in ("dependencies", "devDependencies"):
        if lock["packages"][""][kind] != package[kind]:
            fail_on([f"frontend/package-lock.json has other {kind} than package.json. Run `make lock`."])


def test_vite_is_a_dependency_and_not_only_for_development() -> None:
    if "vite" not in json.loads(texts()["frontend/package.json"])["dependencies"]:
        fail_on(
            ["frontend/package.json: vite builds the client. List it in dependencies, not devDependencies."]
        )


def test_no_code_uses_the_mock_library() -> None:
    fail_on(
        f"{name} uses a mock of the standard library. Pass a fake object as an argument instead."
        for name, text in python_files("tests/", "src/", "bench/").items()
        if MOCKING.search(text)
    )


def test_domain_and_services_get_time_ids_and_randomness_injected() -> None:
    core = python_files("src/imchat/domain/", "src/imchat/services/")
    assert core
    fail_on(
        f"{name} uses {match[0]}. Take time, ids and randomness from App, so that tests can set them."
        for name, text in core.items()
        for match in INJECTED_ONLY.finditer(text)
    )


def test_every_module_has_a_docstring() -> None:
    undocumented = [
        name
        for name, text in python_files("src/", "tests/", "bench/", "hatch_build.py", "requirements/").items()
        if text.strip() and not ast.get_docstring(ast.parse(text))
    ]
    fail_on(
        f"{name} has no module docstring. Begin it with one line that says what it does."
        for name in undocumented
    )


def test_every_suppressed_rule_has_a_reason() -> None:
    code = python_files("src/", "tests/", "bench/", "hatch_build.py", "requirements/")
    silenced = re.compile(r"# (?:noqa(?!: [A-Z0-9, ]+ - \w)|type: ignore(?!\[[a-z-]+\]  # \w)).*")
    fail_on(
        f"{name}: {match[0]!r} gives no reason. Write '# noqa: RULE - reason' or '# type: ignore[code]  # reason'."
        for name, text in code.items()
        for match in silenced.finditer(text)
    )


def test_text_files_end_with_one_newline_and_have_unix_line_ends() -> None:
    written = {
        name: text for name, text in texts().items() if text and not name.endswith((".lock", ".json", ".svg"))
    }
    fail_on(
        f"{name} has Windows line ends. Save it with \\n." for name, text in written.items() if "\r" in text
    )
    fail_on(
        f"{name} does not end with exactly one newline. Correct its end."
        for name, text in written.items()
        if not text.endswith("\n") or text.endswith("\n\n")
    )


def test_the_required_files_at_the_root_exist() -> None:
    top = {"README.md", "LICENSE", "CHANGELOG.md", "Makefile", ".ci/run", "pyproject.toml"}
    fail_on(f"{name} is missing. Restore it." for name in sorted(top - set(tracked())))
    assert texts()["LICENSE"].startswith("MIT License")
    assert project()["project"]["license"] == "MIT"
    if not os.access(ROOT / ".ci" / "run", os.X_OK):
        fail_on([".ci/run is not executable. Run `chmod +x .ci/run`."])


def test_no_built_or_installed_file_is_in_git() -> None:
    built = re.compile(r"(^|/)(node_modules|dist|build|\.venv|__pycache__|site)/|\.pyc$")
    fail_on(
        f"{name} is built or installed. Remove it from git, and ignore it in .gitignore."
        for name in tracked()
        if built.search(name)
    )
