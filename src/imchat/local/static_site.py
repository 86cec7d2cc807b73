"""The web client's files, served from memory: what was read at the start stays whole if the folder changes."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from imchat.assets import cache_control, content_type, site_files
from imchat.errors import NotFound
from imchat.local.apigateway.events import Request, new_request_id
from imchat.local.http.response import HttpResponse, http_error_response

_SHRINKS: Final = {".js", ".mjs", ".css", ".html", ".json", ".map", ".svg", ".txt", ".wasm", ".webmanifest"}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types imchat"
)
_FEATURES: Final = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
_LEAST_TO_SHRINK: Final = 860
"""Bytes. Smaller answers fit in one packet either way."""


@dataclass(frozen=True, slots=True)
class _File:
    plain: bytes
    gzipped: bytes | None
    headers: Mapping[str, str]


class Site:
    """The built web client below one folder."""

    def __init__(self, folder: Path) -> None:
        """Read all files of a folder that `assets.site_dir` found whole; hidden ones are not served."""
        self._files: dict[str, _File] = {}
        for path, place in site_files(folder).items():
            self._files[f"/{path}"] = _read(place, path)

    def answer(self, request: Request) -> HttpResponse:
        """The file at the request's path; for a page's address that is no file, the application itself."""
        if request.method not in {"GET", "HEAD"}:
            nothing = NotFound("there is nothing here")
            return http_error_response(nothing, new_request_id(), status=405, headers={"allow": "GET, HEAD"})
        path = request.path
        if path not in self._files:
            if "." in path.rpartition("/")[2] or path.startswith("/assets/"):
                return http_error_response(NotFound("there is nothing here"), new_request_id())
            path = "/index.html"
        file = self._files[path]
        if file.headers["ETag"] in request.headers.get("if-none-match", ""):
            return HttpResponse(304, file.headers, b"")
        headers, body = dict(file.headers), file.plain
        if file.gzipped is not None:
            headers["Vary"] = "Accept-Encoding"
            if "gzip" in request.headers.get("accept-encoding", ""):
                headers["Content-Encoding"], body = "gzip", file.gzipped
        return HttpResponse(200, headers, body)


def _read(place: Path, path: str) -> _File:
    plain = place.read_bytes()
    gzipped = _gzip(plain) if place.suffix in _SHRINKS and len(plain) >= _LEAST_TO_SHRINK else None
    return _File(
        plain,
        gzipped,
        {
            "Content-Type": content_type(path),
            "Content-Security-Policy": _POLICY,
            "Permissions-Policy": _FEATURES,
            "ETag": f'W/"{hashlib.sha256(plain).hexdigest()[:20]}"',
            "Cache-Control": cache_control(path),
        },
    )


def _gzip(plain: bytes) -> bytes:
    shrink = zlib.compressobj(9, wbits=31)
    return shrink.compress(plain) + shrink.flush()
