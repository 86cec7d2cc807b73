"""Checks AWS Signature Version 4 on the calls that administer users."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from imchat.local.identity.pool import AdminKey
from imchat.local.identity.protocol import CognitoError

MAX_SKEW_S: Final = 300
SERVICE: Final = "cognito-idp"
_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_MUST_BE_SIGNED: Final = frozenset({"host", "x-amz-date", "x-amz-target"})
_AUTHORIZATION: Final = re.compile(
    _ALGORITHM
    + r" Credential=(?P<key>[^/,\s]+)/(?P<day>\d{8})/(?P<region>[^/,\s]+)/(?P<service>[^/,\s]+)/aws4_request,"
    r"\s*SignedHeaders=(?P<headers>[a-z0-9;-]+),\s*Signature=(?P<signature>[0-9a-f]{64})"
)


def verify(admin: AdminKey, *, path: str, headers: Mapping[str, str], body: bytes, now_ms: int) -> None:
    """Refuse a POST to `path` (no query) that `admin` did not sign within the last five minutes.

    `headers` have names in lower case. Raises: Refused.
    """
    if "authorization" not in headers:
        raise CognitoError("MissingAuthenticationTokenException", "Missing Authentication Token")
    claim = _AUTHORIZATION.fullmatch(headers["authorization"])
    if claim is None or claim["service"] != SERVICE:
        raise CognitoError(
            "IncompleteSignatureException", f"The Authorization header must be {_ALGORITHM} for {SERVICE}."
        )
    if not hmac.compare_digest(_raw(claim["key"]), admin.access_key_id.encode()):
        raise CognitoError(
            "UnrecognizedClientException", "The security token included in the request is invalid."
        )
    names = claim["headers"].split(";")
    stamp = headers.get("x-amz-date", "")
    if (
        not set(names) >= _MUST_BE_SIGNED
        or not set(names) <= set(headers)
        or not _is_current(stamp, claim["day"], now_ms)
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
            claim["headers"],
            hashlib.sha256(body).hexdigest(),
        )
    )
    scope = f"{claim['day']}/{claim['region']}/{SERVICE}/aws4_request"
    text = f"{_ALGORITHM}\n{stamp}\n{scope}\n{hashlib.sha256(_raw(canonical)).hexdigest()}"
    key = f"AWS4{admin.secret_access_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, _raw(part), "sha256")
    if not hmac.compare_digest(hmac.digest(key, _raw(text), "sha256").hex(), claim["signature"]):
        raise CognitoError(
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided.",
        )


def _raw(text: str) -> bytes:
    """The bytes that came: a web server decodes those of a header that are no UTF-8 to surrogates."""
    return text.encode("utf-8", "surrogateescape")


def _is_current(stamp: str, day: str, now_ms: int) -> bool:
    try:
        signed = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return False
    return stamp.startswith(day) and abs(signed.timestamp() - now_ms / 1000) <= MAX_SKEW_S
