"""A client written from `docs/protocol.md` alone: it uses urllib, `websockets` and pycognito, and no code of imchat."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple, Self
from urllib.parse import urljoin

import boto3
import pytest
from botocore import UNSIGNED
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config
from pycognito.aws_srp import AWSSRP
from tests.support.browser_harness import client_address
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

PASSWORD = "correct horse 9"
PATIENCE_S = 20
"""How long to wait for a response or a frame before the test fails."""


class Exchange(NamedTuple):
    """An HTTP request to the API and its response."""

    method: str
    path: str
    status: int
    response: Any


class WireLog:
    """All requests and frames of one test, from all clients."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.sent: list[Any] = []
        """Frames sent by clients."""
        self.received: list[Any] = []
        """Frames sent by the server."""


class ErrorResponse(Exception):
    """An error response: its status and JSON."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


@contextmanager
def expect_error(status: int, code: str | None = None, **details: object) -> Iterator[None]:
    """Check that the block raises an error response with this status and, if given, this code and these details."""
    with pytest.raises(ErrorResponse) as caught:
        yield
    assert caught.value.status == status, caught.value.body
    if code is not None:
        error = caught.value.body["error"]
        assert error["code"] == code
        assert {name: error.get("details", {}).get(name) for name in details} == details


def send_request(method: str, url: str, body: object = None, **headers: str) -> tuple[int, Any]:
    """Send a request. Return its status and JSON, also for errors."""
    data = None if body is None else json.dumps(body).encode()
    http_request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - our own server
    try:
        with urllib.request.urlopen(http_request, timeout=PATIENCE_S) as response:  # noqa: S310 - as above
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


@cache
def cognito(endpoint: str, region: str, email: str) -> Any:
    """Return a boto3 client of the user pool for one user, without credentials: users' operations need none."""
    client = boto3.client(
        "cognito-idp", endpoint_url=endpoint, region_name=region, config=Config(signature_version=UNSIGNED)
    )

    def add_address(request: AWSPreparedRequest, **_: object) -> None:
        request.headers["X-Forwarded-For"] = client_address(email)

    client.meta.events.register("before-send", add_address)
    return client


class ReferenceConnection:
    """An open WebSocket of a client. Received events are applied to the client's logs."""

    def __init__(self, owner: ReferenceClient, socket: ClientConnection) -> None:
        self._owner = owner
        self._socket = socket
        self.subprotocol = socket.subprotocol

    def send(self, action: str, **fields: object) -> None:
        """Send a frame."""
        frame = {"action": action, **fields}
        self._owner.wire_log.sent.append(frame)
        self._socket.send(json.dumps(frame))

    def receive(self) -> dict[str, Any]:
        """Return the next frame without applying it."""
        frame: dict[str, Any] = json.loads(self._socket.recv(timeout=PATIENCE_S))
        self._owner.wire_log.received.append(frame)
        return frame

    def wait_for(self, kind: str) -> dict[str, Any]:
        """Return the next frame of a type. Events received until then are applied."""
        while True:
            frame = self.receive()
            if frame["type"] == "events":
                self._owner.apply(frame["conversation_id"], frame["events"])
            if frame["type"] == kind:
                return frame

    def connection_id(self) -> str:
        """Return the id of this connection, from a pong."""
        self.send("ping")
        return str(self.wait_for("pong")["connection_id"])

    def receive_pending(self) -> list[dict[str, Any]]:
        """Send a ping and return the frames received before its pong."""
        self.send("ping")
        frames = []
        while (frame := self.receive())["type"] != "pong":
            frames.append(frame)
        return frames


class ReferenceClient:
    """A client of one user: it signs in, sends requests and keeps a complete log of each conversation."""

    def __init__(self, site: str, email: str, wire_log: WireLog) -> None:
        _, config = send_request("GET", urljoin(site, "config.json"))
        assert config["version"] == 1
        self.email = email
        self.wire_log = wire_log
        self.api = urljoin(site, config["api_url"])
        self.ws = urljoin(site, config["ws_url"]).replace("http", "ws", 1)
        self.auth = {**config["auth"], "endpoint": urljoin(site, config["auth"]["endpoint"])}
        self.cognito = cognito(self.auth["endpoint"], self.auth["region"], email)
        self.token = ""
        self.refresh_token = ""
        self.user_id = ""
        self.logs: dict[str, list[dict[str, Any]]] = {}
        self.gap_reads = 0
        """How often a gap in the log caused a read."""

    # -- sign-in --

    def sign_up(self, password: str = PASSWORD) -> bool:
        """Create an account. Return whether it is confirmed; if not, call `confirm` with the mailed code."""
        done = self.cognito.sign_up(ClientId=self.auth["client_id"], Username=self.email, Password=password)
        return bool(done["UserConfirmed"])

    def confirm(self, code: str) -> None:
        self.cognito.confirm_sign_up(
            ClientId=self.auth["client_id"], Username=self.email, ConfirmationCode=code
        )

    def sign_in(self, password: str = PASSWORD) -> Self:
        """Sign in with SRP."""
        srp = AWSSRP(
            username=self.email,
            password=password,
            pool_id=self.auth["user_pool_id"],
            client_id=self.auth["client_id"],
            client=self.cognito,
        )
        found = srp.authenticate_user()["AuthenticationResult"]
        self.token, self.refresh_token = found["AccessToken"], found["RefreshToken"]
        self.user_id = self.request("GET", "/me")["user"]["user_id"]
        return self

    def refresh(self) -> None:
        """Get a new access token."""
        response = self.cognito.initiate_auth(
            ClientId=self.auth["client_id"],
            AuthFlow="REFRESH_TOKEN_AUTH",
            AuthParameters={"REFRESH_TOKEN": self.refresh_token},
        )
        self.token = response["AuthenticationResult"]["AccessToken"]

    # -- requests --

    def request(self, method: str, path: str, body: object = None) -> Any:
        """Call the API and return the JSON. `path` has no `/api`, as in `docs/protocol.md`. Raises: ErrorResponse."""
        return self.request_with_status(method, path, body)[1]

    def request_with_status(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Call the API and return the status and the JSON. Raises: ErrorResponse."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        status, response = send_request(method, self.api + path, body, **headers)
        self.wire_log.exchanges.append(Exchange(method, path, status, response))
        if status >= 400:
            raise ErrorResponse(status, response)
        return status, response

    def create_direct(self, other: ReferenceClient) -> str:
        """Create the direct conversation with another user, or find it. Return its id."""
        new = {"kind": "direct", "member_ids": [other.user_id]}
        return str(self.request("POST", "/conversations", new)["conversation"]["conversation_id"])

    def create_group(self, *others: ReferenceClient, title: str = "Lunch") -> str:
        """Create a group and return its id."""
        new = {"kind": "group", "member_ids": [other.user_id for other in others], "title": title}
        return str(self.request("POST", "/conversations", new)["conversation"]["conversation_id"])

    # -- the log --

    def last_seq(self, conversation_id: str) -> int:
        """Return the seq of the last known event; 0 if there is none."""
        log = self.logs.get(conversation_id)
        return int(log[-1]["seq"]) if log else 0

    def apply(self, conversation_id: str, events: list[dict[str, Any]]) -> None:
        """Append the next events, ignore known ones, and read missing ones."""
        for event in events:
            if event["seq"] == self.last_seq(conversation_id) + 1:
                self.logs.setdefault(conversation_id, []).append(event)
            elif event["seq"] > self.last_seq(conversation_id) + 1:
                self.gap_reads += 1
                self.catch_up(conversation_id)

    def catch_up(self, conversation_id: str) -> None:
        """Read all new events, in small pages."""
        more = True
        while more:
            after = self.last_seq(conversation_id)
            page = self.request("GET", f"/conversations/{conversation_id}/events?after={after}&limit=2")
            self.apply(conversation_id, page["events"])
            more = page["has_more"]

    def message_bodies(self, conversation_id: str) -> list[str]:
        """Return the bodies of the messages in the known log."""
        log = self.logs[conversation_id]
        return [event["message"]["body"] for event in log if event["type"] == "message.created"]

    def event_types(self, conversation_id: str) -> list[str]:
        """Return the types of the events in the known log."""
        return [event["type"] for event in self.logs[conversation_id]]

    def new_message(self, conversation_id: str, body: str) -> dict[str, Any]:
        """Return a message to send, and to send again unchanged until there is a response."""
        return {
            "client_message_id": str(uuid.uuid4()),
            "body": body,
            "after_seq": self.last_seq(conversation_id),
        }

    def send_message(self, conversation_id: str, message: dict[str, Any]) -> dict[str, Any]:
        """Send a message from `new_message`. Return its event."""
        event: dict[str, Any] = self.request("POST", f"/conversations/{conversation_id}/messages", message)[
            "event"
        ]
        return event

    def send_text(self, conversation_id: str, body: str) -> dict[str, Any]:
        """Send a new message with this body. Return its event."""
        return self.send_message(conversation_id, self.new_message(conversation_id, body))

    # -- live updates --

    @contextmanager
    def connect(self) -> Iterator[ReferenceConnection]:
        """Open a WebSocket with a new ticket until the block ends."""
        with self.connect_with_ticket(self.request("POST", "/realtime/tickets")["ticket"]) as connection:
            yield connection

    @contextmanager
    def connect_with_ticket(self, ticket: str) -> Iterator[ReferenceConnection]:
        protocols = [Subprotocol("imchat.v1"), Subprotocol(f"ticket.{ticket}")]
        with connect(self.ws, subprotocols=protocols, proxy=None, open_timeout=PATIENCE_S) as socket:
            yield ReferenceConnection(self, socket)
