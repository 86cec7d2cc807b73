"""HTTP dispatch: every response matches its schema, and every error has the same shape."""

from __future__ import annotations

import json
import logging
import re
from typing import Any

import pytest
from tests.support.metering import metered
from tests.support.world import World

from imchat.api import schema
from imchat.api.dispatch import HttpRequest, dispatch
from imchat.api.route import Route
from imchat.api.routes import ROUTES
from imchat.domain.ids import UserId
from imchat.domain.limits import USER_IDS_MAX, WATCHED_MAX
from imchat.errors import Busy, RateLimited
from imchat.services import suspensions
from imchat.services.app import App


def call(
    world: World | App,
    user_id: UserId | None,
    method: str,
    path: str,
    body: Any = None,
    query: dict[str, str] | None = None,
    *,
    raw: bytes | None = None,
    is_admin: bool = False,
) -> tuple[int, dict[str, Any]]:
    """Send a request and validate the response with the schema of its route."""
    app = world.app if isinstance(world, World) else world
    data = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
    response = dispatch(
        app, HttpRequest(method, "/api" + path, query or {}, data, user_id, "request-1", is_admin)
    )
    content: dict[str, Any] = json.loads(response.body)
    if response.status < 300:
        route = next(route for route in ROUTES if route.method == method and _matches(route, path))
        assert response.status in route.success
        route.response_model.model_validate(content)
    else:
        error = schema.ErrorBody.model_validate(content).error
        assert error.request_id == "request-1"
    return response.status, content


def _matches(route: Route, path: str) -> bool:
    expected, given = route.path.split("/"), path.split("/")
    return len(expected) == len(given) and all(
        a == b or a.startswith("{") for a, b in zip(expected, given, strict=True)
    )


def summarize_error(response: tuple[int, dict[str, Any]]) -> tuple[int, str, Any, Any]:
    """Return (status, code, field, limit) of an error response."""
    error = response[1]["error"]
    details = error.get("details", {})
    return response[0], error["code"], details.get("field"), details.get("limit")


def test_two_users_exchange_messages(world: World) -> None:
    ann, bob = UserId("u-ann"), UserId("u-bob")
    for user_id, handle in ((ann, "ann"), (bob, "bob")):
        assert call(world, user_id, "GET", "/me")[1]["user"]["handle"] is None
        assert (
            call(world, user_id, "PATCH", "/me", {"handle": handle, "display_name": handle.title()})[0] == 200
        )
    assert call(world, ann, "GET", "/users", query={"prefix": "bo"})[1]["users"][0]["user_id"] == bob
    assert call(world, ann, "GET", f"/users/{bob}")[1]["user"]["display_name"] == "Bob"
    assert len(call(world, ann, "GET", "/users", query={"ids": f"{bob},{ann},nobody"})[1]["users"]) == 2
    status, created = call(world, ann, "POST", "/conversations", {"kind": "direct", "member_ids": [bob]})
    conversation_id = created["conversation"]["conversation_id"]
    assert status == 201
    assert call(world, bob, "POST", "/conversations", {"kind": "direct", "member_ids": [ann]})[0] == 200
    message = {"client_message_id": "m1", "body": "hello", "after_seq": 1}
    status, sent = call(world, ann, "POST", f"/conversations/{conversation_id}/messages", message)
    assert (status, sent["event"]["seq"]) == (201, 2)
    assert call(world, ann, "POST", f"/conversations/{conversation_id}/messages", message) == (200, sent)
    inbox = call(world, bob, "GET", "/conversations")[1]["conversations"]
    assert (inbox[0]["unread"], inbox[0]["last_message"]) == (1, sent["event"])
    assert call(world, bob, "GET", f"/conversations/{conversation_id}/events", query={"after": "1"})[1][
        "events"
    ] == [sent["event"]]
    assert call(world, bob, "PUT", f"/conversations/{conversation_id}/read", {"seq": 2})[1] == {
        "read_seq": 2,
        "read_count": 1,
        "unread": 0,
        "unread_mentions": 0,
    }
    assert call(world, bob, "POST", "/realtime/tickets")[0] == 201


def test_a_group_is_managed_over_http(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    created = call(
        world, ann, "POST", "/conversations", {"kind": "group", "member_ids": [bob], "title": "Team"}
    )[1]
    base = f"/conversations/{created['conversation']['conversation_id']}"
    assert call(world, ann, "PATCH", base, {"title": "Crew"})[1]["conversation"]["title"] == "Crew"
    added = call(world, ann, "POST", f"{base}/members", {"user_ids": [eve]})[1]
    assert {user["user_id"] for user in added["users"]} == {ann, bob, eve}
    assert call(world, ann, "PATCH", f"{base}/members/{eve}", {"role": "admin"})[0] == 200
    assert summarize_error(call(world, bob, "DELETE", f"{base}/members/{eve}")) == (
        403,
        "forbidden",
        None,
        None,
    )
    assert call(world, eve, "DELETE", f"{base}/members/{bob}") == (200, {})
    assert call(world, bob, "GET", base)[0] == 404
    types = [event["type"] for event in call(world, ann, "GET", f"{base}/events")[1]["events"]]
    assert types == [
        "conversation.created",
        "conversation.updated",
        "member.added",
        "member.role_changed",
        "member.removed",
    ]


@pytest.mark.parametrize(
    "body",
    [
        "plain",
        "  spaces kept  ",
        "\U0001d518nicode 👩‍👩‍👧‍👦 \u202e \u0301\ufeff\u2028\x85",
        'q"\\/\t\r\n',
        "x" * 8_000,
        "é" * 8_000,
    ],
)
def test_an_accepted_body_is_returned_byte_for_byte(world: World, body: str) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    assert (
        call(
            world,
            ann,
            "POST",
            f"/conversations/{conversation_id}/messages",
            {"client_message_id": "m", "body": body},
        )[0]
        == 201
    )
    events = call(world, bob, "GET", f"/conversations/{conversation_id}/events")[1]["events"]
    assert events[-1]["message"]["body"].encode() == body.encode()


NO_CONTROLS = "no control characters but tab and line breaks"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", (400, "invalid", "request", "JSON in UTF-8")),
        (b"{", (400, "invalid", "request", "JSON in UTF-8")),
        (b'{"client_message_id":"m","body":"\xff"}', (400, "invalid", "request", "JSON in UTF-8")),
        (b'{"client_message_id":"m","body":"\\ud800"}', (400, "invalid", "request", "JSON in UTF-8")),
        (b'{"client_message_id":"m","body":"a\nb"}', (400, "invalid", "request", "JSON in UTF-8")),
        (b"NaN", (400, "invalid", "request", "an object")),
        (b"[]", (400, "invalid", "request", "an object")),
        (b"null", (400, "invalid", "request", "an object")),
        (b'{"body":"x"}', (400, "invalid", "client_message_id", "required")),
        (b'{"client_message_id":"m","body":7}', (400, "invalid", "body", "a valid string")),
        (b'{"client_message_id":"m","body":null}', (400, "invalid", "body", "a valid string")),
        (b'{"client_message_id":"m","body":"x","after_seq":"1"}', (400, "invalid", "after_seq", "a valid integer")),
        (b'{"client_message_id":"m","body":"x","after_seq":1.5}', (400, "invalid", "after_seq", "a valid integer")),
        (b'{"client_message_id":"m","body":"x","after_seq":-1}', (400, "invalid", "after_seq", 0)),
        (
            b'{"client_message_id":"m","body":"x","after_seq":' + b"9" * 400 + b"}",
            (400, "invalid", "after_seq", 999_999_999_999),
        ),
        (b'{"client_message_id":"m","body":"x","urgent":true}', (400, "invalid", "urgent", "known fields only")),
        (b'{"client_message_id":"m","body":""}', (400, "invalid", "body", 1)),
        (b'{"client_message_id":"m","body":"x\\u0000"}', (400, "invalid", "body", NO_CONTROLS)),
        (b'{"client_message_id":"","body":"x"}', (400, "invalid", "client_message_id", 64)),
        (b"[" * 33 + b"]" * 33, (400, "invalid", "request", 32)),
        (b"[" * 100_000, (400, "invalid", "request", 32)),
        (b'{"body":"' + b"x" * 131_072 + b'"}', (413, "too_large", "request", 131_072)),
    ],
)  # fmt: skip
def test_an_invalid_message_names_its_field_and_nothing_is_written(
    world: World, raw: bytes, expected: tuple[int, str, str, object]
) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    assert (
        summarize_error(call(world, ann, "POST", f"/conversations/{conversation_id}/messages", raw=raw))
        == expected
    )
    assert len(call(world, ann, "GET", f"/conversations/{conversation_id}/events")[1]["events"]) == 1


def test_brackets_inside_text_do_not_count_as_nesting(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    path = f"/conversations/{world.direct(ann, bob)}/messages"
    assert call(world, ann, "POST", path, {"client_message_id": "m", "body": '["\\' * 500})[0] == 201


@pytest.mark.parametrize(
    ("method", "path", "body", "query", "expected"),
    [
        ("PATCH", "/me", {"handle": "Ab"}, {}, (400, "invalid", "handle", 3)),
        ("PATCH", "/me", {"display_name": "x" * 81}, {}, (400, "invalid", "display_name", 80)),
        ("PATCH", "/me", {"handle": 3}, {}, (400, "invalid", "handle", "a valid string")),
        ("GET", "/users", None, {}, (400, "invalid", "prefix", "one of prefix, ids")),
        ("GET", "/users", None, {"prefix": "#"}, (400, "invalid", "prefix", "a letter, a digit or a symbol")),
        ("GET", "/users", None, {"prefix": "ab", "ids": "x"}, (400, "invalid", "prefix", "one of prefix, ids")),
        ("GET", "/users", None, {"ids": ",".join(map(str, range(101)))}, (400, "invalid", "ids", 100)),
        ("GET", "/users", None, {"prefix": "ab", "page": "2"}, (400, "invalid", "page", "known fields only")),
        ("GET", "/me", None, {"x": "1"}, (400, "invalid", "x", "known fields only")),
        ("GET", "/conversations", None, {"cursor": "a b"}, (400, "invalid", "cursor", "a next_cursor")),
        ("POST", "/conversations", {"kind": "direct", "member_ids": []}, {}, (400, "invalid", "member_ids", 1)),
        ("POST", "/conversations", {"kind": "party", "member_ids": []}, {}, (400, "invalid", "kind", "'direct' or 'group'")),
        ("POST", "/conversations", {"kind": "group", "member_ids": [1]}, {}, (400, "invalid", "member_ids.0", "a valid string")),
        ("POST", "/conversations", {"kind": "group", "member_ids": [], "title": "t" * 101}, {}, (400, "invalid", "title", 100)),
    ],
)  # fmt: skip
def test_a_value_beyond_a_limit_names_its_field_and_the_limit(
    world: World,
    method: str,
    path: str,
    body: Any,
    query: dict[str, str],
    expected: tuple[int, str, str, object],
) -> None:
    assert summarize_error(call(world, world.person("ann"), method, path, body, query)) == expected


@pytest.mark.parametrize("limit", ["0", "201", "ten", "1.5", "5.0", "1_0", "+1", " 1", "\u0661", ""])
def test_a_page_size_outside_the_limits_is_invalid(world: World, limit: str) -> None:
    ann = world.person("ann")
    response = call(world, ann, "GET", f"/conversations/{world.group(ann)}/events", query={"limit": limit})
    assert summarize_error(response)[:3] == (400, "invalid", "limit")


PAGED = [route for route in ROUTES if route.query_model is schema.PageQuery]


@pytest.mark.parametrize("cursor", ["", "a" * 65, "a" * 2_000, "a b", "é", "\n", "\0"])
@pytest.mark.parametrize("route", PAGED, ids=lambda route: route.path)
def test_a_malformed_cursor_is_invalid(world: World, route: Route, cursor: str) -> None:
    ann = world.person("ann")
    path = route.path.replace("{conversation_id}", world.group(ann))
    response = call(world, ann, "GET", path, query={"cursor": cursor}, is_admin=True)
    assert summarize_error(response)[:3] == (400, "invalid", "cursor")


def test_a_message_is_changed_over_http(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    base = f"/conversations/{world.direct(ann, bob)}"
    sent = {"client_message_id": "m1", "body": "helo @bob"}
    assert call(world, ann, "POST", f"{base}/messages", sent)[1]["event"]["message"]["mentions"] == {
        "bob": bob
    }
    reply = {"client_message_id": "m2", "body": "yes", "reply_to": 2}
    assert call(world, bob, "POST", f"{base}/messages", reply)[1]["event"]["quote"]["body"] == "helo @bob"
    edited = call(world, ann, "PATCH", f"{base}/messages/2", {"body": "hello"})[1]
    assert edited["event"]["message"] == edited["message"]
    for emoji in ("👩🏽‍🚀", "#️⃣", "❤"):
        assert (
            call(world, bob, "PUT", f"{base}/messages/2/reactions/{emoji}")[1]["event"]["type"]
            == "reaction.added"
        )
    assert call(world, bob, "PUT", f"{base}/messages/2/reactions/👩🏽‍🚀")[1].keys() == {"message"}
    assert call(world, bob, "DELETE", f"{base}/messages/2/reactions/#️⃣")[1]["event"]["emoji"] == "#️⃣"
    assert call(world, bob, "PUT", f"{base}/messages/2/pin")[0] == 200
    assert call(world, ann, "GET", base)[1]["conversation"]["pinned"] == [2]
    [pinned] = call(world, ann, "GET", f"{base}/pins")[1]["events"]
    assert [(r["emoji"], r["count"]) for r in pinned["message"]["reactions"]] == [("👩🏽‍🚀", 1), ("❤️", 1)]
    assert call(world, ann, "DELETE", f"{base}/messages/2/pin")[1]["event"]["type"] == "message.unpinned"
    assert call(world, ann, "DELETE", f"{base}/messages/2")[1]["message"]["body"] == ""
    events = call(world, bob, "GET", f"{base}/events")[1]["events"]
    assert [event["seq"] for event in events] == list(range(1, 12))
    assert "hello" not in json.dumps(events)


def test_an_invalid_change_is_refused_and_nothing_is_written(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    base = f"/conversations/{world.direct(ann, bob)}"
    for id_ in ("m1", "m2"):
        call(world, ann, "POST", f"{base}/messages", {"client_message_id": id_, "body": "hi"})
    call(world, ann, "DELETE", f"{base}/messages/3")
    deleted = (409, "conflict", None, None)
    no_emoji = (400, "invalid", "emoji", "one emoji")
    for user_id, method, path, body, expected in (
        (bob, "PATCH", "2", {"body": "ho"}, (403, "forbidden", None, None)),
        (bob, "DELETE", "2", None, (403, "forbidden", None, None)),
        (ann, "PATCH", "2", {"body": ""}, (400, "invalid", "body", 1)),
        (ann, "PATCH", "3", {"body": "ho"}, deleted),
        (bob, "PUT", "3/reactions/👍", None, deleted),
        (bob, "PUT", "3/pin", None, deleted),
        (bob, "PUT", "2/reactions/LOL", None, no_emoji),
        (bob, "DELETE", "2/reactions/👍👍", None, no_emoji),
        (bob, "PUT", "2/reactions/%F0%9F%91%8D", None, no_emoji),
    ):
        assert summarize_error(call(world, user_id, method, f"{base}/messages/{path}", body)) == expected
    for seq in ("1", "4", "99", "0", "x", "-1", "2.0", "٢", "9" * 13, "9" * 64):
        for method, path in (("PUT", "/reactions/👍"), ("PUT", "/pin"), ("DELETE", "")):
            assert call(world, ann, method, f"{base}/messages/{seq}{path}")[0] == 404
    assert len(call(world, ann, "GET", f"{base}/events")[1]["events"]) == 4


def test_all_unknown_ids_get_the_same_body(world: World) -> None:
    ann = world.person("ann")
    bodies = set()
    for path in ("nowhere", "x" * 65, "a%20b", "..%2f..", "%00", "d" + "0" * 32):
        status, content = call(world, ann, "GET", f"/conversations/{path}")
        assert status == 404
        bodies.add((content["error"]["code"], "details" in content["error"]))
    assert bodies == {("not_found", False)}


@pytest.mark.parametrize(
    "route",
    [route for route in ROUTES if route.access != "public"],
    ids=lambda route: f"{route.method} {route.path}",
)
def test_a_suspended_user_can_only_read_their_profile(world: World, route: Route) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.group(ann, bob)
    suspensions.suspend(world.app, bob, ann)
    path = (
        route.path.replace("{conversation_id}", conversation_id)
        .replace("{seq}", "1")
        .replace("{emoji}", "👍")
    )
    path = re.sub(r"\{\w+\}", bob, path)
    body: Any = {"seq": 1} if path.endswith("/read") else {"client_message_id": "m", "body": "x"}
    if route.suspended == "served":
        assert call(world, ann, route.method, path)[1]["user"]["suspended"]
        return
    response = call(world, ann, route.method, path, body if route.request_model else None, is_admin=True)
    assert summarize_error(response)[:2] == (403, "suspended")


def test_a_send_needs_no_extra_read_to_check_for_a_suspension(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    app, count, _ = metered(world.app)
    message = {"client_message_id": "m1", "body": "hello", "after_seq": 1}
    assert call(app, ann, "POST", f"/conversations/{conversation_id}/messages", message)[0] == 201
    assert (count.calls, count.read_units, count.write_units) == (4, 3, 2)


def test_the_health_check_needs_no_sign_in(world: World) -> None:
    assert call(world, None, "GET", "/health")[1]["status"] == "ok"


@pytest.mark.parametrize("path", ["/nothing", "/me/", "//me", "/conversations/x/y/z/w"])
def test_an_unknown_path_is_not_found(world: World, path: str) -> None:
    ann = world.person("ann")
    assert call(world, ann, "GET", path)[0] == 404
    assert call(world, ann, "TRACE", path)[0] == 404


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/me", ["GET", "PATCH"]),
        ("HEAD", "/me", ["GET", "PATCH"]),
        ("OPTIONS", "/conversations/c1/messages", ["POST"]),
        ("POST", "/conversations/c1", ["GET", "PATCH"]),
        ("GET", "/conversations/c1/messages/1/reactions/" + "x" * 300, ["DELETE", "PUT"]),
        ("POST", "/health", ["GET", "HEAD"]),
        ("POST", "/admin/audit", ["GET"]),
    ],
)
def test_another_method_of_a_known_path_is_refused_with_the_methods_that_it_has(
    world: World, method: str, path: str, allowed: list[str]
) -> None:
    request = HttpRequest(method, "/api" + path, {}, b"", UserId("u-ann"), "r1")
    response = dispatch(world.app, request)
    error = schema.ErrorBody.model_validate_json(response.body).error
    assert (response.status, error.code) == (405, "method_not_allowed")
    assert (error.details, response.headers["allow"]) == ({"allow": allowed}, ", ".join(allowed))
    # Without a token it is 401, as on AWS: the authorizer comes before the handler.
    assert dispatch(world.app, request._replace(user_id=None)).status == 401


def test_a_very_long_method_is_cut_in_the_error_message(world: World) -> None:
    assert len(call(world, UserId("u-ann"), "X" * 5000, "/me")[1]["error"]["message"]) < 100


def test_an_unexpected_error_shows_only_its_request_id_and_logs_no_content(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)

    def broken_clock() -> int:
        raise RuntimeError("secret body and ann@example.org")

    app = App(world.table, world.gateway, broken_clock, world.app.new_id)
    with caplog.at_level(logging.DEBUG):
        status, content = call(
            app,
            ann,
            "POST",
            f"/conversations/{conversation_id}/messages",
            {"client_message_id": "m", "body": "secret body"},
        )
    assert (status, content["error"]["code"]) == (500, "internal")
    assert "secret" not in json.dumps(content)
    assert "request-1" in caplog.text
    assert "RuntimeError" in caplog.text
    assert "secret" not in caplog.text
    assert "example.org" not in caplog.text


def test_retryable_errors_have_a_retry_after_header(world: World) -> None:
    ann = world.person("ann")
    for error, wait in ((Busy("later"), "1"), (RateLimited("slow down", retry_after_s=7), "7")):

        def fail(error: Exception = error) -> int:
            raise error

        app = App(world.table, world.gateway, fail, world.app.new_id)
        response = dispatch(app, HttpRequest("POST", "/api/realtime/tickets", {}, b"", ann, "r"))
        assert (response.status, response.headers["retry-after"]) == (error.status, wait)


@pytest.mark.parametrize("text", ["u-ann", "", "not an id"])
def test_each_id_of_a_request_counts_towards_the_limit_also_a_repeated_or_invalid_one(
    world: World, text: str
) -> None:
    ann, bob = world.people("ann", "bob")
    path = f"/conversations/{world.direct(ann, bob)}/presence"
    body = {"user_ids": [text] * (WATCHED_MAX + 1)}
    too_many = ",".join([bob, *[text] * USER_IDS_MAX])
    for response, field in (
        (call(world, ann, "PUT", f"{path}/watch", body), "user_ids"),
        (call(world, ann, "GET", path, query={"user_ids": too_many}), "user_ids"),
        (call(world, ann, "GET", "/users", query={"ids": too_many}), "ids"),
    ):
        assert summarize_error(response)[:3] == (400, "invalid", field)
