"""Verifies AWS Signature Version 4 on administrative calls."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from imchat.local.identity.pool_keys import AdminKey
from imchat.local.identity.protocol import CognitoError

MAX_SKEW_S: Final = 300
SERVICE: Final = "cognito-idp"
_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_REQUIRED_SIGNED_HEADERS: Final = frozenset({"host", "x-amz-date", "x-amz-target"})
_AUTHORIZATION: Final = re.compile(
    _ALGORITHM
    + r" Credential=(?P<key>[^/,\s]+)/(?P<day>\d{8})/(?P<region>[^/,\s]+)/(?P<service>[^/,\s]+)/aws4_request,"
    r"\s*SignedHeaders=(?P<headers>[a-z0-9;-]+),\s*Signature=(?P<signature>[0-9a-f]{64})"
)


def verify(admin: AdminKey, *, path: str, headers: Mapping[str, str], body: bytes, now_ms: int) -> None:
    """Check that `admin` signed a POST to `path` (without query) within the last five minutes.

    `headers` have names in lower case. Raises: CognitoError.
    """
    if "authorization" not in headers:
        raise CognitoError("MissingAuthenticationTokenException", "Missing Authentication Token")
    authorization = _AUTHORIZATION.fullmatch(headers["authorization"])
    if authorization is None or authorization["service"] != SERVICE:
        raise CognitoError(
            "IncompleteSignatureException", f"The Authorization header must be {_ALGORITHM} for {SERVICE}."
        )
    if not hmac.compare_digest(_to_bytes(authorization["key"]), admin.access_key_id.encode()):
        raise CognitoError(
            "UnrecognizedClientException", "The security token included in the request is invalid."
        )
    names = authorization["headers"].split(";")
    timestamp = headers.get("x-amz-date", "")
    if (
        not set(names) >= _REQUIRED_SIGNED_HEADERS
        or not set(names) <= set(headers)
        or not _is_current(timestamp, authorization["day"], now_ms)
    ):
        raise CognitoError(
            "InvalidSignatureException", "The signature has expired, or does not cover the request."
        )
    canonical = "\n".join(
        (
            "POST",
            quote(path, safe="/-_.~%"),
            "",
            *(f"{name}:{' '.join(headers[name].split())}" for name in names),
            "",
            authorization["headers"],
            hashlib.sha256(body).hexdigest(),
        )
    )
    scope = f"{authorization['day']}/{authorization['region']}/{SERVICE}/aws4_request"
    text = f"{_ALGORITHM}\n{timestamp}\n{scope}\n{hashlib.sha256(_to_bytes(canonical)).hexdigest()}"
    key = f"AWS4{admin.secret_access_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, _to_bytes(part), "sha256")
    if not hmac.compare_digest(hmac.digest(key, _to_bytes(text), "sha256").hex(), authorization["signature"]):
        raise CognitoError(
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided.",
        )


def _to_bytes(text: str) -> bytes:
    """Return the received bytes: a web server decodes header bytes that are not UTF-8 to surrogates."""
    return text.encode("utf-8", "surrogateescape")


def _is_current(timestamp: str, day: str, now_ms: int) -> bool:
    try:
        signed_at = datetime.strptime(timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return False
    return timestamp.startswith(day) and abs(signed_at.timestamp() - now_ms / 1000) <= MAX_SKEW_S
