"""A user in a browser restricts who adds them to groups, and leaves a group with a block."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from tests.support.browser_harness import Server, SignedInUser, call, sign_up
from tests.support.browser_users import NARROW, browser_user


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("data")) as running:
        yield running


def create_account(url: str, name: str) -> SignedInUser:
    handle = name.lower()
    account = sign_up(url, f"{handle}@example.org")
    headers = {"Authorization": f"Bearer {account.token}"}
    call(f"{url}/api/me", {"handle": handle, "display_name": name}, headers=headers, method="PATCH")
    return account


def test_a_user_leaves_an_unwanted_group_and_then_cannot_be_added_by_strangers(
    server: Server, browser: Browser
) -> None:
    mia, leo = create_account(server.url, "Mia"), create_account(server.url, "Leo")
    create_account(server.url, "Uma")
    spam = {"kind": "group", "title": "Win a prize", "member_ids": [leo.user_id]}
    call(f"{server.url}/api/conversations", spam, headers={"Authorization": f"Bearer {mia.token}"})
    with (
        browser_user(browser, server.url, scheme="dark", size=NARROW) as leos,
        browser_user(browser, server.url) as umas,
    ):
        leos.sign_in("leo@example.org")
        leos.expect_conversation_list()
        leos.open_conversation("Win a prize")
        leos.click("Details of Win a prize")
        leos.click("Leave and block Mia")
        expect(leos.page.get_by_role("group", name=re.compile("block Mia, who added you"))).to_be_visible()
        leos.screenshot("leave-and-block-dark-390")
        leos.click("Leave and block Mia")
        leos.expect_conversation_list()
        expect(leos.page.get_by_role("link", name=re.compile("Win a prize"))).to_have_count(0)

        leos.click("Settings")
        leos.click("Restrict")
        expect(leos.page.get_by_text(re.compile("^Only people you wrote to"))).to_be_visible()
        leos.page.get_by_role("button", name="Allow all").scroll_into_view_if_needed()
        leos.screenshot("group-additions-dark-390")

        umas.sign_in("uma@example.org")
        umas.expect_conversation_list()
        umas.select_users("mia", "leo")
        umas.fill("Group name", "Lunch")
        umas.click("Create a group with 2 people")
        refusal = "Leo: Only people they know can add them to a group. Send an invite link instead."
        expect(umas.page.get_by_text(refusal)).to_be_visible()
        umas.screenshot("group-additions-refused-light-1280")

    assert call_blocks(server.url, leo) == [mia.user_id]


def call_blocks(url: str, user: SignedInUser) -> list[str]:
    """Return the ids of the users that a user blocked."""
    blocks = call(f"{url}/api/blocks", None, headers={"Authorization": f"Bearer {user.token}"}, method="GET")
    return [block["user_id"] for block in blocks["blocks"]]
