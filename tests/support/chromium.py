"""Find a Chromium for the browser tests. `python -m tests.support.chromium` installs one if possible."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC: Final = (
    Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
    Path("/Applications/Chromium.app/Contents/MacOS/Chromium"),
)
FLAGS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
MISSING: Final = (
    "no Chromium was found and none could be installed. Install chromium or Google Chrome, "
    "or name one: CHROMIUM_PATH=/path/to/chrome"
)


def find() -> Path | None:
    """Return the path of the browser: CHROMIUM_PATH if set, else the first one installed."""
    if named := os.environ.get("CHROMIUM_PATH"):
        return Path(named)
    found = (shutil.which(name) for name in NAMES)
    return next((Path(path) for path in found if path), None) or next(filter(Path.is_file, MAC), None)


def install() -> bool:
    """Install the chromium package of Debian or Ubuntu, if this user may. Return whether there is a browser now."""
    apt = shutil.which("apt-get")
    if apt is None or not (prefix := _as_root()):
        return False
    for arguments in (["update", "-qq"], ["install", "-qq", "-y", "--no-install-recommends", "chromium"]):
        command = [*prefix, "DEBIAN_FRONTEND=noninteractive", apt, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode:
            sys.stderr.write(f"{done.stdout}{done.stderr}  {' '.join(command)} failed\n")
            return False
    return find() is not None


def _as_root() -> list[str]:
    """Return the command prefix that runs a command as root without a prompt; empty if there is none."""
    if os.geteuid() == 0:
        return ["env"]
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode == 0:
        return [sudo, "-n", "env"]
    return []


def main() -> int:
    """Install a browser if there is none. If that fails, return an error in CI and print a warning elsewhere."""
    if find() is not None:
        return 0
    sys.stderr.write("  installing chromium for the browser tests\n")
    if install():
        return 0
    sys.stderr.write(f"  browser tests cannot run: {MISSING}\n")
    return 1 if os.environ.get("CI") else 0


if __name__ == "__main__":
    raise SystemExit(main())
