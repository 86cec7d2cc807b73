"""Runs four third-party checkers on the templates; each finding must be in accepted.toml, with a reason.

    python -m tests.templates.checkers

cfn-lint and cloudformation-validate run in this environment; checkov and parliament in another, which the Makefile builds
from requirements/checkers.lock. Each also checks something wrong: a checker that finds nothing there did not work.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final, NamedTuple

from cloudformation_validate import CompositeEngine
from tests.templates.loading import NAMES, load, path_of, policies

ACCEPTED: Final = Path(__file__).with_name("accepted.toml")
BIN: Final = Path(sys.executable).parent
CHECKERS_BIN: Final = Path(sys.prefix) / "checkers" / BIN.name
CONTROL: Final = "control"
WRONG_TEMPLATE: Final = """
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties: { AccessControl: PublicRead, NoSuchProperty: 1 }
"""
WRONG_POLICY: Final = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:NoSuchAction", "Resource": "*"}],
}


class Finding(NamedTuple):
    """A problem that a checker found. `where` is a template, or a template and a resource: `app/HttpFunction`."""

    checker: str
    rule: str
    where: str
    message: str


class Acceptance(NamedTuple):
    """Findings of a rule that are accepted at the places that match `where` (`*` stands for any text)."""

    checker: str
    rule: str
    where: str
    reason: str

    def covers(self, finding: Finding) -> bool:
        same = (self.checker, self.rule) == (finding.checker, finding.rule)
        return same and fnmatchcase(finding.where, self.where)


def accepted(path: Path = ACCEPTED) -> list[Acceptance]:
    """Return the accepted findings in a file. Raises: TypeError for an entry without all fields."""
    return [Acceptance(**entry) for entry in tomllib.loads(path.read_text())["accepted"]]


def find_problems(findings: Iterable[Finding], acceptances: Iterable[Acceptance]) -> list[str]:
    """Return the problems: findings not accepted, acceptances without a finding, checkers that did not work."""
    found, known = list(findings), list(acceptances)
    in_templates = [finding for finding in found if not finding.where.startswith(CONTROL)]
    failed = set(CHECKERS) - {finding.checker for finding in found if finding.where.startswith(CONTROL)}
    return [
        *(f"{checker} found nothing in a template that is wrong" for checker in sorted(failed)),
        *(
            f"{finding.where}: {finding.message} ({finding.checker} {finding.rule})"
            for finding in in_templates
            if not any(acceptance.covers(finding) for acceptance in known)
        ),
        *(
            f"{ACCEPTED.name} accepts {acceptance.rule} of {acceptance.checker} at {acceptance.where}: not found there"
            for acceptance in known
            if not any(acceptance.covers(finding) for finding in in_templates)
        ),
    ]


def cfn_lint(folder: Path) -> Iterator[Finding]:
    """Yield the findings in a folder's templates: errors, warnings and infos, also of the serverless rules."""
    command: list[Path | str] = [
        BIN / "cfn-lint",
        "-c",
        "I",
        "E",
        "W",
        "-a",
        "cfn_lint_serverless.rules",
        "-f",
        "json",
        "--",
    ]
    for found in _json([*command, *sorted(folder.glob("*.yaml"))]):
        path = found["Location"]["Path"] or []
        resource = path[1] if path[:1] == ["Resources"] else None
        yield Finding("cfn-lint", found["Rule"]["Id"], _where(found["Filename"], resource), found["Message"])


def cloudformation_validate(folder: Path) -> Iterator[Finding]:
    """Yield the findings of AWS's own validator."""
    engine = CompositeEngine()
    for path in sorted(folder.glob("*.yaml")):
        for found in engine.validate_template(str(path)).diagnostics:
            resource = None if found.entity is None else found.entity.logical_id
            where = _where(path, resource)
            yield Finding("cloudformation-validate", found.rule_id, where, found.message)


def checkov(folder: Path) -> Iterator[Finding]:
    """Yield the failed checks of checkov's rules for CloudFormation."""
    options = ["--framework", "cloudformation", "--quiet", "--compact", "--skip-download", "--output", "json"]
    for found in _json([CHECKERS_BIN / "checkov", "--directory", folder, *options])["results"][
        "failed_checks"
    ]:
        resource = found["resource"].rpartition(".")[2]
        yield Finding("checkov", found["check_id"], _where(found["file_path"], resource), found["check_name"])


def parliament(folder: Path) -> Iterator[Finding]:
    """Yield the findings in a folder's policy documents."""
    options = ["--include_policy_extension", "json", "--json"]
    output = _run([CHECKERS_BIN / "parliament", "--directory", folder, *options])
    for found in map(json.loads, output.splitlines()):
        name, role, _ = Path(found["location"]["filepath"]).name.split(".", 2)
        yield Finding("parliament", found["issue"], f"{name}/{role}", found["detail"] or found["title"])


CHECKERS: Final[dict[str, Callable[[Path], Iterable[Finding]]]] = {
    "cfn-lint": cfn_lint,
    "checkov": checkov,
    "cloudformation-validate": cloudformation_validate,
    "parliament": parliament,
}


def write_inputs(folder: Path) -> None:
    """Write the templates, their rendered policies, and the wrong template and policy into a folder."""
    for name in NAMES:
        shutil.copy(path_of(name), folder)
        for role, documents in policies(load(name)).items():
            for number, document in enumerate(documents):
                (folder / f"{name}.{role}.{number}.json").write_text(json.dumps(document, indent=1))
    (folder / f"{CONTROL}.yaml").write_text(WRONG_TEMPLATE)
    (folder / f"{CONTROL}.Role.0.json").write_text(json.dumps(WRONG_POLICY))


def main() -> int:
    """Run the checkers concurrently and return the exit status."""
    with tempfile.TemporaryDirectory() as directory, ThreadPoolExecutor() as threads:
        folder = Path(directory)
        write_inputs(folder)
        found = list(threads.map(lambda checker: list(checker(folder)), CHECKERS.values()))
    problems = find_problems((finding for findings in found for finding in findings), accepted())
    sys.stderr.write("".join(f"{problem}\n" for problem in problems))
    return 1 if problems else 0


def _where(path: Path | str, resource: str | None) -> str:
    return f"{Path(path).stem}/{resource}" if resource else Path(path).stem


def _json(command: Iterable[Path | str]) -> Any:
    return json.loads(_run(command))


def _run(command: Iterable[Path | str]) -> str:
    """Return what a checker prints. Raises: RuntimeError if it crashed; finding something is not a crash."""
    arguments = list(map(str, command))
    result = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if not result.stdout and result.stderr:
        raise RuntimeError(f"{Path(arguments[0]).name} failed:\n{result.stderr}")
    return result.stdout


if __name__ == "__main__":
    raise SystemExit(main())
