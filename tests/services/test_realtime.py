"""Tickets, connections and what is pushed over them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.world import Borrowed, World

from imchat.domain.ids import ConnectionId, SignInId, UserId
from imchat.domain.limits import CONNECTION_S, CONNECTIONS_PER_USER, SIGNAL_MEMBERS
from imchat.errors import NotFound, Unauthenticated
from imchat.services import members, messages, read_cursors, realtime
from imchat.storage.repositories import connections, keys
from imchat.storage.repositories.connections import Ticket
from imchat.storage.table import Item, Key, Op


def test_a_ticket_opens_one_connection(world: World) -> None:
    ann = world.person("ann")
    secret, expires_at_ms = realtime.issue_ticket(world.app, ann)
    assert expires_at_ms == world.clock_ms + 30_000
    assert realtime.redeem_ticket(world.app, secret) == Ticket(ann, None)
    assert realtime.redeem_ticket(world.app, secret) is None


def test_who_can_read_the_table_can_use_no_ticket(world: World) -> None:
    written: list[Op] = []

    class Watched(Borrowed):
        def write(self, *ops: Op) -> None:
            written.extend(ops)
            super().write(*ops)

    secret, _ = realtime.issue_ticket(replace(world.app, table=Watched(world.table)), world.person("ann"))
    assert len(written) == 1
    assert secret not in repr(written)


def test_a_ticket_that_two_use_at_the_same_moment_opens_one_connection(world: World) -> None:
    secret, _ = realtime.issue_ticket(world.app, world.person("ann"))
    in_between: list[Ticket | None] = []

    class Slow(Borrowed):
        """Somebody else uses the ticket right after this one was read."""

        def get(self, key: Key, *, consistent: bool = True) -> Item | None:
            item = self.table.get(key, consistent=consistent)
            in_between.append(realtime.redeem_ticket(world.app, secret))
            return item

    late = realtime.redeem_ticket(replace(world.app, table=Slow(world.table)), secret)
    assert (in_between, late) == ([Ticket(UserId("u-ann"), None)], None)


def test_a_ticket_expires_after_thirty_seconds(world: World) -> None:
    secret, _ = realtime.issue_ticket(world.app, world.person("ann"))
    world.clock_ms += 30_000
    assert realtime.redeem_ticket(world.app, secret) is None


def test_an_invented_ticket_opens_nothing(world: World) -> None:
    assert realtime.redeem_ticket(world.app, "invented") is None


def test_a_connection_that_is_gone_is_forgotten_and_nobody_elses(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    phone, laptop = world.connect(bob, "phone"), world.connect(bob, "laptop")
    mine = world.connect(ann)
    world.gateway.gone.add(phone)
    messages.send(world.app, ann, where, client_message_id="m1", body="x")
    left = connections.list_for(world.table, [ann, bob], now_s=world.clock_ms // 1000)
    assert left == {mine: ann, laptop: bob}


def test_an_expired_connection_counts_as_closed(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    phone = world.connect(bob)
    world.clock_ms += CONNECTION_S * 1000
    messages.send(world.app, ann, where, client_message_id="m1", body="x")
    assert world.heard(phone) == []


def test_a_closed_connection_hears_nothing(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    phone = world.connect(bob)
    for _time in range(2):
        realtime.disconnect(world.app, bob, phone)
    realtime.disconnect(world.app, ann, phone)
    assert world.table.get(keys.connections(ann)) is None
    messages.send(world.app, ann, where, client_message_id="m1", body="x")
    assert world.heard(phone) == []


def test_past_the_limit_the_oldest_connection_is_closed(world: World) -> None:
    ann = world.person("ann")
    for number in range(CONNECTIONS_PER_USER + 1):
        world.connect(ann, f"c{number}")
        world.clock_ms += 1_000
    assert world.gateway.disconnected == ["c0"]
    open_now = connections.list_for(world.table, [ann], now_s=world.clock_ms // 1000)
    assert set(open_now) == {f"c{number}" for number in range(1, CONNECTIONS_PER_USER + 1)}


def test_typing_reaches_the_others_and_not_oneself(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    where = world.direct(ann, bob)
    mine, theirs = world.connect(ann), world.connect(bob)
    realtime.notify_typing(world.app, ann, where)
    assert world.heard(mine) == []
    assert world.heard(theirs) == [{"type": "typing", "conversation_id": where, "user_id": ann}]
    with pytest.raises(NotFound):
        realtime.notify_typing(world.app, eve, where)


def test_in_a_crowd_neither_typing_nor_reading_is_told(sqlite_world: World) -> None:
    world = sqlite_world
    ann, *others = world.people(*(f"p{number:03}" for number in range(SIGNAL_MEMBERS + 1)))
    where = world.group(ann, *others[:48])
    members.add_members(world.app, ann, where, others[48:-1])
    sent = messages.send(world.app, others[1], where, client_message_id="m1", body="x").event
    assert sent is not None
    phone = world.connect(others[0])
    realtime.notify_typing(world.app, ann, where)
    read_cursors.mark_read(world.app, ann, where, sent["seq"] - 1)
    assert [frame["type"] for frame in world.heard(phone)] == ["typing", "receipt"]
    members.add_members(world.app, ann, where, others[-1:])
    world.gateway.frames.clear()
    realtime.notify_typing(world.app, ann, where)
    read_cursors.mark_read(world.app, ann, where, sent["seq"])
    assert world.heard(phone) == []


def test_signing_out_closes_the_line_and_voids_the_tickets_of_this_sign_in_alone(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.group(ann, bob)
    phone, laptop = SignInId("phone"), SignInId("laptop")
    realtime.connect(world.app, bob, ConnectionId("c-phone"), phone)
    realtime.connect(world.app, bob, ConnectionId("c-laptop"), laptop)
    unused, _ = realtime.issue_ticket(world.app, bob, phone)

    realtime.sign_out(world.app, bob, phone)

    assert sorted(world.gateway.disconnected) == ["c-laptop", "c-phone"], "which is whose nobody notes"
    with pytest.raises(Unauthenticated):
        realtime.issue_ticket(world.app, bob, phone)
    ticket = realtime.redeem_ticket(world.app, unused)
    assert ticket == Ticket(bob, phone)
    with pytest.raises(Unauthenticated):
        realtime.connect(world.app, bob, ConnectionId("c-phone-2"), ticket.sign_in)
    secret, _ = realtime.issue_ticket(world.app, bob, laptop)
    assert realtime.redeem_ticket(world.app, secret) == Ticket(bob, laptop)
    realtime.connect(world.app, bob, ConnectionId("c-laptop-2"), laptop)
    messages.send(world.app, ann, where, client_message_id="m", body="who hears?")
    assert [name for name in world.gateway.frames if world.heard(ConnectionId(name), "events")] == [
        "c-laptop-2"
    ]


def test_signing_out_twice_or_with_nothing_open_does_no_harm(world: World) -> None:
    bob = world.person("bob")
    for _time in range(2):
        realtime.sign_out(world.app, bob, SignInId("phone"))
    realtime.sign_out(world.app, bob, None)
    assert world.gateway.disconnected == []


def test_it_is_forgotten_that_a_sign_in_is_over_once_no_token_of_it_can_be_good(world: World) -> None:
    bob = world.person("bob")
    realtime.sign_out(world.app, bob, SignInId("phone"))
    key = keys.signed_out_sign_in(bob, SignInId("phone"))
    assert world.table.get(key) == {"expires_at": world.clock_ms // 1000 + (30 * 24 + 1) * 3600}
