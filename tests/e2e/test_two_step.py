"""A user in a real browser sets up an authenticator app, signs in with its codes, and loses it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.support.authenticator import Authenticator
from tests.support.browser_harness import Server
from tests.support.browser_users import NARROW, WIDE, BrowserUser, browser_user

EMAIL = "ana@example.org"
PANEL = "Two-step sign-in"
STATE = ".two-step-state"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def server(data_dir: Path) -> Iterator[Server]:
    with Server(data_dir) as running:
        yield running


def open_settings(ana: BrowserUser) -> None:
    """Open the settings, which are open already after signing out there and signing in again."""
    if not ana.page.get_by_role("dialog", name="Settings").count():
        ana.click("Settings")


def open_panel(ana: BrowserUser) -> None:
    open_settings(ana)
    ana.click("Manage two-step sign-in")
    expect(ana.page.get_by_role("dialog", name=PANEL)).to_be_visible()


def begin_set_up(ana: BrowserUser) -> Authenticator:
    """Press "Set up" and give the shown key to an app."""
    ana.click("Set up")
    expect(ana.page.get_by_role("img", name="QR code for your authenticator app")).to_be_visible()
    return Authenticator(ana.page.locator(".setup-key code").inner_text().replace(" ", ""))


def sign_out(ana: BrowserUser) -> None:
    open_settings(ana)
    for _ in range(2):  # the second button confirms
        ana.page.get_by_role("button", name="Sign out", exact=True).click()
    expect(ana.page.get_by_role("heading", name="Welcome back")).to_be_visible()


def close_panels(ana: BrowserUser) -> None:
    ana.page.keyboard.press("Escape")
    expect(ana.page.get_by_role("dialog", name=PANEL)).to_have_count(0)
    if ana.page.get_by_role("dialog").count():
        ana.page.keyboard.press("Escape")
    expect(ana.page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_a_user_sets_up_an_app_signs_in_with_codes_and_is_let_in_without_it(
    browser: Browser, server: Server, data_dir: Path, size: tuple[int, int]
) -> None:
    with browser_user(browser, server.url, size=size) as ana:
        ana.sign_up(EMAIL)
        ana.complete_profile("Ana", "ana")
        open_panel(ana)
        expect(ana.page.locator(STATE)).to_have_text("Two-step sign-in is off.")
        ana.screenshot(f"two-step-off-{size[0]}-light")
        app = begin_set_up(ana)
        ana.fill("Code", app.wrong_code())
        ana.click("Turn on")
        expect(ana.page.get_by_text("This code is wrong. Enter the code that")).to_be_visible()
        ana.screenshot(f"two-step-set-up-{size[0]}-light")
        ana.page.emulate_media(color_scheme="dark")
        ana.screenshot(f"two-step-set-up-{size[0]}-dark")
        ana.page.get_by_role("img", name=re.compile("QR code")).scroll_into_view_if_needed()
        ana.screenshot(f"two-step-qr-{size[0]}-dark")
        ana.page.emulate_media(color_scheme="light")
        # The code of the step before, so that the one of now can be used to sign in.
        ana.fill("Code", app.code(steps_from_now=-1))
        ana.page.keyboard.press("Enter")
        expect(ana.page.locator(STATE)).to_have_text("Two-step sign-in is on.")
        ana.screenshot(f"two-step-on-{size[0]}-light")
        close_panels(ana)

        sign_out(ana)
        ana.sign_in(EMAIL)
        expect(ana.page.get_by_role("heading", name="Enter your code")).to_be_visible()
        expect(ana.page.get_by_label("Code", exact=True)).to_be_focused()
        ana.fill("Code", "12345")
        ana.click("Sign in")
        expect(ana.page.get_by_text("Enter the 6 digits")).to_be_visible()
        ana.fill("Code", app.wrong_code())
        ana.click("Sign in")
        expect(ana.page.get_by_text("This code is wrong. Enter the code that")).to_be_visible()
        ana.screenshot(f"code-{size[0]}-light")
        ana.page.emulate_media(color_scheme="dark")
        ana.screenshot(f"code-{size[0]}-dark")
        used = app.code()
        ana.fill("Code", f"{used[:3]} {used[3:]}")
        ana.click("Sign in")
        ana.expect_conversation_list()

        sign_out(ana)
        ana.sign_in(EMAIL)
        ana.fill("Code", used)
        ana.click("Sign in")
        expect(ana.page.get_by_text("This code was already used.")).to_be_visible()
        ana.click("Back to sign in")

        command = [sys.executable, "-m", "imchat", "user", "reset-two-step", EMAIL, "--yes"]
        subprocess.run([*command, "--local", "--data-dir", str(data_dir)], check=True, capture_output=True)
        ana.sign_in(EMAIL)
        ana.expect_conversation_list()
        open_panel(ana)
        expect(ana.page.locator(STATE)).to_have_text("Two-step sign-in is off.")


def test_a_user_replaces_the_app_and_turns_it_off(browser: Browser, server: Server) -> None:
    with browser_user(browser, server.url) as ana:
        ana.sign_up(EMAIL)
        ana.complete_profile("Ana", "ana")
        open_panel(ana)
        old = begin_set_up(ana)
        ana.fill("Code", old.code())
        ana.click("Turn on")
        ana.click("Use another app")
        new = Authenticator(ana.page.locator(".setup-key code").inner_text().replace(" ", ""))
        assert new.secret != old.secret
        ana.click("Cancel")
        expect(ana.page.locator(STATE)).to_have_text("Two-step sign-in is on.")
        for _ in range(2):
            ana.page.get_by_role("button", name="Turn off", exact=True).click()
        expect(ana.page.locator(STATE)).to_have_text("Two-step sign-in is off.")
        close_panels(ana)
        sign_out(ana)
        ana.sign_in(EMAIL)
        ana.expect_conversation_list()


def test_a_sign_in_whose_challenge_is_gone_begins_again_with_a_reason(
    browser: Browser, server: Server, data_dir: Path
) -> None:
    with browser_user(browser, server.url) as ana:
        ana.sign_up(EMAIL)
        ana.complete_profile("Ana", "ana")
        open_panel(ana)
        app = begin_set_up(ana)
        ana.fill("Code", app.code(steps_from_now=-1))
        ana.click("Turn on")
        expect(ana.page.locator(STATE)).to_have_text("Two-step sign-in is on.")
        close_panels(ana)
        sign_out(ana)
        ana.sign_in(EMAIL)
        expect(ana.page.get_by_label("Code", exact=True)).to_be_visible()
        port = server.port
        server.stop()  # it keeps challenges in memory
        with Server(data_dir, port=port):
            ana.fill("Code", app.code())
            ana.click("Sign in")
            expect(ana.page.get_by_role("alert")).to_have_text("The sign-in took too long. Sign in again.")
            ana.screenshot("sign-in-again-1280-light")
            ana.sign_in(EMAIL)
            ana.fill("Code", app.code())
            ana.click("Sign in")
            ana.expect_conversation_list()
            expect(ana.page.get_by_role("alert")).to_have_count(0)
