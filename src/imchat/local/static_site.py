"""Serves the web client's files from memory, so that changes to the folder do not affect a running server."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from imchat.assets import cache_control, content_type, site_files
from imchat.errors import MethodNotAllowed, NotFound
from imchat.local.http import HttpResponse, Request, http_error_response, new_request_id

_COMPRESSIBLE: Final = {
    ".js",
    ".mjs",
    ".css",
    ".html",
    ".json",
    ".map",
    ".svg",
    ".txt",
    ".wasm",
    ".webmanifest",
}
_CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types imchat"
)
_PERMISSIONS_POLICY: Final = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
_QUALITY: Final = re.compile(r"(0(\.[0-9]{0,3})?|1(\.0{0,3})?)")
"""The weight of an encoding. Source: RFC 9110, section 12.4.2."""
_MIN_COMPRESS_BYTES: Final = 860
"""Smaller responses fit in one packet uncompressed."""


@dataclass(frozen=True, slots=True)
class _File:
    plain: bytes
    gzipped: bytes | None
    headers: Mapping[str, str]


class Site:
    """The built web client in one folder."""

    def __init__(self, folder: Path) -> None:
        """Read all files of a folder that `assets.site_dir` found complete; hidden files are not served."""
        self._files: dict[str, _File] = {}
        for path, file in site_files(folder).items():
            self._files[f"/{path}"] = _read(file, path)

    def serve(self, request: Request) -> HttpResponse:
        """Return the file at the request's path; a path without a file name is redirected to the application.

        The only page is `/`: the web client's routes are fragments, and its files have relative addresses.
        """
        if request.method not in {"GET", "HEAD"}:
            error = MethodNotAllowed("the site's files have only GET and HEAD", allow=("GET", "HEAD"))
            return http_error_response(error, new_request_id())
        path = "/index.html" if request.path == "/" else request.path
        if path not in self._files:
            if "." in path.rpartition("/")[2] or path.startswith("/assets/"):
                return http_error_response(NotFound("no such page"), new_request_id())
            return HttpResponse(302, {"Location": "/"}, b"")
        file = self._files[path]
        if _matches(request.headers.get("if-none-match", ""), file.headers["ETag"]):
            return HttpResponse(304, file.headers, b"")
        headers, body = dict(file.headers), file.plain
        if file.gzipped is not None:
            headers["Vary"] = "Accept-Encoding"
            if _accepts_gzip(request.headers.get("accept-encoding", "")):
                headers["Content-Encoding"], body = "gzip", file.gzipped
        return HttpResponse(200, headers, body)


@lru_cache(maxsize=256)
def _accepts_gzip(header: str) -> bool:
    """Return whether a client with this `Accept-Encoding` header accepts gzip (RFC 9110, section 12.5.3)."""
    qualities: dict[str, float] = {}
    for part in header.lower().split(","):
        coding, *parameters = (word.strip() for word in part.split(";"))
        quality = next((text[2:] for text in parameters if text.startswith("q=")), "1")
        qualities[coding] = float(quality) if _QUALITY.fullmatch(quality) else 0.0
    accepted = (qualities[name] for name in ("gzip", "x-gzip", "*") if name in qualities)
    return next(accepted, 0.0) > 0


def _matches(header: str, tag: str) -> bool:
    """Return whether an `If-None-Match` header names the tag (RFC 9110, section 13.1.2)."""
    given = [part.strip().removeprefix("W/") for part in header.split(",")]
    return tag.removeprefix("W/") in given or given == ["*"]


def _read(file: Path, path: str) -> _File:
    plain = file.read_bytes()
    gzipped = _gzip(plain) if file.suffix in _COMPRESSIBLE and len(plain) >= _MIN_COMPRESS_BYTES else None
    return _File(
        plain,
        gzipped,
        {
            "Content-Type": content_type(path),
            "Content-Security-Policy": _CONTENT_SECURITY_POLICY,
            "Permissions-Policy": _PERMISSIONS_POLICY,
            "ETag": f'W/"{hashlib.sha256(plain).hexdigest()[:20]}"',
            "Cache-Control": cache_control(path),
        },
    )


def _gzip(plain: bytes) -> bytes:
    compressor = zlib.compressobj(9, wbits=31)
    return compressor.compress(plain) + compressor.flush()
