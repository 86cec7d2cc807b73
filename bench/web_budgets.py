"""Measure the web client in Chromium on an account with 300 conversations and on one with a single conversation."""

from __future__ import annotations

import argparse
import gzip
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, CDPSession, Page, Request, expect, sync_playwright
from rich.console import Console
from rich.table import Table
from tests.support import chromium
from tests.support.browser_harness import PASSWORD, Server, call, sign_in

from bench.web_accounts import CONVERSATIONS, HISTORY, PEER_NAME, Account, create_accounts
from imchat.assets import site_dir

KB: Final = 1024
START_MS: Final = 3_000
SLOW_CPU: Final = 4
RATIO_MAX: Final = 1.3
_PATIENCE_MS: Final = 20_000
_ROUNDS: Final = 30
_SIZES: Final = {"1280": (1280, 800), "390": (390, 844)}


@dataclass(frozen=True, slots=True)
class Budget:
    """What a figure is, its highest allowed value, and whether exceeding it fails the checks or is only reported."""

    label: str
    maximum: float | None = None
    unit: str = ""
    fails: bool = False
    is_ratio_limited: bool = True
    """False where the other account has less to show: rows that fill the screen, or a history to scroll."""


BUDGETS: Final = {
    "script": Budget("script loaded within 3 s of a start, signed in", 60, "KB", fails=True),
    "script signed out": Budget("the same, signed out", 45, "KB", fails=True, is_ratio_limited=False),
    "style": Budget("style", 12, "KB", fails=True, is_ratio_limited=False),
    "largest lazy chunk": Budget(
        "largest script that loads later", 50, "KB", fails=True, is_ratio_limited=False
    ),
    "elements": Budget("live DOM elements, 1280 px", 800, fails=True, is_ratio_limited=False),
    "elements 390": Budget("live DOM elements, list at 390 px", 800, fails=True, is_ratio_limited=False),
    "tab stops": Budget("Tab stops, 1280 px", 60, fails=True),
    "tab stops 390": Budget("Tab stops, list at 390 px", 60, fails=True),
    "CLS sign-in": Budget("CLS of a first start with sign-in", 0.02, fails=True),
    "CLS start": Budget("CLS of a start", 0.02, fails=True),
    "CLS start 390": Budget("CLS of a start at 390 px", 0.02, fails=True),
    "CLS reconnect": Budget("CLS of going offline and reconnecting", 0.02, fails=True),
    "CLS reconnect 390": Budget("the same at 390 px", 0.02, fails=True),
    "LCP": Budget("LCP of a start", 1_500, "ms"),
    "TBT": Budget(f"TBT of a start on a processor {SLOW_CPU} times slower", 100, "ms"),
    "keystroke": Budget("script of a keystroke, p95", 4, "ms"),
    "send": Budget("script of a send, median", None, "ms"),
    "Enter": Budget("Enter → pending bubble painted, p95", 33, "ms"),
    "frame": Budget("socket frame → painted, p95", 33, "ms"),
    "switch": Budget("switching to a cached conversation, p95", 100, "ms", is_ratio_limited=False),
    "scroll": Budget("frame while scrolling up the history, p95", 20, "ms", is_ratio_limited=False),
    "heap": Budget("heap after that", 80, "MB", is_ratio_limited=False),
    "offline": Budget("browser offline → shown", 1_000, "ms"),
    "closed": Budget("socket closed → shown", 10_000, "ms"),
}

Figures = dict[str, float]

# Collects what cannot be read afterwards: layout shifts in windows as CLS defines them, long tasks, the largest paint,
# and when frames arrive.
_OBSERVE: Final = """(() => {
    const seen = window.measured = {windows: [], blocked: 0, lcp: 0, frames: []}
    const observe = (type, note) =>
        new PerformanceObserver(list => list.getEntries().forEach(note)).observe({type, buffered: true})
    observe('layout-shift', ({startTime, value, hadRecentInput}) => {
        if (hadRecentInput) return
        const now = seen.windows.at(-1)
        if (now && startTime - now.last < 1000 && startTime - now.first < 5000) {
            now.value += value
            now.last = startTime
        } else {
            seen.windows.push({value, first: startTime, last: startTime})
        }
    })
    observe('longtask', ({duration}) => { seen.blocked += duration - 50 })
    observe('largest-contentful-paint', ({startTime}) => { seen.lcp = startTime })
    window.WebSocket = class extends window.WebSocket {
        constructor(...values) {
            super(...values)
            this.addEventListener('message', ({data}) => seen.frames.push([performance.now(), data]))
        }
    }
    const painted = () => new Promise(done => requestAnimationFrame(() => {
        const channel = new MessageChannel()
        channel.port1.onmessage = () => done(performance.now())
        channel.port2.postMessage(null)
    }))
    // Returns the time at which the frame with the change was painted.
    window.paintedWhen = async condition => {
        if (!condition()) await new Promise(done => {
            const observer = new MutationObserver(() => condition() && (observer.disconnect(), done()))
            observer.observe(document, {subtree: true, childList: true, characterData: true, attributes: true})
        })
        return painted()
    }
    window.bodyIs = text => [...document.querySelectorAll('article .body')].some(body => body.textContent === text)
    const isTabStop = each => each.tabIndex >= 0 && !each.disabled && !each.closest('[inert]')
        && each.checkVisibility({visibilityProperty: true})
    window.tabStops = () =>
        [...document.querySelectorAll('a[href], button, input, textarea, select, [tabindex]')].filter(isTabStop).length
})()"""
_CLS: Final = "() => Math.max(0, ...measured.windows.map(each => each.value))"
_SETTLED: Final = """() => new Promise(done => {
    let [calm, last] = [0, 0]
    const step = () => {
        const now = document.querySelectorAll('*').length
        calm = now === last ? calm + 1 : 0
        last = now
        calm > 40 ? done() : requestAnimationFrame(step)
    }
    step()
})"""
_ENTER: Final = """text => { window.pending = new Promise(done => addEventListener('keydown', event => {
    const start = event.timeStamp
    void paintedWhen(() => bodyIs(text)).then(end => done(end - start))
}, {capture: true, once: true})) }"""
_FRAME: Final = """text => { window.pending = paintedWhen(() => bodyIs(text)).then(end => {
    return end - measured.frames.find(([, data]) => data.includes(text))[0]
}) }"""
_SWITCH: Final = """name => { window.pending = new Promise(done => addEventListener('click', event => {
    const start = event.timeStamp
    const isOpen = () => document.querySelector('.conversation h1')?.textContent === name && document.querySelector('article')
    void paintedWhen(isOpen).then(end => done(end - start))
}, {capture: true, once: true})) }"""
_SCROLL: Final = """async () => {
    const scroller = document.querySelector('.history-scroll')
    const frames = []
    let last = await new Promise(requestAnimationFrame)
    for (let count = 0; count < 240; count++) {
        scroller.scrollTop -= 250
        const now = await new Promise(requestAnimationFrame)
        frames.push(now - last)
        last = now
    }
    return frames.sort((a, b) => a - b)[Math.floor(frames.length * 0.95)]
}"""


@dataclass
class Visit:
    """A page on which a user is signed in, and the files that it has loaded."""

    page: Page
    cdp: CDPSession
    url: str
    loaded: list[tuple[float, str]] = field(default_factory=list)
    started: float = 0.0

    def start(self) -> None:
        """Load the site; what it loads counts from now."""
        self.loaded.clear()
        self.started = time.monotonic()
        self.page.goto(self.url, wait_until="commit")

    def script_kb(self) -> float:
        """Return the gzipped size of the scripts that the page requested within `START_MS` of its start."""
        until = self.started + START_MS / 1000
        return _gzipped_kb({name for at, name in self.loaded if name.endswith(".js") and at <= until})

    def cls(self) -> float:
        """Return the cumulative layout shift so far: that of the worst window of 5 s."""
        return float(self.page.evaluate(_CLS))

    def script_ms(self, act: Callable[[], object]) -> float:
        """Return the time that scripts ran while `act` was handled, in milliseconds."""
        before = self._script_seconds()
        act()
        self.page.evaluate(
            "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )
        return (self._script_seconds() - before) * 1000

    def metric(self, name: str) -> float:
        """Return a metric of the DevTools protocol."""
        metrics = self.cdp.send("Performance.getMetrics")["metrics"]
        return next(float(each["value"]) for each in metrics if each["name"] == name)

    def _script_seconds(self) -> float:
        return self.metric("ScriptDuration")


@contextmanager
def visit(browser: Browser, url: str, *, size: str = "1280") -> Iterator[Visit]:
    """Open the site in a new browser context and record what it loads."""
    width, height = _SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    page.set_default_timeout(_PATIENCE_MS)
    page.add_init_script(_OBSERVE)
    cdp = context.new_cdp_session(page)
    cdp.send("Performance.enable")
    visited = Visit(page, cdp, url)

    def note(request: Request) -> None:
        if "/assets/" in request.url:
            visited.loaded.append((time.monotonic(), request.url.rsplit("/", 1)[1]))

    page.on("request", note)
    visited.start()
    yield visited
    context.close()


def signed_out(browser: Browser, url: str) -> Figures:
    """Measure a start without a session, and the files of the site."""
    with visit(browser, url) as now:
        expect(now.page.get_by_label("E-mail")).to_be_focused(timeout=_PATIENCE_MS)
        now.page.wait_for_timeout(START_MS)
        loaded = {name for _, name in now.loaded}
        at_start = now.script_kb()
    later = {path.name for path in site_dir().glob("assets/*.js")} - loaded
    return {
        "script signed out": at_start,
        "style": _gzipped_kb({path.name for path in site_dir().glob("assets/*.css")}),
        "largest lazy chunk": max(_gzipped_kb({name}) for name in later),
    }


def starts(browser: Browser, url: str, account: Account, *, size: str) -> Figures:
    """Measure starts with a session and a conversation open, and a reconnect."""
    suffix = "" if size == "1280" else f" {size}"
    figures: Figures = {}
    with visit(browser, url, size=size) as now:
        sign_in_on_page(now, account)
        figures["CLS sign-in"] = now.cls()
        now.page.evaluate(_SETTLED)
        if size != "1280":
            figures |= count_elements(now, suffix)
        open_main(now, account)
        now.url = now.page.url
        now.page.goto("about:blank")
        now.start()
        _wait_for_history(now)
        now.page.wait_for_timeout(START_MS)
        figures |= {f"CLS start{suffix}": now.cls(), "script": now.script_kb()}
        if size == "1280":
            figures["LCP"] = float(now.page.evaluate("() => measured.lcp"))
            now.page.evaluate(_SETTLED)
            figures |= count_elements(now, suffix)
        now.page.evaluate("() => { measured.windows.length = 0 }")
        figures |= reconnect(now, suffix)
    # The others are the same at both sizes.
    return {name: value for name, value in figures.items() if name.endswith(suffix)}


def count_elements(now: Visit, suffix: str = "") -> Figures:
    """Count the elements and the Tab stops of the page."""
    return {
        f"elements{suffix}": float(now.page.evaluate("() => document.body.querySelectorAll('*').length")),
        f"tab stops{suffix}": float(now.page.evaluate("() => tabStops()")),
    }


def reconnect(now: Visit, suffix: str = "") -> Figures:
    """Go offline and online again; return the layout shift and how long it took to show."""
    note = now.page.locator(".connection-offline:visible")
    begin = time.monotonic()
    now.page.context.set_offline(True)
    note.first.wait_for()
    shown_ms = (time.monotonic() - begin) * 1000
    now.page.context.set_offline(False)
    now.page.evaluate("() => dispatchEvent(new Event('online'))")
    expect(now.page.locator(".connection:visible")).to_have_count(0, timeout=_PATIENCE_MS)
    now.page.wait_for_timeout(300)
    return {f"CLS reconnect{suffix}": now.cls(), "offline": shown_ms}


def blocking_time(browser: Browser, url: str, account: Account) -> Figures:
    """Measure how long scripts block the page during a start on a slow processor."""
    with visit(browser, url) as now:
        sign_in_on_page(now, account)
        open_main(now, account)
        now.cdp.send("Emulation.setCPUThrottlingRate", {"rate": SLOW_CPU})
        values = []
        for _ in range(3):
            # Only waits: every look at the page is a task of its own there.
            now.page.reload(wait_until="commit")
            now.page.wait_for_timeout(2 * START_MS)
            values.append(float(now.page.evaluate("() => measured.blocked")))
        return {"TBT": statistics.median(values)}


def interaction(browser: Browser, server: Server, account: Account, peer_token: str) -> Figures:
    """Measure keystrokes, sends, incoming messages, switching, scrolling, and the end of the server."""
    with visit(browser, server.url) as now:
        page = now.page
        sign_in_on_page(now, account)
        open_main(now, account)
        page.evaluate(_SETTLED)
        box = page.locator("textarea[name=message]")
        box.focus()
        keystrokes = [now.script_ms(lambda: page.keyboard.press("a")) for _ in range(_ROUNDS)]
        box.fill("")
        figures = {"keystroke": _p95(keystrokes)}
        sends = [_send(now, f"sent {time.time_ns()}") for _ in range(_ROUNDS)]
        figures |= {
            "Enter": _p95([enter for enter, _ in sends]),
            "send": statistics.median(script for _, script in sends),
        }
        headers = {"Authorization": f"Bearer {peer_token}"}
        path = f"{server.url}/api/conversations/{account.conversation_id}/messages"
        frames = []
        for _ in range(_ROUNDS):
            text = f"received {time.time_ns()}"
            page.evaluate(_FRAME, text)
            call(path, {"client_message_id": text.replace(" ", "-"), "body": text}, headers=headers)
            frames.append(float(page.evaluate("() => pending")))
        figures["frame"] = _p95(frames)
        if account.name == "many":
            figures["switch"] = _switch(now)
        figures["scroll"] = float(page.evaluate(_SCROLL))
        now.cdp.send("HeapProfiler.collectGarbage")
        figures["heap"] = now.metric("JSHeapUsedSize") / 1e6
        begin = time.monotonic()
        server.kill()
        page.locator(".connection:visible").first.wait_for()
        return figures | {"closed": (time.monotonic() - begin) * 1000}


def _send(now: Visit, text: str) -> tuple[float, float]:
    """Send a message; return the time from Enter to its painted bubble, and that of the scripts."""
    now.page.keyboard.insert_text(text)
    now.page.evaluate(_ENTER, text)

    def enter() -> None:
        now.page.keyboard.press("Enter")
        now.page.locator("article[data-state=pending]").first.wait_for(state="detached")

    script = now.script_ms(enter)
    return float(now.page.evaluate("() => pending")), script


def _switch(now: Visit) -> float:
    """Switch between the two newest conversations; return the 95th percentile from the click to the painted messages."""
    rows = now.page.locator(".row").filter(visible=True)
    names = [rows.nth(index).locator(".row-name").inner_text() for index in range(2)]
    times = []
    for turn in range(12):
        index = (turn + 1) % 2
        now.page.evaluate(_SWITCH, names[index])
        rows.filter(has_text=names[index]).first.click()
        times.append(float(now.page.evaluate("() => pending")))
        now.page.wait_for_timeout(150)
    return _p95(times[2:])


def sign_in_on_page(now: Visit, account: Account) -> None:
    """Sign in with the form and wait until the list is complete."""
    now.page.get_by_label("E-mail").fill(account.email)
    now.page.get_by_label("Password", exact=True).fill(PASSWORD)
    now.page.get_by_role("button", name="Sign in").click()
    expect(now.page.locator(".row").first).to_be_visible(timeout=_PATIENCE_MS)


def open_main(now: Visit, account: Account) -> None:
    """Open the conversation with the peer."""
    now.page.locator(".row").filter(has_text=PEER_NAME).first.click()
    _wait_for_history(now)
    assert account.conversation_id in now.page.url


def _wait_for_history(now: Visit) -> None:
    expect(now.page.locator("article").last).to_be_visible(timeout=_PATIENCE_MS)
    expect(now.page.locator(".connection:visible")).to_have_count(0, timeout=_PATIENCE_MS)


def _gzipped_kb(names: set[str]) -> float:
    return sum(len(gzip.compress((site_dir() / "assets" / name).read_bytes(), 9)) for name in names) / KB


def _p95(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.95)]


def exceeded(many: Figures, one: Figures) -> list[str]:
    """Return the names of the figures that exceed their budget or the ratio between the accounts."""
    names = []
    for name, budget in BUDGETS.items():
        value = many.get(name)
        if value is None:
            continue
        too_much = budget.maximum is not None and value > budget.maximum
        if too_much or _ratio_exceeded(budget, value, one.get(name)):
            names.append(name)
    return names


def _ratio_exceeded(budget: Budget, many: float, one: float | None) -> bool:
    """Return whether the ratio exceeds the limit. Figures below a tenth of their budget are noise."""
    small = budget.maximum is not None and many <= budget.maximum / 10
    return budget.is_ratio_limited and one is not None and not small and many > one * RATIO_MAX


def print_figures(many: Figures, one: Figures, console: Console) -> None:
    """Print one row per figure: both accounts, their ratio, the budget and the verdict."""
    title = f"{CONVERSATIONS} conversations and a history of {HISTORY:,}, against one conversation"
    table = Table(title=title, box=None, title_justify="left")
    for heading in ("figure", "300", "1", "ratio", "budget", ""):
        table.add_column(heading, justify="left" if heading in {"figure", ""} else "right")
    over = exceeded(many, one)
    for name, budget in BUDGETS.items():
        if name not in many:
            continue
        limit = "" if budget.maximum is None else f"≤ {_format(budget.maximum)} {budget.unit}"
        other = one.get(name)
        ratio = f"{many[name] / other:.2f}" if other else ""
        verdict = ("FAILED" if budget.fails else "missed") if name in over else "met"
        row = (
            budget.label,
            _format(many[name]),
            "" if other is None else _format(other),
            ratio,
            limit,
            verdict,
        )
        table.add_row(*row)
    console.print(table)


def _format(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def measure(browser: Browser, folder: Path, *, rounds: int) -> tuple[Figures, Figures]:
    """Measure both accounts; return their figures.

    Times are measured in `rounds`, the accounts in turn, and the shortest counts: other load on the machine only adds.
    """
    accounts = create_accounts(folder)
    both: tuple[Figures, Figures] = ({}, {})
    pairs = list(zip((accounts.many, accounts.one), both, strict=True))
    with Server(folder) as server:
        both[0].update(signed_out(browser, server.url))
        for account, figures in pairs:
            for size in _SIZES:
                figures.update(starts(browser, server.url, account, size=size))
    for _ in range(rounds):
        for account, figures in pairs:
            with Server(folder) as server:
                times = blocking_time(browser, server.url, account)
                times |= interaction(browser, server, account, sign_in(server.url, "bob@example.org"))
            figures.update({name: min(value, figures.get(name, value)) for name, value in times.items()})
    return both


def main() -> int:
    """Measure, print the table, and return 1 if a budget that fails the checks is exceeded."""
    parser = argparse.ArgumentParser(prog="python -m bench.web_budgets", description=__doc__)
    parser.add_argument(
        "--rounds", type=int, default=2, help="measurements of each time; the shortest counts (default: 2)"
    )
    options = parser.parse_args()
    executable = chromium.find()
    if executable is None:
        sys.stderr.write(f"{chromium.MISSING}\n")
        return 1
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=executable, args=list(chromium.FLAGS))
        many, one = measure(browser, Path(folder), rounds=options.rounds)
        browser.close()
    print_figures(many, one, Console())
    return 1 if any(BUDGETS[name].fails for name in exceeded(many, one)) else 0


if __name__ == "__main__":
    sys.exit(main())
