"""The handlers as AWS runs them: by Lambda's own runtime client, against DynamoDB's and the callbacks' real HTTP protocols."""

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
        reason="NOT PROVEN here: AWS's runtime client is made for Linux only",
    ),
]


class RuntimeApi:
    """Lambda's runtime API for one function, and its process. Source: Lambda developer guide, "Lambda runtime API"."""

    def __init__(self, handler: str, environment: dict[str, str]) -> None:
        self._events: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._answers: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler_class())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "awslambdaric", handler],
            env=os.environ
            | environment
            | {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}"},
        )

    def invoke(self, event: dict[str, Any]) -> tuple[str, Any]:
        """Hand an event to the function. Returns ("response" or "error", what it said)."""
        self._events.put(event)
        return self._answers.get(timeout=PATIENCE_S)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._events.put(None)
        self._server.shutdown()
        self._server.server_close()

    def _handler_class(self) -> type[BaseHTTPRequestHandler]:
        events, answers = self._events, self._answers

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
                answers.put((self.path.rsplit("/", 1)[1], json.loads(data)))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        return Handler


class Callbacks:
    """API Gateway's connection callbacks: keeps what is posted, answers 410 for connections that are gone."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, Any]] = []
        callbacks = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                connection_id = self.path.rsplit("/", 1)[1]
                data = self.rfile.read(int(self.headers["Content-Length"]))
                gone = connection_id.startswith("gone")
                if not gone:
                    callbacks.posted.append((connection_id, json.loads(data)))
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
    """The four functions, sharing one table, one callback service and one queue."""

    def __init__(
        self, environment: dict[str, str], table: DynamoTable, callbacks: Callbacks, queue: Any
    ) -> None:
        self.table = table
        self.callbacks = callbacks
        self.queue = queue
        self._environment = environment
        self._running: dict[str, RuntimeApi] = {}

    def invoke(self, name: str, event: dict[str, Any]) -> tuple[str, Any]:
        if name not in self._running:
            self._running[name] = RuntimeApi(f"imchat.entrypoints.{name}.handler", self._environment)
        return self._running[name].invoke(event)

    def http(self, method: str, path: str, user_id: str, body: Any = None) -> tuple[int, Any]:
        """A request; its status and answer."""
        text = None if body is None else json.dumps(body)
        kind, answer = self.invoke("http", http_event(method, path, user_id=user_id, body=text))
        assert kind == "response"
        return answer["statusCode"], json.loads(answer["body"])

    def work(self) -> int:
        """Hand the fan-out function what waits in the queue, as Lambda's poller does. Returns how many jobs it was."""
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
    callbacks = Callbacks()
    queue = boto3.resource(
        "sqs",
        endpoint_url=environment["AWS_ENDPOINT_URL_SQS"],
        region_name="eu-central-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    ).create_queue(QueueName="fanout")
    ours = {
        "IMCHAT_TABLE_NAME": table.table_name,
        "IMCHAT_CALLBACK_URL": callbacks.url,
        "IMCHAT_FANOUT_QUEUE_URL": queue.url,
    }
    made = Functions(environment | ours, table, callbacks, queue)
    yield made
    made.close()
    callbacks.close()
    moto.stop()


def test_two_people_talk_through_the_functions_and_a_connection_that_is_gone_is_forgotten(
    functions: Functions,
) -> None:
    for who in ("u-ann", "u-bob"):
        profile = {"handle": who[2:], "display_name": who[2:].title()}
        assert functions.http("PATCH", "/api/me", who, profile)[0] == 200
    ticket = functions.http("POST", "/api/realtime/tickets", "u-bob")[1]["ticket"]
    kind, policy = functions.invoke("authorizer", authorizer_event(f"imchat.v1, ticket.{ticket}"))
    assert (kind, policy["principalId"]) == ("response", "u-bob")
    for connection_id in ("open=", "gone="):
        _, answer = functions.invoke("websocket", websocket_event("$connect", connection_id, user_id="u-bob"))
        assert answer["headers"] == {"Sec-WebSocket-Protocol": "imchat.v1"}
    made = functions.http("POST", "/api/conversations", "u-ann", {"kind": "direct", "member_ids": ["u-bob"]})
    where = made[1]["conversation"]["conversation_id"]
    message = {"client_message_id": "m1", "body": "hello", "after_seq": 1}
    status, sent = functions.http("POST", f"/api/conversations/{where}/messages", "u-ann", message)
    assert status == 201
    assert functions.http("POST", f"/api/conversations/{where}/messages", "u-ann", message) == (200, sent)
    pushed = [
        frame for name, frame in functions.callbacks.posted if name == "open%3D" and frame["type"] == "events"
    ]
    assert [frame["events"] for frame in pushed] == [[sent["event"]], [sent["event"]]]
    read = functions.http("GET", f"/api/conversations/{where}/events", "u-bob")[1]["events"]
    assert [event["seq"] for event in read] == [1, 2]


def test_a_used_ticket_is_answered_with_the_word_that_api_gateway_takes_for_401(functions: Functions) -> None:
    kind, error = functions.invoke("authorizer", authorizer_event("imchat.v1, ticket.invented"))
    assert (kind, error["errorMessage"]) == ("error", "Unauthorized")


def test_a_push_to_many_goes_by_way_of_the_queue_and_reaches_each_once(functions: Functions) -> None:
    people = [f"u-crowd{number}" for number in range(4)]
    devices = [f"{who}-{number}" for who in people for number in range(DIRECT_POSTS // 4 + 1)]
    for who in people:
        functions.http("PATCH", "/api/me", who, {"handle": who[2:], "display_name": who})
        theirs = {name: int(time.time()) + 600 for name in devices if name.startswith(who)}
        functions.table.write(Put(connections(UserId(who)), theirs))
    group = {"kind": "group", "title": "Crowd", "member_ids": people[1:]}
    made = functions.http("POST", "/api/conversations", people[0], group)
    where = made[1]["conversation"]["conversation_id"]
    while functions.work():
        pass
    functions.callbacks.posted.clear()
    message = {"client_message_id": "m1", "body": "hello, all", "after_seq": 1}
    status, sent = functions.http("POST", f"/api/conversations/{where}/messages", people[0], message)
    assert (status, functions.callbacks.posted) == (201, [])
    while functions.work():
        pass
    assert sorted(name for name, _ in functions.callbacks.posted) == sorted(devices)
    assert {frame["conversation_id"] for _, frame in functions.callbacks.posted} == {where}
    assert all(frame["events"][-1] == sent["event"] for _, frame in functions.callbacks.posted)
