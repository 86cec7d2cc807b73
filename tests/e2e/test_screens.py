"""What a picky eye, or finger, would find: nothing slides, nothing is cut off at its beginning, everything can be hit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.support.browser_harness import PASSWORD, Server, call, sign_up
from tests.support.browser_people import NARROW, somebody

LAYLA: Final = "ليلى بنت عبد الرحمن بن محمد الحداد الدمشقية المعروفة بأم البنين"
HER_WORDS: Final = "صباح الخير يا أصدقائي، أكتب إليكم من المقهى القديم الذي كنا نجلس فيه كل خميس"

# Whether the first letter of what is written somewhere lies inside the box that may cut it off.
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

# How far from the left edge of its box the text begins that is drawn there.
_INDENT: Final = """selector => {
    const box = document.querySelector(selector)
    const words = document.createRange()
    words.selectNodeContents(document.createTreeWalker(box, NodeFilter.SHOW_TEXT).nextNode())
    return words.getBoundingClientRect().left - box.getBoundingClientRect().left
}"""

# The visible buttons, links and chosen ones that a finger 44 px wide would miss half of.
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
    """A server where Layla, whose name is long, wrote to Ana, and both react; one for each test, as some write."""
    with Server(tmp_path / "data") as running:
        ana = _arrive(running.url, "ana", "Ana")
        layla = _arrive(running.url, "layla", LAYLA)
        _arrive(running.url, "laurent", "Laurent")
        new = {"kind": "direct", "member_ids": [ana["id"]]}
        where = _ask(running.url, layla, "POST", "", new)["conversation"]["conversation_id"]
        _ask(running.url, layla, "POST", f"/{where}/messages", {"client_message_id": "1", "body": HER_WORDS})
        for emoji in ("👍", "🎉", "💜"):
            reacted = f"/{where}/messages/2/reactions/{_quoted(emoji)}"
            call(
                f"{running.url}/api/conversations{reacted}",
                headers=_as(layla),
                method="PUT",
            )
        call(f"{running.url}/api/conversations/{where}/messages/2/pin", headers=_as(layla), method="PUT")
        yield running


def _arrive(url: str, handle: str, name: str) -> dict[str, str]:
    made = sign_up(url, f"{handle}@example.org")
    person = {"id": made.user_id, "token": made.token}
    call(f"{url}/api/me", {"handle": handle, "display_name": name}, headers=_as(person), method="PATCH")
    return person


def _ask(url: str, person: dict[str, str], method: str, path: str, content: dict[str, Any]) -> dict[str, Any]:
    return call(f"{url}/api/conversations{path}", content, headers=_as(person), method=method)


def _as(person: dict[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {person['token']}"}


def _quoted(emoji: str) -> str:
    return "".join(f"%{byte:02X}" for byte in emoji.encode())


def test_the_page_itself_never_scrolls(browser: Browser, server: Server) -> None:
    with somebody(browser, server.url) as ana:
        ana.sign_in("ana@example.org", PASSWORD)
        ana.sees_the_list()
        assert _slides(ana.page) == 0
        ana.open(LAYLA)
        ana.sees(HER_WORDS)
        assert _slides(ana.page) == 0


def _slides(page: Page) -> int:
    found: int = page.evaluate("() => document.documentElement.scrollHeight - innerHeight")
    return found


def test_what_is_too_long_is_cut_at_its_end_whichever_way_it_is_written(
    browser: Browser, server: Server
) -> None:
    with somebody(browser, server.url, size=NARROW) as ana:
        ana.sign_in("ana@example.org", PASSWORD)
        expect(ana.page.locator(".row-preview")).to_contain_text(HER_WORDS)
        for place in (".row-name", ".row-preview"):
            assert ana.page.evaluate(_BEGINNING_SHOWS, place), place
        ana.open(LAYLA)
        ana.sees(HER_WORDS)
        expect(ana.page.locator(".pin-body")).to_be_visible()
        for place in ("h1", ".pin-body"):
            assert ana.page.evaluate(_BEGINNING_SHOWS, place), place


def test_a_name_stands_beside_its_picture_whichever_way_it_is_written(
    browser: Browser, server: Server
) -> None:
    with somebody(browser, server.url) as ana:
        ana.sign_in("ana@example.org", PASSWORD)
        ana.open(LAYLA)
        ana.sees(HER_WORDS)
        assert ana.page.evaluate(_INDENT, "h1") < 1
        assert ana.page.evaluate(_INDENT, ".pin-body") < 1


def test_a_finger_hits_everything_that_can_be_pressed(browser: Browser, server: Server) -> None:
    with somebody(browser, server.url, size=NARROW, touch=True) as ana:
        expect(ana.page.get_by_label("E-mail")).to_be_visible()
        small = {"door": ana.page.evaluate(_TOO_SMALL)}
        ana.sign_in("ana@example.org", PASSWORD)
        expect(ana.page.locator(".row-preview")).to_contain_text(HER_WORDS)
        small["list"] = ana.page.evaluate(_TOO_SMALL)
        ana.open(LAYLA)
        ana.sees(HER_WORDS)
        expect(ana.page.get_by_role("button", name=re.compile("^💜"))).to_be_visible()
        small["conversation"] = ana.page.evaluate(_TOO_SMALL)
        ana.press("Back to conversations")
        ana.press("New conversation")
        ana.page.get_by_label("Search people by handle").fill("la")
        ana.page.get_by_role("option", name=re.compile("layla")).click()
        ana.page.get_by_label("Search people by handle").fill("la")
        ana.page.get_by_role("option", name=re.compile("laurent")).click()
        small["new conversation"] = ana.page.evaluate(_TOO_SMALL)
        ana.press("Close")
        ana.press("Settings")
        expect(ana.page.get_by_role("dialog")).to_be_visible()
        small["settings"] = ana.page.evaluate(_TOO_SMALL)
        assert {screen: found for screen, found in small.items() if found} == {}


def test_the_keys_go_on_where_a_menu_turns_its_page(browser: Browser, server: Server) -> None:
    with somebody(browser, server.url) as ana:
        ana.sign_in("ana@example.org", PASSWORD)
        ana.open(LAYLA)
        ana.says("Mine")
        ana.sees("Mine")
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
