"""A long conversation in a real browser: older messages load above, and visible messages do not move."""

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
    // Scroll near the top and wait until nothing moves: messages get their final height when they are first drawn.
    window.settleNearTop = async () => {
        scroller.scrollTop = Math.min(scroller.scrollTop, 300)
        for (let calm = 0; calm < 15; await frame()) {
            const now = inTheMiddle()
            calm = now && now.textContent === text && now.getBoundingClientRect().top === top ? calm + 1 : 0
            if (now) [text, top] = [now.textContent, now.getBoundingClientRect().top]
        }
    }
    // Measure how far the message in the middle moves while older messages are inserted above it.
    window.measureDrift = async () => {
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
class LongConversation:
    """A server for this test, and a function that sends a message from Bob to Ana. Ana has read all earlier ones."""

    url: str
    send_from_bob: Callable[[str], None]


@pytest.fixture
def conversation(tmp_path: Path) -> Iterator[LongConversation]:
    with Server(tmp_path / "data") as server:
        users = {}
        for name in ("ana", "bob"):
            user = sign_up(server.url, f"{name}@example.org")
            users[name] = user
            profile = {"handle": name, "display_name": name.title()}
            call(f"{server.url}/api/me", profile, headers=_authorization(user.token), method="PATCH")
        new = {"kind": "direct", "member_ids": [users["ana"].user_id]}
        created = call(f"{server.url}/api/conversations", new, headers=_authorization(users["bob"].token))
        url = f"{server.url}/api/conversations/{created['conversation']['conversation_id']}"
        path = f"{url}/messages"

        def send_from_bob(body: str) -> None:
            message = {"client_message_id": body.replace(" ", "-")[:60], "body": body}
            call(path, message, headers=_authorization(users["bob"].token))

        for number in range(1, MESSAGES + 1):
            send_from_bob(f"message {number} " + "word " * (number % 40))
        entry = call(url, None, headers=_authorization(users["ana"].token), method="GET")
        read = {"seq": entry["conversation"]["last_seq"]}
        call(f"{url}/read", read, headers=_authorization(users["ana"].token), method="PUT")
        yield LongConversation(server.url, send_from_bob)


def _authorization(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _open_conversation(ana: BrowserUser) -> Page:
    ana.sign_in("ana@example.org", PASSWORD)
    ana.open_conversation("Bob")
    expect(ana.page.get_by_text(f"message {MESSAGES} ").last).to_be_visible()
    ana.page.wait_for_function(_AT_END)
    return ana.page


def test_older_messages_load_without_moving_visible_messages(
    browser: Browser, conversation: LongConversation
) -> None:
    with browser_user(browser, conversation.url) as ana:
        page = _open_conversation(ana)
        paused: list[Route] = []

        def pause(route: Route) -> None:
            paused.append(route)

        page.route(_OLDER, pause)
        page.evaluate(_SCRIPTS)
        pages = 0
        for _page in range(MESSAGES // 100):  # fewer if all messages are already loaded
            page.evaluate("() => settleNearTop()")
            page.wait_for_timeout(200)
            if not paused:
                break
            page.evaluate("() => { window.drift = measureDrift() }")
            paused.pop().continue_()
            assert page.evaluate("() => drift") <= 1
            pages += 1
        assert pages >= 2
        page.evaluate(_TO_TOP)
        expect(page.get_by_text("This is the beginning of your conversation with Bob.")).to_be_attached()
        assert page.locator("*").count() <= 500


def test_the_loading_row_is_as_high_as_the_row_at_the_beginning(
    browser: Browser, conversation: LongConversation
) -> None:
    with browser_user(browser, conversation.url) as ana:
        page = _open_conversation(ana)
        paused: list[Route] = []
        page.route(_OLDER, lambda route: paused.append(route) if not paused else route.continue_())
        page.evaluate(_TO_TOP)
        expect(page.get_by_text("Loading older messages…")).to_be_attached()
        loading = page.evaluate(_START)
        paused[0].continue_()
        beginning = page.get_by_text("This is the beginning of your conversation with Bob.")
        for _page in range(MESSAGES // 50 + 1):
            page.evaluate(_TO_TOP)
            page.wait_for_timeout(150)
        expect(beginning).to_be_attached()
        assert page.evaluate(_START) == loading


def test_new_messages_scroll_into_view_only_at_the_end(
    browser: Browser, conversation: LongConversation
) -> None:
    with browser_user(browser, conversation.url) as ana:
        page = _open_conversation(ana)
        for number in range(3):
            conversation.send_from_bob(f"still in view {number} " + "line " * 60)
            expect(page.get_by_text(f"still in view {number} ").last).to_be_visible()
            page.wait_for_function(_AT_END)
        page.mouse.move(800, 400)
        page.mouse.wheel(0, -1_500)
        page.wait_for_timeout(400)
        top = page.evaluate(_TOP)
        conversation.send_from_bob("while you were reading")
        newest = page.get_by_role("button", name="1 new message, jump to the newest")
        expect(newest).to_be_visible()
        assert page.evaluate(_TOP) == top
        newest.click()
        page.wait_for_function(_AT_END)
        expect(page.get_by_text("while you were reading").last).to_be_visible()


def test_unread_messages_open_at_the_first_one_and_are_marked_as_read_when_seen(
    browser: Browser, conversation: LongConversation
) -> None:
    with browser_user(browser, conversation.url) as ana:
        page = _open_conversation(ana)
        row = page.get_by_role("link", name=re.compile("^Bob"))
        expect(row).not_to_contain_text("unread")
        page.keyboard.press("Escape")
        expect(page.get_by_text("Select a conversation")).to_be_visible()
        for number in range(30):
            conversation.send_from_bob(f"news {number} " + "word " * 60)
        expect(row).to_contain_text("30 unread")
        row.click()
        expect(page.get_by_text("New messages")).to_be_in_viewport()
        expect(page.get_by_text("news 0 ")).to_be_in_viewport()
        page.wait_for_timeout(1_500)  # long enough for the read cursor to move
        expect(page.get_by_text("news 0 ")).to_be_in_viewport()
        expect(row).to_contain_text("unread")
        page.get_by_role("button", name=re.compile("new messages, jump to the newest")).click()
        expect(row).not_to_contain_text("unread")
