"""Where the protocol suite finds a running imchat. All that a test may know of a runtime stands in `Deployment`."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.browser_harness import Server
from tests.support.reference_client import ReferenceClient, WireLog

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Deployment:
    """A running imchat: the address of its site, how the code of a sign-up's mail is had (where it sends one), and how
    somebody is made an administrator."""

    site: str
    mailed_code: Callable[[str], str]
    promote: Callable[[str], None]


@contextmanager
def local(folder: Path) -> Iterator[Deployment]:
    """`imchat local` as a process, on an empty data folder."""

    def no_mail(email: str) -> str:
        raise AssertionError(f"imchat local confirms sign-ups at once, and asked for {email}'s code")

    with Server(folder) as server:
        yield Deployment(server.url, no_mail, server.promote)


def administrator(deployment: Deployment, record: WireLog) -> ReferenceClient:
    """Somebody new who administers the site."""
    made = person(deployment, record, "admin")
    deployment.promote(made.email)
    return made.sign_in()


def person(deployment: Deployment, record: WireLog, name: str) -> ReferenceClient:
    """Somebody new, signed up and in, whose handle begins with `name`."""
    handle = f"{name}{next(_numbers)}"
    made = ReferenceClient(deployment.site, f"{handle}@example.com", record)
    if not made.sign_up():
        made.confirm(deployment.mailed_code(made.email))
    made.sign_in()
    made.request("PATCH", "/me", {"handle": handle, "display_name": name.title()})
    return made
