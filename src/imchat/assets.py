"""Where the files that are no Python lie, in a wheel and in a checkout: the built web client, and the AWS templates.

Also how the client's files are served, which is the same on one machine and from S3.
"""

from __future__ import annotations

import mimetypes
import re
from pathlib import Path
from typing import Final

from imchat.errors import ConfigError

PACKAGE: Final = Path(__file__).resolve().parent
FINGERPRINT: Final = ".fingerprint"
_TYPES: Final = {
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
"""Types of our own: what the machine's tables say differs from one to the next."""
_HASHED: Final = re.compile(r"-[A-Za-z0-9_-]{8}\.[a-z0-9]+$")
_REFERENCE: Final = re.compile(r"""\s(?:src|href)=["']?([^"'\s>#?]+)""")


def site_dir(package: Path = PACKAGE) -> Path:
    """The folder with the built web client, whole: `index.html` and every file that it names.

    Raises: ConfigError if it was never built or is only half there; the message says how to repair it.
    """
    site = package / "site"
    index = site / "index.html"
    if not index.is_file() or not (site / FINGERPRINT).is_file():
        raise ConfigError(f"the web client is missing from {site}; {repair_hint(package)}")
    lost = sorted(name for name in _local_references(index.read_text("utf-8")) if not (site / name).is_file())
    if lost:
        raise ConfigError(
            f"the web client in {site} is incomplete ({lost[0]} is missing); {repair_hint(package)}"
        )
    return site


def templates_dir(package: Path = PACKAGE) -> Path:
    """The folder with the CloudFormation templates. Raises: ConfigError if it is missing."""
    for folder in (package / "templates", _checkout(package) / "templates"):
        if (folder / "state.yaml").is_file():
            return folder
    raise ConfigError(f"the templates are missing from {package / 'templates'}; {repair_hint(package)}")


def site_files(site: Path) -> dict[str, Path]:
    """The files of a built client that are served, by their path below the site; hidden ones are not."""
    found = sorted(place for place in site.rglob("[!.]*") if place.is_file())
    return {place.relative_to(site).as_posix(): place for place in found}


def content_type(path: str) -> str:
    """A file's `Content-Type`."""
    return _TYPES.get(Path(path).suffix) or mimetypes.guess_type(path)[0] or "application/octet-stream"


def cache_control(path: str) -> str:
    """A file's `Cache-Control`: one whose name holds its checksum is kept for ever, any other asked for each time."""
    return "public, max-age=31536000, immutable" if _HASHED.search(path) else "no-cache"


def repair_hint(package: Path = PACKAGE) -> str:
    """Return the command that restores missing files: a build in a checkout, a new installation elsewhere."""
    checkout = _checkout(package)
    if (checkout / "hatch_build.py").is_file():
        return f"build it with: make -C {checkout} site"
    return "install imchat again with: pip install --force-reinstall imchat"


def _local_references(html: str) -> set[str]:
    return {name.removeprefix("./") for name in _REFERENCE.findall(html) if "://" not in name}


def _checkout(package: Path) -> Path:
    return package.parent.parent
