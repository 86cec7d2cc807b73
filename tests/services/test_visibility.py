"""What a member sees: no activity across a block, and nothing from before their history. Each rule is checked on every path."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from tests.support.world import InMemoryQueue, RacingTable, World

from imchat.api.dispatch import HttpRequest, dispatch
from imchat.api.routes import ROUTES
from imchat.domain.ids import ConnectionId, ConversationId, UserId
from imchat.services import (
    blocks,
    conversations,
    delivery,
    invites,
    members,
    message_actions,
    messages,
    presence,
    read_cursors,
    realtime,
)
from imchat.storage.repositories import members as stored

ANN, BOB, CAT, EVE = UserId("u-ann"), UserId("u-bob"), UserId("u-cat"), UserId("u-eve")
IN_CONVERSATION = "/conversations/{conversation_id}"


class Path(NamedTuple):
    """A request that returns a conversation, its members or its events. `kinds`: the conversations in which it works."""

    method: str
    path: str
    body: Any = None
    kinds: tuple[str, ...] = ("direct", "group")


PATHS = {
    f"{path.method} {path.path}": path
    for path in (
        Path("GET", "/conversations"),
        Path("POST", "/conversations", {"kind": "direct", "member_ids": ["{other}"]}, kinds=("direct",)),
        Path("GET", IN_CONVERSATION),
        Path("PATCH", IN_CONVERSATION, {"title": "New title"}, kinds=("group",)),
        Path("POST", IN_CONVERSATION + "/join", kinds=("group",)),
        Path("POST", "/invites/{token}/accept", kinds=("group",)),
        Path("GET", IN_CONVERSATION + "/members"),
        Path("POST", IN_CONVERSATION + "/members", {"user_ids": ["{cat}"]}, kinds=("group",)),
        Path("PATCH", IN_CONVERSATION + "/members/{user_id}", {"role": "admin"}, kinds=("group",)),
        Path("GET", IN_CONVERSATION + "/events"),
        Path("GET", IN_CONVERSATION + "/pins"),
        Path("PUT", IN_CONVERSATION + "/read", {"seq": 1}),
        Path("PATCH", IN_CONVERSATION + "/me", {"muted": True}),
    )
}


class Room(NamedTuple):
    """A conversation of ANN and BOB in which both may do everything, and an invite to it."""

    conversation_id: ConversationId
    token: str


def create_room(world: World, kind: str) -> Room:
    if kind == "direct":
        return Room(world.direct(ANN, BOB), "")
    conversation_id = world.group(ANN, BOB, CAT)
    members.set_role(world.app, ANN, conversation_id, BOB, "owner")
    conversations.update_group(world.app, ANN, conversation_id, public=True)
    return Room(conversation_id, invites.create(world.app, ANN, conversation_id).token)


def send(
    world: World, sender: UserId, conversation_id: ConversationId, body: str = "hello", **options: Any
) -> int:
    name = f"{sender}-{world.app.new_id()}"[:60]
    event = messages.send(
        world.app, sender, conversation_id, client_message_id=name, body=body, **options
    ).event
    assert event is not None
    return event["seq"]


def request(world: World, viewer: UserId, path: Path, room: Room) -> dict[str, Any]:
    """Return the response body of a path, as this user gets it."""
    other = BOB if viewer == ANN else ANN
    fields = {"{conversation_id}": room.conversation_id, "{token}": room.token, "{user_id}": CAT}
    fields |= {"{other}": other, "{cat}": CAT}
    url, body = path.path, json.dumps(path.body)
    for name, value in fields.items():
        url, body = url.replace(name, value), body.replace(name, value)
    content = b"" if path.body is None else body.encode()
    response = dispatch(world.app, HttpRequest(path.method, "/api" + url, {}, content, viewer, "r"))
    assert response.status in {200, 201}, response
    parsed: dict[str, Any] = json.loads(response.body)
    return parsed


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every JSON object in a value."""
    if isinstance(value, dict):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(part)


def cursors_of(user_id: UserId, body: Any) -> set[int]:
    """Return the read cursors of a user that a response or a list of frames shows."""
    return {
        found["read_seq"]
        for found in objects(body)
        if found.get("user_id") == user_id and "read_seq" in found
    }


def test_the_table_has_every_route_that_returns_a_conversation_or_its_members() -> None:
    returned = {
        f"{route.method} {route.path}"
        for route in ROUTES
        if "joined_seq" in json.dumps(route.response_model.model_json_schema())
    }
    assert returned <= PATHS.keys()


@pytest.mark.parametrize(
    ("path", "kind"),
    [pytest.param(path, kind, id=f"{name}, {kind}") for name, path in PATHS.items() for kind in path.kinds],
)
def test_a_block_hides_both_read_cursors_on_every_path(sqlite_world: World, path: Path, kind: str) -> None:
    world = sqlite_world
    world.people("ann", "bob", "cat")
    room = create_room(world, kind)
    newest = [send(world, sender, room.conversation_id) for sender in (ANN, BOB)][-1]
    blocks.block(world.app, ANN, BOB)
    for user_id in (ANN, BOB):
        read_cursors.mark_read(world.app, user_id, room.conversation_id, newest)
    for viewer, other in ((ANN, BOB), (BOB, ANN)):
        body = request(world, viewer, path, room)
        assert cursors_of(other, body) <= {1}, "the cursor at the joining"
        if cursors_of(viewer, body):
            assert cursors_of(viewer, body) == {newest}
    if kind == "group":
        body = request(world, CAT, PATHS["GET " + IN_CONVERSATION], room)
        assert (cursors_of(ANN, body), cursors_of(BOB, body)) == ({newest}, {newest})
    blocks.unblock(world.app, ANN, BOB)
    if cursors_of(BOB, body := request(world, ANN, path, room)):
        assert cursors_of(BOB, body) == {newest}


ACTIVITY: dict[str, Callable[[World, UserId, ConversationId, int], object]] = {
    "typing": lambda world, user_id, conversation_id, _seq: realtime.notify_typing(
        world.app, user_id, conversation_id
    ),
    "receipt": lambda world, user_id, conversation_id, seq: read_cursors.mark_read(
        world.app, user_id, conversation_id, seq
    ),
    "presence": lambda world, user_id, _conversation_id, _seq: world.connect(user_id, f"first-{user_id}"),
}


@pytest.mark.parametrize("kind", ["direct", "group"])
@pytest.mark.parametrize("activity", ACTIVITY)
def test_no_activity_is_pushed_across_a_block_but_to_everyone_else(
    sqlite_world: World, activity: str, kind: str
) -> None:
    world = sqlite_world
    world.people("ann", "bob", "cat")
    conversation_id = create_room(world, kind).conversation_id
    seq = send(world, CAT if kind == "group" else ANN, conversation_id)
    for actor, other in ((ANN, BOB), (BOB, ANN)):
        blocks.block(world.app, ANN, BOB)
        phones = {user_id: world.connect(user_id) for user_id in (other, CAT)}
        for watcher in (other, CAT) if kind == "group" else (other,):
            presence.subscribe(world.app, watcher, conversation_id, [actor])
        world.gateway.frames.clear()
        ACTIVITY[activity](world, actor, conversation_id, seq)
        assert world.received(phones[other], activity) == []
        assert len(world.received(phones[CAT], activity)) == (kind == "group")
        for connection_id in (*phones.values(), f"first-{actor}"):
            for user_id in (ANN, BOB, CAT):
                realtime.disconnect(world.app, user_id, ConnectionId(connection_id))


class JoinedRoom(NamedTuple):
    """A group whose history begins for EVE at her joining. CAT wrote before that, and has left."""

    room: Room
    history_from: int
    target_seq: int
    """A message that EVE must not see. It is pinned."""


def create_joined_room(world: World) -> JoinedRoom:
    world.people("ann", "bob", "cat", "eve")
    room = create_room(world, "group")
    conversation_id = room.conversation_id
    target_seq = send(world, ANN, conversation_id, "secret one")
    message_actions.pin(world.app, ANN, conversation_id, target_seq)
    send(world, CAT, conversation_id, "secret two", reply_to=target_seq)
    members.remove_member(world.app, CAT, conversation_id, CAT)
    conversations.update_group(world.app, ANN, conversation_id, history="joined", public=False)
    members.add_members(world.app, ANN, conversation_id, [EVE])
    members.set_role(world.app, ANN, conversation_id, EVE, "owner")
    return JoinedRoom(room, stored.list_for(world.table, conversation_id)[EVE].history_from, target_seq)


def check_nothing_older(seen: Any, history_from: int) -> None:
    """Check that a response or frame has no message, pin, quote or author from before a member's history."""
    assert "secret" not in json.dumps(seen)
    for found in objects(seen):
        assert CAT not in (found.get("user_id"), found.get("actor_id")), "the author of a hidden message"
        assert found.get("seq", history_from) >= history_from
        pinned = found.get("pinned")
        assert all(seq >= history_from for seq in (pinned if isinstance(pinned, list) else ()))
        if found.get("target_seq", history_from) < history_from:
            assert "message" not in found
        if (found.get("message") or {}).get("reply_to", history_from) < history_from:
            assert "quote" not in found


JOINED_PATHS = {
    name: path for name, path in PATHS.items() if not name.endswith("/join") and "group" in path.kinds
} | {"POST " + IN_CONVERSATION + "/members": Path("POST", IN_CONVERSATION + "/members", {"user_ids": [BOB]})}
JOINED_PATHS["PATCH " + IN_CONVERSATION + "/members/{user_id}"] = Path(
    "PATCH", IN_CONVERSATION + f"/members/{BOB}", {"role": "admin"}
)


@pytest.mark.parametrize("path", JOINED_PATHS.values(), ids=JOINED_PATHS)
def test_with_history_from_joining_no_response_has_anything_older(sqlite_world: World, path: Path) -> None:
    world = sqlite_world
    room, history_from, target_seq = create_joined_room(world)
    check_nothing_older(request(world, EVE, path, room), history_from)
    change_hidden_messages(world, room.conversation_id, target_seq)
    newest = send(world, BOB, room.conversation_id, "open")
    message_actions.pin(world.app, BOB, room.conversation_id, newest)
    body = request(world, EVE, path, room)
    check_nothing_older(body, history_from)
    for conversation in objects(body):
        if isinstance(conversation.get("pinned"), list):
            assert conversation["pinned"] == [newest]


def change_hidden_messages(world: World, conversation_id: ConversationId, seq: int) -> None:
    """Edit, react to, unpin, pin, quote and delete messages that EVE must not see."""
    message_actions.react(world.app, BOB, conversation_id, seq, "👍")
    message_actions.edit(world.app, ANN, conversation_id, seq, "secret edit")
    message_actions.unpin(world.app, ANN, conversation_id, seq)
    message_actions.pin(world.app, ANN, conversation_id, seq)
    reply = send(world, BOB, conversation_id, "a reply", reply_to=seq)
    message_actions.edit(world.app, BOB, conversation_id, reply, "another reply")
    message_actions.unreact(world.app, BOB, conversation_id, seq, "👍")
    message_actions.delete(world.app, ANN, conversation_id, seq + 2)


@pytest.mark.parametrize("way", ["pushed directly", "pushed by the queue"])
def test_with_history_from_joining_no_push_has_anything_older(sqlite_world: World, way: str) -> None:
    world = sqlite_world
    room, history_from, target_seq = create_joined_room(world)
    queue = InMemoryQueue()
    phones = [world.connect(EVE, f"c{number}") for number in range(delivery.DIRECT_POSTS // 2)]
    bobs = world.connect(BOB)
    if way == "pushed by the queue":
        world.app = replace(world.app, queue=queue)
        phones += [world.connect(ANN, f"a{number}") for number in range(delivery.DIRECT_POSTS // 2 + 5)]
    change_hidden_messages(world, room.conversation_id, target_seq)
    while queue.jobs:
        world.clock_ms += 10_000
        for job in queue.take():
            delivery.run_job(world.app, job, again=False)
    assert "secret edit" in json.dumps(world.received(bobs))
    frames = world.received(phones[0])
    changed = [event["type"] for frame in frames for event in frame.get("events", ())]
    assert len(changed) >= 8
    check_nothing_older(frames, history_from)


@pytest.mark.parametrize("path", ["pins", "events"])
def test_a_member_who_joins_again_during_a_read_sees_only_their_new_history(
    sqlite_world: World, path: str
) -> None:
    """Between the two checks of their membership they are removed, something is written, and they are added again."""
    world = sqlite_world
    room, _, _ = create_joined_room(world)
    conversation_id = room.conversation_id
    first = send(world, ANN, conversation_id, "open")
    message_actions.pin(world.app, ANN, conversation_id, first)
    message_actions.react(world.app, ANN, conversation_id, first, "👍")

    class Rejoining(RacingTable):
        def get_many(self, keys: Any) -> Any:
            found = super().get_many(keys)
            if self._meanwhile:
                self._meanwhile.pop()()
            return found

    def rejoin() -> None:
        members.remove_member(world.app, EVE, conversation_id, EVE)
        members.add_members(world.app, ANN, conversation_id, [EVE])

    app = replace(world.app, table=Rejoining(world.table, rejoin))
    if path == "events":  # the target of a change is read after the first check
        body: Any = messages.read(app, EVE, conversation_id, after=first + 1).events
    else:
        body = messages.list_pinned(app, EVE, conversation_id)
    history_from = stored.list_for(world.table, conversation_id)[EVE].history_from
    assert history_from > first + 2
    check_nothing_older(body, history_from)
