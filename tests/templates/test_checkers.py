"""How findings are compared with the accepted ones. The checkers run in `make check`: checkov alone takes seconds."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.templates.checkers import CHECKERS, CONTROL, Acceptance, Finding, accepted, find_problems

CONTROL_FINDINGS = [Finding(checker, "R0", f"{CONTROL}/Bucket", "is wrong") for checker in CHECKERS]
FINDING = Finding("checkov", "R1", "app/HttpFunction", "has no queue")
ACCEPTANCE = Acceptance("checkov", "R1", "app/*Function", "it needs none")


def test_a_finding_that_is_not_accepted_is_a_problem() -> None:
    assert find_problems([*CONTROL_FINDINGS, FINDING], []) == ["app/HttpFunction: has no queue (checkov R1)"]


@pytest.mark.parametrize(
    "acceptance",
    [
        ACCEPTANCE._replace(checker="cfn-lint"),
        ACCEPTANCE._replace(rule="R2"),
        ACCEPTANCE._replace(where="app/*Queue"),
        ACCEPTANCE._replace(where="site/*"),
    ],
)
def test_an_acceptance_covers_only_its_checker_rule_and_place(acceptance: Acceptance) -> None:
    assert not acceptance.covers(FINDING)
    assert len(find_problems([*CONTROL_FINDINGS, FINDING], [acceptance])) == 2


def test_an_accepted_finding_is_not_a_problem() -> None:
    assert find_problems([*CONTROL_FINDINGS, FINDING], [ACCEPTANCE]) == []


def test_an_acceptance_without_a_finding_is_a_problem() -> None:
    assert find_problems(CONTROL_FINDINGS, [ACCEPTANCE]) == [
        "accepted.toml accepts R1 of checkov at app/*Function: not found there"
    ]


def test_a_checker_that_finds_nothing_in_the_wrong_template_is_a_problem() -> None:
    assert find_problems(CONTROL_FINDINGS[1:], []) == [
        f"{CONTROL_FINDINGS[0].checker} found nothing in a template that is wrong"
    ]


def test_every_acceptance_has_a_reason() -> None:
    for acceptance in accepted():
        assert acceptance.checker in CHECKERS
        assert "/" in acceptance.where or acceptance.rule == "I4010", "a whole template is too much to accept"
        assert acceptance.reason


def test_an_acceptance_without_a_reason_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "accepted.toml"
    path.write_text('[[accepted]]\nchecker = "checkov"\nrule = "R1"\nwhere = "app/*"\n')
    with pytest.raises(TypeError, match="reason"):
        accepted(path)
