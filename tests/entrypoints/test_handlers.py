"""The Lambda handlers, on events of the shapes that API Gateway sends."""

from __future__ import annotations

import base64
import json
import logging
from dataclasses import replace
from typing import Any

import pytest
from tests.support.lambda_events import authorizer_event, http_event, queue_event, websocket_event
from tests.support.world import Borrowed, WaitingQueue, World

from imchat.domain.ids import UserId
from imchat.entrypoints import authorizer, fanout, http, websocket
from imchat.errors import Busy
from imchat.services import realtime
from imchat.services.fanout_jobs import AnnounceJob, DeliverJob, encode_job
from imchat.services.rate_limiter import RateLimiter
from imchat.storage.table import KeyRange, Row


def test_a_request_is_answered_as_lambda_proxy_wants_it(world: World) -> None:
    answer = http.create_handler(world.app)(http_event("GET", "/api/me", user_id="u1"), None)
    assert answer["statusCode"] == 200
    assert answer["headers"] == {"content-type": "application/json", "cache-control": "no-store"}
    assert json.loads(answer["body"])["user"]["user_id"] == "u1"


def test_an_id_token_does_not_count_as_signed_in(world: World) -> None:
    event = http_event("GET", "/api/me", user_id="u1", token_use="id")
    assert http.create_handler(world.app)(event, None)["statusCode"] == 401


def test_a_body_that_came_in_base64_is_the_same_body(world: World) -> None:
    event = http_event("PATCH", "/api/me", user_id="u1", body=base64.b64encode(b'{"handle":"ann"}').decode())
    answer = http.create_handler(world.app)(event | {"isBase64Encoded": True}, None)
    assert json.loads(answer["body"])["user"]["handle"] == "ann"


def test_a_body_with_a_lone_surrogate_is_refused_not_raised(world: World) -> None:
    event = http_event("PATCH", "/api/me", user_id="u1", body='{"display_name":"\ud800"}')
    assert http.create_handler(world.app)(event, None)["statusCode"] == 400


@pytest.mark.parametrize(
    "header", ["Sec-WebSocket-Protocol", "sec-websocket-protocol", "Sec-Websocket-Protocol"]
)
def test_a_ticket_lets_its_owner_in_whatever_case_the_header_has(world: World, header: str) -> None:
    secret, _ = realtime.issue_ticket(world.app, UserId("u1"))
    policy = authorizer.create_handler(world.app)(
        authorizer_event(f"imchat.v1, ticket.{secret}", header), None
    )
    assert policy["principalId"] == "u1"
    statement = policy["policyDocument"]["Statement"][0]
    assert (statement["Effect"], statement["Resource"]) == ("Allow", authorizer_event(None)["methodArn"])


@pytest.mark.parametrize(
    "protocols",
    [None, "", "imchat.v1", "ticket.{}", "imchat.v1, ticket.invented", "imchat.v1, ticket.{}, ticket.x"],
)
def test_a_connection_without_exactly_one_good_ticket_is_unauthorized(
    world: World, protocols: str | None
) -> None:
    secret, _ = realtime.issue_ticket(world.app, UserId("u1"))
    offered = None if protocols is None else protocols.format(secret)
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        authorizer.create_handler(world.app)(authorizer_event(offered), None)


def test_connect_answers_the_subprotocol_and_notes_the_connection(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    handle = websocket.create_handler(world.app)
    answer = handle(websocket_event("$connect", "c1", user_id=ann), None)
    assert answer == {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "imchat.v1"}}
    world.direct(ann, bob)
    assert [frame["type"] for frame in world.gateway.frames["c1"]] == ["conversation"]
    handle(websocket_event("$disconnect", "c1", user_id=ann), None)
    world.group(ann)
    assert len(world.gateway.frames["c1"]) == 1


def test_a_ping_gets_a_pong_that_names_the_connection(world: World) -> None:
    websocket.create_handler(world.app)(
        websocket_event("$default", "c1", user_id="u1", body='{"action":"ping"}'), None
    )
    assert world.gateway.frames["c1"] == [{"type": "pong", "connection_id": "c1"}]


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        (None, "invalid", "request"),
        ("no json", "invalid", "request"),
        ('{"action":"shout"}', "invalid", "action"),
        ('{"action":"ping","x":1}', "invalid", "x"),
        ('{"action":"typing"}', "invalid", "conversation_id"),
        ('{"action":"typing","conversation_id":"nowhere"}', "not_found", None),
        ('{"action":"typing","conversation_id":"a\\nb"}', "not_found", None),
        ('{"action":"ping","x":"' + "x" * 4_096 + '"}', "too_large", "frame"),
    ],
)
def test_a_bad_frame_is_answered_with_an_error_frame(
    world: World, body: str | None, code: str, field: str | None
) -> None:
    answer = websocket.create_handler(world.app)(
        websocket_event("$default", "c1", user_id="u1", body=body), None
    )
    assert answer == {"statusCode": 200}
    (frame,) = world.gateway.frames["c1"]
    assert (frame["type"], frame["error"]["code"], frame["error"]["request_id"]) == (
        "error",
        code,
        "request-2",
    )
    assert frame["error"].get("details", {}).get("field") == field


def test_of_a_batch_of_jobs_only_those_that_failed_come_again(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    busy, fine = world.group(ann, bob, title="busy"), world.group(ann, bob, title="fine")

    class PartlyBusy(Borrowed):
        def query(self, key_range: KeyRange, **options: Any) -> list[Row]:
            if busy in key_range.pk:
                raise Busy("try again")
            return super().query(key_range, **options)

    queue = WaitingQueue()
    handle = fanout.create_handler(replace(world.app, table=PartlyBusy(world.table), queue=queue))
    jobs = [encode_job(AnnounceJob(busy, 1)), "no job", encode_job(AnnounceJob(fine, 1))]
    answer = handle(queue_event(*jobs), None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-1"}, {"itemIdentifier": "message-2"}]}
    assert queue.take() == [DeliverJob(fine, 1, 1, 1, [ann, bob])]


def test_a_job_that_fails_is_logged_by_its_id_and_place_alone(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.group(ann, bob, title="lunch")

    class Broken(Borrowed):
        def query(self, key_range: KeyRange, **options: Any) -> list[Row]:
            raise RuntimeError(f"secret body and ann@example.org: {key_range}, {options}")

    handle = fanout.create_handler(replace(world.app, table=Broken(world.table), queue=WaitingQueue()))
    with caplog.at_level(logging.DEBUG):
        handle(queue_event(encode_job(AnnounceJob(where, 1))), None)
    for told in ("message-1", "RuntimeError", "test_handlers.py"):
        assert told in caplog.text
    assert "secret" not in caplog.text
    assert "example.org" not in caplog.text


def test_who_says_too_often_that_they_write_is_told_to_wait(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    line, theirs = world.connect(ann), world.connect(bob)
    handler = websocket.create_handler(replace(world.app, rate_limiter=RateLimiter(2)))
    typing = {"action": "typing", "conversation_id": where}
    for frame in [typing] * 3 + [{"action": "ping"}]:
        handler(websocket_event("$default", line, user_id=ann, body=json.dumps(frame)), None)
    refused, pong = world.heard(line)
    assert (refused["error"]["code"], pong["type"]) == ("rate_limited", "pong")
    assert len(world.heard(theirs, "typing")) == 2
