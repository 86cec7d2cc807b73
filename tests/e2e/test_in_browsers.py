"""Users in real browsers on `imchat local`: sign-up, messages, server kills and forgotten passwords."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.support.browser_harness import IMCHAT, Server, call, sign_up
from tests.support.browser_users import NARROW, PASSWORD, PATIENCE_MS, browser_user

IMCHAT_USER = (sys.executable, "-m", "imchat", "user")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("data")) as running:
        yield running


def create_conversations(url: str, handle: str) -> None:
    """Create three users who each wrote to the user with this handle, for a realistic conversation list."""
    greetings = {
        "Grace Hopper": "The release notes are ready for you",
        "Linus Berg": "Can you have a look at the invoice?",
        "Mira Sato": "Thanks, that was quick!",
    }
    for name, greeting in greetings.items():
        first = name.split()[0].lower()
        headers = {"Authorization": f"Bearer {sign_up(url, f'{first}@example.org').token}"}
        call(f"{url}/api/me", {"handle": first, "display_name": name}, headers=headers, method="PATCH")
        [user] = call(f"{url}/api/users?prefix={handle}", headers=headers)["users"]
        new = {"kind": "direct", "member_ids": [user["user_id"]]}
        conversation = call(f"{url}/api/conversations", new, headers=headers)["conversation"]
        message = {"client_message_id": "m1", "body": greeting}
        path = f"{url}/api/conversations/{conversation['conversation_id']}/messages"
        call(path, message, headers=headers)


def test_two_new_users_exchange_messages(browser: Browser, server: Server) -> None:
    with (
        browser_user(browser, server.url) as ana,
        browser_user(browser, server.url, scheme="dark", size=NARROW) as zoe,
    ):
        ana.screenshot("sign-in-light-1280")
        zoe.screenshot("sign-in-dark-390")
        ana.sign_up("ana@example.org")
        ana.complete_profile("Ana Lima", "ana")
        ana.screenshot("empty-light-1280")
        zoe.sign_up("zoe@example.org")
        zoe.complete_profile("Zoe Park", "zoe")
        create_conversations(server.url, "ana")
        zoe.screenshot("empty-dark-390")
        ana.select_users("zoe")
        ana.click("Message Zoe Park")
        ana.send_messages("Hi Zoe! 👋", "Did you see the new build?")
        zoe.open_conversation("Ana Lima")
        zoe.expect_messages("Hi Zoe! 👋", "Did you see the new build?")
        zoe.send_messages("I did. It even survives a kill -9.")
        ana.expect_messages("I did. It even survives a kill -9.")
        ana.send_messages("So nothing that was acknowledged is ever lost?")
        zoe.expect_messages("So nothing that was acknowledged is ever lost?")
        zoe.send_messages("Nothing. I pulled the plug twice.", "Lunch at noon?")
        ana.expect_messages("Lunch at noon?")
        ana.send_messages("Yes! See you there.")
        zoe.expect_messages("Yes! See you there.")
        expect(
            ana.page.get_by_role("img", name="Read").or_(ana.page.get_by_label("Read")).last
        ).to_be_visible()
        ana.screenshot("conversation")  # the README's
        zoe.screenshot("direct-dark-390")
        zoe.click("Back to conversations")
        zoe.expect_conversation_list()
        zoe.screenshot("list-dark-390")


def test_a_member_removed_from_a_group_gets_no_more_messages(browser: Browser, server: Server) -> None:
    with (
        browser_user(browser, server.url, scheme="dark") as bea,
        browser_user(browser, server.url, size=NARROW) as cem,
        browser_user(browser, server.url) as dan,
    ):
        for user, name in ((bea, "bea"), (cem, "cem"), (dan, "dan")):
            user.sign_up(f"{name}@example.org")
            user.complete_profile(name.title(), name)
        bea.select_users("cem", "dan")
        bea.fill("Group name", "Launch")
        bea.click(re.compile("^Create a group"))
        bea.send_messages("Welcome, both.")
        for user in (cem, dan):
            user.open_conversation("Launch")
            user.expect_messages("Welcome, both.")
        cem.send_messages("Glad to be here!")
        dan.send_messages("Same.")
        bea.expect_messages("Glad to be here!", "Same.")
        bea.screenshot("group-dark-1280")
        cem.screenshot("group-light-390")
        bea.click("Details of Launch")
        bea.screenshot("details-dark-1280")
        bea.click("Remove Dan")
        bea.click(re.compile("^Remove$"))
        expect(dan.page.get_by_text("Conversation not found")).to_be_visible(timeout=PATIENCE_MS)
        bea.click("Close")
        bea.send_messages("Only for those who stay.")
        cem.expect_messages("Only for those who stay.")
        expect(dan.page.get_by_text("Only for those who stay.")).to_have_count(0)


def test_a_message_written_while_the_server_is_down_survives_a_reload_and_arrives_once(
    browser: Browser, tmp_path: Path
) -> None:
    server = Server(tmp_path)
    with (
        browser_user(browser, server.url) as eve,
        browser_user(browser, server.url) as fay,
    ):
        for user, name in ((eve, "eve"), (fay, "fay")):
            user.sign_up(f"{name}@example.org")
            user.complete_profile(name.title(), name)
        eve.select_users("fay")
        eve.click("Message Fay")
        eve.send_messages("before")
        fay.open_conversation("Eve")
        fay.expect_messages("before")
        server.kill()
        eve.send_messages("during")
        eve.expect_messages("during")
        eve.screenshot("pending-light-1280")
        with Server(tmp_path, port=server.port):
            eve.page.reload()
            eve.send_messages("after")
            fay.expect_messages("before", "during", "after")
            eve.expect_messages("before", "during", "after")
            fay.page.reload()
            fay.expect_messages("before", "during", "after")


def test_a_draft_and_the_session_survive_a_reload(browser: Browser, server: Server) -> None:
    with browser_user(browser, server.url) as gus, browser_user(browser, server.url) as hal:
        for user, name in ((gus, "gus"), (hal, "hal")):
            user.sign_up(f"{name}@example.org")
            user.complete_profile(name.title(), name)
        gus.select_users("hal")
        gus.click("Message Hal")
        box = gus.page.get_by_role("textbox", name="Message to Hal")
        box.fill("not quite finished")
        gus.page.wait_for_timeout(600)
        gus.page.reload()
        expect(gus.page.get_by_role("textbox", name="Message to Hal")).to_have_value("not quite finished")


def test_a_wrong_password_shows_an_error_in_the_form(browser: Browser, server: Server) -> None:
    with browser_user(browser, server.url) as ida:
        ida.sign_up("ida@example.org")
        ida.complete_profile("Ida", "ida")
    with browser_user(browser, server.url) as ida:
        ida.sign_in("ida@example.org", "not-the-password")
        expect(ida.page.get_by_role("alert").first).to_be_visible()
        ida.screenshot("wrong-password-light-1280")
        ida.sign_in("ida@example.org")
        ida.expect_conversation_list()


def test_a_temporary_password_must_be_replaced_at_the_first_sign_in(browser: Browser, tmp_path: Path) -> None:
    created = subprocess.run(
        [*IMCHAT_USER, "create", "jo@example.org", "--admin", "--local", "--data-dir", str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    temporary = created.stdout.split("Temporary password for jo@example.org: ")[1].split()[0]
    with Server(tmp_path) as server, browser_user(browser, server.url) as jo:
        jo.sign_in("jo@example.org", temporary)
        expect(jo.page.get_by_text("Choose your own password")).to_be_visible()
        jo.screenshot("new-password-light-1280")
        jo.fill("New password", PASSWORD)
        jo.click("Set password")
        jo.complete_profile("Jo", "jo_admin")
        jo.page.reload()
        jo.expect_conversation_list()


def test_codes_from_the_terminal_confirm_an_account_and_reset_a_password(
    browser: Browser, tmp_path: Path
) -> None:
    output = tmp_path / "output.txt"
    shell = ["sh", "-c", f'exec "$@" >{output}', "sh", *IMCHAT, "--confirm"]
    with Server(tmp_path / "data", command=shell) as server, browser_user(browser, server.url) as kim:

        def code() -> str:
            kim.page.wait_for_timeout(300)
            return str(re.findall(r"for kim@example\.org: (\d{6})", output.read_text())[-1])

        kim.sign_up("kim@example.org")
        expect(kim.page.get_by_role("heading", name="Enter your code")).to_be_visible()
        kim.screenshot("confirm-light-1280")
        kim.fill("Code", "000000" if code() != "000000" else "000001")
        kim.click("Confirm")
        expect(kim.page.get_by_role("alert").first).to_be_visible()
        kim.fill("Code", code())
        kim.click("Confirm")
        kim.complete_profile("Kim", "kim")
        kim.click("Settings")
        kim.click("Sign out")
        kim.page.get_by_role("dialog").get_by_role("button", name="Sign out").last.click()
        kim.click("Forgot your password?")
        kim.fill("E-mail", "kim@example.org")
        kim.click("Send code")
        expect(kim.page.get_by_text("Set a new password")).to_be_visible()
        kim.fill("Code", code())
        kim.fill("New password", "Another-horse-9")
        kim.click("Set password")
        kim.expect_conversation_list()
