"""Sessions in real browsers: several tabs, refused WebSockets, starts without a network, refused storage."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.support.browser_harness import Server, call, sign_in, sign_up
from tests.support.browser_users import NARROW, BrowserUser, browser_user
from tests.support.http_proxy import Proxy, Replacement, http_proxy

from imchat.assets import site_dir, site_files

_STORED: Final = """async () => {
    const names = (await indexedDB.databases()).map(({ name }) => name).filter(name => name !== 'imchat:auth')
    return [...names, ...Object.keys(localStorage).filter(key => key.startsWith('imchat:draft:'))]
}"""
"""The databases of users and the drafts in this browser."""
_FILES_STORED: Final = """async count => {
    await navigator.serviceWorker.ready
    const paths = async () => {
        const keys = await (await caches.open((await caches.keys())[0])).keys()
        return keys.map(({ url }) => new URL(url).pathname).sort()
    }
    for (let n = 0; n < 100 && (await paths()).length < count; n++) await new Promise(done => setTimeout(done, 100))
    return await paths()
}"""
_OLD_VERSION_DELETED: Final = """async () => {
    const pause = () => new Promise(done => setTimeout(done, 100))
    const isNew = async () => (await caches.keys()).every(name => name.startsWith('imchat-shell-n'))
    for (let n = 0; n < 300 && !(await isNew()); n++) await pause()
    return await isNew()
}"""
"""Return whether only the files of the version `n…` are stored, after half a minute at most."""
_numbers = count()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("data")) as running:
        yield running


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with http_proxy(server.url) as running:
        yield running


@dataclass(frozen=True)
class Account:
    """A user with a profile."""

    url: str
    name: str
    user_id: str
    token: str

    @property
    def email(self) -> str:
        return f"{self.name.lower()}@example.org"

    def call(
        self, path: str, content: dict[str, Any] | None = None, method: str | None = None
    ) -> dict[str, Any]:
        return call(
            f"{self.url}/api{path}", content, headers={"Authorization": f"Bearer {self.token}"}, method=method
        )

    def send(self, conversation_id: str, body: str) -> None:
        message = {"client_message_id": f"m{next(_numbers)}", "body": body}
        self.call(f"/conversations/{conversation_id}/messages", message)

    def start(self, peer: Account) -> str:
        """Create a direct conversation, and return its id."""
        created = self.call("/conversations", {"kind": "direct", "member_ids": [peer.user_id]})
        return str(created["conversation"]["conversation_id"])


def _account(server: Server, name: str) -> Account:
    """Create a user whose name no other test has."""
    name = f"{name}{next(_numbers)}"
    user = sign_up(server.url, f"{name.lower()}@example.org")
    account = Account(server.url, name, user.user_id, user.token)
    account.call("/me", {"handle": name.lower(), "display_name": name}, "PATCH")
    return account


def _sign_in(user: BrowserUser, account: Account) -> None:
    user.sign_in(account.email)
    user.expect_conversation_list()


def _sign_out(user: BrowserUser) -> None:
    user.click("Settings")
    user.page.get_by_role("button", name="Sign out").click()
    user.page.get_by_role("dialog").get_by_role("button", name="Sign out").last.click()
    _expect_form(user)


def _expect_form(user: BrowserUser) -> None:
    expect(user.page.get_by_role("heading", name="Welcome back")).to_be_visible()


def _stored(page: Page) -> list[str]:
    """Return what this browser stores of users."""
    found: list[str] = page.evaluate(_STORED)
    return found


def _stored_files(page: Page) -> list[str]:
    """Wait until the service worker has stored the site, and return the paths."""
    paths: list[str] = page.evaluate(
        _FILES_STORED, len(site_files(site_dir())) - 1
    )  # all but the worker itself
    assert len(paths) == len(site_files(site_dir())) - 1, paths
    return paths


def _wait_for_stored(page: Page, condition: Callable[[list[str]], bool]) -> None:
    for _ in range(50):
        if condition(_stored(page)):
            return
        page.wait_for_timeout(100)
    raise AssertionError(_stored(page))


def test_signing_out_in_one_tab_ends_the_session_in_all_and_the_next_user_appears_in_all(
    browser: Browser, server: Server
) -> None:
    ana, bob, peer = (_account(server, name) for name in ("Ana", "Bob", "Peer"))
    conversation = peer.start(ana)
    peer.send(conversation, "only for Ana")
    with browser_user(browser, server.url) as first:
        _sign_in(first, ana)
        second = first.new_tab(f"{server.url}/#/c/{conversation}")
        second.expect_messages("only for Ana")
        second.page.get_by_role("textbox", name=f"Message to {peer.name}").fill("a draft of Ana")
        assert len(_stored(second.page)) == 2

        _sign_out(first)
        _expect_form(second)
        assert "only for Ana" not in second.page.content()
        expect(second.page).to_have_title("imchat")
        _wait_for_stored(second.page, lambda stored: stored == [])
        assert ana.name not in second.page.content()

        _sign_in(first, bob)
        second.expect_conversation_list()
        for tab in (first, second):
            expect(tab.page.get_by_text(f"@{bob.name.lower()}")).to_be_visible()
            assert ana.name not in tab.page.content()
        # The second tab acts as Bob.
        second.select_users(peer.name.lower())
        second.click(f"Message {peer.name}")
        second.send_messages("from Bob")
        second.expect_messages("from Bob")
        inbox = peer.call("/conversations")["conversations"]
        last = [entry["last_message"] for entry in inbox if entry.get("last_message")]
        assert {(found["actor_id"], found["message"]["body"]) for found in last} >= {
            (bob.user_id, "from Bob")
        }
        second.screenshot("second-tab-light-1280")


def test_a_tab_that_missed_the_messages_becomes_the_new_user_when_it_is_focused(
    browser: Browser, server: Server
) -> None:
    ana, bob = (_account(server, name) for name in ("Ana", "Bob"))
    with browser_user(browser, server.url) as first:
        _sign_in(first, ana)
        second = first.new_tab("about:blank")
        # As in a frozen page: no message of another tab arrives.
        second.page.add_init_script("window.BroadcastChannel = undefined")
        second.page.goto(server.url)
        second.expect_conversation_list()
        _sign_out(first)
        _sign_in(first, bob)
        expect(second.page.get_by_text(f"@{bob.name.lower()}")).to_have_count(0)
        second.page.evaluate("() => dispatchEvent(new Event('focus'))")
        expect(second.page.get_by_text(f"@{bob.name.lower()}")).to_be_visible()
        expect(second.page.get_by_text(f"@{ana.name.lower()}")).to_have_count(0)


def test_a_response_that_arrives_after_the_sign_out_shows_and_stores_nothing(
    browser: Browser, server: Server
) -> None:
    ana, bob, peer = (_account(server, name) for name in ("Ana", "Bob", "Peer"))
    conversation = peer.start(ana)
    peer.send(conversation, "late secret")
    with browser_user(browser, server.url) as first:
        _sign_in(first, ana)
        second = first.new_tab("about:blank")
        held: list[Any] = []
        second.page.route(
            "**/api/me",
            lambda route: held.append(route) if route.request.method == "PATCH" else route.continue_(),
        )
        second.page.goto(server.url)
        second.expect_conversation_list()
        second.click("Settings")
        second.fill("Name", "Ana again")
        second.page.get_by_role("button", name="Save").first.click()
        second.page.wait_for_timeout(300)
        assert len(held) == 1
        _sign_out(first)
        _sign_in(first, bob)
        second.expect_conversation_list()
        held[0].continue_()
        second.page.wait_for_timeout(500)
        for tab in (first, second):
            expect(tab.page.get_by_text(f"@{bob.name.lower()}")).to_be_visible()
            assert "late secret" not in tab.page.content()
        assert bob.call("/me")["user"]["display_name"] == bob.name
        assert [name.split(":")[1] for name in _stored(second.page)] == [bob.user_id]


def test_a_session_that_the_server_ended_leaves_nothing_in_the_browser(
    browser: Browser, server: Server
) -> None:
    ana, peer = (_account(server, name) for name in ("Ana", "Peer"))
    conversation = peer.start(ana)
    peer.send(conversation, "only for Ana")
    with browser_user(browser, server.url) as first:
        _sign_in(first, ana)
        second = first.new_tab(f"{server.url}/#/c/{conversation}")
        second.expect_messages("only for Ana")
        # All refresh tokens are revoked; the tabs notice with the next one that they need.
        call(
            f"{server.url}/cognito",
            {"AccessToken": sign_in(server.url, ana.email)},
            headers={
                "Content-Type": "application/x-amz-json-1.1",
                "X-Amz-Target": "AWSCognitoIdentityProviderService.GlobalSignOut",
            },
        )
        first.page.reload()
        _expect_form(first)
        _expect_form(second)
        assert "only for Ana" not in second.page.content()
        _wait_for_stored(second.page, lambda stored: stored == [])


def test_without_a_websocket_messages_arrive_and_the_client_says_that_they_are_late(
    browser: Browser, server: Server, proxy: Proxy
) -> None:
    ana, peer = (_account(server, name) for name in ("Ana", "Peer"))
    conversation = peer.start(ana)
    peer.send(conversation, "before")
    with browser_user(browser, proxy.url) as user:
        _sign_in(user, ana)
        user.open_conversation(peer.name)
        user.expect_messages("before")
        expect(user.page.get_by_text(re.compile("^No live updates")).first).to_be_visible()
        user.send_messages("sent by HTTP")
        user.expect_messages("sent by HTTP")
        peer.send(conversation, "later")
        user.expect_messages("later")
        user.screenshot("no-live-updates-light-1280")
        user.page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
        user.page.emulate_media(color_scheme="dark")
        user.screenshot("no-live-updates-dark-390")
        # The budget of core/sync/poller.ts, and the attempts to connect.
        proxy.requests.clear()
        user.page.wait_for_timeout(20_000)
        assert len([path for path in proxy.requests if path.startswith("GET /api/")]) <= 8
        assert "GET /ws" in proxy.requests


def test_the_application_starts_without_a_network_after_the_first_visit(
    browser: Browser, server: Server
) -> None:
    ana, peer = (_account(server, name) for name in ("Ana", "Peer"))
    conversation = peer.start(ana)
    peer.send(conversation, "seen before")
    with browser_user(browser, server.url) as user:
        _sign_in(user, ana)
        user.open_conversation(peer.name)
        user.expect_messages("seen before")
        stored = _stored_files(user.page)
        assert {"/", "/icon.svg"} <= set(stored)
        user.page.context.set_offline(True)
        expect(user.page.get_by_text(re.compile("^You are offline")).first).to_be_visible(timeout=1_000)
        user.page.goto("about:blank")
        user.page.goto(f"{server.url}/#/c/{conversation}")
        user.expect_messages("seen before")
        user.click("Settings")
        expect(user.page.get_by_role("dialog", name="Settings")).to_be_visible()
        user.screenshot("offline-start-light-1280")
        user.click("Close")
        user.send_messages("written offline")
        user.page.context.set_offline(False)
        expect(user.page.get_by_text(re.compile("^You are offline"))).to_have_count(0)
        user.expect_messages("seen before", "written offline")


def test_only_the_application_is_served_from_the_service_worker(
    browser: Browser, server: Server, proxy: Proxy
) -> None:
    ana = _account(server, "Ana")
    with browser_user(browser, proxy.url) as user:
        _sign_in(user, ana)
        stored = _stored_files(user.page)
        for path in ("/api/health", "/config.json"):
            user.page.goto(f"{proxy.url}{path}")
            expect(user.page.locator("pre")).to_be_visible()
        proxy.everything = Replacement(b"<h1>Sign in to the hotel's network</h1>")
        user.page.goto(f"{proxy.url}/?portal")
        expect(user.page.get_by_role("heading", name="Sign in to the hotel's network")).to_be_visible()
        proxy.everything = None
        user.page.goto(proxy.url)
        user.expect_conversation_list()
        assert _stored_files(user.page) == stored
        user.page.goto(f"{proxy.url}/foo/bar")
        user.expect_conversation_list()
        assert user.page.url.startswith(f"{proxy.url}/")
        assert "foo" not in user.page.url


def test_on_a_network_that_does_not_respond_the_stored_application_starts_within_seconds(
    browser: Browser, server: Server
) -> None:
    ana = _account(server, "Ana")
    with browser_user(browser, server.url) as user:
        _sign_in(user, ana)
        _stored_files(user.page)
        user.page.goto("about:blank")
        server.process.send_signal(signal.SIGSTOP)
        try:
            user.page.goto(server.url, timeout=10_000)
            expect(user.page.get_by_text(f"@{ana.name.lower()}")).to_be_visible(timeout=10_000)
        finally:
            server.process.send_signal(signal.SIGCONT)


def test_a_new_version_is_offered_shown_after_a_reload_and_replaces_the_old_files(
    browser: Browser, server: Server, proxy: Proxy
) -> None:
    ana = _account(server, "Ana")
    [old] = [f"assets/{path.name}" for path in site_dir().glob("assets/index-*.js")]
    new = "assets/index-New12345.js"
    script = f"import './{old.removeprefix('assets/')}'"
    html = (site_dir() / "index.html").read_text("utf-8").replace(old, new)
    worker = (site_dir() / "sw.js").read_text("utf-8").replace(old, new)
    worker = worker.replace('"version":"', '"version":"n')
    with browser_user(browser, proxy.url) as user:
        _sign_in(user, ana)
        _stored_files(user.page)
        user.page.reload()
        user.expect_conversation_list()
        note = user.page.get_by_text("A new version is available.")
        expect(note).to_have_count(0)
        javascript = "text/javascript; charset=utf-8"
        proxy.replaced = {
            "/": Replacement(html.encode()),
            "/sw.js": Replacement(worker.encode(), javascript),
            f"/{new}": Replacement(script.encode(), javascript),
        }
        user.page.evaluate("async () => { await (await navigator.serviceWorker.ready).update() }")
        expect(note).to_be_visible()
        user.screenshot("new-version-light-1280")
        user.click("Reload")
        expect(user.page.locator(f'script[src="./{new}"]')).to_have_count(1)
        user.expect_conversation_list()
        # Chromium may keep the earlier worker until no page uses it.
        user.page.goto("about:blank")
        user.page.goto(proxy.url)
        user.expect_conversation_list()
        assert user.page.evaluate(_OLD_VERSION_DELETED)
        expect(note).to_have_count(0)
        assert f"/{new}" in _stored_files(user.page)


def test_a_dialog_that_cannot_be_loaded_says_so_and_opens_after_a_retry(
    browser: Browser, server: Server
) -> None:
    ana = _account(server, "Ana")
    with browser_user(browser, server.url) as user:
        user.page.context.route("**/assets/Settings-*.js", lambda route: route.abort())
        user.page.add_init_script("delete Navigator.prototype.serviceWorker")
        user.page.reload()
        _sign_in(user, ana)
        user.click("Settings")
        dialog = user.page.get_by_role("dialog", name="Loading failed")
        expect(dialog.get_by_text("It could not be loaded.")).to_be_visible()
        user.screenshot("not-loaded-light-1280")
        user.page.context.unroute("**/assets/Settings-*.js")
        user.click("Try again")
        expect(user.page.get_by_role("dialog", name="Settings")).to_be_visible()


_REFUSED: Final = {
    "localStorage throws": """
        const get = () => { throw new DOMException('denied', 'SecurityError') }
        Object.defineProperty(window, 'localStorage', {get})
    """,
    "localStorage is null": "Object.defineProperty(window, 'localStorage', {value: null})",
    "localStorage is full": "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') }",
    "no IndexedDB": "Object.defineProperty(window, 'indexedDB', {value: undefined})",
    "IndexedDB is full": "IDBObjectStore.prototype.put = () => { throw new DOMException('full', 'QuotaExceededError') }",
    "everything is denied": """
        const denied = () => { throw new DOMException('denied', 'SecurityError') }
        const names = ['localStorage', 'sessionStorage', 'indexedDB', 'caches']
        for (const name of names) Object.defineProperty(window, name, {get: denied})
        LockManager.prototype.request = async () => denied()
        window.BroadcastChannel = class { constructor() { denied() } }
    """,
}


@pytest.mark.parametrize("refused", _REFUSED)
def test_the_client_works_where_storage_is_refused_and_says_that_nothing_is_kept(
    browser: Browser, server: Server, refused: str
) -> None:
    ana, peer = (_account(server, name) for name in ("Ana", "Peer"))
    conversation = peer.start(ana)
    peer.send(conversation, "hello")
    with browser_user(browser, server.url, init_script=_REFUSED[refused]) as user:
        user.page.reload()
        _sign_in(user, ana)
        expect(user.page.get_by_text(re.compile("^This browser doesn.t store data"))).to_be_visible()
        user.open_conversation(peer.name)
        user.expect_messages("hello")
        user.send_messages("it works")
        user.expect_messages("it works")
        peer.send(conversation, "it does")
        user.expect_messages("it does")
        if refused == "everything is denied":
            user.screenshot("nothing-kept-light-1280")
        _sign_out(user)


def test_a_link_to_a_conversation_opens_at_the_first_message_that_arrived_since_the_last_visit(
    browser: Browser, server: Server
) -> None:
    ana, peer = (_account(server, name) for name in ("Ana", "Peer"))
    conversation = peer.start(ana)
    for number in range(30):
        peer.send(conversation, f"old {number} " + "word " * 40)
    with browser_user(browser, server.url) as user:
        _sign_in(user, ana)
        user.open_conversation(peer.name)
        user.page.get_by_role("button", name=re.compile("jump to the newest")).click()
        row = user.page.get_by_role("link", name=re.compile(f"^{peer.name}"))
        expect(row).not_to_contain_text("unread")
        user.page.wait_for_timeout(600)
        user.page.goto("about:blank")
        for number in range(40):
            peer.send(conversation, f"news {number} " + "word " * 40)
        user.page.goto(f"{server.url}/#/c/{conversation}")
        expect(user.page.get_by_text("New messages")).to_be_in_viewport()
        expect(user.page.get_by_text("news 0 ")).to_be_in_viewport()
        user.page.wait_for_timeout(1_500)  # long enough for the read cursor to move
        expect(user.page.get_by_text("news 0 ")).to_be_in_viewport()
        expect(row).to_contain_text("unread")
