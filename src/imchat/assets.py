"""Where the files that are no Python lie: the built web client and the AWS templates, in a wheel and in a checkout."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from imchat.errors import ConfigError

PACKAGE: Final = Path(__file__).resolve().parent
FINGERPRINT: Final = ".fingerprint"
_REFERENCE: Final = re.compile(r"""\s(?:src|href)=["']?([^"'\s>#?]+)""")


def site_dir(package: Path = PACKAGE) -> Path:
    """The folder with the built web client, whole: `index.html` and every file that it names.

    Raises: ConfigError if it was never built or is only half there; the message says how to mend it.
    """
    site = package / "site"
    index = site / "index.html"
    if not index.is_file() or not (site / FINGERPRINT).is_file():
        raise ConfigError(f"the web client is missing from {site}; {_mend(package)}")
    lost = sorted(name for name in _local_references(index.read_text("utf-8")) if not (site / name).is_file())
    if lost:
        raise ConfigError(f"the web client in {site} is incomplete ({lost[0]} is missing); {_mend(package)}")
    return site


def templates_dir(package: Path = PACKAGE) -> Path:
    """The folder with the CloudFormation templates. Raises: ConfigError if it is missing."""
    for folder in (package / "templates", _checkout(package) / "templates"):
        if (folder / "state.yaml").is_file():
            return folder
    raise ConfigError(f"the templates are missing from {package / 'templates'}; {_mend(package)}")


def _local_references(html: str) -> set[str]:
    return {name.removeprefix("./") for name in _REFERENCE.findall(html) if "://" not in name}


def _mend(package: Path) -> str:
    checkout = _checkout(package)
    if (checkout / "hatch_build.py").is_file():
        return f"build it with: make -C {checkout} site"
    return "install imchat again with: pip install --force-reinstall imchat"


def _checkout(package: Path) -> Path:
    return package.parent.parent
