"""Finds the network address of a request's client, also behind trusted reverse proxies, for limits by address."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Iterable
from typing import Final, TypeAlias

from imchat.errors import ConfigError
from imchat.local.http import Request

log = logging.getLogger(__name__)

IpAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

LOOPBACK: Final = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1"))
UNKNOWN: Final = "unknown"
"""The address of all clients that have none, such as those of a Unix socket; they share one limit."""
_MAX_PROXIES: Final = 16
"""Entries of `X-Forwarded-For` that are read, from the right."""
_PREFIX_BITS: Final = 64
"""Length of the prefix of an IPv6 address that a provider assigns to one customer, who can use all addresses in it.

Source: https://www.rfc-editor.org/rfc/rfc4291#section-2.5.1
"""


def parse_proxy(text: str) -> IpNetwork:
    """Parse a value of `--trusted-proxy`: an IP address or network. Raises: ConfigError."""
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise ConfigError(
            f"{text!r} is not the address of a reverse proxy; "
            "give an IP address or a network, such as 10.0.0.5 or 10.0.0.0/24"
        ) from None
    if network.prefixlen == 0:
        raise ConfigError(
            f"--trusted-proxy {text} would trust every client to state its own address; "
            "give the addresses of your reverse proxies only"
        )
    return network


class TrustedProxies:
    """The reverse proxies that append the address of their client to `X-Forwarded-For`, by address or network."""

    def __init__(self, trusted: Iterable[IpNetwork] = ()) -> None:
        self._trusted = tuple(trusted)
        self._has_logged = False

    def client_address(self, request: Request) -> str:
        """Return the address that the client's requests are counted by: an IPv4 address, or an IPv6 network of 64 bits.

        It is the last entry of `X-Forwarded-For` that is not a trusted proxy; the client can forge the entries before it.
        The header is ignored if the peer is not a trusted proxy.
        """
        address = _parse_address(request.source_ip)
        if address is None:
            return UNKNOWN
        entries = request.headers.get("x-forwarded-for", "").rsplit(",", _MAX_PROXIES)
        for entry in reversed(entries):
            if not self._is_trusted(address):
                break
            forwarded = _parse_address(entry)
            if forwarded is None:  # missing, or a word such as "unknown"
                break
            address = forwarded
        if address.version == 4:  # noqa: PLR2004 - the version of the protocol
            return str(address)
        return str(ipaddress.IPv6Network((int(address), _PREFIX_BITS), strict=False))

    def log_shared_address(self, request: Request) -> None:
        """Log once if the client, which has reached a limit, may be a proxy whose clients share that limit."""
        peer = _parse_address(request.source_ip)
        if peer is None:
            return
        has_header = "x-forwarded-for" in request.headers
        if self._is_trusted(peer) and not has_header:
            self._log_once(
                f"refused sign-in requests from {peer}: it is a trusted proxy, but sends no X-Forwarded-For header, "
                "so all its clients share one limit; configure it to send the header"
            )
        elif has_header and peer.is_private and not self._is_trusted(peer):
            self._log_once(
                f"refused sign-in requests from {peer}: all clients of this address share one limit; "
                f"if it is your reverse proxy, start with --trusted-proxy {peer}"
            )

    def _is_trusted(self, address: IpAddress) -> bool:
        return any(address in network for network in self._trusted)

    def _log_once(self, message: str) -> None:
        if not self._has_logged:
            self._has_logged = True
            log.warning("%s", message)


def _parse_address(text: str) -> IpAddress | None:
    """Parse an IP address, also with a port or in brackets; None if it is not valid."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return address.ipv4_mapped or address
    return address
