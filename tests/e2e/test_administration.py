"""An administrator in a real browser suspends and restores a user, removes a message and reads the audit log."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.support.browser_harness import IMCHAT, Server, call, sign_up
from tests.support.browser_users import NARROW, BrowserUser, browser_user


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server with the administrator Ada and the user Bob."""
    with Server(tmp_path_factory.mktemp("data")) as running:
        for name in ("Ada", "Bob"):
            headers = {"Authorization": f"Bearer {sign_up(running.url, _email(name)).token}"}
            profile = {"handle": name.lower(), "display_name": name}
            call(f"{running.url}/api/me", profile, headers=headers, method="PATCH")
        running.promote(_email("Ada"))
        yield running


def _email(name: str) -> str:
    return f"{name.lower()}@example.org"


def _sign_in(user: BrowserUser, name: str) -> None:
    user.sign_in(_email(name))
    user.expect_conversation_list()


def _open_administration(user: BrowserUser) -> None:
    user.click("Settings")
    user.click("Administration")
    expect(user.page.get_by_role("dialog", name="Administration")).to_be_visible()


def test_an_administrator_removes_a_message_suspends_and_restores_its_author_and_reads_the_audit_log(
    browser: Browser, server: Server
) -> None:
    with (
        browser_user(browser, server.url) as ada,
        browser_user(browser, server.url, scheme="dark", size=NARROW) as bob,
    ):
        _sign_in(ada, "Ada")
        _sign_in(bob, "Bob")
        bob.select_users("ada")
        bob.click("Message Ada")
        bob.send_messages("Buy now!")
        ada.open_conversation("Bob")
        ada.expect_messages("Buy now!")

        message = ada.page.get_by_role("article").filter(has_text="Buy now!")
        message.hover()
        message.get_by_role("button", name=re.compile("^Actions for")).click()
        ada.click("Delete as administrator")
        expect(ada.page.get_by_text(re.compile("audit log will record it"))).to_be_visible()
        ada.click("Delete")
        expect(ada.page.get_by_role("article").get_by_text("Message deleted")).to_be_visible()
        expect(bob.page.get_by_role("article").get_by_text("Message deleted")).to_be_visible()

        _open_administration(ada)
        ada.fill("Name or handle", "bob")
        users = ada.page.get_by_role("region", name="Users").get_by_role("listitem")
        expect(users).to_have_count(1)
        ada.click("Suspend Bob")
        expect(ada.page.get_by_role("group", name=re.compile("^Suspend Bob\\?"))).to_be_visible()
        ada.screenshot("administration-ask-1280-light")
        ada.page.get_by_role("button", name="Suspend", exact=True).click()
        expect(users.get_by_text("Suspended")).to_be_visible()
        bob.click("Back to conversations")
        suspended_notice = bob.page.get_by_text("Your account is suspended. Contact your administrator.")
        expect(suspended_notice.first).to_be_visible()
        bob.screenshot("suspended-390-dark")

        ada.click("Restore Bob")
        expect(ada.page.get_by_role("button", name="Suspend Bob")).to_be_visible()
        ada.page.get_by_label("Audit log", exact=True).check()
        entries = ada.page.get_by_role("region", name="Audit log").get_by_role("listitem")
        expect(entries).to_have_text(
            [
                re.compile("^AAda restored Bob"),
                re.compile("^AAda suspended Bob"),
                re.compile("^AAda deleted a message from Bob"),
            ]
        )
        ada.screenshot("administration-log-1280-light")
        expect(suspended_notice).to_have_count(0, timeout=30_000)


def test_other_users_do_not_see_administration(browser: Browser, server: Server) -> None:
    with browser_user(browser, server.url) as bob:
        _sign_in(bob, "Bob")
        bob.click("Settings")
        expect(bob.page.get_by_role("button", name="Keyboard shortcuts")).to_be_visible()
        expect(bob.page.get_by_role("button", name="Administration")).to_have_count(0)


@pytest.mark.parametrize(
    ("sign_up_policy", "text", "offered"),
    [
        ("invitation", "Accounts here are created by an administrator.", False),
        ("domain:example.org", "Sign-up is open to e-mail addresses at example.org.", True),
    ],
)
def test_the_sign_in_form_says_who_may_create_an_account(
    browser: Browser, tmp_path: Path, sign_up_policy: str, text: str, *, offered: bool
) -> None:
    command = [*IMCHAT, "--sign-up", sign_up_policy]
    with Server(tmp_path, command=command) as server, browser_user(browser, server.url) as visitor:
        expect(visitor.page.get_by_text(text)).to_be_visible()
        expect(visitor.page.get_by_role("button", name="Create an account")).to_have_count(int(offered))
        if not offered:
            command = [*IMCHAT[:3], "user", "create", _email("Cem"), "--local", "--data-dir", str(tmp_path)]
            created = subprocess.run(command, check=True, capture_output=True, text=True)
            [password] = re.findall(r"^Temporary password for .*: (\S+)$", created.stdout, re.MULTILINE)
            visitor.sign_in(_email("Cem"), password)
            expect(visitor.page.get_by_role("heading", name="Choose your own password")).to_be_visible()
