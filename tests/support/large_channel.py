"""Simulate one public channel with thousands of members, and count all requests.

Runs the real services on a real SQLite table. Only the clock, API Gateway and the queue are simulated.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from tests.support.metering import Count, metered
from tests.support.world import World

from imchat.domain.ids import ConnectionId, ConversationId, UserId
from imchat.domain.limits import CONNECTION_S
from imchat.services import conversations, delivery, messages, users
from imchat.storage.repositories import connections, keys
from imchat.storage.table import MAX_OPS, Put


class FakeGateway:
    """Records the seqs and the number of frames sent to each connection. Connections in `gone` are closed."""

    def __init__(self) -> None:
        self.gone: set[str] = set()
        self.seqs: defaultdict[str, list[int]] = defaultdict(list)
        self.frames: defaultdict[str, int] = defaultdict(int)
        self._seqs_by_frame: dict[bytes, list[int]] = {}

    def post(self, connection_ids: Sequence[str], frame: bytes) -> set[str]:
        if frame not in self._seqs_by_frame:
            self._seqs_by_frame[frame] = [event["seq"] for event in json.loads(frame)["events"]]
        for connection_id in set(connection_ids) - self.gone:
            self.seqs[connection_id] += self._seqs_by_frame[frame]
            self.frames[connection_id] += 1
        return set(connection_ids) & self.gone

    def disconnect(self, connection_id: str) -> None:
        self.gone.add(connection_id)


class LargeChannel:
    """A channel of `size` members. One in ten is not connected; one in a hundred connections is closed but still stored."""

    def __init__(self, world: World, size: int) -> None:
        self.world = world
        self.gateway = FakeGateway()
        self.app, self.count, self.queue = metered(replace(world.app, gateway=self.gateway))
        self.ann = UserId("u-ann")
        users.update_profile(world.app, self.ann, handle="ann", display_name="Ann")
        self.conversation_id: ConversationId = world.group(self.ann)
        conversations.update_group(world.app, self.ann, self.conversation_id, public=True)
        user_ids = [self.ann, *world.fill(self.conversation_id, size - 1)]
        self.connected = {
            user_id: ConnectionId(f"c-{user_id}") for index, user_id in enumerate(user_ids) if index % 10
        }
        expiry = world.clock_ms // 1000 + CONNECTION_S
        puts = [
            Put(keys.connections(user_id), {connection_id: expiry})
            for user_id, connection_id in self.connected.items()
        ]
        for start in range(0, len(puts), MAX_OPS):
            world.table.write(*puts[start : start + MAX_OPS])
        self.gateway.gone = {
            connection_id for index, connection_id in enumerate(self.connected.values()) if index % 100 == 99
        }
        self._sent_count = 0

    @property
    def open_connections(self) -> set[ConnectionId]:
        """The connections that are not closed."""
        return {*self.connected.values()} - self.gateway.gone

    def send(self) -> int:
        """Send a message as Ann. Returns its seq."""
        self._sent_count += 1
        sent = messages.send(
            self.app,
            self.ann,
            self.conversation_id,
            client_message_id=f"m{self._sent_count}",
            body=f"This is message {self._sent_count}, and it has about as many characters as they have on average.",
            after_seq=self._sent_count + 1,
        )
        assert sent.event is not None
        return sent.event["seq"]

    def pass_time(self, ms: int) -> None:
        """Advance the clock, and run the jobs that become due, including those that they queue."""
        end_ms = self.world.clock_ms + ms
        while self.queue.jobs and (due_ms := min(due for due, _ in self.queue.jobs)) <= end_ms:
            self.world.clock_ms = max(self.world.clock_ms, due_ms)
            for job in self.queue.take_due():
                delivery.run_job(self.app, job, again=False)
        self.world.clock_ms = end_ms

    def stored_connections(self) -> set[ConnectionId]:
        """Return the connections that are stored in the table."""
        return set(
            connections.list_for(self.world.table, list(self.connected), now_s=self.world.clock_ms // 1000)
        )

    def take_count(self) -> Count:
        """Return the requests since the last call, and reset the count."""
        taken = replace(self.count)
        for name, zero in vars(Count()).items():
            setattr(self.count, name, zero)
        return taken
