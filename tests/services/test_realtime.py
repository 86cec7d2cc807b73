"""Tickets, connections, sign-out, and the frames pushed over connections."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.world import TableWrapper, World

from imchat.domain.ids import ConnectionId, SignInId, UserId
from imchat.domain.limits import CONNECTION_S, CONNECTIONS_PER_USER, SIGNAL_MEMBERS
from imchat.errors import NotFound, Unauthenticated
from imchat.services import members, messages, read_cursors, realtime
from imchat.storage.repositories import connections, keys
from imchat.storage.repositories.connections import Ticket
from imchat.storage.table import Item, Key, Op


def test_a_ticket_opens_one_connection(world: World) -> None:
    ann = world.person("ann")
    issued = realtime.issue_ticket(world.app, ann)
    assert issued.expires_at_ms == world.clock_ms + 30_000
    assert realtime.redeem_ticket(world.app, issued.secret) == Ticket(ann, None)
    assert realtime.redeem_ticket(world.app, issued.secret) is None


def test_the_secret_of_a_ticket_is_not_stored_in_the_table(world: World) -> None:
    written: list[Op] = []

    class RecordingTable(TableWrapper):
        def write(self, *ops: Op) -> None:
            written.extend(ops)
            super().write(*ops)

    secret = realtime.issue_ticket(
        replace(world.app, table=RecordingTable(world.table)), world.person("ann")
    ).secret
    assert len(written) == 1
    assert secret not in repr(written)


def test_a_ticket_used_twice_concurrently_opens_one_connection(world: World) -> None:
    secret = realtime.issue_ticket(world.app, world.person("ann")).secret
    used_first: list[Ticket | None] = []

    class RacingReads(TableWrapper):
        """Uses the ticket once more right after it was read."""

        def get(self, key: Key, *, consistent: bool = True) -> Item | None:
            item = self.table.get(key, consistent=consistent)
            used_first.append(realtime.redeem_ticket(world.app, secret))
            return item

    used_second = realtime.redeem_ticket(replace(world.app, table=RacingReads(world.table)), secret)
    assert (used_first, used_second) == ([Ticket(UserId("u-ann"), None)], None)


def test_a_ticket_expires_after_thirty_seconds(world: World) -> None:
    secret = realtime.issue_ticket(world.app, world.person("ann")).secret
    world.clock_ms += 30_000
    assert realtime.redeem_ticket(world.app, secret) is None


def test_an_unknown_ticket_opens_no_connection(world: World) -> None:
    assert realtime.redeem_ticket(world.app, "invented") is None


def test_only_the_connection_that_is_gone_is_removed(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    phone, laptop = world.connect(bob, "phone"), world.connect(bob, "laptop")
    anns_phone = world.connect(ann)
    world.gateway.gone.add(phone)
    messages.send(world.app, ann, conversation_id, client_message_id="m1", body="x")
    left = connections.list_for(world.table, [ann, bob], now_s=world.clock_ms // 1000)
    assert left == {anns_phone: ann, laptop: bob}


def test_an_expired_connection_counts_as_closed(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    phone = world.connect(bob)
    world.clock_ms += CONNECTION_S * 1000
    messages.send(world.app, ann, conversation_id, client_message_id="m1", body="x")
    assert world.received(phone) == []


def test_a_closed_connection_gets_no_pushes(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    phone = world.connect(bob)
    for _time in range(2):
        realtime.disconnect(world.app, bob, phone)
    realtime.disconnect(world.app, ann, phone)
    assert world.table.get(keys.connections(ann)) is None
    messages.send(world.app, ann, conversation_id, client_message_id="m1", body="x")
    assert world.received(phone) == []


def test_above_the_limit_the_oldest_connection_is_closed(world: World) -> None:
    ann = world.person("ann")
    for number in range(CONNECTIONS_PER_USER + 1):
        world.connect(ann, f"c{number}")
        world.clock_ms += 1_000
    assert world.gateway.disconnected == ["c0"]
    open_now = connections.list_for(world.table, [ann], now_s=world.clock_ms // 1000)
    assert set(open_now) == {f"c{number}" for number in range(1, CONNECTIONS_PER_USER + 1)}


def test_typing_is_pushed_to_the_other_members_only(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    conversation_id = world.direct(ann, bob)
    anns_phone, bobs_phone = world.connect(ann), world.connect(bob)
    realtime.notify_typing(world.app, ann, conversation_id)
    assert world.received(anns_phone) == []
    assert world.received(bobs_phone) == [
        {"type": "typing", "conversation_id": conversation_id, "user_id": ann}
    ]
    with pytest.raises(NotFound):
        realtime.notify_typing(world.app, eve, conversation_id)


def test_in_a_large_group_typing_and_receipts_are_not_pushed(sqlite_world: World) -> None:
    world = sqlite_world
    ann, *others = world.people(*(f"p{number:03}" for number in range(SIGNAL_MEMBERS + 1)))
    conversation_id = world.group(ann, *others[:48])
    members.add_members(world.app, ann, conversation_id, others[48:-1])
    sent = messages.send(world.app, others[1], conversation_id, client_message_id="m1", body="x").event
    assert sent is not None
    phone = world.connect(others[0])
    realtime.notify_typing(world.app, ann, conversation_id)
    read_cursors.mark_read(world.app, ann, conversation_id, sent["seq"] - 1)
    assert [frame["type"] for frame in world.received(phone)] == ["typing", "receipt"]
    members.add_members(world.app, ann, conversation_id, others[-1:])
    world.gateway.frames.clear()
    realtime.notify_typing(world.app, ann, conversation_id)
    read_cursors.mark_read(world.app, ann, conversation_id, sent["seq"])
    assert world.received(phone) == []


def test_signing_out_closes_connections_and_voids_the_tickets_of_that_sign_in_only(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.group(ann, bob)
    phone, laptop = SignInId("phone"), SignInId("laptop")
    realtime.connect(world.app, bob, ConnectionId("c-phone"), phone)
    realtime.connect(world.app, bob, ConnectionId("c-laptop"), laptop)
    unused = realtime.issue_ticket(world.app, bob, phone).secret

    realtime.sign_out(world.app, bob, phone)

    assert sorted(world.gateway.disconnected) == ["c-laptop", "c-phone"], (
        "connections are stored without their sign-in, so all are closed"
    )
    with pytest.raises(Unauthenticated):
        realtime.issue_ticket(world.app, bob, phone)
    ticket = realtime.redeem_ticket(world.app, unused)
    assert ticket == Ticket(bob, phone)
    with pytest.raises(Unauthenticated):
        realtime.connect(world.app, bob, ConnectionId("c-phone-2"), ticket.sign_in)
    secret = realtime.issue_ticket(world.app, bob, laptop).secret
    assert realtime.redeem_ticket(world.app, secret) == Ticket(bob, laptop)
    realtime.connect(world.app, bob, ConnectionId("c-laptop-2"), laptop)
    messages.send(world.app, ann, conversation_id, client_message_id="m", body="hello")
    assert [name for name in world.gateway.frames if world.received(ConnectionId(name), "events")] == [
        "c-laptop-2"
    ]


def test_signing_out_twice_or_without_connections_is_harmless(world: World) -> None:
    bob = world.person("bob")
    for _time in range(2):
        realtime.sign_out(world.app, bob, SignInId("phone"))
    realtime.sign_out(world.app, bob, None)
    assert world.gateway.disconnected == []


def test_a_signed_out_mark_expires_when_no_token_of_the_sign_in_can_be_valid(world: World) -> None:
    bob = world.person("bob")
    realtime.sign_out(world.app, bob, SignInId("phone"))
    key = keys.signed_out_sign_in(bob, SignInId("phone"))
    assert world.table.get(key) == {"expires_at": world.clock_ms // 1000 + (30 * 24 + 1) * 3600}
