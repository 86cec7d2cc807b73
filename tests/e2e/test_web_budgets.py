"""The web client keeps its budgets on an account with 300 conversations: bytes, elements, Tab stops, layout shifts."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.web_accounts import create_accounts
from bench.web_budgets import BUDGETS, exceeded, signed_out, starts
from playwright.sync_api import Browser
from tests.support.browser_harness import Server

pytestmark = pytest.mark.budget


def test_no_budget_that_does_not_depend_on_the_machine_is_exceeded(browser: Browser, tmp_path: Path) -> None:
    accounts = create_accounts(tmp_path)
    with Server(tmp_path) as server:
        figures = signed_out(browser, server.url)
        for size in ("390", "1280"):
            figures |= starts(browser, server.url, accounts.many, size=size)
    assert set(figures) >= {name for name, budget in BUDGETS.items() if budget.fails}
    too_much = {name: figures[name] for name in exceeded(figures, {}) if BUDGETS[name].fails}
    assert too_much == {}


@pytest.mark.parametrize(
    ("many", "one", "names"),
    [
        ({"tab stops": 60.0}, {"tab stops": 60.0}, []),
        ({"tab stops": 61.0}, {"tab stops": 61.0}, ["tab stops"]),
        ({"tab stops": 50.0}, {"tab stops": 30.0}, ["tab stops"]),
        ({"CLS start": 0.002}, {"CLS start": 0.001}, []),
        ({"elements": 500.0}, {"elements": 200.0}, []),
    ],
    ids=["at the limit", "over the limit", "over the ratio", "too small for a ratio", "without a ratio"],
)
def test_a_figure_exceeds_its_budget_by_its_value_or_by_the_ratio_between_the_accounts(
    many: dict[str, float], one: dict[str, float], names: list[str]
) -> None:
    assert exceeded(many, one) == names
