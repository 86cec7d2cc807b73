"""A list of 300 conversations in a real browser: rows that are out of view do not exist, and nothing else differs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

import pytest
from bench.web_accounts import CONVERSATIONS, PEER_NAME, Accounts, create_accounts
from playwright.sync_api import Browser, Locator, Page, expect
from tests.support.browser_harness import Server, call, sign_in
from tests.support.browser_users import NARROW, PATIENCE_MS, WIDE, BrowserUser, browser_user

OLDEST = "Ana Abe"


@pytest.fixture(scope="module")
def accounts_and_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Accounts, Server]]:
    folder = tmp_path_factory.mktemp("data")
    accounts = create_accounts(folder, history=300)
    with Server(folder) as server:
        yield accounts, server


@pytest.fixture
def many(browser: Browser, accounts_and_server: tuple[Accounts, Server]) -> Iterator[BrowserUser]:
    """Sign in as the user with 300 conversations."""
    accounts, server = accounts_and_server
    with browser_user(browser, server.url) as user:
        user.sign_in(accounts.many.email)
        expect(_row(user.page, PEER_NAME)).to_be_visible(timeout=PATIENCE_MS)
        yield user


def _row(page: Page, name: str) -> Locator:
    return (
        page.get_by_role("navigation", name="Conversations")
        .get_by_role("link", name=re.compile(f"^{name}"))
        .first
    )


def test_the_keyboard_reaches_every_row_and_the_focus_returns_to_a_closed_conversation(
    many: BrowserUser,
) -> None:
    page = many.page
    _row(page, PEER_NAME).focus()
    page.keyboard.press("End")
    last = page.get_by_role("listitem").filter(has=page.locator(":focus"))
    expect(last).to_have_attribute("aria-posinset", str(CONVERSATIONS))
    expect(last).to_have_attribute("aria-setsize", str(CONVERSATIONS))
    expect(last).to_be_in_viewport()
    page.keyboard.press("ArrowUp")
    expect(last).to_have_attribute("aria-posinset", str(CONVERSATIONS - 1))
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox", name=re.compile("^Message to "))).to_be_focused()
    page.keyboard.press("Escape")
    expect(last).to_have_attribute("aria-posinset", str(CONVERSATIONS - 1))
    page.keyboard.press("Home")
    expect(_row(page, PEER_NAME)).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name=f"Actions for {PEER_NAME}")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Settings")).to_be_focused()


def test_letters_move_to_the_next_name_that_begins_with_them(many: BrowserUser) -> None:
    page = many.page
    _row(page, PEER_NAME).focus()
    page.keyboard.type("goran ha", delay=20)
    expect(page.locator(":focus")).to_contain_text("Goran Haddad")
    expect(page.locator(":focus")).to_be_in_viewport()


def test_the_focus_stays_on_a_row_that_is_scrolled_out_of_view(many: BrowserUser) -> None:
    page = many.page
    _row(page, PEER_NAME).focus()
    page.mouse.move(150, 400)
    page.mouse.wheel(0, 5_000)
    expect(_row(page, PEER_NAME)).not_to_be_in_viewport()
    expect(_row(page, PEER_NAME)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.locator(":focus")).to_be_in_viewport()
    expect(page.get_by_role("listitem").filter(has=page.locator(":focus"))).to_have_attribute(
        "aria-posinset", "2"
    )


def test_a_search_finds_rows_that_are_out_of_view(many: BrowserUser) -> None:
    page = many.page
    expect(_row(page, OLDEST)).to_have_count(0)
    page.get_by_label("Search conversations").fill(OLDEST)
    expect(_row(page, OLDEST)).to_be_visible()
    expect(_row(page, PEER_NAME)).to_have_count(0)
    page.get_by_label("Search conversations").fill("")
    expect(_row(page, PEER_NAME)).to_be_visible()


def test_a_row_out_of_view_moves_to_the_top_with_its_badge_when_a_message_arrives(
    many: BrowserUser, accounts_and_server: tuple[Accounts, Server]
) -> None:
    accounts, server = accounts_and_server
    page = many.page
    headers = {"Authorization": f"Bearer {sign_in(server.url, 'bob@example.org')}"}
    path = f"{server.url}/api/conversations/{accounts.many.conversation_id}/messages"
    page.mouse.move(150, 400)
    page.mouse.wheel(0, 5_000)
    expect(_row(page, PEER_NAME)).not_to_be_in_viewport()
    call(path, {"client_message_id": "top", "body": "Are you there?"}, headers=headers)
    page.mouse.wheel(0, -9_000)
    row = _row(page, PEER_NAME)
    expect(row).to_contain_text("Are you there?")
    expect(row).to_contain_text("1 unread message")
    row.click()
    expect(row).to_have_attribute("aria-current", "page")
    expect(row).not_to_contain_text("unread")


def test_one_message_is_a_tab_stop_and_the_arrow_keys_move_to_the_others(many: BrowserUser) -> None:
    page = many.page
    many.open_conversation(PEER_NAME)
    expect(page.get_by_role("article").last).to_be_visible()
    page.get_by_role("region", name=re.compile("^Messages ")).focus()
    page.keyboard.press("Tab")
    focused = page.get_by_role("article").filter(has=page.locator(":focus"))
    newest = focused.get_attribute("data-key")
    while page.locator(":focus").get_attribute("class") != "message-more":
        page.keyboard.press("Tab")
    for _ in range(20):
        page.keyboard.press("ArrowUp")
    expect(focused).to_be_in_viewport()
    assert focused.get_attribute("data-key") != newest
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Message actions")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    expect(focused).to_have_count(1)
    assert focused.get_attribute("data-key") != newest


def _settled_box(element: Locator) -> object:
    """Return the bounding box of an element once it has stayed the same for half a second; wait at most ten."""
    box = element.bounding_box()
    for _ in range(20):
        element.page.wait_for_timeout(500)
        before, box = box, element.bounding_box()
        if box == before:
            break
    return box


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_the_note_about_the_connection_moves_nothing(
    browser: Browser,
    accounts_and_server: tuple[Accounts, Server],
    scheme: Literal["light", "dark"],
    size: tuple[int, int],
) -> None:
    accounts, server = accounts_and_server
    with browser_user(browser, server.url, scheme=scheme, size=size) as user:
        page = user.page
        user.sign_in(accounts.many.email)
        row = _row(page, PEER_NAME)
        expect(row).to_be_visible(timeout=PATIENCE_MS)
        scroller = page.locator(".list-scroll")
        list_before = (row.bounding_box(), scroller.bounding_box())
        user.screenshot(f"long-list-{size[0]}-{scheme}")
        user.open_conversation(PEER_NAME)
        message = page.get_by_role("article").last
        expect(message).to_be_visible(timeout=PATIENCE_MS)
        history = page.get_by_role("region", name=re.compile("^Messages "))
        history_before = _settled_box(message), history.bounding_box()
        user.screenshot(f"long-list-open-{size[0]}-{scheme}")
        page.context.set_offline(True)
        expect(page.get_by_text("You are offline").locator("visible=true")).to_have_count(
            1, timeout=PATIENCE_MS
        )
        user.screenshot(f"long-list-open-offline-{size[0]}-{scheme}")
        assert (message.bounding_box(), history.bounding_box()) == history_before
        page.keyboard.press("Escape")
        expect(row).to_be_visible()
        expect(page.get_by_text("You are offline").locator("visible=true")).to_have_count(1)
        user.screenshot(f"long-list-offline-{size[0]}-{scheme}")
        assert (row.bounding_box(), scroller.bounding_box()) == list_before
