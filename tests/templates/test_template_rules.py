"""The templates break none of the rules, and each rule finds its mutants."""

from __future__ import annotations

import pytest
from tests.templates.template_mutants import MUTANTS, Mutant
from tests.templates.template_rules import RULES, Installation

NUMBERS = {*map(str, range(1, 30)), "11a"}


@pytest.mark.parametrize("number", RULES)
def test_the_templates_break_no_rule(number: str) -> None:
    assert list(RULES[number](Installation())) == []


@pytest.mark.parametrize(
    ("number", "mutant"), MUTANTS, ids=[f"{number}-{function.__name__}" for number, function in MUTANTS]
)
def test_a_rule_finds_its_mutants(number: str, mutant: Mutant) -> None:
    installation = Installation()
    mutant(installation)
    assert list(RULES[number](installation)), "the rule did not find the mutant"


def test_every_number_has_a_rule_and_a_mutant() -> None:
    assert set(RULES) == NUMBERS
    assert {number for number, _ in MUTANTS} == NUMBERS
