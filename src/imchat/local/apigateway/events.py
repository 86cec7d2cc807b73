"""Builds the events that API Gateway sends to a Lambda function, and parses the function's responses.

HTTP API payload format 2.0, WebSocket API proxy events and REQUEST authorizer events.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeAlias

from imchat.local.http import Request, join_repeated, new_request_id

Event: TypeAlias = dict[str, Any]

API_ID: Final = "local"
_ACCOUNT_ID: Final = "000000000000"
_STAGE: Final = "local"
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def http_event(request: Request, request_id: str, claims: Mapping[str, Any] | None) -> Event:
    """Return the event of the HTTP API route `ANY /api/{proxy+}`; `claims` is None for a public route."""
    now_s = time.time()
    headers, host = request.headers, request.host
    context: Event = {
        "accountId": _ACCOUNT_ID,
        "apiId": API_ID,
        "domainName": host,
        "domainPrefix": host.partition(".")[0],
        "http": {
            "method": request.method,
            "path": request.path,
            "protocol": f"HTTP/{request.http_version}",
            "sourceIp": request.source_ip,
            "userAgent": headers.get("user-agent", ""),
        },
        "requestId": request_id,
        "routeKey": "ANY /api/{proxy+}",
        "stage": "$default",
        "time": _access_log_time(int(now_s)),
        "timeEpoch": int(now_s * 1000),
    }
    if claims is not None:
        context["authorizer"] = {"jwt": {"claims": claims, "scopes": None}}
    event: Event = {
        "version": "2.0",
        "routeKey": context["routeKey"],
        "rawPath": request.path,
        "rawQueryString": request.query_string,
        "headers": headers,
        "requestContext": context,
        "pathParameters": {"proxy": request.path.removeprefix("/api/")},
        "isBase64Encoded": False,
    }
    if request.query_string:
        event["queryStringParameters"] = join_repeated(request.query())
    if "cookie" in headers:
        event["cookies"] = [part.strip() for part in headers["cookie"].split(";")]
        event["headers"] = {name: value for name, value in headers.items() if name != "cookie"}
    if request.body:
        event["body"], event["isBase64Encoded"] = encode_body(request.body)
    return event


def parse_http_response(response: Mapping[str, Any]) -> tuple[int, Mapping[str, str], bytes]:
    """Return status, headers and body of a handler's response in format 2.0."""
    body = response.get("body") or ""
    return (
        int(response["statusCode"]),
        response.get("headers") or {},
        base64.b64decode(body) if response.get("isBase64Encoded") else body.encode(),
    )


def token_claims(claims: Mapping[str, Any]) -> dict[str, str]:
    """Return the claims as the JWT authorizer passes them on: every value a string, lists in brackets."""
    return {name: value if type(value) is str else _format_claim(value) for name, value in claims.items()}


def encode_body(body: bytes) -> tuple[str, bool]:
    """Return the body as text if it is UTF-8, else in base64; and whether it is base64."""
    try:
        return body.decode(), False
    except UnicodeDecodeError:
        return base64.b64encode(body).decode(), True


@dataclass(frozen=True, slots=True)
class WebSocketEvents:
    """Builds the events of one connection; `authorizer` is the context that the authorizer returned for it."""

    request: Request
    connection_id: str
    connected_ms: int
    authorizer: Mapping[str, Any] | None = None

    @property
    def user_id(self) -> str:
        """The user whom the authorizer has connected."""
        return str((self.authorizer or {}).get("principalId", ""))

    def authorize(self) -> Event:
        """Return the event for the REQUEST authorizer of `$connect`."""
        return {
            "type": "REQUEST",
            "methodArn": f"arn:aws:execute-api:local:{_ACCOUNT_ID}:{API_ID}/{_STAGE}/$connect",
            **self._handshake(),
            "stageVariables": {},
            "requestContext": self._context("$connect", "CONNECT"),
        }

    def connect(self) -> Event:
        """Return the event for `$connect`, after it was authorized."""
        return {
            **self._handshake(),
            "requestContext": self._context("$connect", "CONNECT"),
            "isBase64Encoded": False,
        }

    def message(self, body: str, *, is_base64: bool = False) -> Event:
        """Return the event for `$default`: one message from the client."""
        context = self._context("$default", "MESSAGE")
        context["messageId"] = new_request_id()
        return {"requestContext": context, "body": body, "isBase64Encoded": is_base64}

    def disconnect(self, code: int, reason: str) -> Event:
        """Return the event for `$disconnect`, after the connection has closed."""
        context = self._context("$disconnect", "DISCONNECT")
        context |= {"disconnectStatusCode": code, "disconnectReason": reason}
        return {"requestContext": context, "isBase64Encoded": False}

    def _handshake(self) -> Event:
        headers, query = self.request.header_lines, self.request.query()
        return {
            "headers": dict(headers),
            "multiValueHeaders": _group_repeated(headers),
            "queryStringParameters": dict(query),
            "multiValueQueryStringParameters": _group_repeated(query),
        }

    def _context(self, route: str, kind: str) -> Event:
        now_s = time.time()
        request_id = new_request_id()
        context: Event = {
            "routeKey": route,
            "eventType": kind,
            "messageDirection": "IN",
            "connectionId": self.connection_id,
            "connectedAt": self.connected_ms,
            "requestId": request_id,
            "extendedRequestId": request_id,
            "requestTime": _access_log_time(int(now_s)),
            "requestTimeEpoch": int(now_s * 1000),
            "domainName": self.request.host,
            "stage": _STAGE,
            "apiId": API_ID,
            "identity": {"sourceIp": self.request.source_ip},
        }
        if self.authorizer is not None:
            context["authorizer"] = dict(self.authorizer)
        return context


def authorizer_context(policy: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the context that an authorizer adds to the later events, or None if its policy denies the call."""
    statements = policy["policyDocument"]["Statement"]
    if not statements or any(statement["Effect"] != "Allow" for statement in statements):
        return None
    return {"principalId": policy["principalId"], **policy.get("context", {})}


def _group_repeated(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name, value in pairs:
        groups.setdefault(name, []).append(value)
    return groups


def _format_claim(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{' '.join(map(str, value))}]"
    return str(value)


@lru_cache(maxsize=1)
def _access_log_time(now_s: int) -> str:
    """Format a time as in an access log, e.g. `12/Mar/2030:19:03:58 +0000`; strftime would use the locale."""
    at = time.gmtime(now_s)
    month = _MONTHS[at.tm_mon - 1]
    return f"{at.tm_mday:02}/{month}/{at.tm_year}:{at.tm_hour:02}:{at.tm_min:02}:{at.tm_sec:02} +0000"
