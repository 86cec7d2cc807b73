"""Build the events that API Gateway and SQS send to Lambda functions."""

from __future__ import annotations

from typing import Any


def http_event(
    method: str, path: str, *, user_id: str | None = None, body: str | None = None, **claims: str
) -> dict[str, Any]:
    """Return an HTTP API event, payload format 2.0. Source: API Gateway developer guide, "AWS Lambda proxy integrations"."""
    context: dict[str, Any] = {
        "accountId": "123456789012",
        "apiId": "api-id",
        "domainName": "id.execute-api.eu-central-1.amazonaws.com",
        "http": {
            "method": method,
            "path": path,
            "protocol": "HTTP/1.1",
            "sourceIp": "192.0.2.1",
            "userAgent": "agent",
        },
        "requestId": "request-1",
        "routeKey": "ANY /api/{proxy+}",
        "stage": "$default",
        "time": "12/Mar/2026:19:03:58 +0000",
        "timeEpoch": 1773342238000,
    }
    if user_id is not None:
        context["authorizer"] = {
            "jwt": {"claims": {"sub": user_id, "token_use": "access"} | claims, "scopes": None}
        }
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "ANY /api/{proxy+}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"host": "example.org", "content-type": "application/json"},
        "requestContext": context,
        "pathParameters": {"proxy": path.removeprefix("/api/")},
        "isBase64Encoded": False,
    }
    return event | ({"body": body} if body is not None else {})


def websocket_event(
    route: str, connection_id: str, *, user_id: str | None = None, body: str | None = None
) -> dict[str, Any]:
    """Return a WebSocket API event. Source: API Gateway developer guide, "Set up a WebSocket API integration request"."""
    context: dict[str, Any] = {
        "routeKey": route,
        "eventType": {"$connect": "CONNECT", "$disconnect": "DISCONNECT"}.get(route, "MESSAGE"),
        "connectionId": connection_id,
        "requestId": "request-2",
        "stage": "ws",
        "apiId": "api-id",
        "domainName": "id.execute-api.eu-central-1.amazonaws.com",
        "connectedAt": 1773342238000,
        "requestTimeEpoch": 1773342238000,
    }
    if user_id is not None:
        context["authorizer"] = {"principalId": user_id, "integrationLatency": 12}
    return {"requestContext": context, "isBase64Encoded": False} | (
        {"body": body} if body is not None else {}
    )


def authorizer_event(protocols: str | None, header: str = "Sec-WebSocket-Protocol") -> dict[str, Any]:
    """Return the event of a REQUEST authorizer."""
    return {
        "type": "REQUEST",
        "methodArn": "arn:aws:execute-api:eu-central-1:123456789012:api-id/ws/$connect",
        "headers": {"Host": "example.org"} | ({header: protocols} if protocols is not None else {}),
        "requestContext": {"routeKey": "$connect", "connectionId": "c1", "requestId": "request-3"},
    }


def queue_event(*bodies: str, receive_count: int = 1) -> dict[str, Any]:
    """Return a batch of a standard queue. The message ids are `message-1`, `message-2`, …

    Source: Lambda developer guide, "Using Lambda with Amazon SQS".
    """
    return {
        "Records": [
            {
                "messageId": f"message-{number}",
                "receiptHandle": "handle",
                "body": body,
                "attributes": {
                    "ApproximateReceiveCount": str(receive_count),
                    "SentTimestamp": "1773342238000",
                    "SenderId": "id",
                    "ApproximateFirstReceiveTimestamp": "1773342238000",
                },
                "messageAttributes": {},
                "md5OfBody": "md5",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:fanout",
                "awsRegion": "eu-central-1",
            }
            for number, body in enumerate(bodies, 1)
        ]
    }
