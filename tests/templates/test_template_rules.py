"""Our templates break none of the rules, and each rule sees the mistakes that it is there for."""

from __future__ import annotations

import pytest
from tests.templates.template_mutants import SEEDS, Seed
from tests.templates.template_rules import RULES, Installation

ROWS = {*map(str, range(1, 30)), "11a"}


@pytest.mark.parametrize("number", RULES)
def test_the_templates_keep_every_rule(number: str) -> None:
    assert list(RULES[number](Installation())) == []


@pytest.mark.parametrize(
    ("number", "mistake"), SEEDS, ids=[f"{number}-{made.__name__}" for number, made in SEEDS]
)
def test_a_rule_sees_its_mistakes(number: str, mistake: Seed) -> None:
    installation = Installation()
    mistake(installation)
    assert list(RULES[number](installation)), "the mistake went unseen"


def test_every_known_mistake_has_a_rule_and_a_way_to_make_it() -> None:
    assert set(RULES) == ROWS
    assert {number for number, _ in SEEDS} == ROWS
