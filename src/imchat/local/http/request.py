"""`Request`: one parsed HTTP request, and the ids that requests get."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple, Self
from urllib.parse import parse_qsl, unquote


class Request(NamedTuple):
    """An HTTP request with its body.

    `path` is decoded; `raw_path` and `query_string` are as received. `headers` has lower-case names, and the values of
    repeated headers are joined by commas; `header_lines` is as received. `http_version` is like `1.1`.
    """

    method: str
    path: str
    raw_path: str
    query_string: str
    headers: dict[str, str]
    header_lines: list[tuple[str, str]]
    http_version: str
    source_ip: str
    body: bytes

    @classmethod
    def build(
        cls,
        method: str,
        target: str,
        header_lines: list[tuple[str, str]],
        *,
        version: str = "1.1",
        source_ip: str = "",
        body: bytes = b"",
    ) -> Self:
        """Build a request from its request line, headers and body. `target` may include scheme and host."""
        headers = join_repeated([(name.lower(), value) for name, value in header_lines])
        return cls(method, *split_target(target), headers, header_lines, version, source_ip, body)

    @property
    def host(self) -> str:
        """The `Host` header: the host and port that the client used."""
        return self.headers.get("host", "")

    def query(self) -> list[tuple[str, str]]:
        """Return the decoded names and values of the query string."""
        return parse_qsl(self.query_string, keep_blank_values=True)


def split_target(target: str) -> tuple[str, str, str]:
    """Return the decoded path, the raw path and the query string of a request target."""
    if not target.startswith("/"):
        target = "/" + target.partition("://")[2].partition("/")[2]
    raw_path, _, query_string = target.partition("#")[0].partition("?")
    return unquote(raw_path) if "%" in raw_path else raw_path, raw_path, query_string


def join_repeated(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the pairs as a dict, with the values of repeated names joined by commas."""
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def new_request_id() -> str:
    """Return an id in API Gateway's format: 16 characters that end in `=`."""
    return next(_request_ids)


def _generate_ids() -> Iterator[str]:
    """Read random bytes for 64 ids at once: one read from the system costs as much as the rest of an id."""
    while True:
        letters = base64.b64encode(os.urandom(12 * 64)).decode()
        for start in range(0, len(letters), 16):
            yield letters[start : start + 15] + "="


_request_ids: Final = _generate_ids()
