"""The handlers in AWS's Lambda runtime client, over HTTP to emulations of DynamoDB, SQS and the management API."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer
from tests.support.dynamo import client_at, new_dynamo_table
from tests.support.lambda_events import authorizer_event, http_event, queue_event, websocket_event

from imchat.domain.ids import UserId
from imchat.services.delivery import DIRECT_POSTS
from imchat.storage.dynamodb.table import DynamoTable
from imchat.storage.repositories.keys import connections
from imchat.storage.table import Put

PATIENCE_S = 20


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not sys.platform.startswith("linux"),
        reason="NOT TESTED here: AWS's runtime client runs on Linux only",
    ),
]


class RuntimeApi:
    """The Lambda runtime API for one function, and its process. Source: Lambda developer guide, "Lambda runtime API"."""

    def __init__(self, handler: str, environment: dict[str, str]) -> None:
        self._events: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._responses: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler_class())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "awslambdaric", handler],
            env=os.environ
            | environment
            | {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}"},
        )

    def invoke(self, event: dict[str, Any]) -> tuple[str, Any]:
        """Invoke the function. Return ("response" or "error", its JSON)."""
        self._events.put(event)
        return self._responses.get(timeout=PATIENCE_S)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._events.put(None)
        self._server.shutdown()
        self._server.server_close()

    def _handler_class(self) -> type[BaseHTTPRequestHandler]:
        events, responses = self._events, self._responses

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                event = events.get()
                body = json.dumps(event).encode()
                self.send_response(200 if event is not None else 410)
                # Without a content type the runtime client, which is native code, crashes.
                self.send_header("Content-Type", "application/json")
                self.send_header("Lambda-Runtime-Aws-Request-Id", "request-1")
                self.send_header("Lambda-Runtime-Deadline-Ms", "9999999999999")
                self.send_header(
                    "Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-central-1:1:function:f"
                )
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers["Content-Length"]))
                responses.put((self.path.rsplit("/", 1)[1], json.loads(data)))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        return Handler


class ManagementApi:
    """API Gateway's management API: records posted frames, and returns 410 for connections that are gone."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, Any]] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                connection_id = self.path.rsplit("/", 1)[1]
                data = self.rfile.read(int(self.headers["Content-Length"]))
                gone = connection_id.startswith("gone")
                if not gone:
                    api.posted.append((connection_id, json.loads(data)))
                self.send_response(410 if gone else 200)
                self.send_header("x-amzn-ErrorType", "GoneException")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/ws"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Functions:
    """The four functions with a shared table, management API and queue."""

    def __init__(
        self, environment: dict[str, str], table: DynamoTable, management_api: ManagementApi, queue: Any
    ) -> None:
        self.table = table
        self.management_api = management_api
        self.queue = queue
        self._environment = environment
        self._running: dict[str, RuntimeApi] = {}

    def invoke(self, name: str, event: dict[str, Any]) -> tuple[str, Any]:
        if name not in self._running:
            self._running[name] = RuntimeApi(f"imchat.entrypoints.{name}.handler", self._environment)
        return self._running[name].invoke(event)

    def http(self, method: str, path: str, user_id: str, body: Any = None) -> tuple[int, Any]:
        """Send a request and return its status and JSON."""
        text = None if body is None else json.dumps(body)
        kind, response = self.invoke("http", http_event(method, path, user_id=user_id, body=text))
        assert kind == "response"
        return response["statusCode"], json.loads(response["body"])

    def run_jobs(self) -> int:
        """Invoke the fan-out function with the queued jobs, as Lambda's poller does. Return their number."""
        bodies = [message.body for message in self.queue.receive_messages(MaxNumberOfMessages=10)]
        if bodies:
            assert self.invoke("fanout", queue_event(*bodies)) == ("response", {"batchItemFailures": []})
        return len(bodies)

    def close(self) -> None:
        for running in self._running.values():
            running.close()


@pytest.fixture(scope="module")
def functions() -> Iterator[Functions]:
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    environment = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL_DYNAMODB": f"http://{host}:{port}",
        "AWS_ENDPOINT_URL_SQS": f"http://{host}:{port}",
    }
    table = new_dynamo_table(client_at(environment["AWS_ENDPOINT_URL_DYNAMODB"]))
    management_api = ManagementApi()
    queue = boto3.resource(
        "sqs",
        endpoint_url=environment["AWS_ENDPOINT_URL_SQS"],
        region_name="eu-central-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    ).create_queue(QueueName="fanout")
    imchat_environment = {
        "IMCHAT_TABLE_NAME": table.table_name,
        "IMCHAT_CALLBACK_URL": management_api.url,
        "IMCHAT_FANOUT_QUEUE_URL": queue.url,
    }
    running = Functions(environment | imchat_environment, table, management_api, queue)
    yield running
    running.close()
    management_api.close()
    moto.stop()


def test_two_users_exchange_messages_and_a_connection_that_is_gone_is_removed(
    functions: Functions,
) -> None:
    for user_id in ("u-ann", "u-bob"):
        profile = {"handle": user_id[2:], "display_name": user_id[2:].title()}
        assert functions.http("PATCH", "/api/me", user_id, profile)[0] == 200
    ticket = functions.http("POST", "/api/realtime/tickets", "u-bob")[1]["ticket"]
    kind, policy = functions.invoke("authorizer", authorizer_event(f"imchat.v1, ticket.{ticket}"))
    assert (kind, policy["principalId"]) == ("response", "u-bob")
    for connection_id in ("open=", "gone="):
        _, response = functions.invoke(
            "websocket", websocket_event("$connect", connection_id, user_id="u-bob")
        )
        assert response["headers"] == {"Sec-WebSocket-Protocol": "imchat.v1"}
    created = functions.http(
        "POST", "/api/conversations", "u-ann", {"kind": "direct", "member_ids": ["u-bob"]}
    )
    conversation_id = created[1]["conversation"]["conversation_id"]
    message = {"client_message_id": "m1", "body": "hello", "after_seq": 1}
    status, sent = functions.http("POST", f"/api/conversations/{conversation_id}/messages", "u-ann", message)
    assert status == 201
    assert functions.http("POST", f"/api/conversations/{conversation_id}/messages", "u-ann", message) == (
        200,
        sent,
    )
    pushed = [
        frame
        for name, frame in functions.management_api.posted
        if name == "open%3D" and frame["type"] == "events"
    ]
    assert [frame["events"] for frame in pushed] == [[sent["event"]], [sent["event"]]]
    read = functions.http("GET", f"/api/conversations/{conversation_id}/events", "u-bob")[1]["events"]
    assert [event["seq"] for event in read] == [1, 2]


def test_an_unknown_ticket_gets_the_error_that_api_gateway_turns_into_401(functions: Functions) -> None:
    kind, error = functions.invoke("authorizer", authorizer_event("imchat.v1, ticket.invented"))
    assert (kind, error["errorMessage"]) == ("error", "Unauthorized")


def test_a_push_to_many_connections_goes_through_the_queue_and_arrives_once(functions: Functions) -> None:
    user_ids = [f"u-crowd{number}" for number in range(4)]
    connection_ids = [
        f"{user_id}-{number}" for user_id in user_ids for number in range(DIRECT_POSTS // 4 + 1)
    ]
    for user_id in user_ids:
        functions.http("PATCH", "/api/me", user_id, {"handle": user_id[2:], "display_name": user_id})
        expiries = {name: int(time.time()) + 600 for name in connection_ids if name.startswith(user_id)}
        functions.table.write(Put(connections(UserId(user_id)), expiries))
    group = {"kind": "group", "title": "Crowd", "member_ids": user_ids[1:]}
    created = functions.http("POST", "/api/conversations", user_ids[0], group)
    conversation_id = created[1]["conversation"]["conversation_id"]
    while functions.run_jobs():
        pass
    functions.management_api.posted.clear()
    message = {"client_message_id": "m1", "body": "hello, all", "after_seq": 1}
    status, sent = functions.http(
        "POST", f"/api/conversations/{conversation_id}/messages", user_ids[0], message
    )
    assert (status, functions.management_api.posted) == (201, [])
    while functions.run_jobs():
        pass
    assert sorted(name for name, _ in functions.management_api.posted) == sorted(connection_ids)
    assert {frame["conversation_id"] for _, frame in functions.management_api.posted} == {conversation_id}
    assert all(frame["events"][-1] == sent["event"] for _, frame in functions.management_api.posted)
