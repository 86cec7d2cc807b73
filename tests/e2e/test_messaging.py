"""Two people in real browsers use what a chat has beyond writing: on messages, on conversations, and in groups."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from tests.e2e.harness import Server, call, sign_up
from tests.e2e.people import NARROW, Person, somebody


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("data")) as running:
        yield running


def _join(person: Person, url: str, name: str) -> None:
    """Make an account with a profile, and sign in with it."""
    handle = name.lower()
    made = sign_up(url, f"{handle}@example.org")
    headers = {"Authorization": f"Bearer {made.token}"}
    call(f"{url}/api/me", {"handle": handle, "display_name": name}, headers=headers, method="PATCH")
    person.sign_in(f"{handle}@example.org")
    person.sees_the_list()


def _menu(person: Person, text: str) -> None:
    """Open the menu of a message."""
    line = person.page.get_by_role("article").filter(has=person.page.get_by_text(text, exact=True)).first
    line.hover()
    line.get_by_role("button", name=re.compile("^Actions for")).click()


def test_messages_are_answered_changed_pinned_and_taken_back(browser: Browser, server: Server) -> None:
    with (
        somebody(browser, server.url) as ana,
        somebody(browser, server.url, scheme="dark", size=NARROW) as zoe,
    ):
        _join(ana, server.url, "Ana")
        _join(zoe, server.url, "Zoe")
        ana.find("zoe")
        ana.press("Message Zoe")
        ana.says("Shall we ship?", "Oops")
        zoe.open("Ana")
        zoe.sees("Shall we ship?", "Oops")

        _menu(zoe, "Shall we ship?")
        zoe.press("React with 🎉")
        reaction = ana.page.get_by_role("button", name="🎉 Zoe")
        expect(reaction).to_have_text("🎉 1")
        reaction.click()
        expect(zoe.page.get_by_role("button", name=re.compile("^🎉 "))).to_have_text("🎉 2")

        _menu(zoe, "Shall we ship?")
        zoe.press("Reply")
        box = zoe.page.get_by_role("textbox", name="Message to Ana")
        box.press_sequentially("Yes, @an")
        box.press("Tab")
        box.press("Enter")
        ana.sees("Yes, @ana")
        expect(ana.page.locator(".mention-me")).to_have_text("@ana")
        expect(
            ana.page.get_by_role("button", name="Go to the message of Ana that this answers")
        ).to_contain_text("Shall we ship?")

        ana.page.get_by_role("textbox", name="Message to Zoe").press("ArrowUp")
        ana.page.get_by_role("textbox", name="Message to Zoe, edited").fill("On second thoughts")
        ana.page.keyboard.press("Enter")
        zoe.sees("On second thoughts")
        expect(zoe.message("edited")).to_be_visible()
        _menu(ana, "On second thoughts")
        ana.press("Delete")
        ana.press("Delete")
        zoe.sees("Message deleted")
        expect(zoe.message("On second thoughts")).to_have_count(0)

        _menu(ana, "Shall we ship?")
        ana.press("Pin")
        expect(zoe.page.get_by_role("button", name="Pinned message Shall we ship?")).to_be_visible()
        ana.picture("messages-light-1280")
        zoe.picture("messages-dark-390")
