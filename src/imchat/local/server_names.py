"""The host names of the server: checks the `Host` and `Origin` of requests, and parses the public URL.

Without the check of `Host`, a page of another site could reach a server on this machine through a DNS name of its own
(DNS rebinding).
"""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from imchat.errors import ConfigError
from imchat.local.refusal_log import RefusalLog, quote

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_HOST: Final = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:(?P<port>[0-9]{0,5}))?")
_MAX_PORT: Final = 65_535
_MAX_CACHED: Final = 256


class HostPort(NamedTuple):
    """A host name in lower case without a trailing dot, or an IP address; and a port, None for the scheme's own."""

    name: str
    port: int | None


class PublicUrl(NamedTuple):
    """The address that users open in their browser, if it is not the one that the server listens on."""

    scheme: str
    name: str
    port: int

    @classmethod
    def parse(cls, text: str) -> PublicUrl:
        """Parse the value of `--url`. Raises: ConfigError."""
        try:
            parts = urlsplit(text)
            host = parse_host(parts.netloc.encode("idna").decode())
        except ValueError:
            host = None
        if host is None or parts.scheme not in _DEFAULT_PORTS:
            raise ConfigError(f"{text!r} is not the URL of a site; give one such as https://chat.example.org")
        if parts.path.strip("/") or parts.query or parts.fragment:
            raise ConfigError(
                f"the URL {text!r} has a path; imchat needs a host name of its own, "
                "such as https://chat.example.org"
            )
        return cls(parts.scheme, host.name, host.port or _DEFAULT_PORTS[parts.scheme])

    def __str__(self) -> str:
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self.name}{port}"


class ServerNames:
    """The names of one server: localhost, every IP address, the machine's names, `listen_host` and the public URL."""

    def __init__(
        self, listen_host: str, public_url: PublicUrl | None = None, refusals: RefusalLog | None = None
    ) -> None:
        self._public_url = public_url
        self._refusals = refusals or RefusalLog()
        self._names = {"localhost", listen_host.lower()}
        if public_url is not None:
            self._names.add(public_url.name)
        self._add_machine_name(socket.gethostname())
        # It may ask a DNS server, and the program must not wait for the answer, neither at its start nor at its end.
        threading.Thread(target=self._add_full_name, daemon=True).start()
        self.served: set[str] = set()
        """`Host` headers that are known to name this server."""

    def serves(self, host: str) -> bool:
        """Return whether the `Host` header of a request names this server."""
        if host in self.served:
            return True
        if self._is_name(host):
            if len(self.served) >= _MAX_CACHED:
                self.served.clear()
            self.served.add(host)
            return True
        self._refusals.add(
            "host",
            f"refused requests for the host {quote(host)}, which is not a name of this machine. If users open that "
            "address, start with --url and that address. If a proxy makes up that name, let it pass on the browser's; "
            "nginx: proxy_set_header Host $host;",
        )
        return False

    def is_same_origin(self, origin: str, host: str, forwarded_hosts: str) -> bool:
        """Return whether a page of `origin` is our own: it has the public URL, or the host that the client used.

        A proxy passes on that host in `X-Forwarded-Host`, which a page cannot set.
        """
        parts = origin.split("://", 1)
        scheme, page = parts[0].lower(), parse_host(parts[-1])
        default_port = _DEFAULT_PORTS.get(scheme)
        if page is not None and default_port is not None and len(parts) == 2:  # noqa: PLR2004 - scheme and host
            page_port = page.port or default_port
            if self._public_url is not None and (scheme, page.name, page_port) == self._public_url:
                return True
            for text in (host, *forwarded_hosts.split(",")):
                named = parse_host(text)
                if named is not None and (named.name, named.port or default_port) == (page.name, page_port):
                    return True
        self._refusals.add(
            "origin",
            f"refused WebSocket connections of pages at {quote(origin)}: the request has the host {quote(host)}. "
            "If users open that address, start with --url and that address",
        )
        return False

    def _is_name(self, host: str) -> bool:
        parsed = parse_host(host)
        if parsed is None:
            return False
        name = parsed.name
        # Browsers resolve names below localhost themselves: https://www.rfc-editor.org/rfc/rfc6761#section-6.3
        return name in self._names or name.endswith(".localhost") or _is_ip_address(name)

    def _add_full_name(self) -> None:
        self._add_machine_name(socket.getfqdn())

    def _add_machine_name(self, name: str) -> None:
        name = name.lower().rstrip(".")
        short = name.partition(".")[0]
        self._names |= {name, short, f"{short}.local"}  # .local: multicast DNS


def parse_host(text: str) -> HostPort | None:
    """Parse a host with or without a port, as in a `Host` header; None if it is not valid."""
    match = _HOST.fullmatch(text.strip().lower())
    if match is None:
        return None
    name, port = match["name"].removesuffix("."), match["port"]
    number = int(port) if port else None
    if not name or (name[0] == "[" and not _is_ip_address(name)) or (number or 0) > _MAX_PORT:
        return None
    return HostPort(name, number)


def _is_ip_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
