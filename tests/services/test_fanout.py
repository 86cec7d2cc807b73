"""Pushing to many: by way of the queue, in chunks, once or twice, early or late."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.world import WaitingQueue, World

from imchat.domain.ids import ConnectionId, ConversationId, UserId
from imchat.domain.limits import CONNECTION_S
from imchat.services import delivery, groups, messages, realtime
from imchat.services.app import App
from imchat.services.delivery import CHUNK, DIRECT_POSTS
from imchat.services.jobs import Announce, Deliver, encode
from imchat.storage import connections, keys
from imchat.storage.table import Put


class Crowd:
    """A group of three with more open devices than a request pushes to by itself; one phone of each is listened to."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.queue = WaitingQueue()
        self.app: App = replace(world.app, queue=self.queue)
        self.ann, self.bob, self.eve = world.people("ann", "bob", "eve")
        self.where: ConversationId = world.group(self.ann, self.bob, self.eve)
        self.phones = {who: self.open_devices(who) for who in (self.ann, self.bob, self.eve)}
        self.world.gateway.frames.clear()

    def open_devices(self, who: UserId, count: int = DIRECT_POSTS // 3 + 1) -> ConnectionId:
        """Note so many open connections at once, and return one of them."""
        expiry = self.world.clock_ms // 1000 + CONNECTION_S
        item = {f"{who}-{number}": expiry for number in range(count)}
        self.world.table.write(Put(keys.connections(who), item))
        return ConnectionId(f"{who}-0")

    def say(self, body: str) -> int:
        name = body.replace(" ", "-")
        sent = messages.send(self.app, self.ann, self.where, client_message_id=name, body=body).event
        assert sent is not None
        return sent["seq"]

    def work(self) -> None:
        """Run all jobs, and those that come of them, when their time has come."""
        while self.queue.jobs:
            self.world.clock_ms += 1_000 * max(delay_s for delay_s, _ in self.queue.jobs)
            for job in self.queue.take():
                delivery.run(self.app, job, again=False)

    def heard(self, who: UserId) -> list[int]:
        """The seqs that reached somebody, in the order of their coming."""
        frames = self.world.heard(self.phones[who], "events")
        return [event["seq"] for frame in frames for event in frame["events"]]


@pytest.fixture
def crowd(world: World) -> Crowd:
    return Crowd(world)


def test_a_push_to_many_waits_in_the_queue_as_one_job_that_says_nothing(crowd: Crowd) -> None:
    seq = crowd.say("secret")
    assert crowd.heard(crowd.bob) == []
    assert "secret" not in repr(crowd.queue.jobs)
    assert crowd.queue.take() == [Announce(crowd.where, seq)]


def test_a_push_to_few_waits_nowhere(crowd: Crowd) -> None:
    for number in range(3):
        realtime.disconnect(crowd.app, crowd.eve, ConnectionId(f"{crowd.eve}-{number}"))
    seq = crowd.say("hello")
    assert crowd.queue.jobs == []
    assert crowd.heard(crowd.bob) == [seq]


def test_the_jobs_reach_everybody_in_chunks(crowd: Crowd) -> None:
    many = crowd.world.fill(crowd.where, CHUNK)
    crowd.phones |= {who: crowd.open_devices(who, 1) for who in many}
    seq = crowd.say("hello")
    (announce,) = crowd.queue.take()
    delivery.run(crowd.app, announce, again=False)
    chunks = crowd.queue.take()
    assert [type(chunk) for chunk in chunks] == [Deliver, Deliver]
    assert all(len(encode(chunk)) < 16_000 for chunk in chunks)
    for chunk in chunks:
        delivery.run(crowd.app, chunk, again=False)
    assert {tuple(crowd.heard(who)) for who in crowd.phones} == {(seq,)}


def test_a_job_that_runs_twice_only_says_it_twice(crowd: Crowd) -> None:
    seq = crowd.say("hello")
    (announce,) = crowd.queue.take()
    for _time in range(2):
        delivery.run(crowd.app, announce, again=False)
        crowd.work()
    assert set(crowd.heard(crowd.eve)) == {seq}


def test_a_connection_that_a_job_finds_gone_is_forgotten_and_nobody_elses(crowd: Crowd) -> None:
    crowd.world.gateway.gone.add(crowd.phones[crowd.bob])
    crowd.say("hello")
    crowd.work()
    left = connections.of(crowd.world.table, list(crowd.phones), now_s=crowd.world.clock_ms // 1000)
    assert set(crowd.phones.values()) - set(left) == {crowd.phones[crowd.bob]}
    assert len(left) == 3 * (DIRECT_POSTS // 3 + 1) - 1


def test_a_late_job_brings_nothing_that_lies_past_a_removal(crowd: Crowd) -> None:
    before = crowd.say("you may hear this")
    early = crowd.queue.take()
    groups.remove_member(crowd.app, crowd.ann, crowd.where, crowd.eve)
    after = crowd.say("you may not hear this")
    for job in early:
        delivery.run(crowd.app, job, again=False)
    crowd.work()
    assert set(crowd.heard(crowd.bob)) == {before, before + 1, after}
    assert max(crowd.heard(crowd.eve), default=0) <= before + 1


def test_a_late_chunk_brings_nothing_that_lies_past_a_removal(crowd: Crowd) -> None:
    before = crowd.say("you may hear this")
    for job in crowd.queue.take():
        delivery.run(crowd.app, job, again=False)
    groups.remove_member(crowd.app, crowd.ann, crowd.where, crowd.eve)
    crowd.say("you may not hear this")
    crowd.work()
    assert set(crowd.heard(crowd.eve)) == {before, before + 1}


def test_the_removed_person_learns_of_it_whoever_else_has_to_wait(crowd: Crowd) -> None:
    groups.remove_member(crowd.app, crowd.ann, crowd.where, crowd.eve)
    assert len(crowd.heard(crowd.eve)) == 1
    assert crowd.heard(crowd.bob) == []


def test_a_newcomer_is_not_brought_what_lies_before_them(crowd: Crowd) -> None:
    kim = crowd.world.person("kim")
    crowd.phones[kim] = crowd.world.connect(kim)
    crowd.say("before")
    groups.add_members(crowd.app, crowd.ann, crowd.where, [kim])
    after = crowd.say("after")
    crowd.work()
    assert set(crowd.heard(kim)) == {after - 1, after}
