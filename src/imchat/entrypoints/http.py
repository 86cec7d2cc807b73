"""Lambda handler of the HTTP API (payload format 2.0)."""

from __future__ import annotations

import base64
from typing import Any

from imchat.api.dispatch import HttpRequest, dispatch
from imchat.domain.ids import SignInId, UserId
from imchat.entrypoints import bootstrap
from imchat.entrypoints.bootstrap import Handler
from imchat.services.app import App

_JSON = {"content-type": "application/json", "cache-control": "no-store"}
_ADMINS = "admins"
"""The Cognito group of the site's administrators."""


def create_handler(app: App) -> Handler:
    """Create the handler."""

    def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
        response = dispatch(app, _request(event))
        headers = {**_JSON, **response.headers} if response.headers else _JSON
        body = "" if event["requestContext"]["http"]["method"] == "HEAD" else response.body
        return {"statusCode": response.status, "headers": headers, "body": body}

    return handle


def _request(event: dict[str, Any]) -> HttpRequest:
    context = event["requestContext"]
    claims = context.get("authorizer", {}).get("jwt", {}).get("claims", {})
    body = event.get("body") or ""
    return HttpRequest(
        method=context["http"]["method"],
        path=event["rawPath"],
        query=event.get("queryStringParameters") or {},
        body=base64.b64decode(body)
        if event.get("isBase64Encoded")
        else body.encode("utf-8", "surrogatepass"),
        user_id=_user_id(claims),
        request_id=context["requestId"],
        sign_in=_sign_in(claims),
        is_admin="cognito:groups" in claims and _ADMINS in _parse_list(claims["cognito:groups"]),
    )


def _parse_list(claim: str) -> list[str]:
    """Parse a list claim, which the JWT authorizer passes on as `[a b]`."""
    return claim.strip("[]").replace(",", " ").split()


def _user_id(claims: dict[str, Any]) -> UserId | None:
    """Return the signed-in user. The authorizer accepts ID tokens too; they do not count."""
    return UserId(claims["sub"]) if claims.get("token_use") == "access" else None


def _sign_in(claims: dict[str, Any]) -> SignInId | None:
    """Return the sign-in that issued the token. Cognito names it in every token that can be revoked."""
    return claims.get("origin_jti")


handler = bootstrap.lazy_handler(create_handler)
