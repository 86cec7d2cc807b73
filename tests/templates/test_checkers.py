"""What the checkers' findings are held against. They themselves run in `make check`: checkov alone takes seconds to load."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.templates.checkers import CHECKERS, CONTROL, Acceptance, Finding, accepted, judge

SEEN = [Finding(checker, "R0", f"{CONTROL}/Bucket", "is wrong") for checker in CHECKERS]
FINDING = Finding("checkov", "R1", "app/HttpFunction", "has no queue")
ACCEPTANCE = Acceptance("checkov", "R1", "app/*Function", "it needs none")


def test_a_finding_that_nobody_accepted_is_a_problem() -> None:
    assert judge([*SEEN, FINDING], []) == ["app/HttpFunction: has no queue (checkov R1)"]


@pytest.mark.parametrize(
    "acceptance",
    [
        ACCEPTANCE._replace(checker="cfn-lint"),
        ACCEPTANCE._replace(rule="R2"),
        ACCEPTANCE._replace(where="app/*Queue"),
        ACCEPTANCE._replace(where="site/*"),
    ],
)
def test_an_acceptance_covers_its_own_checker_rule_and_place_only(acceptance: Acceptance) -> None:
    assert not acceptance.covers(FINDING)
    assert len(judge([*SEEN, FINDING], [acceptance])) == 2


def test_what_was_accepted_is_no_problem() -> None:
    assert judge([*SEEN, FINDING], [ACCEPTANCE]) == []


def test_an_acceptance_of_what_nobody_finds_is_a_problem() -> None:
    assert judge(SEEN, [ACCEPTANCE]) == [
        "accepted.toml accepts R1 of checkov at app/*Function: not found there"
    ]


def test_a_checker_that_sees_nothing_in_what_is_wrong_is_a_problem() -> None:
    assert judge(SEEN[1:], []) == [f"{SEEN[0].checker} saw nothing in a template that is wrong"]


def test_every_acceptance_gives_its_reason() -> None:
    for acceptance in accepted():
        assert acceptance.checker in CHECKERS
        assert "/" in acceptance.where or acceptance.rule == "I4010", "a whole template is too much to accept"
        assert acceptance.reason


def test_an_acceptance_without_a_reason_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "accepted.toml"
    path.write_text('[[accepted]]\nchecker = "checkov"\nrule = "R1"\nwhere = "app/*"\n')
    with pytest.raises(TypeError, match="reason"):
        accepted(path)
