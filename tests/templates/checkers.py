"""Four checkers that others wrote, over the templates; what they find must stand in accepted.toml, with its reason.

    python -m tests.templates.checkers

cfn-lint and cloudformation-validate run here; checkov and parliament in an environment of their own, which the Makefile
builds from requirements/checkers.lock. Each also gets something wrong to see: one that sees nothing there did not work.
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
HERE: Final = Path(sys.executable).parent
OWN: Final = Path(sys.prefix) / "checkers" / HERE.name
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
    """What a checker says. `where` is a template, or a template and a resource: `app/HttpFunction`."""

    checker: str
    rule: str
    where: str
    says: str


class Acceptance(NamedTuple):
    """Findings that we live with: those of a rule at the places that `where` describes (`*` stands for any text)."""

    checker: str
    rule: str
    where: str
    reason: str

    def covers(self, finding: Finding) -> bool:
        same = (self.checker, self.rule) == (finding.checker, finding.rule)
        return same and fnmatchcase(finding.where, self.where)


def accepted(path: Path = ACCEPTED) -> list[Acceptance]:
    """What the file lists. Raises: TypeError for an entry that leaves something out."""
    return [Acceptance(**entry) for entry in tomllib.loads(path.read_text())["accepted"]]


def judge(findings: Iterable[Finding], acceptances: Iterable[Acceptance]) -> list[str]:
    """What is wrong: findings that nobody accepted, acceptances of what nobody finds, checkers that did not work."""
    found, known = list(findings), list(acceptances)
    ours = [finding for finding in found if not finding.where.startswith(CONTROL)]
    blind = set(CHECKERS) - {finding.checker for finding in found if finding.where.startswith(CONTROL)}
    return [
        *(f"{checker} saw nothing in a template that is wrong" for checker in sorted(blind)),
        *(
            f"{finding.where}: {finding.says} ({finding.checker} {finding.rule})"
            for finding in ours
            if not any(acceptance.covers(finding) for acceptance in known)
        ),
        *(
            f"{ACCEPTED.name} accepts {acceptance.rule} of {acceptance.checker} at {acceptance.where}: not found there"
            for acceptance in known
            if not any(acceptance.covers(finding) for finding in ours)
        ),
    ]


def cfn_lint(folder: Path) -> Iterator[Finding]:
    """The findings in a folder's templates: errors, warnings and what is for information, of the serverless rules too."""
    command: list[Path | str] = [
        HERE / "cfn-lint",
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
    """The findings of AWS's own validator."""
    engine = CompositeEngine()
    for path in sorted(folder.glob("*.yaml")):
        for found in engine.validate_template(str(path)).diagnostics:
            resource = None if found.entity is None else found.entity.logical_id
            where = _where(path, resource)
            yield Finding("cloudformation-validate", found.rule_id, where, found.message)


def checkov(folder: Path) -> Iterator[Finding]:
    """The failed checks of checkov's rules for CloudFormation."""
    options = ["--framework", "cloudformation", "--quiet", "--compact", "--skip-download", "--output", "json"]
    for found in _json([OWN / "checkov", "--directory", folder, *options])["results"]["failed_checks"]:
        resource = found["resource"].rpartition(".")[2]
        yield Finding("checkov", found["check_id"], _where(found["file_path"], resource), found["check_name"])


def parliament(folder: Path) -> Iterator[Finding]:
    """The findings in a folder's policies, each the text of one statement list, as IAM gets it."""
    options = ["--include_policy_extension", "json", "--json"]
    done = _run([OWN / "parliament", "--directory", folder, *options])
    for found in map(json.loads, done.splitlines()):
        name, role, _ = Path(found["location"]["filepath"]).name.split(".", 2)
        yield Finding("parliament", found["issue"], f"{name}/{role}", found["detail"] or found["title"])


CHECKERS: Final[dict[str, Callable[[Path], Iterable[Finding]]]] = {
    "cfn-lint": cfn_lint,
    "checkov": checkov,
    "cloudformation-validate": cloudformation_validate,
    "parliament": parliament,
}


def lay_out(folder: Path) -> None:
    """Put the templates, their rendered policies, and what is wrong on purpose into a folder."""
    for name in NAMES:
        shutil.copy(path_of(name), folder)
        for role, documents in policies(load(name)).items():
            for number, document in enumerate(documents):
                (folder / f"{name}.{role}.{number}.json").write_text(json.dumps(document, indent=1))
    (folder / f"{CONTROL}.yaml").write_text(WRONG_TEMPLATE)
    (folder / f"{CONTROL}.Role.0.json").write_text(json.dumps(WRONG_POLICY))


def main() -> int:
    """Run them side by side; the exit status."""
    with tempfile.TemporaryDirectory() as made, ThreadPoolExecutor() as threads:
        folder = Path(made)
        lay_out(folder)
        found = list(threads.map(lambda checker: list(checker(folder)), CHECKERS.values()))
    problems = judge((finding for findings in found for finding in findings), accepted())
    sys.stderr.write("".join(f"{problem}\n" for problem in problems))
    return 1 if problems else 0


def _where(path: Path | str, resource: str | None) -> str:
    return f"{Path(path).stem}/{resource}" if resource else Path(path).stem


def _json(command: Iterable[Path | str]) -> Any:
    return json.loads(_run(command))


def _run(command: Iterable[Path | str]) -> str:
    """What a checker prints. Raises: RuntimeError if it broke down: finding something is no breakdown."""
    words = list(map(str, command))
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if not done.stdout and done.stderr:
        raise RuntimeError(f"{Path(words[0]).name} failed:\n{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    raise SystemExit(main())
