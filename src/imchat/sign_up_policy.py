"""The sign-up policy: who may create their own account."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from imchat.errors import Invalid

MAX_DOMAIN_CHARS: Final = 253
"""Longest domain name. Source: RFC 1035, 255 bytes on the wire."""
MAX_DOMAINS: Final = 15
"""This many of the longest domains fit in a CloudFormation parameter. Source: its quotas, 4,096 bytes."""
_DOMAIN: Final = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_DOMAIN_PREFIX: Final = "domain:"


@dataclass(frozen=True, slots=True)
class SignUpPolicy:
    """Who may sign up: anyone (`open`), no one (`invitation`), or addresses at certain domains (`domain`).

    `domains` is in lower case and used by `domain` only. Administrators can create accounts under every policy.
    """

    kind: Literal["open", "invitation", "domain"]
    domains: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> SignUpPolicy:
        """Read `open`, `invitation` or `domain:example.org,example.com`. Raises: Invalid with the reason."""
        if text in {"open", "invitation"}:
            return cls("open" if text == "open" else "invitation")
        if not text.startswith(_DOMAIN_PREFIX):
            raise _invalid("must be open, invitation or domain:example.org[,example.com]")
        domains = tuple(dict.fromkeys(map(_parse_domain, text.removeprefix(_DOMAIN_PREFIX).split(","))))
        if len(domains) > MAX_DOMAINS:
            raise _invalid(f"has {len(domains)} domains; at most {MAX_DOMAINS} are allowed", MAX_DOMAINS)
        return cls("domain", domains)

    def __str__(self) -> str:
        """Return the text that `parse` reads as this policy; the templates take the same format."""
        return _DOMAIN_PREFIX + ",".join(self.domains) if self.kind == "domain" else self.kind

    def to_wire(self) -> dict[str, object]:
        """Return the policy as it stands in `/config.json`: `SiteSignUp` of `api/schema/site.py`."""
        return {"policy": self.kind, "domains": list(self.domains)}

    def allows(self, email: str) -> bool:
        """Return whether a user with this address may sign up.

        The whole domain must match: subdomains and look-alike letters are different domains.
        """
        if self.kind != "domain":
            return self.kind == "open"
        domain = email.rpartition("@")[2]
        # lower() turns the Kelvin sign into k, so non-ASCII domains are rejected first.
        return domain.isascii() and domain.lower() in self.domains


OPEN: Final = SignUpPolicy("open")


def _parse_domain(text: str) -> str:
    domain = text.strip()
    if not domain.isascii():
        raise _invalid(
            f"has the domain {domain}, which is not ASCII; use its punycode form, starting with xn--"
        )
    if len(domain) > MAX_DOMAIN_CHARS:
        raise _invalid(
            f"has a domain of {len(domain)} characters; at most {MAX_DOMAIN_CHARS} are allowed",
            MAX_DOMAIN_CHARS,
        )
    if not _DOMAIN.fullmatch(domain.lower()):
        raise _invalid(f'has "{domain}", which is not a domain such as example.org')
    return domain.lower()


def _invalid(reason: str, limit: int | str = "open, invitation or domain:…") -> Invalid:
    return Invalid(f"sign-up {reason}", field="sign_up", limit=limit)
