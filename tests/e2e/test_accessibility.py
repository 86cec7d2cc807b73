"""Every screen, in light and dark, wide and narrow, left-to-right and right-to-left: axe has nothing to say."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.support.browser_harness import Server, call, sign_up
from tests.support.browser_people import NARROW, PATIENCE_MS, WIDE, Person

pytestmark = pytest.mark.budget

AXE: Final = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_RUN: Final = """async rules => {
    const found = await axe.run(document, {runOnly: rules, resultTypes: ['violations']})
    return found.violations.map(v => v.id + ': ' + v.nodes.map(n => n.target.join(' ')).join(', '))
}"""

_SETTLE: Final = """async direction => {
    document.documentElement.dir = direction
    await new Promise(requestAnimationFrame)
    await Promise.allSettled(document.getAnimations().map(animation => animation.finished))
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with somebody to talk to."""
    with Server(tmp_path_factory.mktemp("data")) as running:
        headers = {"Authorization": f"Bearer {sign_up(running.url, 'bob@example.org').token}"}
        profile = {"handle": "bob", "display_name": "Bob"}
        call(f"{running.url}/api/me", profile, headers=headers, method="PATCH")
        yield running


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    """A page at the server. axe is injected, which our content policy would refuse."""
    context = browser.new_context(bypass_csp=True, reduced_motion="reduce")
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE_MS)
    opened.goto(server.url)
    yield opened
    context.close()


def _sign_up_form(ana: Person) -> None:
    ana.press("Create an account")


def _forgotten(ana: Person) -> None:
    ana.press("Sign in")
    ana.press("Forgot your password?")


def _onboarding(ana: Person) -> None:
    ana.press("Back to sign in")
    ana.sign_up("ana@example.org")
    expect(ana.page.get_by_label("Handle", exact=True)).to_be_visible()


def _empty(ana: Person) -> None:
    ana.introduce("Ana", "ana")


def _new_conversation(ana: Person) -> None:
    ana.press("New conversation")
    ana.page.get_by_label("Search people by handle").fill("bo")
    expect(ana.page.get_by_role("option")).to_have_count(1)


def _direct(ana: Person) -> None:
    ana.page.get_by_role("option").click()
    ana.press("Message Bob")
    ana.says("Hello!", "See https://example.org/notes", "😀")
    ana.sees("Hello!")


def _message_menu(ana: Person) -> None:
    ana.page.get_by_role("article").first.hover()
    ana.press(re.compile("^Actions for the message"))
    expect(ana.page.get_by_role("dialog", name="Message actions")).to_be_visible()


def _details(ana: Person) -> None:
    ana.page.keyboard.press("Escape")
    ana.press(re.compile("^Details of"))
    expect(ana.page.get_by_role("dialog", name="Details")).to_be_visible()


def _settings(ana: Person) -> None:
    ana.page.keyboard.press("Escape")
    ana.press("Settings")
    expect(ana.page.get_by_role("dialog")).to_be_visible()


def _group(ana: Person) -> None:
    ana.page.keyboard.press("Escape")
    ana.find("bob")
    ana.press("Make it a group")
    ana.fill("Name of the group", "Hikers")
    ana.press("Create a group with 1 person")
    ana.press("Details of Hikers")
    ana.press("Create a link")
    expect(ana.page.get_by_label("Link", exact=True)).to_be_visible()


def _administration(server: Server, ana: Person) -> None:
    server.promote("ana@example.org")
    ana.page.goto(server.url)  # with a new token, which says so
    ana.press("Settings")
    ana.press("Administration")
    expect(ana.page.get_by_role("button", name="Suspend Bob")).to_be_visible()


SCREENS: Final[dict[str, Callable[[Person], None]]] = {
    "sign in": lambda _ana: None,
    "sign up": _sign_up_form,
    "forgotten password": _forgotten,
    "onboarding": _onboarding,
    "empty list": _empty,
    "new conversation": _new_conversation,
    "conversation": _direct,
    "message menu": _message_menu,
    "details": _details,
    "settings": _settings,
    "group": _group,
}


def test_axe_finds_nothing_on_any_screen_in_any_form(page: Page, server: Server) -> None:
    findings: list[str] = []
    ana = Person(page)
    screens: dict[str, Callable[[Person], None]] = {
        **SCREENS,
        "administration": partial(_administration, server),
    }
    for screen, go in screens.items():
        page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
        go(ana)
        for scheme, size, direction in itertools.product(("light", "dark"), (WIDE, NARROW), ("ltr", "rtl")):
            findings += [
                f"{screen}, {scheme} {size[0]} {direction}: {found}"
                for found in _axe(page, scheme, size, direction)
            ]
        _dress(page, "light", WIDE, "ltr")
    assert findings == []


def test_axe_does_find_a_picture_without_a_name(page: Page) -> None:
    page.goto(re.sub("#.*", "", page.url))
    page.evaluate("document.body.append(document.createElement('img'))")
    assert any("image-alt" in found for found in _axe(page, "light", WIDE, "ltr"))


def _axe(page: Page, scheme: Any, size: tuple[int, int], direction: str) -> list[str]:
    _dress(page, scheme, size, direction)
    if not page.evaluate("'axe' in window"):
        page.add_script_tag(path=AXE)
    found: list[str] = page.evaluate(_RUN, RULES)
    return found


def _dress(page: Page, scheme: Any, size: tuple[int, int], direction: str) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.evaluate(_SETTLE, direction)
