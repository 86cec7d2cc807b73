"""A public channel of ten thousand members: all open connections get every event, and all requests are counted."""

from __future__ import annotations

import pytest
from tests.support.large_channel import LargeChannel
from tests.support.world import World

from imchat.services.delivery import ROOM_POSTS_PER_S

SIZE = 10_000
WINDOW_MS = SIZE * 1000 // ROOM_POSTS_PER_S


@pytest.fixture
def channel(sqlite_world: World) -> LargeChannel:
    return LargeChannel(sqlite_world, SIZE)


@pytest.mark.slow
def test_ten_thousand_members_get_every_message_once_and_in_batches_when_busy(channel: LargeChannel) -> None:
    first = channel.send()
    send_cost = channel.take_count()
    assert (send_cost.calls, send_cost.write_units, send_cost.queue_calls) == (4, 2, 1)
    assert send_cost.read_units <= 7
    closed = channel.gateway.gone
    channel.pass_time(0)
    delivery_cost = channel.take_count()
    assert delivery_cost.posts == len(channel.connected), "one for each connection, including closed ones"
    assert channel.stored_connections() == channel.open_connections, "the closed ones are removed"
    assert delivery_cost.read_units < 1.05 * SIZE
    assert delivery_cost.write_units == 2 + len(closed)

    batch = []
    for _message in range(50):
        batch.append(channel.send())
        channel.pass_time(20)
    assert channel.gateway.frames[min(channel.open_connections)] == 1, "the next push is not due yet"
    send_cost = channel.take_count()
    assert send_cost.write_units == 2 * 50
    channel.pass_time(WINDOW_MS)
    batch_cost = channel.take_count()
    assert batch_cost.posts == len(channel.open_connections), "fifty messages in one frame per connection"
    assert {
        tuple(channel.gateway.seqs[connection_id][-51:]) for connection_id in channel.open_connections
    } == {(first, *batch)}
    assert {channel.gateway.frames[connection_id] for connection_id in channel.open_connections} == {2}
    assert not channel.gateway.seqs.keys() & closed

    channel.pass_time(WINDOW_MS)
    last = channel.send()
    channel.pass_time(0)
    assert all(
        channel.gateway.seqs[connection_id][-1] == last for connection_id in channel.open_connections
    ), "after a quiet period, without delay"
    assert channel.take_count().posts == len(channel.open_connections)
