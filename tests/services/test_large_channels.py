"""One public channel of ten thousand: everybody connected hears everything, and every request is counted."""

from __future__ import annotations

import pytest
from tests.support.large_channel import Crowd
from tests.support.world import World

from imchat.services.delivery import ROOM_POSTS_PER_S

SIZE = 10_000
WINDOW_MS = SIZE * 1000 // ROOM_POSTS_PER_S


@pytest.fixture
def crowd(sqlite_world: World) -> Crowd:
    return Crowd(sqlite_world, SIZE)


@pytest.mark.slow
def test_ten_thousand_hear_every_message_once_and_together_when_it_is_hot(crowd: Crowd) -> None:
    first = crowd.say()
    asked = crowd.take_count()
    assert (asked.calls, asked.write_units, asked.queue_calls) == (4, 2, 1)
    assert asked.read_units <= 7
    gone = crowd.wire.gone
    crowd.pass_time(0)
    brought = crowd.take_count()
    assert brought.posts == len(crowd.connected), "one for each connection, those that had ended as well"
    assert crowd.known_connections() == crowd.live, "and these are forgotten"
    assert brought.read_units < 1.05 * SIZE
    assert brought.write_units == 2 + len(gone)

    hot = []
    for _message in range(50):
        hot.append(crowd.say())
        crowd.pass_time(20)
    assert crowd.wire.frames[min(crowd.live)] == 1, "the next push is not due yet"
    asked = crowd.take_count()
    assert asked.write_units == 2 * 50
    crowd.pass_time(WINDOW_MS)
    together = crowd.take_count()
    assert together.posts == len(crowd.live), "fifty messages, one frame for each"
    assert {tuple(crowd.wire.seqs[name][-51:]) for name in crowd.live} == {(first, *hot)}
    assert {crowd.wire.frames[name] for name in crowd.live} == {2}
    assert not crowd.wire.seqs.keys() & gone

    crowd.pass_time(WINDOW_MS)
    last = crowd.say()
    crowd.pass_time(0)
    assert all(crowd.wire.seqs[name][-1] == last for name in crowd.live), "quiet again: at once"
    assert crowd.take_count().posts == len(crowd.live)
