"""Pushes to many connections via the queue: in chunks, repeated, late and out of order."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from tests.support.world import InMemoryQueue, RacingTable, World

from imchat.domain.ids import ConnectionId, ConversationId, UserId
from imchat.domain.limits import CONNECTION_S
from imchat.errors import Busy
from imchat.services import delivery, members, message_actions, messages, realtime
from imchat.services.app import App
from imchat.services.delivery import CHUNK, DIRECT_POSTS, ROOM_POSTS_PER_S
from imchat.services.fanout_jobs import AnnounceJob, DeliverJob, decode_job, encode_job
from imchat.storage.repositories import connections, conversations, fanout_progress, keys
from imchat.storage.table import Delete, Put


class ManyDevicesGroup:
    """A group of three with more open connections than a request posts to itself. One phone per member records frames."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.queue = InMemoryQueue()
        self.app: App = replace(world.app, queue=self.queue)
        self.ann, self.bob, self.eve = world.people("ann", "bob", "eve")
        self.conversation_id: ConversationId = world.group(self.ann, self.bob, self.eve)
        self.phones = {user_id: self.add_connections(user_id) for user_id in (self.ann, self.bob, self.eve)}
        fanout_progress.claim(world.table, self.conversation_id, None, seq=1, last_seq=1, next_ms=0)
        self.world.gateway.frames.clear()

    def add_connections(self, user_id: UserId, count: int = DIRECT_POSTS // 3 + 1) -> ConnectionId:
        """Store `count` open connections in one write, and return one of them."""
        expiry = self.world.clock_ms // 1000 + CONNECTION_S
        item = {f"{user_id}-{number}": expiry for number in range(count)}
        self.world.table.write(Put(keys.connections(user_id), item))
        return ConnectionId(f"{user_id}-0")

    def send(self, body: str, *, times: int = 1) -> int:
        name = body.replace(" ", "-")
        sent = messages.send(
            self.app, self.ann, self.conversation_id, client_message_id=name, body=body * times
        ).event
        assert sent is not None
        return sent["seq"]

    def run_due_jobs(self) -> None:
        """Run the queued jobs, and the deliver jobs that they queue."""
        for job in [*self.queue.take()]:
            delivery.run_job(self.app, job, again=False)
        chunks = [job for job in self.queue.jobs if job[0] == 0]
        self.queue.jobs = [job for job in self.queue.jobs if job[0] > 0]
        for _, chunk in chunks:
            delivery.run_job(self.app, decode_job(chunk), again=False)

    def run_all_jobs(self) -> None:
        """Run all jobs when they are due, and the jobs that they queue."""
        while self.queue.jobs:
            self.world.clock_ms += 1_000 * max(delay_s for delay_s, _ in self.queue.jobs)
            for job in self.queue.take():
                delivery.run_job(self.app, job, again=False)

    def received(self, user_id: UserId) -> list[int]:
        """Return the seqs that were pushed to a member's phone, in order."""
        frames = self.world.received(self.phones[user_id], "events")
        return [event["seq"] for frame in frames for event in frame["events"]]


class BusyQueue:
    def put(self, jobs: Sequence[str], *, delay_s: int = 0) -> None:
        raise Busy(f"{len(jobs)} jobs cannot be queued for {delay_s} s; try again")


BUSY_INTERVAL_S = 4
"""The interval between pushes to ten thousand members."""


def raise_member_count(group: ManyDevicesGroup) -> None:
    count = BUSY_INTERVAL_S * ROOM_POSTS_PER_S - 3
    group.world.table.write(conversations.add_to_member_count(group.conversation_id, delta=count))


@pytest.fixture
def group(sqlite_world: World) -> ManyDevicesGroup:
    return ManyDevicesGroup(sqlite_world)


def test_a_push_to_many_connections_is_queued_as_one_job_without_content(group: ManyDevicesGroup) -> None:
    seq = group.send("secret")
    assert group.received(group.bob) == []
    assert "secret" not in repr(group.queue.jobs)
    assert group.queue.take() == [AnnounceJob(group.conversation_id, seq)]


def test_a_push_to_few_connections_is_sent_directly(group: ManyDevicesGroup) -> None:
    for number in range(3):
        realtime.disconnect(group.app, group.eve, ConnectionId(f"{group.eve}-{number}"))
    seq = group.send("hello")
    assert group.queue.jobs == []
    assert group.received(group.bob) == [seq]


def test_the_jobs_push_to_all_members_in_chunks(group: ManyDevicesGroup) -> None:
    more_users = group.world.fill(group.conversation_id, CHUNK)
    group.phones |= {user_id: group.add_connections(user_id, 1) for user_id in more_users}
    seq = group.send("hello")
    (announce,) = group.queue.take()
    delivery.run_job(group.app, announce, again=False)
    chunks = group.queue.take()
    assert [type(chunk) for chunk in chunks] == [DeliverJob, DeliverJob]
    assert all(len(encode_job(chunk)) < 16_000 for chunk in chunks)
    for chunk in chunks:
        delivery.run_job(group.app, chunk, again=False)
    assert {tuple(group.received(user_id)) for user_id in group.phones} == {(seq,)}


def test_a_job_that_runs_twice_only_pushes_duplicates(group: ManyDevicesGroup) -> None:
    seq = group.send("hello")
    (announce,) = group.queue.take()
    for _time in range(2):
        delivery.run_job(group.app, announce, again=False)
        group.run_all_jobs()
    assert set(group.received(group.eve)) == {seq}


def test_only_the_connection_that_a_job_finds_gone_is_removed(group: ManyDevicesGroup) -> None:
    group.world.gateway.gone.add(group.phones[group.bob])
    group.send("hello")
    group.run_all_jobs()
    left = connections.list_for(group.world.table, list(group.phones), now_s=group.world.clock_ms // 1000)
    assert set(group.phones.values()) - set(left) == {group.phones[group.bob]}
    assert len(left) == 3 * (DIRECT_POSTS // 3 + 1) - 1


def test_a_late_announce_job_pushes_nothing_from_after_a_removal(group: ManyDevicesGroup) -> None:
    before = group.send("before the removal")
    early_jobs = group.queue.take()
    members.remove_member(group.app, group.ann, group.conversation_id, group.eve)
    after = group.send("after the removal")
    for job in early_jobs:
        delivery.run_job(group.app, job, again=False)
    group.run_all_jobs()
    assert set(group.received(group.bob)) == {before, before + 1, after}
    assert max(group.received(group.eve), default=0) <= before + 1


def test_a_late_deliver_job_pushes_nothing_from_after_a_removal(group: ManyDevicesGroup) -> None:
    before = group.send("before the removal")
    for job in group.queue.take():
        delivery.run_job(group.app, job, again=False)
    members.remove_member(group.app, group.ann, group.conversation_id, group.eve)
    group.send("after the removal")
    group.run_all_jobs()
    assert set(group.received(group.eve)) == {before, before + 1}


def test_a_late_deliver_job_shows_no_text_edited_after_a_removal(group: ManyDevicesGroup) -> None:
    group.send("first")
    before = group.send("before the removal")
    message_actions.react(group.app, group.bob, group.conversation_id, before, "👍")
    for job in group.queue.take():
        delivery.run_job(group.app, job, again=False)
    members.remove_member(group.app, group.ann, group.conversation_id, group.eve)
    message_actions.edit(group.app, group.ann, group.conversation_id, before, "after the removal")
    group.run_all_jobs()
    assert "after the removal" in str(group.world.received(group.phones[group.bob]))
    assert "after the removal" not in str(group.world.received(group.phones[group.eve]))
    assert before - 1 in group.received(group.eve)


def test_a_message_changed_before_its_delivery_is_still_delivered(group: ManyDevicesGroup) -> None:
    before = group.send("hello")
    for job in group.queue.take():
        delivery.run_job(group.app, job, again=False)
    chunks = group.queue.take()
    message_actions.react(group.app, group.bob, group.conversation_id, before, "👍")
    for job in chunks:
        delivery.run_job(group.app, job, again=False)
    assert group.received(group.eve) == [before]


def test_a_removed_member_is_notified_directly_while_others_wait_for_the_queue(
    group: ManyDevicesGroup,
) -> None:
    members.remove_member(group.app, group.ann, group.conversation_id, group.eve)
    assert len(group.received(group.eve)) == 1
    assert group.received(group.bob) == []


def test_a_new_member_gets_no_push_of_events_from_before_joining(group: ManyDevicesGroup) -> None:
    kim = group.world.person("kim")
    group.phones[kim] = group.world.connect(kim)
    group.send("before")
    members.add_members(group.app, group.ann, group.conversation_id, [kim])
    after = group.send("after")
    group.run_all_jobs()
    assert set(group.received(kim)) == {after - 1, after}


def test_frequent_messages_in_a_busy_room_are_pushed_in_one_frame(group: ManyDevicesGroup) -> None:
    raise_member_count(group)
    first = group.send("first")
    group.run_due_jobs()
    seqs = [group.send(f"quick-{number}") for number in range(5)]
    group.run_due_jobs()
    assert group.received(group.bob) == [first]
    assert [delay_s for delay_s, _ in group.queue.jobs] == [BUSY_INTERVAL_S] * 5
    group.world.gateway.frames.clear()
    group.run_all_jobs()
    (frame,) = group.world.received(group.phones[group.bob], "events")
    assert [event["seq"] for event in frame["events"]] == seqs


def test_after_a_quiet_period_a_message_is_pushed_without_delay(group: ManyDevicesGroup) -> None:
    raise_member_count(group)
    group.send("first")
    group.run_due_jobs()
    group.world.clock_ms += BUSY_INTERVAL_S * 1000
    second = group.send("second")
    group.run_due_jobs()
    assert group.queue.jobs == []
    assert group.received(group.bob)[-1] == second


def test_a_job_that_failed_after_claiming_its_events_pushes_them_when_retried(
    group: ManyDevicesGroup,
) -> None:
    seq = group.send("hello")
    (announce,) = group.queue.take()
    failing_app = replace(group.app, queue=BusyQueue())
    with pytest.raises(Busy):
        delivery.run_job(failing_app, announce, again=False)
    group.run_all_jobs()
    assert group.received(group.bob) == []
    delivery.run_job(group.app, announce, again=True)
    group.run_all_jobs()
    assert group.received(group.bob) == [seq]
    delivery.run_job(group.app, announce, again=True)
    assert group.queue.jobs == []


def test_jobs_that_run_out_of_order_push_all_events_in_order(group: ManyDevicesGroup) -> None:
    seqs = [group.send("one"), group.send("two")]
    one, two = group.queue.take()
    group.world.clock_ms += 1_000
    for job in (two, one):
        delivery.run_job(group.app, job, again=False)
    group.run_all_jobs()
    assert group.received(group.bob) == seqs


def test_two_concurrent_first_jobs_skip_no_event(group: ManyDevicesGroup) -> None:
    first = group.send("one")
    (one,) = group.queue.take()
    later: list[int] = []

    group.world.table.write(Delete(keys.fanout_progress(group.conversation_id)))

    def meanwhile() -> None:
        later.append(group.send("two"))
        delivery.run_job(group.app, group.queue.take()[-1], again=False)

    racing = RacingTable(group.world.table, meanwhile, sk="PUSHED")
    delivery.run_job(replace(group.app, table=racing), one, again=False)
    group.run_all_jobs()
    assert set(group.received(group.bob)) == {1, first, *later}


def test_long_events_are_split_into_frames_below_the_gateways_limit(group: ManyDevicesGroup) -> None:
    raise_member_count(group)
    group.send("first")
    group.run_due_jobs()
    seqs = [group.send(f"{number}" + "-" * 62, times=120) for number in range(20)]
    group.world.gateway.frames.clear()
    group.run_all_jobs()
    frames = group.world.received(group.phones[group.bob], "events")
    assert len(frames) == 2
    assert all(len(json.dumps(frame)) < 128 * 1024 for frame in frames)
    assert group.received(group.bob) == seqs
