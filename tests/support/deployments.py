"""The running imchat that the protocol suite tests. `Deployment` is all that a test may know of a runtime."""

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
    """A running imchat: its site's URL, how to get the code of a sign-up's mail (if it sends one), and how to make a user an
    administrator."""

    site: str
    mailed_code: Callable[[str], str]
    promote: Callable[[str], None]


@contextmanager
def local(folder: Path) -> Iterator[Deployment]:
    """Run `imchat local` as a process with an empty data directory."""

    def no_mail(email: str) -> str:
        raise AssertionError(f"imchat local confirms sign-ups without a code, but asked for {email}'s code")

    with Server(folder) as server:
        yield Deployment(server.url, no_mail, server.promote)


def administrator(deployment: Deployment, record: WireLog) -> ReferenceClient:
    """Sign up a new administrator."""
    user = person(deployment, record, "admin")
    deployment.promote(user.email)
    return user.sign_in()


def person(deployment: Deployment, record: WireLog, name: str) -> ReferenceClient:
    """Sign up and sign in a new user, whose handle begins with `name`."""
    handle = f"{name}{next(_numbers)}"
    user = ReferenceClient(deployment.site, f"{handle}@example.com", record)
    if not user.sign_up():
        user.confirm(deployment.mailed_code(user.email))
    user.sign_in()
    user.request("PATCH", "/me", {"handle": handle, "display_name": name.title()})
    return user
