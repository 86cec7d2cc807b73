"""API Gateway's shapes: the events its HTTP and WebSocket APIs hand to a Lambda function, and the answers.

HTTP API payload format 2.0; WebSocket API proxy events; REQUEST authorizer events. Knows no web server.
"""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple, Self, TypeAlias
from urllib.parse import parse_qsl, unquote

Event: TypeAlias = dict[str, Any]

API_ID: Final = "local"
_ACCOUNT_ID: Final = "000000000000"
_STAGE: Final = "local"
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Request(NamedTuple):
    """What the shapes need of an HTTP request.

    `path` is decoded, `raw_path` and `query_string` are as they came. `headers` have their names in lower case, those
    given several times joined by commas; `header_lines` are as they came. `http_version` is like `1.1`.
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
    def of(
        cls,
        method: str,
        target: str,
        header_lines: list[tuple[str, str]],
        *,
        version: str = "1.1",
        source_ip: str = "",
        body: bytes = b"",
    ) -> Self:
        """The request that its first line, its headers and its body make. `target` may name scheme and host."""
        headers = _joined([(name.lower(), value) for name, value in header_lines])
        return cls(method, *split_target(target), headers, header_lines, version, source_ip, body)

    @property
    def host(self) -> str:
        """The host and port that the client asked for."""
        return self.headers.get("host", "")

    def query(self) -> list[tuple[str, str]]:
        """The query's names and values, decoded."""
        return parse_qsl(self.query_string, keep_blank_values=True)


def split_target(target: str) -> tuple[str, str, str]:
    """The decoded path, the path as it came, and the query of a request's target."""
    if not target.startswith("/"):
        target = "/" + target.partition("://")[2].partition("/")[2]
    raw_path, _, query_string = target.partition("#")[0].partition("?")
    return unquote(raw_path) if "%" in raw_path else raw_path, raw_path, query_string


def new_request_id() -> str:
    """An id like API Gateway's: 16 characters that end in `=`."""
    return next(_request_ids)


def _random_ids() -> Iterator[str]:
    """Random bytes are asked of the system for many at once: each asking costs as much as the rest of an id."""
    while True:
        letters = base64.b64encode(os.urandom(12 * 64)).decode()
        for start in range(0, len(letters), 16):
            yield letters[start : start + 15] + "="


_request_ids: Final = _random_ids()


def http_event(request: Request, request_id: str, claims: Mapping[str, Any] | None) -> Event:
    """The event of an HTTP API route `ANY /api/{proxy+}`; `claims` of a verified token, None for an open route."""
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
        "time": _written(int(now_s)),
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
        event["queryStringParameters"] = _joined(request.query())
    if "cookie" in headers:
        event["cookies"] = [part.strip() for part in headers["cookie"].split(";")]
        event["headers"] = {name: value for name, value in headers.items() if name != "cookie"}
    if request.body:
        event["body"], event["isBase64Encoded"] = encode_body(request.body)
    return event


def parse_http_response(answer: Mapping[str, Any]) -> tuple[int, Mapping[str, str], bytes]:
    """Status, headers and body of a handler's answer in format 2.0."""
    body = answer.get("body") or ""
    return (
        int(answer["statusCode"]),
        answer.get("headers") or {},
        base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode(),
    )


def token_claims(claims: Mapping[str, Any]) -> dict[str, str]:
    """Claims as the JWT authorizer passes them on: every value a string, a list in brackets."""
    return {name: value if type(value) is str else _claim(value) for name, value in claims.items()}


def encode_body(body: bytes) -> tuple[str, bool]:
    """The body as text if it is UTF-8, else in base64; and whether it is base64."""
    try:
        return body.decode(), False
    except UnicodeDecodeError:
        return base64.b64encode(body).decode(), True


@dataclass(frozen=True, slots=True)
class WebSocketEvents:
    """Makes the events of one connection; `authorizer` is what its `$connect` was granted with."""

    request: Request
    connection_id: str
    connected_ms: int
    authorizer: Mapping[str, Any] | None = None

    def authorize(self) -> Event:
        """For the REQUEST authorizer of `$connect`."""
        return {
            "type": "REQUEST",
            "methodArn": f"arn:aws:execute-api:local:{_ACCOUNT_ID}:{API_ID}/{_STAGE}/$connect",
            **self._handshake(),
            "stageVariables": {},
            "requestContext": self._context("$connect", "CONNECT"),
        }

    def connect(self) -> Event:
        """For `$connect`, once authorized."""
        return {
            **self._handshake(),
            "requestContext": self._context("$connect", "CONNECT"),
            "isBase64Encoded": False,
        }

    def message(self, body: str, *, is_base64: bool = False) -> Event:
        """For `$default`: one message of the client."""
        context = self._context("$default", "MESSAGE")
        context["messageId"] = new_request_id()
        return {"requestContext": context, "body": body, "isBase64Encoded": is_base64}

    def disconnect(self, code: int, reason: str) -> Event:
        """For `$disconnect`, after the socket has ended."""
        context = self._context("$disconnect", "DISCONNECT")
        context |= {"disconnectStatusCode": code, "disconnectReason": reason}
        return {"requestContext": context, "isBase64Encoded": False}

    def _handshake(self) -> Event:
        headers, query = self.request.header_lines, self.request.query()
        return {
            "headers": dict(headers),
            "multiValueHeaders": _listed(headers),
            "queryStringParameters": dict(query),
            "multiValueQueryStringParameters": _listed(query),
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
            "requestTime": _written(int(now_s)),
            "requestTimeEpoch": int(now_s * 1000),
            "domainName": self.request.host,
            "stage": _STAGE,
            "apiId": API_ID,
            "identity": {"sourceIp": self.request.source_ip},
        }
        if self.authorizer is not None:
            context["authorizer"] = dict(self.authorizer)
        return context


def is_allowed(policy: Mapping[str, Any]) -> dict[str, Any] | None:
    """What an authorizer's answer puts into the later events, or None if its policy does not allow the call."""
    statements = policy["policyDocument"]["Statement"]
    if not statements or any(statement["Effect"] != "Allow" for statement in statements):
        return None
    return {"principalId": policy["principalId"], **policy.get("context", {})}


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _listed(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    listed: dict[str, list[str]] = {}
    for name, value in pairs:
        listed.setdefault(name, []).append(value)
    return listed


def _claim(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{' '.join(map(str, value))}]"
    return str(value)


@lru_cache(maxsize=1)
def _written(now_s: int) -> str:
    """The moment as in an access log, e.g. `12/Mar/2030:19:03:58 +0000`; not by strftime, which knows locales."""
    at = time.gmtime(now_s)
    month = _MONTHS[at.tm_mon - 1]
    return f"{at.tm_mday:02}/{month}/{at.tm_year}:{at.tm_hour:02}:{at.tm_min:02}:{at.tm_sec:02} +0000"
