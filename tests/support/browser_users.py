"""A user in a browser: act on a page through roles and accessible names, as a screen reader does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Browser, Locator, Page, expect

PASSWORD: Final = "Correct-horse-9"
PATIENCE_MS: Final = 15_000
SCREENSHOTS: Final = Path(__file__).parents[2] / "build" / "screenshots"
WIDE: Final = (1280, 800)
NARROW: Final = (390, 844)

_LOG_POLICY_VIOLATIONS: Final = """document.addEventListener('securitypolicyviolation', event => {
    console.error('policy violation: ' + event.violatedDirective + ' ' + event.blockedURI)
})"""


@dataclass
class BrowserUser:
    """A user on a page. `console_errors` collects the errors that the page logged."""

    page: Page
    console_errors: list[str] = field(default_factory=list)

    @property
    def email(self) -> str:
        """The e-mail address in the form."""
        return self.page.get_by_label("E-mail").input_value()

    def click(self, name: str | re.Pattern[str]) -> None:
        """Click a button or link."""
        self.page.get_by_role("button", name=name).or_(self.page.get_by_role("link", name=name)).first.click()

    def fill(self, label: str, text: str) -> None:
        """Fill in the field with this label."""
        self.page.get_by_label(label, exact=True).fill(text)

    def sign_up(self, email: str, *, password: str = PASSWORD) -> None:
        """Fill in and submit the sign-up form."""
        self.click("Create an account")
        self.fill("E-mail", email)
        self.fill("Password", password)
        self.click("Create account")

    def sign_in(self, email: str, password: str = PASSWORD) -> None:
        """Fill in and submit the sign-in form."""
        self.fill("E-mail", email)
        self.fill("Password", password)
        self.click("Sign in")

    def complete_profile(self, name: str, handle: str) -> None:
        """Choose a name and handle, and wait for the conversation list."""
        self.fill("Name", name)
        self.fill("Handle", handle)
        self.click("Start chatting")
        self.expect_conversation_list()

    def expect_conversation_list(self) -> None:
        """Wait until the conversation list is visible."""
        expect(self.page.get_by_role("button", name="New conversation").first).to_be_visible(
            timeout=PATIENCE_MS
        )

    def select_users(self, *handles: str) -> None:
        """Open the dialog for a new conversation and select users by handle."""
        self.click("New conversation")
        for handle in handles:
            self.page.get_by_label("Search people by handle").fill(handle)
            self.page.get_by_role("option", name=re.compile(re.escape(handle))).first.click()

    def open_conversation(self, name: str) -> None:
        """Open a conversation from the list."""
        rows = self.page.get_by_role("navigation", name="Conversations").get_by_role("link")
        rows.filter(has_text=name).first.click()

    def send_messages(self, *lines: str) -> None:
        """Send each line as a message to the open conversation."""
        box = self.page.get_by_role("textbox", name=re.compile("^(Message|Edit message) to "))
        for line in lines:
            box.fill(line)
            box.press("Enter")

    def message(self, text: str) -> Locator:
        """Return the locator of a message in the open conversation."""
        return self.page.get_by_role("region", name=re.compile("^Messages ")).get_by_text(text, exact=True)

    def expect_messages(self, *texts: str) -> None:
        """Wait until each text is visible exactly once in the open conversation."""
        for text in texts:
            expect(self.message(text)).to_have_count(1, timeout=PATIENCE_MS)
            expect(self.message(text)).to_be_visible()

    def new_tab(self, url: str) -> BrowserUser:
        """Open the site in another tab of the same browser; its errors are collected here."""
        tab = BrowserUser(self.page.context.new_page(), self.console_errors)
        tab.collect_errors()
        tab.page.goto(url)
        return tab

    def collect_errors(self) -> None:
        """Collect script errors and content policy violations of the page."""
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.add_init_script(_LOG_POLICY_VIOLATIONS)
        self.page.on("pageerror", lambda error: self.console_errors.append(str(error)))
        self.page.on(
            "console",
            lambda message: (
                self.console_errors.append(message.text)
                if message.type == "error" and not _is_network_error(message.text)
                else None
            ),
        )

    def screenshot(self, name: str) -> Path:
        """Take a screenshot without animations or caret."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        self.page.screenshot(path=path, animations="disabled", caret="hide")
        return path


@contextmanager
def browser_user(
    browser: Browser,
    url: str,
    *,
    scheme: Literal["light", "dark"] = "light",
    size: tuple[int, int] = WIDE,
    storage: Path | None = None,
    touch: bool = False,
    init_script: str | None = None,
) -> Iterator[BrowserUser]:
    """Open the site in a new browser context; `init_script` runs before the page's own scripts.

    At the end the test fails if the page logged an error: a script error or a content policy violation.
    """
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,
        storage_state=storage,
        has_touch=touch,
        is_mobile=touch,
    )
    page = context.new_page()
    user = BrowserUser(page)
    user.collect_errors()
    if init_script:
        page.add_init_script(init_script)
    page.goto(url)
    yield user
    context.close()
    assert user.console_errors == []


def _is_network_error(text: str) -> bool:
    """Return whether Chromium logged a failed request: some tests stop the server."""
    return text.startswith(("Failed to load resource", "WebSocket connection to"))
