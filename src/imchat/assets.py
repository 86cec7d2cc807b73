"""Finds the packaged files that are not Python: the built web client and the AWS templates.

Also sets how the web client's files are served, which is the same on one machine and from S3.
"""

from __future__ import annotations

import mimetypes
import re
from pathlib import Path
from typing import Final

from imchat.errors import ConfigError

PACKAGE: Final = Path(__file__).resolve().parent
FINGERPRINT: Final = ".fingerprint"
_CONTENT_TYPES: Final = {
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
"""Fixed content types: the operating system's tables differ between machines."""
_HASHED_NAME: Final = re.compile(r"-[A-Za-z0-9_-]{8}\.[a-z0-9]+$")
_REFERENCE: Final = re.compile(r"""\s(?:src|href)=["']?([^"'\s>#?]+)""")


def site_dir(package: Path = PACKAGE) -> Path:
    """Return the folder of the built web client: `index.html` and every file that it references.

    Raises: ConfigError if the client was never built or is incomplete; the message says how to fix it.
    """
    site = package / "site"
    index = site / "index.html"
    if not index.is_file() or not (site / FINGERPRINT).is_file():
        raise ConfigError(f"the web client is missing from {site}; {repair_hint(package)}")
    missing = sorted(
        name for name in _local_references(index.read_text("utf-8")) if not (site / name).is_file()
    )
    if missing:
        raise ConfigError(
            f"the web client in {site} is incomplete ({missing[0]} is missing); {repair_hint(package)}"
        )
    return site


def templates_dir(package: Path = PACKAGE) -> Path:
    """Return the folder of the CloudFormation templates. Raises: ConfigError if it is missing."""
    for folder in (package / "templates", _checkout(package) / "templates"):
        if (folder / "state.yaml").is_file():
            return folder
    raise ConfigError(f"the templates are missing from {package / 'templates'}; {repair_hint(package)}")


def site_files(site: Path) -> dict[str, Path]:
    """Return the files to serve, by their path relative to `site`. Hidden files are not served."""
    found = sorted(path for path in site.rglob("[!.]*") if path.is_file())
    return {path.relative_to(site).as_posix(): path for path in found}


def content_type(path: str) -> str:
    """Return the `Content-Type` of a file."""
    return (
        _CONTENT_TYPES.get(Path(path).suffix) or mimetypes.guess_type(path)[0] or "application/octet-stream"
    )


def cache_control(path: str) -> str:
    """Return the `Cache-Control` of a file: immutable if its name contains a hash, otherwise revalidated each time."""
    return "public, max-age=31536000, immutable" if _HASHED_NAME.search(path) else "no-cache"


def _local_references(html: str) -> set[str]:
    return {name.removeprefix("./") for name in _REFERENCE.findall(html) if "://" not in name}


def repair_hint(package: Path = PACKAGE) -> str:
    """Return how to restore missing files: by building them in a checkout, else by installing the wheel again."""
    checkout = _checkout(package)
    if (checkout / "hatch_build.py").is_file():
        return f"build it with: make -C {checkout} site"
    return "install imchat again from its wheel file or a checkout"


def _checkout(package: Path) -> Path:
    return package.parent.parent
