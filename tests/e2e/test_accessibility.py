"""axe finds no violations on any screen: light and dark, wide and narrow, left-to-right and right-to-left."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.support.browser_harness import Server, call, sign_in, sign_up
from tests.support.browser_users import NARROW, PATIENCE_MS, WIDE, BrowserUser

pytestmark = pytest.mark.budget

AXE: Final = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LONG_LIST: Final = 60
_RUN: Final = """async rules => {
    const result = await axe.run(document, {runOnly: rules, resultTypes: ['violations']})
    return result.violations.map(v => v.id + ': ' + v.nodes.map(n => n.target.join(' ')).join(', '))
}"""

_SETTLE: Final = """async direction => {
    document.documentElement.dir = direction
    await new Promise(requestAnimationFrame)
    await Promise.allSettled(document.getAnimations().map(animation => animation.finished))
}"""


_FULL_STORAGE: Final = """() => {
    Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') }
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server with the user Bob."""
    with Server(tmp_path_factory.mktemp("data")) as running:
        headers = {"Authorization": f"Bearer {sign_up(running.url, 'bob@example.org').token}"}
        profile = {"handle": "bob", "display_name": "Bob"}
        call(f"{running.url}/api/me", profile, headers=headers, method="PATCH")
        yield running


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    """Open a page of the server. It bypasses the content security policy, which would block the injected axe."""
    context = browser.new_context(bypass_csp=True, reduced_motion="reduce")
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE_MS)
    opened.goto(server.url)
    yield opened
    context.close()


def _sign_up_form(ana: BrowserUser) -> None:
    ana.click("Create an account")


def _forgot_password(ana: BrowserUser) -> None:
    ana.click("Sign in")
    ana.click("Forgot your password?")


def _onboarding(ana: BrowserUser) -> None:
    ana.click("Back to sign in")
    ana.sign_up("ana@example.org")
    expect(ana.page.get_by_label("Handle", exact=True)).to_be_visible()


def _empty_list(ana: BrowserUser) -> None:
    ana.complete_profile("Ana", "ana")


def _new_conversation(ana: BrowserUser) -> None:
    ana.click("New conversation")
    ana.page.get_by_label("Search people by handle").fill("bo")
    expect(ana.page.get_by_role("option")).to_have_count(1)


def _conversation(ana: BrowserUser) -> None:
    ana.page.get_by_role("option").click()
    ana.click("Message Bob")
    ana.send_messages("Hello!", "See https://example.org/notes", "😀")
    ana.expect_messages("Hello!")


def _message_menu(ana: BrowserUser) -> None:
    ana.page.get_by_role("article").first.hover()
    ana.click(re.compile("^Actions for the message"))
    expect(ana.page.get_by_role("dialog", name="Message actions")).to_be_visible()


def _details(ana: BrowserUser) -> None:
    ana.page.keyboard.press("Escape")
    ana.click(re.compile("^Details of"))
    expect(ana.page.get_by_role("dialog", name="Details")).to_be_visible()


def _settings(ana: BrowserUser) -> None:
    ana.page.keyboard.press("Escape")
    ana.click("Settings")
    expect(ana.page.get_by_role("dialog")).to_be_visible()


def _two_step(ana: BrowserUser) -> None:
    ana.click("Manage two-step sign-in")
    ana.click("Set up")
    expect(ana.page.get_by_role("img", name="QR code for your authenticator app")).to_be_visible()


def _group(ana: BrowserUser) -> None:
    ana.page.keyboard.press("Escape")
    expect(ana.page.get_by_role("dialog", name="Two-step sign-in")).to_have_count(0)
    if ana.page.get_by_role("dialog").count():
        ana.page.keyboard.press("Escape")
    ana.select_users("bob")
    ana.click("Create a group instead")
    ana.fill("Group name", "Hikers")
    ana.click("Create a group with 1 person")
    ana.click("Details of Hikers")
    ana.click("Create a link")
    expect(ana.page.get_by_label("Link", exact=True)).to_be_visible()


def _long_list(server: Server, ana: BrowserUser) -> None:
    headers = {"Authorization": f"Bearer {sign_in(server.url, 'ana@example.org')}"}
    for number in range(LONG_LIST):
        new = {"kind": "group", "title": f"Group {number}", "member_ids": []}
        call(f"{server.url}/api/conversations", new, headers=headers)
    ana.page.goto(server.url)
    rows = ana.page.get_by_role("navigation", name="Conversations").get_by_role("listitem")
    expect(rows.first).to_have_attribute("aria-setsize", str(LONG_LIST + 2))
    assert rows.count() < LONG_LIST


def _administration(server: Server, ana: BrowserUser) -> None:
    server.promote("ana@example.org")
    ana.page.goto(server.url)  # this gets a new token with the role
    ana.click("Settings")
    ana.click("Administration")
    expect(ana.page.get_by_role("button", name="Suspend Bob")).to_be_visible()


def _notes(ana: BrowserUser) -> None:
    """Show that the browser is offline and stores nothing, and a dialog that could not be loaded."""
    ana.page.keyboard.press("Escape")
    ana.page.context.set_offline(True)
    ana.page.evaluate(_FULL_STORAGE)
    ana.page.get_by_role("textbox", name="Message to Hikers").fill("a draft")
    expect(ana.page.get_by_text(re.compile("^You are offline")).first).to_be_visible()
    expect(ana.page.get_by_text(re.compile("^This browser doesn.t store data"))).to_be_visible()


def _not_loaded(ana: BrowserUser) -> None:
    ana.page.context.set_offline(False)
    ana.page.context.route("**/assets/Channels-*.js", lambda route: route.abort())
    ana.page.evaluate("async () => (await navigator.serviceWorker.ready).unregister()")
    ana.page.add_init_script("delete Navigator.prototype.serviceWorker")
    ana.page.goto(re.sub("#.*", "?without-service-worker#/channels", ana.page.url))
    expect(ana.page.get_by_role("dialog", name="Loading failed")).to_be_visible()


SCREENS: Final[dict[str, Callable[[BrowserUser], None]]] = {
    "sign in": lambda _ana: None,
    "sign up": _sign_up_form,
    "forgot password": _forgot_password,
    "onboarding": _onboarding,
    "empty list": _empty_list,
    "new conversation": _new_conversation,
    "conversation": _conversation,
    "message menu": _message_menu,
    "details": _details,
    "settings": _settings,
    "two-step sign-in": _two_step,
    "group": _group,
    "notes": _notes,
    "not loaded": _not_loaded,
}


def test_axe_finds_no_violations_on_any_screen(page: Page, server: Server) -> None:
    findings: list[str] = []
    ana = BrowserUser(page)
    screens: dict[str, Callable[[BrowserUser], None]] = {
        **SCREENS,
        "long list": partial(_long_list, server),
        "administration": partial(_administration, server),
    }
    for screen, open_screen in screens.items():
        page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
        open_screen(ana)
        for scheme, size, direction in itertools.product(("light", "dark"), (WIDE, NARROW), ("ltr", "rtl")):
            findings += [
                f"{screen}, {scheme} {size[0]} {direction}: {violation}"
                for violation in _axe(page, scheme, size, direction)
            ]
        _set_appearance(page, "light", WIDE, "ltr")
    assert findings == []


def test_axe_finds_an_image_without_a_name(page: Page) -> None:
    page.goto(re.sub("#.*", "", page.url))
    page.evaluate("document.body.append(document.createElement('img'))")
    assert any("image-alt" in violation for violation in _axe(page, "light", WIDE, "ltr"))


def _axe(page: Page, scheme: Any, size: tuple[int, int], direction: str) -> list[str]:
    _set_appearance(page, scheme, size, direction)
    if not page.evaluate("'axe' in window"):
        page.add_script_tag(path=AXE)
    violations: list[str] = page.evaluate(_RUN, RULES)
    return violations


def _set_appearance(page: Page, scheme: Any, size: tuple[int, int], direction: str) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.evaluate(_SETTLE, direction)
