"""The event feed delivers events once and in order, even if pushes are late, duplicate, missing or out of order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from imchat.client.event_feed import EventFeed
from imchat.client.protocol import Event


def event(seq: int) -> Event:
    return {
        "seq": seq,
        "at_ms": 0,
        "actor_id": "ada",
        "message_count": seq - 1,
        "type": "member.added",
        "user_id": f"u{seq}",
        "role": "member",
    }


LOG = [event(seq) for seq in range(1, 31)]
pushes = st.lists(
    st.tuples(st.integers(0, len(LOG) - 1), st.integers(1, 4)).map(lambda cut: LOG[cut[0] : cut[0] + cut[1]])
)


@given(pushes, st.integers(0, 29))
def test_each_event_is_delivered_once_and_in_order_whatever_is_pushed(
    pushed: list[list[Event]], start: int
) -> None:
    feed = EventFeed()
    feed.follow("c", start)
    delivered: list[int] = []
    for events in pushed:
        new = list(feed.accept("c", events))
        if feed.has_gap_before("c", events):
            rest = LOG[(feed.last_seq("c") or 0) :]
            new += feed.accept("c", rest)
            assert not feed.has_gap_before("c", rest)
        delivered += [found.event["seq"] for found in new]
    assert delivered == list(range(start + 1, start + 1 + len(delivered)))
    newest = max((event["seq"] for events in pushed for event in events), default=0)
    assert (feed.last_seq("c") or 0) >= newest or start >= newest


def test_a_gap_is_reported_and_later_events_wait_for_it() -> None:
    feed = EventFeed()
    feed.follow("c", 2)
    assert list(feed.accept("c", LOG[4:6])) == []
    assert feed.has_gap_before("c", LOG[4:6])
    assert feed.last_seq("c") == 2


def test_an_event_counts_as_delivered_only_when_it_is_yielded() -> None:
    feed = EventFeed()
    feed.follow("c", 2)
    assert next(feed.accept("c", LOG[2:6])).event["seq"] == 3
    assert feed.last_seq("c") == 3
    assert [found.event["seq"] for found in feed.accept("c", LOG[2:6])] == [4, 5, 6]


def test_following_twice_keeps_the_position() -> None:
    feed = EventFeed()
    feed.follow("c", 2)
    feed.follow("c", 9)
    assert feed.last_seq("c") == 2
    feed.unfollow("c")
    assert "c" not in feed
