"""Pushing to many: by way of the queue, in chunks, once or twice, early or late."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from tests.support.world import Interleaved, WaitingQueue, World

from imchat.domain.ids import ConnectionId, ConversationId, UserId
from imchat.domain.limits import CONNECTION_S
from imchat.errors import Busy
from imchat.services import delivery, members, message_actions, messages, realtime
from imchat.services.app import App
from imchat.services.delivery import CHUNK, DIRECT_POSTS, ROOM_POSTS_PER_S
from imchat.services.fanout_jobs import AnnounceJob, DeliverJob, decode_job, encode_job
from imchat.storage.repositories import connections, conversations, fanout_progress, keys
from imchat.storage.table import Delete, Put


class Crowd:
    """A group of three with more open devices than a request pushes to by itself; one phone of each is listened to."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.queue = WaitingQueue()
        self.app: App = replace(world.app, queue=self.queue)
        self.ann, self.bob, self.eve = world.people("ann", "bob", "eve")
        self.where: ConversationId = world.group(self.ann, self.bob, self.eve)
        self.phones = {who: self.open_devices(who) for who in (self.ann, self.bob, self.eve)}
        fanout_progress.claim(world.table, self.where, None, seq=1, last_seq=1, next_ms=0)
        self.world.gateway.frames.clear()

    def open_devices(self, who: UserId, count: int = DIRECT_POSTS // 3 + 1) -> ConnectionId:
        """Note so many open connections at once, and return one of them."""
        expiry = self.world.clock_ms // 1000 + CONNECTION_S
        item = {f"{who}-{number}": expiry for number in range(count)}
        self.world.table.write(Put(keys.connections(who), item))
        return ConnectionId(f"{who}-0")

    def say(self, body: str, *, times: int = 1) -> int:
        name = body.replace(" ", "-")
        sent = messages.send(self.app, self.ann, self.where, client_message_id=name, body=body * times).event
        assert sent is not None
        return sent["seq"]

    def run_waiting(self) -> None:
        """Run the jobs that wait now, and the chunks that come of them."""
        for job in [*self.queue.take()]:
            delivery.run_job(self.app, job, again=False)
        chunks = [job for job in self.queue.jobs if job[0] == 0]
        self.queue.jobs = [job for job in self.queue.jobs if job[0] > 0]
        for _, chunk in chunks:
            delivery.run_job(self.app, decode_job(chunk), again=False)

    def work(self) -> None:
        """Run all jobs, and those that come of them, when their time has come."""
        while self.queue.jobs:
            self.world.clock_ms += 1_000 * max(delay_s for delay_s, _ in self.queue.jobs)
            for job in self.queue.take():
                delivery.run_job(self.app, job, again=False)

    def heard(self, who: UserId) -> list[int]:
        """The seqs that reached somebody, in the order of their coming."""
        frames = self.world.heard(self.phones[who], "events")
        return [event["seq"] for frame in frames for event in frame["events"]]


class BusyQueue:
    def put(self, jobs: Sequence[str], *, delay_s: int = 0) -> None:
        raise Busy(f"{len(jobs)} jobs cannot wait {delay_s} s; try again")


HOT_S = 4
"""How far apart pushes to ten thousand are."""


def make_it_seem_large(crowd: Crowd) -> None:
    count = HOT_S * ROOM_POSTS_PER_S - 3
    crowd.world.table.write(conversations.add_to_member_count(crowd.where, delta=count))


@pytest.fixture
def crowd(sqlite_world: World) -> Crowd:
    return Crowd(sqlite_world)


def test_a_push_to_many_waits_in_the_queue_as_one_job_that_says_nothing(crowd: Crowd) -> None:
    seq = crowd.say("secret")
    assert crowd.heard(crowd.bob) == []
    assert "secret" not in repr(crowd.queue.jobs)
    assert crowd.queue.take() == [AnnounceJob(crowd.where, seq)]


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
    delivery.run_job(crowd.app, announce, again=False)
    chunks = crowd.queue.take()
    assert [type(chunk) for chunk in chunks] == [DeliverJob, DeliverJob]
    assert all(len(encode_job(chunk)) < 16_000 for chunk in chunks)
    for chunk in chunks:
        delivery.run_job(crowd.app, chunk, again=False)
    assert {tuple(crowd.heard(who)) for who in crowd.phones} == {(seq,)}


def test_a_job_that_runs_twice_only_says_it_twice(crowd: Crowd) -> None:
    seq = crowd.say("hello")
    (announce,) = crowd.queue.take()
    for _time in range(2):
        delivery.run_job(crowd.app, announce, again=False)
        crowd.work()
    assert set(crowd.heard(crowd.eve)) == {seq}


def test_a_connection_that_a_job_finds_gone_is_forgotten_and_nobody_elses(crowd: Crowd) -> None:
    crowd.world.gateway.gone.add(crowd.phones[crowd.bob])
    crowd.say("hello")
    crowd.work()
    left = connections.list_for(crowd.world.table, list(crowd.phones), now_s=crowd.world.clock_ms // 1000)
    assert set(crowd.phones.values()) - set(left) == {crowd.phones[crowd.bob]}
    assert len(left) == 3 * (DIRECT_POSTS // 3 + 1) - 1


def test_a_late_job_brings_nothing_that_lies_past_a_removal(crowd: Crowd) -> None:
    before = crowd.say("you may hear this")
    early = crowd.queue.take()
    members.remove_member(crowd.app, crowd.ann, crowd.where, crowd.eve)
    after = crowd.say("you may not hear this")
    for job in early:
        delivery.run_job(crowd.app, job, again=False)
    crowd.work()
    assert set(crowd.heard(crowd.bob)) == {before, before + 1, after}
    assert max(crowd.heard(crowd.eve), default=0) <= before + 1


def test_a_late_chunk_brings_nothing_that_lies_past_a_removal(crowd: Crowd) -> None:
    before = crowd.say("you may hear this")
    for job in crowd.queue.take():
        delivery.run_job(crowd.app, job, again=False)
    members.remove_member(crowd.app, crowd.ann, crowd.where, crowd.eve)
    crowd.say("you may not hear this")
    crowd.work()
    assert set(crowd.heard(crowd.eve)) == {before, before + 1}


def test_a_late_chunk_shows_no_text_from_after_a_removal(crowd: Crowd) -> None:
    crowd.say("first")
    before = crowd.say("you may hear this")
    message_actions.react(crowd.app, crowd.bob, crowd.where, before, "👍")
    for job in crowd.queue.take():
        delivery.run_job(crowd.app, job, again=False)
    members.remove_member(crowd.app, crowd.ann, crowd.where, crowd.eve)
    message_actions.edit(crowd.app, crowd.ann, crowd.where, before, "you may not hear this")
    crowd.work()
    assert "you may not" in str(crowd.world.heard(crowd.phones[crowd.bob]))
    assert "you may not" not in str(crowd.world.heard(crowd.phones[crowd.eve]))
    assert before - 1 in crowd.heard(crowd.eve)


def test_what_became_of_a_message_meanwhile_leaves_no_gap(crowd: Crowd) -> None:
    before = crowd.say("hello")
    for job in crowd.queue.take():
        delivery.run_job(crowd.app, job, again=False)
    chunks = crowd.queue.take()
    message_actions.react(crowd.app, crowd.bob, crowd.where, before, "👍")
    for job in chunks:
        delivery.run_job(crowd.app, job, again=False)
    assert crowd.heard(crowd.eve) == [before]


def test_the_removed_person_learns_of_it_whoever_else_has_to_wait(crowd: Crowd) -> None:
    members.remove_member(crowd.app, crowd.ann, crowd.where, crowd.eve)
    assert len(crowd.heard(crowd.eve)) == 1
    assert crowd.heard(crowd.bob) == []


def test_a_newcomer_is_not_brought_what_lies_before_them(crowd: Crowd) -> None:
    kim = crowd.world.person("kim")
    crowd.phones[kim] = crowd.world.connect(kim)
    crowd.say("before")
    members.add_members(crowd.app, crowd.ann, crowd.where, [kim])
    after = crowd.say("after")
    crowd.work()
    assert set(crowd.heard(kim)) == {after - 1, after}


def test_what_comes_fast_in_a_hot_room_is_pushed_together(crowd: Crowd) -> None:
    make_it_seem_large(crowd)
    first = crowd.say("first")
    crowd.run_waiting()
    seqs = [crowd.say(f"quick-{number}") for number in range(5)]
    crowd.run_waiting()
    assert crowd.heard(crowd.bob) == [first]
    assert [delay_s for delay_s, _ in crowd.queue.jobs] == [HOT_S] * 5
    crowd.world.gateway.frames.clear()
    crowd.work()
    (frame,) = crowd.world.heard(crowd.phones[crowd.bob], "events")
    assert [event["seq"] for event in frame["events"]] == seqs


def test_after_a_quiet_while_nothing_waits(crowd: Crowd) -> None:
    make_it_seem_large(crowd)
    crowd.say("first")
    crowd.run_waiting()
    crowd.world.clock_ms += HOT_S * 1000
    second = crowd.say("second")
    crowd.run_waiting()
    assert crowd.queue.jobs == []
    assert crowd.heard(crowd.bob)[-1] == second


def test_a_job_that_died_after_it_took_the_events_on_pushes_them_when_it_comes_again(crowd: Crowd) -> None:
    seq = crowd.say("hello")
    (announce,) = crowd.queue.take()
    dying = replace(crowd.app, queue=BusyQueue())
    with pytest.raises(Busy):
        delivery.run_job(dying, announce, again=False)
    crowd.work()
    assert crowd.heard(crowd.bob) == []
    delivery.run_job(crowd.app, announce, again=True)
    crowd.work()
    assert crowd.heard(crowd.bob) == [seq]
    delivery.run_job(crowd.app, announce, again=True)
    assert crowd.queue.jobs == []


def test_a_job_that_comes_before_its_turn_brings_what_lies_before_it(crowd: Crowd) -> None:
    seqs = [crowd.say("one"), crowd.say("two")]
    one, two = crowd.queue.take()
    crowd.world.clock_ms += 1_000
    for job in (two, one):
        delivery.run_job(crowd.app, job, again=False)
    crowd.work()
    assert crowd.heard(crowd.bob) == seqs


def test_two_first_jobs_at_once_leave_nothing_out(crowd: Crowd) -> None:
    first = crowd.say("one")
    (one,) = crowd.queue.take()
    later: list[int] = []

    crowd.world.table.write(Delete(keys.fanout_progress(crowd.where)))

    def meanwhile() -> None:
        later.append(crowd.say("two"))
        delivery.run_job(crowd.app, crowd.queue.take()[-1], again=False)

    racing = Interleaved(crowd.world.table, meanwhile, sk="PUSHED")
    delivery.run_job(replace(crowd.app, table=racing), one, again=False)
    crowd.work()
    assert set(crowd.heard(crowd.bob)) == {1, first, *later}


def test_long_events_are_pushed_in_frames_that_the_gateway_takes(crowd: Crowd) -> None:
    make_it_seem_large(crowd)
    crowd.say("first")
    crowd.run_waiting()
    seqs = [crowd.say(f"{number}" + "-" * 62, times=120) for number in range(20)]
    crowd.world.gateway.frames.clear()
    crowd.work()
    frames = crowd.world.heard(crowd.phones[crowd.bob], "events")
    assert len(frames) == 2
    assert all(len(json.dumps(frame)) < 128 * 1024 for frame in frames)
    assert crowd.heard(crowd.bob) == seqs
