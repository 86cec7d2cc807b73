"""Every route enforces its declared `access`, and a refusal does not reveal whether a conversation exists."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

import pytest
from tests.support.problems import fail_on
from tests.support.world import TableWrapper, World, new_world

from imchat.api import schema
from imchat.api.dispatch import HttpRequest, dispatch
from imchat.api.responses import HttpResponse
from imchat.api.route import Route
from imchat.api.routes import ROUTES
from imchat.api.routes.users import _health
from imchat.domain.ids import ConversationId, UserId
from imchat.services import invites, members, messages
from imchat.services.app import App
from imchat.storage.table import Item, Key, Row

ANN, MAY, BOB, DAN = UserId("u-ann"), UserId("u-may"), UserId("u-bob"), UserId("u-dan")
EVE, KIM = UserId("u-eve"), UserId("u-kim")
ROLES = {"owner": ANN, "manager": MAY, "author": BOB, "member": DAN}
"""The members of the group. `author` and `member` are plain members; `author` wrote the message."""
NOT_MEMBERS = {"non-member": KIM, "removed member": EVE}
ALLOWED = {
    "member": {"owner", "manager", "author", "member"},
    "author": {"author"},
    "manager": {"owner", "manager"},
    "owner": {"owner"},
}
"""The roles that may call a route of each access. Managers may also delete messages of others, but not edit them."""
BODIES: dict[type[schema.Request], Any] = {
    schema.ConversationChange: {"title": "New"},
    schema.MessageChange: {"body": "new"},
    schema.NewInvite: {},
    schema.NewMembers: {"user_ids": [DAN]},
    schema.NewMessage: {"client_message_id": "m9", "body": "hi", "after_seq": 1},
    schema.ReadCursor: {"seq": 2},
    schema.RoleChange: {"role": "admin"},
    schema.SettingsChange: {"muted": True},
    schema.Watched: {"user_ids": [DAN]},
}
CONVERSATION_ROUTES = [
    route
    for route in ROUTES
    if "{conversation_id}" in route.path and not route.path.endswith("/join") and route.access != "admin"
]

QUERIES = {"DELETE /conversations/{conversation_id}/members/{user_id}": {"block": MAY}}
"""Query parameters that make a route do more than without them. It is tested with and without."""
CALLS = [
    pytest.param(route, query, id=f"{route.method} {route.path}{' with a query' if query else ''}")
    for route in CONVERSATION_ROUTES
    for query in ({}, QUERIES.get(f"{route.method} {route.path}"))
    if query is not None
]


SEND = "POST /conversations/{conversation_id}/messages"
"""A send makes one query for all it needs, including the membership. The query is the same for every caller, but finds more
rows if the conversation exists. Reason: decision 52."""


def name(route: Route) -> str:
    return f"{route.method} {route.path}"


class RecordingTable(TableWrapper):
    """Records every read and the size of its result, with placeholders for the ids of the caller and the conversation."""

    def __init__(self, world: World, ids: dict[str, str]) -> None:
        super().__init__(world.table)
        self.reads: list[str] = []
        self._ids = ids

    def _record(self, found: int, *call: object) -> None:
        text = repr(call)
        for id_, placeholder in self._ids.items():
            text = text.replace(id_, placeholder)
        self.reads.append(f"{text}: {found}")

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:
        item = super().get(key, consistent=consistent)
        self._record(len(item or ()), "get", key, consistent)
        return item

    def get_many(self, keys: Iterable[Key]) -> dict[Key, Item]:
        key_list = list(keys)
        found = super().get_many(key_list)
        self._record(0, "get_many", key_list)  # head and membership: one small item more or less
        return found

    def query(self, *keys: Any, **bounds: Any) -> list[Row]:
        rows = super().query(*keys, **bounds)
        self._record(len(rows), "query", keys, bounds)
        return rows


def group(world: World) -> ConversationId:
    """Create a group with the members in `ROLES` and a message by its author. EVE was removed from it."""
    for user_id in (*ROLES.values(), EVE, KIM):
        world.person(user_id.removeprefix("u-"))
    conversation_id = world.group(ANN, MAY, BOB, DAN, EVE)
    members.set_role(world.app, ANN, conversation_id, MAY, "admin")
    members.remove_member(world.app, ANN, conversation_id, EVE)
    messages.send(world.app, BOB, conversation_id, client_message_id="m1", body="hello")
    invites.create(world.app, ANN, conversation_id)
    return conversation_id


MESSAGE_SEQ = 4
"""The message follows the creation, the change of role and the removal."""


def request(
    app: App,
    route: Route,
    caller: UserId | None,
    conversation_id: str,
    query: Mapping[str, str] = MappingProxyType({}),
    *,
    is_admin: bool = False,
) -> HttpResponse:
    """Call a route with a valid body. For `DELETE …/members/{user_id}` the caller leaves."""
    other = caller if route.method == "DELETE" and "/members/" in route.path else DAN
    path = route.path.replace("{conversation_id}", conversation_id).replace("{seq}", str(MESSAGE_SEQ))
    path = re.sub(r"\{user_id\}", other or DAN, path.replace("{emoji}", "👍"))
    path = re.sub(r"\{\w+\}", "x" * 32, path)
    body = b""
    if route.request_model is not None:
        model = f"schema.{route.request_model.__name__}"
        if route.request_model not in BODIES:
            fail_on([f"tests/api/test_access.py: no body for {name(route)}. Add a valid {model} to BODIES."])
        body = (
            route.request_model.model_validate(BODIES[route.request_model])
            .model_dump_json(exclude_none=True)
            .encode()
        )
    return dispatch(app, HttpRequest(route.method, "/api" + path, query, body, caller, "r1", is_admin))


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("route", "query"), CALLS)
def test_a_member_can_call_exactly_the_routes_that_access_allows_their_role(
    route: Route, query: Mapping[str, str], role: str
) -> None:
    if query.get("block") == ROLES[role]:
        query = {"block": DAN}
    with new_world() as world:
        conversation_id = group(world)
        response = request(world.app, route, ROLES[role], conversation_id, query)
    deletes_as_manager = name(route).endswith("DELETE /conversations/{conversation_id}/messages/{seq}")
    if role in ALLOWED[route.access] or (deletes_as_manager and role in ALLOWED["manager"]):
        # An invite id in the path does not exist: 404 comes after the access check.
        assert response.status in {*route.success, 404}, response
        assert response.status != 404 or "{invite_id}" in route.path, response
    else:
        assert response.status == 403, response


@pytest.mark.parametrize(("route", "query"), CALLS)
def test_strangers_removed_members_and_unknown_ids_get_the_same_response_after_the_same_reads(
    route: Route, query: Mapping[str, str]
) -> None:
    seen = {}
    for case, caller, target in (
        ("non-member", KIM, "group"),
        ("removed member", EVE, "group"),
        ("non-member, direct", KIM, "direct"),
        ("unknown group", KIM, "g" + "0" * 32),
        ("unknown direct", KIM, "d" + "0" * 32),
        ("unknown to a member of others", BOB, "g" + "0" * 32),
    ):
        with new_world() as world:
            ids = {"group": group(world), "direct": world.direct(ANN, BOB)}
            conversation_id = ids.get(target, target)
            table = RecordingTable(world, {caller: "caller", conversation_id: "conversation", DAN: "other"})
            world.app = App(table, world.gateway, world.app.now_ms, world.app.new_id)
            response = request(world.app, route, caller, conversation_id, query)
        assert response.status == 404, (case, response)
        reads = table.reads
        if name(route) == SEND:
            reads = [read.rpartition(": ")[0] for read in reads]
        seen[case] = (response.body, dict(response.headers), reads)
    different = {case: outcome for case, outcome in seen.items() if outcome != seen["non-member"]}
    assert not different, f"a non-member: {seen['non-member']}"


class TableThatRemoves(TableWrapper):
    """Calls `remove` once, right after the first look-up of a membership."""

    def __init__(self, world: World, remove: Callable[[], object]) -> None:
        super().__init__(world.table)
        self.remove: Callable[[], object] | None = remove

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:
        item = super().get(key, consistent=consistent)
        if self.remove and key.sk.startswith("MEMBER#"):
            remove, self.remove = self.remove, None
            remove()
        return item


@pytest.mark.parametrize("path", ["events", "members", "presence", "invites", "pins"])
def test_a_member_removed_right_after_the_first_check_reads_nothing(path: str) -> None:
    [route] = [
        route
        for route in CONVERSATION_ROUTES
        if name(route) == f"GET /conversations/{{conversation_id}}/{path}"
    ]
    with new_world() as world:
        conversation_id = group(world)
        table = TableThatRemoves(world, lambda: members.remove_member(world.app, ANN, conversation_id, MAY))
        racing = App(table, world.gateway, world.app.now_ms, world.app.new_id)
        response = request(racing, route, MAY, conversation_id)
    assert table.remove is None, "the route looks no membership up: remove it from this list"
    assert response.status == 404, response


@pytest.mark.parametrize("route", ROUTES, ids=name)
def test_only_public_routes_can_be_called_without_signing_in(route: Route) -> None:
    with new_world() as world:
        response = dispatch(
            world.app,
            HttpRequest(route.method, "/api" + re.sub(r"\{\w+\}", "x", route.path), {}, b"", None, "r"),
        )
    refused = (response.status, '"code":"unauthenticated"' in response.body)
    assert refused == ((401, True) if route.access != "public" else (200, False))


@pytest.mark.parametrize("route", [route for route in ROUTES if route.access == "admin"], ids=name)
def test_admin_routes_refuse_group_owners_and_serve_administrators(route: Route) -> None:
    with new_world() as world:
        conversation_id = group(world)
        assert request(world.app, route, ANN, conversation_id).status == 403
        assert request(world.app, route, ANN, conversation_id, is_admin=True).status in route.success


@pytest.mark.parametrize("route", [route for route in ROUTES if route.access == "user"], ids=name)
def test_user_routes_have_no_conversation_in_the_path_except_to_join_it(route: Route) -> None:
    assert "{conversation_id}" not in route.path or route.path.endswith("/join")


def test_exactly_the_routes_under_admin_are_for_administrators() -> None:
    assert {route.path for route in ROUTES if route.path.startswith("/admin")} == {
        route.path for route in ROUTES if route.access == "admin"
    }


def test_a_route_without_access_cannot_be_created() -> None:
    with pytest.raises(TypeError, match="access"):
        Route(  # type: ignore[call-arg]  # the mistake under test
            method="GET", path="/x", summary="X", handler=_health, response_model=schema.HealthResponse
        )


@pytest.mark.parametrize(
    ("path", "access"),
    [("/x", "everyone"), ("/x", "member"), ("/conversations/{conversation_id}/x", "public")],
)
def test_a_route_whose_access_does_not_fit_its_path_cannot_be_created(path: str, access: Any) -> None:
    with pytest.raises(ValueError, match=f"GET {re.escape(path)}"):
        Route(
            method="GET",
            path=path,
            access=access,
            summary="X",
            handler=_health,
            response_model=schema.HealthResponse,
        )
