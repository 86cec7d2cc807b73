"""Runs ministack with patches where it differs from AWS, and records which role used which permission.

It runs as a program in the emulator's own virtual environment, and does not depend on imchat. Each patch says what AWS does.
The patches have to be checked with each release of ministack, which is why requirements/emulator.lock pins it.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any, Final, TypeAlias

from ministack import app as ministack
from ministack.core import iam_actions, iam_evaluator
from ministack.services import apigateway, cloudformation, cloudfront, cognito, tagging
from ministack.services.cloudformation import provisioners

Scope: TypeAlias = MutableMapping[str, Any]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

HOST: Final = os.environ["MINISTACK_HOST"]
USED: Final = os.environ["IMCHAT_EMULATOR_USED"]
"""The file that gets a line of JSON, `[role, action, resource]`, for each permission that a role used."""
_API: Final = re.compile(r"([0-9a-f]{8})\.execute-api\.[a-z0-9-]+\.amazonaws\.com")
_HTTP_DEFAULT: Final = "$request.header.Authorization"


def record_permissions() -> None:
    """Record every check of a role's policies that passed."""
    evaluate = iam_evaluator.evaluate
    known: set[tuple[str, str, str]] = set()

    def evaluate_and_record(ctx: Any, *policies: Any) -> Any:
        if ctx.action.startswith("sqs:"):
            ctx.action = ctx.action.removesuffix(
                "Batch"
            )  # AWS has no permissions for batches: the single action's applies
        result = evaluate(ctx, *policies)
        role = ctx.principal_arn.rpartition("assumed-role/")[2].partition("/")[0]
        used = (role, ctx.action, re.sub("@connections/.*", "@connections/*", ctx.resource_arn))
        if result.decision == "Allow" and ctx.principal_type == "AssumedRole" and used not in known:
            known.add(used)
            with open(USED, "a", encoding="utf-8") as file:  # noqa: PTH123 - USED is a string
                file.write(json.dumps(used) + "\n")
        return result

    iam_evaluator.evaluate = evaluate_and_record


def extract_resources_as_aws_does() -> None:
    """Check requests for a change set by ARN against its stack, and requests for a user against the pool and its tags."""
    tagging._RESOURCE_TAG_COLLECTORS["cognito-idp"] = tagging._collect_cognito
    extract = iam_actions.extract_resource_arn

    def extract_resource(service: str, *rest: Any) -> Any:
        resource = extract(service, *rest)
        _, _, _, body, request, region, account = rest
        if resource != "*":
            return resource
        if service == "cloudformation" and "ChangeSetName" in request:
            found = cloudformation._change_sets.get(request["ChangeSetName"][0])
            return found["StackId"] if found else resource
        if service == "cognito-idp" and body and "UserPoolId" in (content := json.loads(body)):
            return f"arn:aws:cognito-idp:{region}:{account}:userpool/{content['UserPoolId']}"
        return resource

    iam_actions.extract_resource_arn = extract_resource


def speed_up_sign_in() -> None:
    """Use secret SRP exponents of 256 bits: as secure, in a tenth of the time, which was most of the time of many tests."""
    shorter = {"randbelow": lambda _most: secrets.randbits(256) | 1}
    cognito.secrets = SimpleNamespace(**(vars(secrets) | shorter))


def accept_alarms_on_several_metrics() -> None:
    """Accept `Metrics` in place of `MetricName`, as AWS does. The emulator raises no alarms, so any metric will do."""
    record = provisioners._cw_metric_alarm_record

    def record_with_one_metric(name: str, props: dict[str, Any]) -> Any:
        if "Metrics" in props:
            props = {key: value for key, value in props.items() if key != "Metrics"}
            props |= {"Namespace": "several", "MetricName": "several", "Statistic": "Sum", "Period": 300}
        return record(name, props)

    provisioners._cw_metric_alarm_record = record_with_one_metric


def authorize_connections() -> None:
    """Always call a WebSocket authorizer without IdentitySource; return 401 if it raises "Unauthorized". AWS does both."""
    sources = apigateway._request_authorizer_identity_sources
    authorize = apigateway._authorize_ws_connect

    def sources_without_default(named: list[str] | None, *rest: Any) -> Any:
        return sources([source for source in named or [] if source != _HTTP_DEFAULT], *rest)

    async def authorize_with_401(*given: Any) -> Any:
        refusal, context = await authorize(*given)
        return ((401, "Unauthorized") if refusal == (500, "") else refusal), context

    apigateway._request_authorizer_identity_sources = sources_without_default
    apigateway._authorize_ws_connect = authorize_with_401


def return_subprotocols() -> None:
    """Use the header Sec-WebSocket-Protocol of the response to `$connect` in the handshake, as AWS does."""
    invoke = apigateway._invoke_ws_lambda
    handle = apigateway.handle_websocket
    chosen: ContextVar[str | None] = ContextVar("chosen", default=None)

    async def invoke_and_keep(*given: Any, **named: Any) -> Any:
        response = await invoke(*given, **named)
        chosen.set(((response or {}).get("headers") or {}).get("Sec-WebSocket-Protocol"))
        return response

    async def handle_with_subprotocol(
        scope: Scope, receive: Any, send: Send, *rest: Any, **named: Any
    ) -> None:
        async def send_with_subprotocol(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "websocket.accept":
                message["subprotocol"] = chosen.get()
            await send(message)

        await handle(scope, receive, send_with_subprotocol, *rest, **named)

    apigateway._invoke_ws_lambda = invoke_and_keep
    apigateway.handle_websocket = handle_with_subprotocol


def reach_apis_through_cloudfront() -> None:
    """Forward requests from a distribution to API Gateway's APIs, as AWS does."""
    fetch = cloudfront._fetch_from_origin

    async def fetch_from_api(
        origin: dict[str, Any],
        method: str,
        uri: str,
        query: str,
        headers: dict[str, str],
        body: bytes,
        *rest: Any,
    ) -> Any:
        api = _API.fullmatch(origin["domain_name"])
        if api is None:
            return await fetch(origin, method, uri, query, headers, body, *rest)
        host = f"{api[1]}.execute-api.{HOST}"
        status, response_headers, content = await ministack._handle_execute_api_request(
            host,
            uri,
            method,
            headers | {"host": host},
            body,
            ministack.parse_qs(query, keep_blank_values=True),
            raw_path=uri,
            raw_query_string=query,
        )
        return status, "", cloudfront._multidict_from_pairs(response_headers.items()), content

    cloudfront._fetch_from_origin = fetch_from_api


_Headers: TypeAlias = dict[bytes, bytes]
_SIGNED: Final = re.compile(rb"Credential=([^/]+)/[0-9]+/[a-z0-9-]+/([a-z0-9-]+)/")
_calls: Final[list[tuple[str, str]]] = []


def wrap(app: Any) -> Any:
    """Record calls, treat every request as HTTPS, and serve the site to requests without a signature.

    AWS itself is at 127.0.0.1. The latest distribution is at `localhost`, and at the URL of its bucket.
    """

    async def wrapped(scope: Scope, receive: Any, send: Send) -> None:
        if scope.get("path") == "/_imchat/calls":
            await _send_calls(send)
        elif scope["type"] in {"http", "websocket"}:
            await app(_route(scope), receive, send)
        else:
            await app(scope, receive, send)

    return wrapped


def _route(scope: Scope) -> Scope:
    headers: _Headers = {**dict(scope["headers"]), b"x-forwarded-proto": b"https"}
    path: str = scope["path"]
    raw: bytes = scope["raw_path"]
    if signed := _SIGNED.search(headers.get(b"authorization", b"")):
        _calls.append((signed[2].decode(), signed[1].decode()))
    elif headers.get(b"host", b"").partition(b":")[0] == b"localhost":
        socket = scope["type"] == "websocket"
        headers[b"host"] = (_websocket_host(path) if socket else _distribution()["DomainName"]).encode()
    elif scope["type"] == "http" and cloudfront._distributions and path.startswith(f"/{_bucket()}/"):
        path, raw = path.removeprefix(f"/{_bucket()}"), raw.removeprefix(f"/{_bucket()}".encode())
        headers[b"host"] = _distribution()["DomainName"].encode()
    return {**scope, "headers": list(headers.items()), "path": path, "raw_path": raw}


async def _send_calls(send: Send) -> None:
    body = json.dumps(_calls).encode()
    _calls.clear()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def _distribution() -> Any:
    return list(cloudfront._distributions.values())[-1]


def _origin_host(path: str) -> str:
    """Return the host from which the latest distribution fetches a path."""
    parsed = cloudfront.parse_distribution_dataplane_config(_distribution())
    origin = parsed["origins"][cloudfront._match_behavior(parsed, path)["target_origin_id"]]
    return str(origin["domain_name"])


def _bucket() -> str:
    return _origin_host("/").partition(".")[0]


def _websocket_host(path: str) -> str:
    api = _API.fullmatch(_origin_host(path))
    return f"{api[1]}.execute-api.{HOST}" if api else HOST


if __name__ == "__main__":
    record_permissions()
    extract_resources_as_aws_does()
    speed_up_sign_in()
    accept_alarms_on_several_metrics()
    authorize_connections()
    return_subprotocols()
    reach_apis_through_cloudfront()
    ministack.app = wrap(ministack.app)
    ministack.main()
