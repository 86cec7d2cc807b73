"""Two users type each format and see it; plain messages load no formatter, and nothing moves when it is loaded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

import pytest
from playwright.sync_api import Browser, Locator, expect
from tests.support.browser_harness import Server, call, sign_in, sign_up
from tests.support.browser_users import NARROW, WIDE, BrowserUser, browser_user

_AXE: Final = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
_RUN_AXE: Final = """async () => (await axe.run(document, {resultTypes: ['violations']})).violations
    .map(v => v.id + ': ' + v.nodes.map(n => n.target.join(' ')).join(', '))"""
_RECORD_SHIFTS: Final = """window.shifts = 0; window.moved = []
new PerformanceObserver(list => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) {
        window.shifts += entry.value
        window.moved.push(...entry.sources.map(source => source.node?.parentElement?.className))
    }
}).observe({type: 'layout-shift', buffered: true})"""
_CODE: Final = '```py\ndef f(x):\n    return "@bo **not bold** https://example.com"\n```'
_FORMS: Final = {
    "**bold** and *italics*": ("strong", "bold"),
    "_also italics_": ("em", "also italics"),
    "~~struck~~": ("s", "struck"),
    "Run `make @bo`": ("code.code", "make @bo"),
    "> a quoted line\nand a reply": ("blockquote", "a quoted line"),
    "Buy:\n- milk\n- *bread*\n1. first\n2. second": ("ul.body-list li >> nth=1", "bread"),
    "See [the docs](https://example.com/docs).": ("a.body-link", "the docs"),
    "看https://example.com/\uff0c谢谢, www.example.org, bo@example.org": (
        "a >> nth=0",
        "https://example.com/",
    ),
    _CODE: ("pre", 'def f(x):\n    return "@bo **not bold** https://example.com"'),
    "The end: ||**Bo** did it||": (".spoiler", "Bo did it"),
}


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server with a conversation between Ana and Bo."""
    with Server(tmp_path_factory.mktemp("data")) as running:
        users = {}
        for name in ("Ana", "Bo1"):
            account = sign_up(running.url, f"{name.lower()}@example.org")
            headers = {"Authorization": f"Bearer {account.token}"}
            profile = {"handle": name.lower(), "display_name": name}
            call(f"{running.url}/api/me", profile, headers=headers, method="PATCH")
            users[name] = account
        body = {"kind": "direct", "member_ids": [users["Bo1"].user_id]}
        call(
            f"{running.url}/api/conversations",
            body,
            headers={"Authorization": f"Bearer {users['Ana'].token}"},
        )
        yield running


def _open(user: BrowserUser, name: str, other: str) -> None:
    user.sign_in(f"{name}@example.org")
    user.open_conversation(other)


def _last(user: BrowserUser) -> Locator:
    return user.page.get_by_role("article").last


def _requests_of_formatter(user: BrowserUser) -> list[str]:
    found: list[str] = []
    user.page.on(
        "request", lambda request: found.append(request.url) if "FormattedBody" in request.url else None
    )
    return found


def test_each_format_is_typed_and_seen(browser: Browser, server: Server) -> None:
    with (
        browser_user(browser, server.url) as ana,
        browser_user(browser, server.url, scheme="dark", size=NARROW) as bo,
    ):
        # A service worker would fetch the formatter in the background.
        loaded = _requests_of_formatter(ana)
        _open(ana, "ana", "Bo1")
        _open(bo, "bo1", "Ana")
        ana.send_messages("Hello, plain https://example.com/a?b=c!")
        ana.expect_messages("Hello, plain https://example.com/a?b=c!")
        assert loaded == [], "a plain message loads no formatter"
        box = ana.page.get_by_role("textbox", name="Message to Bo1")
        for typed, (selector, text) in _FORMS.items():
            box.fill(typed)
            if typed.startswith("**"):
                expect(ana.page.locator(".composer-help")).to_be_visible()
                ana.screenshot("format-help-light-1280")
            box.press("Enter")
            for user in (ana, bo):
                expect(_last(user).locator(selector)).to_contain_text(text)
        assert len(loaded) == 1
        expect(bo.page.locator(".mention")).to_have_count(0)
        expect(bo.page.get_by_role("link", name="bo@example.org")).to_have_attribute(
            "href", "mailto:bo@example.org"
        )
        expect(bo.page.get_by_role("group", name="Code, py")).to_be_visible()
        ana.screenshot("formats-light-1280")
        bo.screenshot("formats-dark-390")

        spoiler = _last(bo).get_by_role("button", name="Spoiler, show")
        expect(_last(bo).locator("strong")).to_be_hidden()
        before = bo.page.locator(".spoiler").bounding_box()
        spoiler.press("Enter")
        expect(_last(bo).locator("strong")).to_be_visible()
        assert bo.page.locator(".spoiler").bounding_box() == before
        expect(bo.page.locator(".spoiler")).to_be_focused()
        bo.click("Back to conversations")
        expect(bo.page.locator(".row-preview")).to_contain_text("The end: ▒▒▒")

        ana.send_messages("[x](javascript:alert(1)) <img src=x onerror=alert(1)> [y](data:text/html,x)")
        expect(_last(ana)).to_contain_text("[x](javascript:alert(1)) <img src=x")
        expect(_last(ana).get_by_role("link")).to_have_count(0)
        expect(_last(ana).locator("img")).to_have_count(0)
        ana.send_messages("*" * 7_000)
        expect(_last(ana)).to_contain_text("*" * 7_000)
        ana.send_messages("the **source**")
        expect(_last(ana)).to_contain_text("the source")
        expect(_last(ana)).to_have_attribute("data-state", "sent")
        box.press("ArrowUp")
        expect(ana.page.get_by_role("textbox", name="Edit message to Bo1")).to_have_value("the **source**")


@pytest.mark.parametrize(
    ("scheme", "size"), [("light", WIDE), ("dark", WIDE), ("light", NARROW), ("dark", NARROW)]
)
def test_nothing_moves_when_the_formatter_is_loaded(
    browser: Browser, server: Server, scheme: Literal["light", "dark"], size: tuple[int, int]
) -> None:
    context: Any = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,
        bypass_csp=True,
        service_workers="block",
    )
    page = context.new_page()
    page.add_init_script(_RECORD_SHIFTS)
    page.goto(server.url)
    ana = BrowserUser(page)
    ana.sign_in("ana@example.org")
    rows = page.get_by_role("navigation", name="Conversations").get_by_role("link")
    expect(rows.first).to_be_visible()
    for body in ("**first** and a list:\n- a\n- b", _CODE, "> quote\n||hidden||"):
        _send(server, body)
    expect(rows.first).to_contain_text("▒▒▒")
    page.wait_for_timeout(1_000)
    before, moved = page.evaluate("[window.shifts, window.moved]")
    # The formatter comes late, long after the messages.
    page.route(re.compile("FormattedBody"), lambda route: (page.wait_for_timeout(800), route.continue_())[-1])
    rows.first.click()
    expect(page.locator(".spoiler").last).to_be_visible()
    page.wait_for_timeout(500)
    assert page.evaluate("[window.shifts, window.moved]") == [before, moved]
    page.screenshot(path=f"build/screenshots/formats-{scheme}-{size[0]}.png")
    page.add_script_tag(path=_AXE)
    assert page.evaluate(_RUN_AXE) == []
    context.close()


def _send(server: Server, body: str) -> None:
    token = sign_in(server.url, "bo1@example.org")
    headers = {"Authorization": f"Bearer {token}"}
    entry = call(f"{server.url}/api/conversations", headers=headers)["conversations"][0]
    conversation_id = entry["conversation"]["conversation_id"]
    message = {
        "client_message_id": f"m{hash(body) & 0xFFFFFF}{entry['conversation']['last_seq']}",
        "body": body,
    }
    call(f"{server.url}/api/conversations/{conversation_id}/messages", message, headers=headers)


def test_on_a_touch_screen_enter_starts_a_line_and_the_menu_has_the_exact_time(
    browser: Browser, server: Server
) -> None:
    with browser_user(browser, server.url, size=NARROW, touch=True) as bo:
        _open(bo, "bo1", "Ana")
        box = bo.page.get_by_role("textbox", name="Message to Ana")
        expect(box).to_have_attribute("enterkeyhint", "enter")
        box.press_sequentially("first\nsecond")
        expect(box).to_have_value("first\nsecond")
        bo.page.get_by_role("button", name="Send", exact=True).tap()
        expect(_last(bo)).to_contain_text("first\nsecond")
        expect(box).to_have_value("")
        _last(bo).locator(".message-more").dispatch_event("click")
        expect(bo.page.get_by_role("dialog").locator("time")).to_have_text(
            re.compile(r"day, \w+ \d+, \d{4}.*\d:\d\d")
        )
        bo.screenshot("message-time-touch-390")
