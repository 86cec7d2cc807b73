"""A long conversation in a real browser: history loads upwards, and nothing on the screen moves by itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from tests.support.browser_harness import PASSWORD, Server, call, sign_up
from tests.support.browser_users import BrowserUser, browser_user

MESSAGES: Final = 450

_SCRIPTS: Final = """() => {
    const scroller = document.querySelector('[role=region][aria-label^="Messages"]')
    const articles = () => [...scroller.querySelectorAll('article')]
    const frame = () => new Promise(requestAnimationFrame)
    const topOf = text => articles().find(each => each.textContent === text)?.getBoundingClientRect().top
    const inTheMiddle = () => {
        const box = scroller.getBoundingClientRect()
        const middle = box.top + box.height / 2
        return articles().find(each => each.getBoundingClientRect().top <= middle && each.getBoundingClientRect().bottom > middle)
    }
    let text = '', top = 0
    // Stand still near the top: what was never drawn before has its height only now, and may move until it has.
    window.standNearTheTop = async () => {
        scroller.scrollTop = Math.min(scroller.scrollTop, 300)
        for (let calm = 0; calm < 15; await frame()) {
            const now = inTheMiddle()
            calm = now && now.textContent === text && now.getBoundingClientRect().top === top ? calm + 1 : 0
            if (now) [text, top] = [now.textContent, now.getBoundingClientRect().top]
        }
    }
    // Follow what stands in the middle, from before older messages are put above it until a while after.
    window.follow = async () => {
        const height = scroller.scrollHeight
        let drift = 0
        for (let after = 0; after < 30; await frame()) {
            const now = topOf(text)
            drift = Math.max(drift, now === undefined ? 9999 : Math.abs(now - top))
            if (after || scroller.scrollHeight > height + 1000) after += 1
        }
        return drift
    }
}"""
_OLDER: Final = re.compile(r"/events\?.*before=")
_AT_END: Final = """() => {
    const scroller = document.querySelector('[role=region][aria-label^="Messages"]')
    return scroller !== null && scroller.scrollHeight - scroller.clientHeight - scroller.scrollTop < 2
}"""
_TO_TOP: Final = "() => { document.querySelector('[role=region][aria-label^=\"Messages\"]').scrollTop = 0 }"
_TOP: Final = "() => document.querySelector('[role=region][aria-label^=\"Messages\"]').scrollTop"
_START: Final = "() => document.querySelector('.start').getBoundingClientRect().height"


@dataclass(frozen=True)
class LongTalk:
    """A server of the test's own, and a way for Bob to write to Ana, who has read his messages so far."""

    url: str
    bob_writes: Callable[[str], None]


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[LongTalk]:
    with Server(tmp_path / "data") as server:
        people = {}
        for name in ("ana", "bob"):
            person = sign_up(server.url, f"{name}@example.org")
            people[name] = person
            profile = {"handle": name, "display_name": name.title()}
            call(f"{server.url}/api/me", profile, headers=_as(person.token), method="PATCH")
        new = {"kind": "direct", "member_ids": [people["ana"].user_id]}
        made = call(f"{server.url}/api/conversations", new, headers=_as(people["bob"].token))
        conversation = f"{server.url}/api/conversations/{made['conversation']['conversation_id']}"
        path = f"{conversation}/messages"

        def bob_writes(body: str) -> None:
            message = {"client_message_id": body.replace(" ", "-")[:60], "body": body}
            call(path, message, headers=_as(people["bob"].token))

        for number in range(1, MESSAGES + 1):
            bob_writes(f"message {number} " + "word " * (number % 40))
        entry = call(conversation, None, headers=_as(people["ana"].token), method="GET")
        read = {"seq": entry["conversation"]["last_seq"]}
        call(f"{conversation}/read", read, headers=_as(people["ana"].token), method="PUT")
        yield LongTalk(server.url, bob_writes)


def _as(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _open(ana: BrowserUser) -> Page:
    ana.sign_in("ana@example.org", PASSWORD)
    ana.open_conversation("Bob")
    expect(ana.page.get_by_text(f"message {MESSAGES} ").last).to_be_visible()
    ana.page.wait_for_function(_AT_END)
    return ana.page


def test_older_messages_load_without_moving_what_is_on_the_screen(browser: Browser, talk: LongTalk) -> None:
    with browser_user(browser, talk.url) as ana:
        page = _open(ana)
        held: list[Route] = []

        def hold(route: Route) -> None:
            held.append(route)

        page.route(_OLDER, hold)
        page.evaluate(_SCRIPTS)
        pages = 0
        for _page in range(MESSAGES // 100):  # unless the first of them was there before anybody looked
            page.evaluate("() => standNearTheTop()")
            page.wait_for_timeout(200)
            if not held:
                break
            page.evaluate("() => { window.drift = follow() }")
            held.pop().continue_()
            assert page.evaluate("() => drift") <= 1
            pages += 1
        assert pages >= 2
        page.evaluate(_TO_TOP)
        expect(page.get_by_text("This is the beginning of your conversation with Bob.")).to_be_attached()
        assert page.locator("*").count() <= 500


def test_the_row_above_the_history_is_as_high_while_it_loads_as_at_the_beginning(
    browser: Browser, talk: LongTalk
) -> None:
    with browser_user(browser, talk.url) as ana:
        page = _open(ana)
        held: list[Route] = []
        page.route(_OLDER, lambda route: held.append(route) if not held else route.continue_())
        page.evaluate(_TO_TOP)
        expect(page.get_by_text("Loading older messages…")).to_be_attached()
        loading = page.evaluate(_START)
        held[0].continue_()
        beginning = page.get_by_text("This is the beginning of your conversation with Bob.")
        for _page in range(MESSAGES // 50 + 1):
            page.evaluate(_TO_TOP)
            page.wait_for_timeout(150)
        expect(beginning).to_be_attached()
        assert page.evaluate(_START) == loading


def test_at_the_end_new_messages_stay_in_view_and_further_up_they_move_nothing(
    browser: Browser, talk: LongTalk
) -> None:
    with browser_user(browser, talk.url) as ana:
        page = _open(ana)
        for number in range(3):
            talk.bob_writes(f"still in view {number} " + "line " * 60)
            expect(page.get_by_text(f"still in view {number} ").last).to_be_visible()
            page.wait_for_function(_AT_END)
        page.mouse.move(800, 400)
        page.mouse.wheel(0, -1_500)
        page.wait_for_timeout(400)
        top = page.evaluate(_TOP)
        talk.bob_writes("while you were reading")
        newest = page.get_by_role("button", name="1 new message, jump to the newest")
        expect(newest).to_be_visible()
        assert page.evaluate(_TOP) == top
        newest.click()
        page.wait_for_function(_AT_END)
        expect(page.get_by_text("while you were reading").last).to_be_visible()


def test_what_is_new_is_read_from_its_beginning_and_counts_as_read_only_when_it_was_seen(
    browser: Browser, talk: LongTalk
) -> None:
    with browser_user(browser, talk.url) as ana:
        page = _open(ana)
        row = page.get_by_role("link", name=re.compile("^Bob"))
        expect(row).not_to_contain_text("unread")
        page.keyboard.press("Escape")
        expect(page.get_by_text("Select a conversation")).to_be_visible()
        for number in range(30):
            talk.bob_writes(f"news {number} " + "word " * 60)
        expect(row).to_contain_text("30 unread")
        row.click()
        expect(page.get_by_text("New messages")).to_be_in_viewport()
        expect(page.get_by_text("news 0 ")).to_be_in_viewport()
        page.wait_for_timeout(1_500)  # a read cursor would have moved by then
        expect(page.get_by_text("news 0 ")).to_be_in_viewport()
        expect(row).to_contain_text("unread")
        page.get_by_role("button", name=re.compile("new messages, jump to the newest")).click()
        expect(row).not_to_contain_text("unread")
