"""Two users in real browsers use actions on messages, conversations and groups."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, expect
from tests.support.browser_harness import Server, call, sign_up
from tests.support.browser_users import NARROW, BrowserUser, browser_user


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("data")) as running:
        yield running


def _sign_up_and_in(user: BrowserUser, url: str, name: str) -> None:
    """Create an account with a profile and sign in."""
    handle = name.lower()
    account = sign_up(url, f"{handle}@example.org")
    headers = {"Authorization": f"Bearer {account.token}"}
    call(f"{url}/api/me", {"handle": handle, "display_name": name}, headers=headers, method="PATCH")
    user.sign_in(f"{handle}@example.org")
    user.expect_conversation_list()


def _open_message_menu(user: BrowserUser, text: str) -> None:
    """Open the menu of a message."""
    message = user.page.get_by_role("article").filter(has=user.page.get_by_text(text, exact=True)).first
    message.hover()
    message.get_by_role("button", name=re.compile("^Actions for")).click()


def test_messages_are_replied_to_edited_deleted_and_pinned(browser: Browser, server: Server) -> None:
    with (
        browser_user(browser, server.url) as ana,
        browser_user(browser, server.url, scheme="dark", size=NARROW) as zoe,
    ):
        _sign_up_and_in(ana, server.url, "Ana")
        _sign_up_and_in(zoe, server.url, "Zoe")
        ana.select_users("zoe")
        ana.click("Message Zoe")
        ana.send_messages("Shall we ship?", "Oops")
        zoe.open_conversation("Ana")
        zoe.expect_messages("Shall we ship?", "Oops")

        _open_message_menu(zoe, "Shall we ship?")
        zoe.click("React with 🎉")
        reaction = ana.page.get_by_role("button", name="🎉 Zoe")
        expect(reaction).to_have_text("🎉 1")
        reaction.click()
        expect(zoe.page.get_by_role("button", name=re.compile("^🎉 "))).to_have_text("🎉 2")

        _open_message_menu(zoe, "Shall we ship?")
        zoe.click("Reply")
        box = zoe.page.get_by_role("textbox", name="Message to Ana")
        box.press_sequentially("Yes, @an")
        expect(ana.page.get_by_role("heading", level=1).locator("..")).to_contain_text("typing")
        box.press("Tab")
        box.press("Enter")
        ana.expect_messages("Yes, @ana")
        expect(ana.page.locator(".mention-me")).to_have_text("@ana")
        expect(ana.page.get_by_role("button", name="Go to the quoted message from Ana")).to_contain_text(
            "Shall we ship?"
        )

        composer = ana.page.get_by_role("textbox", name="Message to Zoe")
        composer.fill("to be")
        composer.press("Home")
        ana.click("Emoji")
        ana.screenshot("composer-emoji-light-1280")
        ana.click("🤔")
        expect(composer).to_have_value("🤔to be")
        expect(composer).to_be_focused()
        composer.fill("")
        composer.press("ArrowUp")
        ana.page.get_by_role("textbox", name="Edit message to Zoe").fill("On second thoughts")
        ana.page.keyboard.press("Enter")
        zoe.expect_messages("On second thoughts")
        expect(zoe.message("edited")).to_be_visible()
        _open_message_menu(ana, "On second thoughts")
        ana.click("Delete")
        ana.click("Delete")
        zoe.expect_messages("Message deleted")
        expect(zoe.message("On second thoughts")).to_have_count(0)

        _open_message_menu(ana, "Shall we ship?")
        ana.click("Pin")
        expect(zoe.page.get_by_role("button", name="Pinned message Shall we ship?")).to_be_visible()
        ana.screenshot("messages-light-1280")
        zoe.screenshot("messages-dark-390")


def test_conversations_are_organized_and_groups_are_managed(browser: Browser, server: Server) -> None:
    with (
        browser_user(browser, server.url) as mia,
        browser_user(browser, server.url, scheme="dark", size=NARROW) as leo,
    ):
        _sign_up_and_in(mia, server.url, "Mia")
        _sign_up_and_in(leo, server.url, "Leo")
        mia.select_users("leo")
        mia.click("Message Leo")
        online = mia.page.locator(".status-line-online").or_(
            mia.page.get_by_role("link", name=re.compile("Online"))
        )
        expect(online).to_have_count(2)
        leo.click("Settings")
        leo.click("Hide")
        expect(online).to_have_count(0)
        leo.screenshot("presence-hidden-dark-390")
        leo.click("Show")
        leo.click("Close")
        expect(online).to_have_count(2)
        mia.send_messages("Come and join us")

        mia.select_users("leo")
        mia.click("Create a group instead")
        mia.fill("Group name", "Alpine hikers")
        mia.click("Create a group with 1 person")
        expect(mia.page.get_by_role("textbox", name="Message to Alpine hikers")).to_be_visible()
        mia.send_messages("Welcome @leo")
        row = leo.page.get_by_role("link", name=re.compile("Alpine hikers.*1 mention", re.DOTALL))
        expect(row).to_be_visible()
        for action in ("Pin", "Mute"):
            _choose_row_action(leo, "Alpine hikers", action)
        expect(row.get_by_label("Muted")).to_be_visible()
        expect(leo.page.locator(".row-name").first).to_have_text("Alpine hikers")
        _choose_row_action(leo, "Mia", "Mark as unread")
        expect(leo.page.get_by_role("link", name=re.compile("^Mia.*unread", re.DOTALL))).to_be_visible()
        _choose_row_action(leo, "Mia", "Archive")
        leo.screenshot("list-actions-dark-390")
        leo.click("Archived (1)")
        _choose_row_action(leo, "Mia", "Unarchive")
        expect(leo.page.get_by_role("button", name="Archived (1)")).to_have_count(0)

        _manage_group(mia, leo)


def _manage_group(mia: BrowserUser, leo: BrowserUser) -> None:
    """Mia changes the group's settings. Leo leaves it, rejoins with an invite, and blocks and unblocks her."""
    mia.click("Details of Alpine hikers")
    panel = mia.page.get_by_role("dialog")
    panel.get_by_label("Description").fill("Every second Sunday")
    mia.click("Save")
    panel.get_by_role("group", name="Who can post").get_by_label("Administrators").check()
    panel.get_by_role("group", name="Who can join").get_by_label("Everyone").check()
    panel.get_by_role("group", name="New members can read").get_by_label("All messages").check()
    panel.get_by_role("group", name="Max uses").get_by_label("1", exact=True).check()
    mia.click("Create a link")
    link = panel.get_by_label("Link", exact=True).input_value()
    mia.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    panel.get_by_role("button", name="Copy").click()
    expect(panel.get_by_role("button", name="Copied")).to_be_visible()
    assert mia.page.evaluate("() => navigator.clipboard.readText()") == link
    panel.get_by_role("button", name="Add people").press("Enter")
    expect(panel.get_by_label("Search people by handle")).to_be_focused()
    headings = panel.get_by_role("heading", level=3).all_inner_texts()
    assert headings == ["2 members", "Invite links", "Group settings"]
    mia.screenshot("group-light-1280")
    leo.open_conversation("Alpine hikers")
    expect(leo.page.get_by_text("Only administrators can post here.")).to_be_visible()
    panel.get_by_label("Role of Leo").select_option("Administrator")
    leo.send_messages("I may write now")

    leo.click("Details of Alpine hikers")
    leo.click("Leave group")
    leo.click("Leave group")
    leo.expect_conversation_list()
    leo.page.goto(link)
    expect(leo.page.get_by_text("Every second Sunday")).to_be_visible()
    leo.screenshot("invite-dark-390")
    leo.page.get_by_role("button", name="Join", exact=True).click()
    leo.expect_messages("I may write now")
    _use_up_and_revoke_invites(mia, leo)
    leo.click("New conversation")
    leo.click("Find a public channel")
    leo.fill("Search by title", "alp")
    expect(leo.page.get_by_text("2 members · Every second Sunday")).to_be_visible()
    leo.screenshot("channels-dark-390")
    leo.click("Open Alpine hikers")
    leo.expect_messages("I may write now")
    leo.click("Back to conversations")

    leo.page.get_by_role("link", name=re.compile("^Mia")).click()
    leo.click("Details of Mia")
    leo.click("Block Mia")
    leo.click("Block Mia")
    expect(leo.page.get_by_text("You blocked Mia.")).to_be_visible()
    leo.click("Unblock")
    expect(leo.page.get_by_role("button", name="Block Mia")).to_be_visible()


def _use_up_and_revoke_invites(mia: BrowserUser, leo: BrowserUser) -> None:
    """Use up an invite with one use. Then let Mia revoke it and another one, which no longer works."""
    panel = mia.page.get_by_role("dialog")
    expect(panel.get_by_label("Role of Leo")).to_be_visible()
    mia.click("Create a link")
    expect(panel.get_by_text("1 of 1 joined")).to_be_visible()
    open_link = panel.get_by_label("Link", exact=True).input_value()
    leo.page.goto(open_link)
    leo.click("Open conversation")
    leo.expect_messages("I may write now")
    for _ in range(2):
        panel.get_by_role("button", name="Revoke").last.click()
        panel.get_by_role("button", name="Revoke").last.click()
        expect(panel.get_by_role("button", name="Cancel")).to_have_count(0)
    expect(panel.get_by_role("button", name="Revoke")).to_have_count(0)
    mia.click("Close")
    _open_message_menu(mia, "Welcome @leo")
    expect(mia.page.get_by_text("Seen by Leo")).to_be_visible()
    mia.page.keyboard.press("Escape")
    leo.page.goto(open_link)
    expect(leo.page.get_by_role("button", name="Join", exact=True)).to_have_count(0)
    expect(leo.page.get_by_role("dialog").get_by_role("alert")).to_be_visible()
    leo.screenshot("invite-revoked-dark-390")
    leo.click("Back to conversations")


def _choose_row_action(user: BrowserUser, name: str, action: str) -> None:
    """Choose an action from the menu of a conversation in the list."""
    user.page.get_by_role("link", name=re.compile(f"^{name}")).hover()
    user.page.get_by_role("button", name=f"Actions for {name}").click()
    user.page.get_by_role("button", name=action, exact=True).click()
    expect(user.page.get_by_role("dialog")).to_have_count(0)


def test_a_long_press_opens_the_menus(browser: Browser, server: Server) -> None:
    with (
        browser_user(browser, server.url) as kit,
        browser_user(browser, server.url, size=NARROW, touch=True) as uma,
    ):
        _sign_up_and_in(kit, server.url, "Kit")
        _sign_up_and_in(uma, server.url, "Uma")
        kit.select_users("uma")
        kit.click("Message Uma")
        kit.send_messages("Touch me")
        row = uma.page.get_by_role("link", name=re.compile("^Kit"))
        _long_press(uma, row)
        uma.screenshot("row-menu-touch-390")
        uma.page.get_by_role("button", name="Mute", exact=True).tap()
        expect(row.get_by_label("Muted")).to_be_visible()
        row.tap()
        _long_press(uma, uma.message("Touch me"))
        uma.screenshot("message-menu-touch-390")
        uma.page.get_by_role("button", name="React with 👍").tap()
        expect(kit.page.get_by_role("button", name="👍 Uma")).to_be_visible()


def _long_press(user: BrowserUser, target: Locator) -> None:
    """Touch an element until its menu opens."""
    box = target.bounding_box()
    assert box is not None
    touch = user.page.context.new_cdp_session(user.page)
    point = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
    expect(user.page.get_by_role("dialog")).to_be_visible()
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(user.page.get_by_role("dialog")).to_be_visible()
