"""A client written from `docs/protocol.md` alone: urllib, the `websockets` package, and nothing of imchat."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any, Self, cast
from urllib.parse import urljoin

import pytest
from tests.e2e.harness import Server
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol


class Refused(Exception):
    """An answer that is no success: its status and its JSON."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


def call(method: str, url: str, body: object = None, **headers: str) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - our own server
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - http, of our own making
            return json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            raise Refused(error.code, json.load(error)) from None


class Stranger:
    """A client of one person: finds the server, signs in, keeps each conversation's log whole."""

    def __init__(self, site: str) -> None:
        config = call("GET", urljoin(site, "/config.json"))
        assert config["version"] == 1
        self.api = urljoin(site, config["api_url"])
        self.ws = urljoin(site, config["ws_url"]).replace("http", "ws", 1)
        self.auth = {**config["auth"], "endpoint": urljoin(site, config["auth"]["endpoint"])}
        self.token = ""
        self.user_id = ""
        self.logs: dict[str, list[dict[str, Any]]] = {}
        self.reads = 0
        """How often a gap made it read."""

    # -- signing in --

    def cognito(self, operation: str, **fields: object) -> Any:
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"AWSCognitoIdentityProviderService.{operation}",
        }
        return call("POST", self.auth["endpoint"], {"ClientId": self.auth["client_id"], **fields}, **headers)

    def sign_up(self, email: str, password: str) -> None:
        assert self.cognito("SignUp", Username=email, Password=password)["UserConfirmed"] is True

    def sign_in(self, email: str, password: str) -> Self:
        parameters = {"USERNAME": email, "PASSWORD": password}
        answer = self.cognito("InitiateAuth", AuthFlow="USER_PASSWORD_AUTH", AuthParameters=parameters)
        self.refresh_token = answer["AuthenticationResult"]["RefreshToken"]
        self.token = answer["AuthenticationResult"]["AccessToken"]
        self.user_id = self.http("GET", "/me")["user"]["user_id"]
        return self

    def refresh(self) -> None:
        parameters = {"REFRESH_TOKEN": self.refresh_token}
        answer = self.cognito("InitiateAuth", AuthFlow="REFRESH_TOKEN_AUTH", AuthParameters=parameters)
        self.token = answer["AuthenticationResult"]["AccessToken"]

    def http(self, method: str, path: str, body: object = None) -> Any:
        return call(method, self.api + path, body, Authorization=f"Bearer {self.token}")

    # -- the log --

    def last(self, where: str) -> int:
        log = self.logs.get(where)
        return cast("int", log[-1]["seq"]) if log else 0

    def apply(self, where: str, events: list[dict[str, Any]]) -> None:
        for event in events:
            if event["seq"] == self.last(where) + 1:
                self.logs.setdefault(where, []).append(event)
            elif event["seq"] > self.last(where) + 1:
                self.reads += 1
                self.catch_up(where)

    def catch_up(self, where: str) -> None:
        more = True
        while more:
            page = self.http("GET", f"/conversations/{where}/events?after={self.last(where)}&limit=2")
            self.apply(where, page["events"])
            more = page["has_more"]

    def bodies(self, where: str) -> list[str]:
        return [event["message"]["body"] for event in self.logs[where] if event["type"] == "message.created"]

    def draft(self, where: str, body: str) -> dict[str, Any]:
        """What is posted, and posted again unchanged until there is an answer."""
        return {
            "client_message_id": str(uuid.uuid4()),
            "body": body,
            "after_seq": self.last(where),
        }

    def post(self, where: str, message: dict[str, Any]) -> dict[str, Any]:
        return cast("dict[str, Any]", self.http("POST", f"/conversations/{where}/messages", message)["event"])

    # -- live updates --

    def connect(self) -> ClientConnection:
        return self.connect_with(self.http("POST", "/realtime/tickets")["ticket"])

    def connect_with(self, ticket: str) -> ClientConnection:
        protocols = [Subprotocol("imchat.v1"), Subprotocol(f"ticket.{ticket}")]
        return connect(self.ws, subprotocols=protocols, proxy=None)

    def hear(self, socket: ClientConnection, kind: str) -> dict[str, Any]:
        """The next frame of a type; events on the way are applied."""
        while True:
            frame: dict[str, Any] = json.loads(socket.recv(timeout=10))
            if frame["type"] == "events":
                self.apply(frame["conversation_id"], frame["events"])
            if frame["type"] == kind:
                return frame


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running `imchat local`."""
    with Server(tmp_path_factory.mktemp("data")) as server:
        yield server.url


def person(site: str, handle: str) -> Stranger:
    """Somebody who has just signed up and chosen a handle."""
    stranger = Stranger(site)
    stranger.sign_up(f"{handle}@example.com", "correct horse")
    stranger.sign_in(f"{handle}@example.com", "correct horse")
    stranger.http("PATCH", "/me", {"handle": handle, "display_name": handle.title()})
    return stranger


def test_two_strangers_meet_talk_and_miss_nothing(site: str) -> None:
    ada, bob = person(site, "ada"), person(site, "bob")
    [found] = ada.http("GET", "/users?prefix=bo")["users"]
    assert found == {"user_id": bob.user_id, "handle": "bob", "display_name": "Bob"}
    with bob.connect() as phone:
        assert phone.subprotocol == "imchat.v1"
        where = ada.http("POST", "/conversations", {"kind": "direct", "member_ids": [bob.user_id]})[
            "conversation"
        ]["conversation_id"]
        assert bob.hear(phone, "conversation")["conversation_id"] == where
        ada.catch_up(where)
        bob.catch_up(where)

        message = ada.draft(where, "Hello, Bob! 👋🏽\n\tHow are you?")
        event = ada.post(where, message)
        assert ada.post(where, message) == event
        assert bob.hear(phone, "events")["events"] == [event]

        # One push is lost: the next shows the gap, and the log fills it.
        bob.hear(phone, "events")  # of the repeated send, which bob has already
        ada.apply(where, [event, ada.post(where, ada.draft(where, "Lost on the way"))])
        assert json.loads(phone.recv(timeout=10))["type"] == "events"
        ada.post(where, ada.draft(where, "Still there?"))
        bob.hear(phone, "events")
        assert bob.bodies(where) == [message["body"], "Lost on the way", "Still there?"]
        assert bob.reads == 1

        phone.send(json.dumps({"action": "ping"}))
        bob.hear(phone, "pong")
        phone.send(json.dumps({"action": "dance"}))
        assert bob.hear(phone, "error")["error"]["code"] == "invalid"

    # What happens while nobody is connected is in the log afterwards.
    ada.post(where, ada.draft(where, "Goodbye"))
    with bob.connect() as laptop:
        bob.catch_up(where)
        assert bob.bodies(where)[-1] == "Goodbye"
        assert [event["seq"] for event in bob.logs[where]] == [1, 2, 3, 4, 5]
        [entry] = bob.http("GET", "/conversations")["conversations"]
        assert entry["unread"] == 4
        assert entry["last_message"]["message"]["body"] == "Goodbye"
        read = bob.http("PUT", f"/conversations/{where}/read", {"seq": bob.last(where)})
        assert read == {"read_seq": 5, "unread": 0}
        assert bob.hear(laptop, "receipt")["user_id"] == bob.user_id


def test_a_group_tells_of_joining_typing_and_leaving(site: str) -> None:
    eve, kim = person(site, "eve"), person(site, "kim")
    where = eve.http("POST", "/conversations", {"kind": "group", "member_ids": [], "title": "Lunch"})[
        "conversation"
    ]["conversation_id"]
    with pytest.raises(Refused) as refused:
        kim.http("GET", f"/conversations/{where}/events")
    assert (refused.value.status, refused.value.body["error"]["code"]) == (404, "not_found")
    with eve.connect() as hers, kim.connect() as theirs:
        eve.http("POST", f"/conversations/{where}/members", {"user_ids": [kim.user_id]})
        assert kim.hear(theirs, "conversation")["change"] == "added"
        kim.catch_up(where)
        theirs.send(json.dumps({"action": "typing", "conversation_id": where}))
        assert eve.hear(hers, "typing")["user_id"] == kim.user_id
        assert kim.http("DELETE", f"/conversations/{where}/members/{kim.user_id}") == {}
        assert kim.hear(theirs, "conversation")["change"] == "removed"
        assert kim.logs[where][-1]["type"] == "member.removed"
        eve.catch_up(where)
        assert [event["type"] for event in eve.logs[where]] == [
            "conversation.created",
            "member.added",
            "member.removed",
        ]


def test_sign_in_and_tickets_really_verify(site: str) -> None:
    lee = person(site, "lee")
    with pytest.raises(Refused) as wrong:
        lee.sign_in("lee@example.com", "wrong horse")
    assert (wrong.value.status, wrong.value.body["__type"]) == (400, "NotAuthorizedException")
    lee.refresh()
    ticket = lee.http("POST", "/realtime/tickets")["ticket"]
    with lee.connect_with(ticket):
        pass
    with pytest.raises(InvalidStatus) as used, lee.connect_with(ticket):
        pass
    assert used.value.response.status_code == 401
    lee.token = lee.token[:-8] + "AAAAAAAA"
    with pytest.raises(Refused) as forged:
        lee.http("GET", "/me")
    assert forged.value.status == 401


def test_a_send_that_claims_to_have_read_past_the_end_is_refused_by_name(site: str) -> None:
    sam = person(site, "sam")
    where = sam.http("POST", "/conversations", {"kind": "group", "member_ids": []})["conversation"][
        "conversation_id"
    ]
    with pytest.raises(Refused) as refused:
        sam.post(where, {**sam.draft(where, "hi"), "after_seq": 99})
    assert refused.value.status == 400
    assert refused.value.body["error"]["details"] == {"field": "after_seq", "limit": 1}
