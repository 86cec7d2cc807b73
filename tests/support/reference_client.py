"""A client written from `docs/protocol.md` alone: urllib, `websockets` and pycognito, and nothing of imchat."""

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
from botocore.config import Config
from pycognito.aws_srp import AWSSRP
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

PASSWORD = "correct horse 9"
PATIENCE_S = 20
"""How long to wait for an answer or a frame before the test fails; nothing here waits for time to pass."""


class Exchange(NamedTuple):
    """One HTTP request to the API, and its answer."""

    method: str
    path: str
    status: int
    response: Any


class WireLog:
    """What was said in a test, both ways, by everybody."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.sent: list[Any] = []
        """Frames from clients."""
        self.received: list[Any] = []
        """Frames from the server."""


class ErrorResponse(Exception):
    """An answer that is no success: its status and its JSON."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


@contextmanager
def expect_error(status: int, code: str | None = None, **details: object) -> Iterator[None]:
    """The block ends in a refusal with this status, and, where named, this code and these details."""
    with pytest.raises(ErrorResponse) as caught:
        yield
    assert caught.value.status == status, caught.value.body
    if code is not None:
        error = caught.value.body["error"]
        assert error["code"] == code
        assert {name: error.get("details", {}).get(name) for name in details} == details


def send_request(method: str, url: str, body: object = None, **headers: str) -> tuple[int, Any]:
    """One request; its status and JSON, a refusal's too."""
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - our own server
    try:
        with urllib.request.urlopen(asked, timeout=PATIENCE_S) as answer:  # noqa: S310 - as above
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


@cache
def cognito(endpoint: str, region: str) -> Any:
    """boto3's client of the sign-in service; what people call of it needs no credentials."""
    return boto3.client(
        "cognito-idp", endpoint_url=endpoint, region_name=region, config=Config(signature_version=UNSIGNED)
    )


class ReferenceConnection:
    """An open WebSocket of a stranger's; the events that it brings go into their logs."""

    def __init__(self, owner: ReferenceClient, socket: ClientConnection) -> None:
        self._owner = owner
        self._socket = socket
        self.subprotocol = socket.subprotocol

    def send(self, action: str, **fields: object) -> None:
        """Send a frame."""
        frame = {"action": action, **fields}
        self._owner.record.sent.append(frame)
        self._socket.send(json.dumps(frame))

    def receive(self) -> dict[str, Any]:
        """The next frame, whatever it is. It is not applied."""
        frame: dict[str, Any] = json.loads(self._socket.recv(timeout=PATIENCE_S))
        self._owner.record.received.append(frame)
        return frame

    def wait_for(self, kind: str) -> dict[str, Any]:
        """The next frame of a type; others on the way are applied as well."""
        while True:
            frame = self.receive()
            if frame["type"] == "events":
                self._owner.apply(frame["conversation_id"], frame["events"])
            if frame["type"] == kind:
                return frame

    def name(self) -> str:
        """What the server calls this connection."""
        self.send("ping")
        return str(self.wait_for("pong")["connection_id"])

    def receive_pending(self) -> list[dict[str, Any]]:
        """What has come so far, up to the answer to a ping."""
        self.send("ping")
        frames = []
        while (frame := self.receive())["type"] != "pong":
            frames.append(frame)
        return frames


class ReferenceClient:
    """A client of one person: finds the server, signs in, keeps each conversation's log whole."""

    def __init__(self, site: str, email: str, record: WireLog) -> None:
        _, config = send_request("GET", urljoin(site, "config.json"))
        assert config["version"] == 1
        self.email = email
        self.record = record
        self.api = urljoin(site, config["api_url"])
        self.ws = urljoin(site, config["ws_url"]).replace("http", "ws", 1)
        self.auth = {**config["auth"], "endpoint": urljoin(site, config["auth"]["endpoint"])}
        self.cognito = cognito(self.auth["endpoint"], self.auth["region"])
        self.token = ""
        self.refresh_token = ""
        self.user_id = ""
        self.logs: dict[str, list[dict[str, Any]]] = {}
        self.gap_reads = 0
        """How often a gap made it read."""

    # -- signing in --

    def sign_up(self, password: str = PASSWORD) -> bool:
        """Make an account; whether it can be used at once. If not, confirm it with the code that was mailed."""
        done = self.cognito.sign_up(ClientId=self.auth["client_id"], Username=self.email, Password=password)
        return bool(done["UserConfirmed"])

    def confirm(self, code: str) -> None:
        self.cognito.confirm_sign_up(
            ClientId=self.auth["client_id"], Username=self.email, ConfirmationCode=code
        )

    def sign_in(self, password: str = PASSWORD) -> Self:
        """By SRP, as a library does it."""
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
        """Take another access token."""
        answer = self.cognito.initiate_auth(
            ClientId=self.auth["client_id"],
            AuthFlow="REFRESH_TOKEN_AUTH",
            AuthParameters={"REFRESH_TOKEN": self.refresh_token},
        )
        self.token = answer["AuthenticationResult"]["AccessToken"]

    # -- requests --

    def request(self, method: str, path: str, body: object = None) -> Any:
        """Call the API; `path` as in the protocol's headings, without `/api`. Raises: Refused."""
        return self.request_with_status(method, path, body)[1]

    def request_with_status(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """The same, with the status of the success."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        status, answer = send_request(method, self.api + path, body, **headers)
        self.record.exchanges.append(Exchange(method, path, status, answer))
        if status >= 400:
            raise ErrorResponse(status, answer)
        return status, answer

    def create_direct(self, other: ReferenceClient) -> str:
        """The id of the conversation with somebody."""
        asked = {"kind": "direct", "member_ids": [other.user_id]}
        return str(self.request("POST", "/conversations", asked)["conversation"]["conversation_id"])

    def create_group(self, *others: ReferenceClient, title: str = "Lunch") -> str:
        """The id of a new group."""
        asked = {"kind": "group", "member_ids": [other.user_id for other in others], "title": title}
        return str(self.request("POST", "/conversations", asked)["conversation"]["conversation_id"])

    # -- the log --

    def last_seq(self, where: str) -> int:
        """Up to where the log is known."""
        log = self.logs.get(where)
        return int(log[-1]["seq"]) if log else 0

    def apply(self, where: str, events: list[dict[str, Any]]) -> None:
        """Take the next ones, ignore known ones, read what is missing."""
        for event in events:
            if event["seq"] == self.last_seq(where) + 1:
                self.logs.setdefault(where, []).append(event)
            elif event["seq"] > self.last_seq(where) + 1:
                self.gap_reads += 1
                self.catch_up(where)

    def catch_up(self, where: str) -> None:
        """Read everything that is not known yet, in small pages."""
        more = True
        while more:
            page = self.request("GET", f"/conversations/{where}/events?after={self.last_seq(where)}&limit=2")
            self.apply(where, page["events"])
            more = page["has_more"]

    def message_bodies(self, where: str) -> list[str]:
        """The messages of the log as it is known."""
        return [event["message"]["body"] for event in self.logs[where] if event["type"] == "message.created"]

    def event_types(self, where: str) -> list[str]:
        """The types of the events of the log as it is known."""
        return [event["type"] for event in self.logs[where]]

    def new_message(self, where: str, body: str) -> dict[str, Any]:
        """What is posted, and posted again unchanged until there is an answer."""
        return {"client_message_id": str(uuid.uuid4()), "body": body, "after_seq": self.last_seq(where)}

    def send_message(self, where: str, message: dict[str, Any]) -> dict[str, Any]:
        """Send a draft; the event."""
        event: dict[str, Any] = self.request("POST", f"/conversations/{where}/messages", message)["event"]
        return event

    def send_text(self, where: str, body: str) -> dict[str, Any]:
        """Send a new message; the event."""
        return self.send_message(where, self.new_message(where, body))

    # -- live updates --

    @contextmanager
    def connect(self) -> Iterator[ReferenceConnection]:
        """A WebSocket with a new ticket, open until the block ends."""
        with self.connect_with_ticket(self.request("POST", "/realtime/tickets")["ticket"]) as line:
            yield line

    @contextmanager
    def connect_with_ticket(self, ticket: str) -> Iterator[ReferenceConnection]:
        protocols = [Subprotocol("imchat.v1"), Subprotocol(f"ticket.{ticket}")]
        with connect(self.ws, subprotocols=protocols, proxy=None, open_timeout=PATIENCE_S) as socket:
            yield ReferenceConnection(self, socket)
