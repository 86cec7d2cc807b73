"""The Lambda handlers, with events like those of API Gateway and SQS."""

from __future__ import annotations

import base64
import json
import logging
from dataclasses import replace
from typing import Any

import pytest
from tests.support.lambda_events import authorizer_event, http_event, queue_event, websocket_event
from tests.support.world import InMemoryQueue, TableWrapper, World

from imchat.domain.ids import UserId
from imchat.entrypoints import authorizer, fanout, http, websocket
from imchat.errors import Busy
from imchat.services import realtime
from imchat.services.fanout_jobs import AnnounceJob, DeliverJob, encode_job
from imchat.services.rate_limiter import RateLimiter
from imchat.storage.table import KeyRange, Row


def test_the_http_handler_returns_a_lambda_proxy_response(world: World) -> None:
    response = http.create_handler(world.app)(http_event("GET", "/api/me", user_id="u1"), None)
    assert response["statusCode"] == 200
    assert response["headers"] == {"content-type": "application/json", "cache-control": "no-store"}
    assert json.loads(response["body"])["user"]["user_id"] == "u1"


def test_the_health_check_answers_head_without_a_token_and_without_a_body(world: World) -> None:
    response = http.create_handler(world.app)(http_event("HEAD", "/api/health"), None)
    assert (response["statusCode"], response["body"]) == (200, "")


def test_the_http_handler_refuses_another_method_of_a_known_path_and_names_the_methods(world: World) -> None:
    response = http.create_handler(world.app)(http_event("DELETE", "/api/me", user_id="u1"), None)
    assert (response["statusCode"], response["headers"]["allow"]) == (405, "GET, PATCH")
    assert json.loads(response["body"])["error"]["code"] == "method_not_allowed"


def test_an_id_token_does_not_sign_a_user_in(world: World) -> None:
    event = http_event("GET", "/api/me", user_id="u1", token_use="id")
    assert http.create_handler(world.app)(event, None)["statusCode"] == 401


def test_a_base64_body_is_decoded(world: World) -> None:
    event = http_event("PATCH", "/api/me", user_id="u1", body=base64.b64encode(b'{"handle":"ann"}').decode())
    response = http.create_handler(world.app)(event | {"isBase64Encoded": True}, None)
    assert json.loads(response["body"])["user"]["handle"] == "ann"


def test_a_body_with_a_lone_surrogate_is_a_bad_request(world: World) -> None:
    event = http_event("PATCH", "/api/me", user_id="u1", body='{"display_name":"\ud800"}')
    assert http.create_handler(world.app)(event, None)["statusCode"] == 400


@pytest.mark.parametrize(
    "header", ["Sec-WebSocket-Protocol", "sec-websocket-protocol", "Sec-Websocket-Protocol"]
)
def test_a_ticket_is_accepted_in_a_header_of_any_case(world: World, header: str) -> None:
    secret = realtime.issue_ticket(world.app, UserId("u1")).secret
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
def test_a_connection_without_exactly_one_valid_ticket_is_unauthorized(
    world: World, protocols: str | None
) -> None:
    secret = realtime.issue_ticket(world.app, UserId("u1")).secret
    offered = None if protocols is None else protocols.format(secret)
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        authorizer.create_handler(world.app)(authorizer_event(offered), None)


def test_connect_returns_the_subprotocol_and_stores_the_connection(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    handle = websocket.create_handler(world.app)
    response = handle(websocket_event("$connect", "c1", user_id=ann), None)
    assert response == {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "imchat.v1"}}
    world.direct(ann, bob)
    assert [frame["type"] for frame in world.gateway.frames["c1"]] == ["conversation"]
    handle(websocket_event("$disconnect", "c1", user_id=ann), None)
    world.group(ann)
    assert len(world.gateway.frames["c1"]) == 1


def test_a_ping_gets_a_pong_with_the_connection_id(world: World) -> None:
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
def test_an_invalid_frame_gets_an_error_frame(
    world: World, body: str | None, code: str, field: str | None
) -> None:
    response = websocket.create_handler(world.app)(
        websocket_event("$default", "c1", user_id="u1", body=body), None
    )
    assert response == {"statusCode": 200}
    (frame,) = world.gateway.frames["c1"]
    assert (frame["type"], frame["error"]["code"], frame["error"]["request_id"]) == (
        "error",
        code,
        "request-2",
    )
    assert frame["error"].get("details", {}).get("field") == field


def test_only_the_failed_jobs_of_a_batch_are_retried(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    busy, fine = world.group(ann, bob, title="busy"), world.group(ann, bob, title="fine")

    class PartlyBusyTable(TableWrapper):
        def query(self, key_range: KeyRange, **options: Any) -> list[Row]:
            if busy in key_range.pk:
                raise Busy("try again")
            return super().query(key_range, **options)

    queue = InMemoryQueue()
    handle = fanout.create_handler(replace(world.app, table=PartlyBusyTable(world.table), queue=queue))
    jobs = [encode_job(AnnounceJob(busy, 1)), "no job", encode_job(AnnounceJob(fine, 1))]
    response = handle(queue_event(*jobs), None)
    assert response == {
        "batchItemFailures": [{"itemIdentifier": "message-1"}, {"itemIdentifier": "message-2"}]
    }
    assert queue.take() == [DeliverJob(fine, 1, 1, 1, [ann, bob])]


def test_a_failed_job_is_logged_with_its_id_and_source_location_only(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.group(ann, bob, title="lunch")

    class BrokenTable(TableWrapper):
        def query(self, key_range: KeyRange, **options: Any) -> list[Row]:
            raise RuntimeError(f"secret body and ann@example.org: {key_range}, {options}")

    handle = fanout.create_handler(replace(world.app, table=BrokenTable(world.table), queue=InMemoryQueue()))
    with caplog.at_level(logging.DEBUG):
        handle(queue_event(encode_job(AnnounceJob(conversation_id, 1))), None)
    for expected in ("message-1", "RuntimeError", "test_handlers.py"):
        assert expected in caplog.text
    assert "secret" not in caplog.text
    assert "example.org" not in caplog.text


def test_typing_frames_are_rate_limited_and_pings_are_not(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    connection_id, other_connection_id = world.connect(ann), world.connect(bob)
    handler = websocket.create_handler(replace(world.app, rate_limiter=RateLimiter(2)))
    typing = {"action": "typing", "conversation_id": conversation_id}
    for frame in [typing] * 3 + [{"action": "ping"}]:
        handler(websocket_event("$default", connection_id, user_id=ann, body=json.dumps(frame)), None)
    error, pong = world.received(connection_id)
    assert (error["error"]["code"], pong["type"]) == ("rate_limited", "pong")
    assert len(world.received(other_connection_id, "typing")) == 2
