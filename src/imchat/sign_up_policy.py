"""Who may make their own account: anybody, people with an e-mail address of some domains, or nobody."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from imchat.errors import Invalid

DOMAIN_CHARS: Final = 253
"""Longest name of a domain. Source: RFC 1035, 255 bytes on the wire."""
DOMAINS_MAX: Final = 15
"""As many of the longest as a parameter of CloudFormation takes. Source: its quotas, 4,096 bytes."""
_DOMAIN: Final = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_BY_DOMAIN: Final = "domain:"


@dataclass(frozen=True, slots=True)
class SignUpPolicy:
    """`domains`, in lower case, are what `domain` is about. An administrator makes accounts whatever the policy."""

    kind: Literal["open", "invitation", "domain"]
    domains: tuple[str, ...] = ()

    def __str__(self) -> str:
        """What `parse_sign_up` reads as this policy; the templates take it in just this form."""
        return _BY_DOMAIN + ",".join(self.domains) if self.kind == "domain" else self.kind

    def allows(self, email: str) -> bool:
        """Whether somebody with this address may sign up.

        A domain is compared whole: a sub-domain is another domain, and so is one with a letter that only looks the same.
        """
        if self.kind != "domain":
            return self.kind == "open"
        domain = email.rpartition("@")[2]
        # Lower case makes a k of the sign for Kelvin: what is not ASCII is told apart before.
        return domain.isascii() and domain.lower() in self.domains


OPEN: Final = SignUpPolicy("open")


def parse_sign_up(text: str) -> SignUpPolicy:
    """Read `open`, `invitation` or `domain:example.org,example.com`. Raises: Invalid, naming what is wrong with it."""
    if text == "open":
        return OPEN
    if text == "invitation":
        return SignUpPolicy("invitation")
    if not text.startswith(_BY_DOMAIN):
        raise _wrong("must be open, invitation or domain:example.org[,example.com]")
    domains = tuple(dict.fromkeys(map(_domain, text.removeprefix(_BY_DOMAIN).split(","))))
    if len(domains) > DOMAINS_MAX:
        raise _wrong(f"names {len(domains)} domains; {DOMAINS_MAX} is the most", DOMAINS_MAX)
    return SignUpPolicy("domain", domains)


def _domain(text: str) -> str:
    domain = text.strip()
    if not domain.isascii():
        raise _wrong(f"names {domain}, which is not ASCII; write a domain as mail carries it, beginning xn--")
    if len(domain) > DOMAIN_CHARS:
        raise _wrong(f"names a domain of {len(domain)} characters; {DOMAIN_CHARS} is the most", DOMAIN_CHARS)
    if not _DOMAIN.fullmatch(domain.lower()):
        raise _wrong(f'names "{domain}", which is no domain; one looks like example.org')
    return domain.lower()


def _wrong(what: str, limit: int | str = "open, invitation or domain:…") -> Invalid:
    return Invalid(f"sign-up {what}", field="sign_up", limit=limit)
