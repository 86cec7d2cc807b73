"""Layout: the page does not scroll, text is cut off only at its end, and touch targets are large enough."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.support.browser_harness import PASSWORD, Server, call, sign_up
from tests.support.browser_users import NARROW, browser_user

LAYLA: Final = "ليلى بنت عبد الرحمن بن محمد الحداد الدمشقية المعروفة بأم البنين"
LAYLA_MESSAGE: Final = "صباح الخير يا أصدقائي، أكتب إليكم من المقهى القديم الذي كنا نجلس فيه كل خميس"

# Returns whether the first letter of an element's text is inside its box, so that it is not cut off.
_BEGINNING_SHOWS: Final = """selector => {
    const box = document.querySelector(selector)
    const walker = document.createTreeWalker(box, NodeFilter.SHOW_TEXT)
    let text = walker.nextNode()
    while (!text.data.trim()) text = walker.nextNode()
    const letter = document.createRange()
    letter.setStart(text, 0)
    letter.setEnd(text, 1)
    const [inner, outer] = [letter.getBoundingClientRect(), box.getBoundingClientRect()]
    return inner.left >= outer.left - 1 && inner.right <= outer.right + 1
}"""

# Returns the distance from the left edge of an element to its text.
_INDENT: Final = """selector => {
    const box = document.querySelector(selector)
    const range = document.createRange()
    range.selectNodeContents(document.createTreeWalker(box, NodeFilter.SHOW_TEXT).nextNode())
    return range.getBoundingClientRect().left - box.getBoundingClientRect().left
}"""

# Returns the visible buttons, links and options that are smaller than a touch target of 44 px.
_TOO_SMALL: Final = """() => {
    const target = element => {
        const box = element.getBoundingClientRect()
        const [x, y] = [box.left + box.width / 2, box.top + box.height / 2]
        const hit = (dx, dy) => {
            const there = document.elementFromPoint(x + dx, y + dy)
            return there !== null && (element.contains(there) || there.closest('label')?.contains(element))
        }
        return !hit(0, 0) || (hit(0, -21) && hit(0, 21) && (box.width >= 44 || (hit(-21, 0) && hit(21, 0))))
    }
    return [...document.querySelectorAll('button, [role=option], nav a')]
        .filter(each => each.checkVisibility() && !target(each))
        .map(each => each.className + ' ' + (each.getAttribute('aria-label') ?? each.textContent))
}"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Run a server for each test. Layla, who has a long name, sent Ana a message, reacted to it and pinned it."""
    with Server(tmp_path / "data") as running:
        ana = _create_user(running.url, "ana", "Ana")
        layla = _create_user(running.url, "layla", LAYLA)
        _create_user(running.url, "laurent", "Laurent")
        new = {"kind": "direct", "member_ids": [ana["id"]]}
        conversation_id = _request(running.url, layla, "POST", "", new)["conversation"]["conversation_id"]
        _request(
            running.url,
            layla,
            "POST",
            f"/{conversation_id}/messages",
            {"client_message_id": "1", "body": LAYLA_MESSAGE},
        )
        for emoji in ("👍", "🎉", "💜"):
            path = f"/{conversation_id}/messages/2/reactions/{_percent_encode(emoji)}"
            call(
                f"{running.url}/api/conversations{path}",
                headers=_authorization(layla),
                method="PUT",
            )
        call(
            f"{running.url}/api/conversations/{conversation_id}/messages/2/pin",
            headers=_authorization(layla),
            method="PUT",
        )
        yield running


def _create_user(url: str, handle: str, name: str) -> dict[str, str]:
    account = sign_up(url, f"{handle}@example.org")
    user = {"id": account.user_id, "token": account.token}
    call(
        f"{url}/api/me",
        {"handle": handle, "display_name": name},
        headers=_authorization(user),
        method="PATCH",
    )
    return user


def _request(
    url: str, user: dict[str, str], method: str, path: str, content: dict[str, Any]
) -> dict[str, Any]:
    return call(f"{url}/api/conversations{path}", content, headers=_authorization(user), method=method)


def _authorization(user: dict[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {user['token']}"}


def _percent_encode(emoji: str) -> str:
    return "".join(f"%{byte:02X}" for byte in emoji.encode())


def test_the_page_does_not_scroll(browser: Browser, server: Server) -> None:
    with browser_user(browser, server.url) as ana:
        ana.sign_in("ana@example.org", PASSWORD)
        ana.expect_conversation_list()
        assert _scroll_range(ana.page) == 0
        ana.open_conversation(LAYLA)
        ana.expect_messages(LAYLA_MESSAGE)
        assert _scroll_range(ana.page) == 0


def _scroll_range(page: Page) -> int:
    pixels: int = page.evaluate("() => document.documentElement.scrollHeight - innerHeight")
    return pixels


def test_long_text_is_cut_off_at_its_end_in_both_directions(browser: Browser, server: Server) -> None:
    with browser_user(browser, server.url, size=NARROW) as ana:
        ana.sign_in("ana@example.org", PASSWORD)
        expect(ana.page.locator(".row-preview")).to_contain_text(LAYLA_MESSAGE)
        for selector in (".row-name", ".row-preview"):
            assert ana.page.evaluate(_BEGINNING_SHOWS, selector), selector
        ana.open_conversation(LAYLA)
        ana.expect_messages(LAYLA_MESSAGE)
        expect(ana.page.locator(".pin-body")).to_be_visible()
        for selector in ("h1", ".pin-body"):
            assert ana.page.evaluate(_BEGINNING_SHOWS, selector), selector


def test_names_are_next_to_their_avatar_in_both_directions(browser: Browser, server: Server) -> None:
    with browser_user(browser, server.url) as ana:
        ana.sign_in("ana@example.org", PASSWORD)
        ana.open_conversation(LAYLA)
        ana.expect_messages(LAYLA_MESSAGE)
        expect(ana.page.locator(".pin-body")).to_be_visible()
        assert ana.page.evaluate(_INDENT, "h1") < 1
        assert ana.page.evaluate(_INDENT, ".pin-body") < 1


def test_all_touch_targets_are_large_enough(browser: Browser, server: Server) -> None:
    with browser_user(browser, server.url, size=NARROW, touch=True) as ana:
        expect(ana.page.get_by_label("E-mail")).to_be_visible()
        small = {"sign in": ana.page.evaluate(_TOO_SMALL)}
        ana.sign_in("ana@example.org", PASSWORD)
        expect(ana.page.locator(".row-preview")).to_contain_text(LAYLA_MESSAGE)
        small["list"] = ana.page.evaluate(_TOO_SMALL)
        ana.open_conversation(LAYLA)
        ana.expect_messages(LAYLA_MESSAGE)
        expect(ana.page.get_by_role("button", name=re.compile("^💜"))).to_be_visible()
        small["conversation"] = ana.page.evaluate(_TOO_SMALL)
        ana.click("Back to conversations")
        ana.click("New conversation")
        ana.page.get_by_label("Search people by handle").fill("la")
        ana.page.get_by_role("option", name=re.compile("layla")).click()
        ana.page.get_by_label("Search people by handle").fill("la")
        ana.page.get_by_role("option", name=re.compile("laurent")).click()
        small["new conversation"] = ana.page.evaluate(_TOO_SMALL)
        ana.click("Close")
        ana.click("Settings")
        expect(ana.page.get_by_role("dialog")).to_be_visible()
        small["settings"] = ana.page.evaluate(_TOO_SMALL)
        assert {screen: targets for screen, targets in small.items() if targets} == {}


def test_keyboard_focus_moves_into_the_next_page_of_a_menu(browser: Browser, server: Server) -> None:
    with browser_user(browser, server.url) as ana:
        ana.sign_in("ana@example.org", PASSWORD)
        ana.open_conversation(LAYLA)
        ana.send_messages("Mine")
        ana.expect_messages("Mine")
        more = ana.page.get_by_role("article").filter(has_text="Mine").locator(".message-more")
        more.press("Enter")
        ana.page.get_by_role("button", name="More emoji").press("Enter")
        grid = ana.page.get_by_role("group", name="Emoji", exact=True)
        expect(grid.get_by_role("button").first).to_be_focused()
        ana.page.keyboard.press("ArrowRight")
        expect(grid.get_by_role("button").nth(1)).to_be_focused()
        ana.page.get_by_role("button", name="Food and drink").press("Enter")
        expect(grid.get_by_role("button", name="🍎")).to_be_focused()
        expect(grid.get_by_role("button", name="🍎")).to_be_in_viewport()
        ana.page.keyboard.press("Escape")
        expect(more).to_be_focused()
        more.press("Enter")
        ana.page.get_by_role("button", name="Delete").press("Enter")
        expect(ana.page.get_by_role("button", name="Cancel")).to_be_focused()
        ana.page.keyboard.press("Escape")
        expect(more).to_be_focused()
