"""The event feed delivers events once and in order, even if pushes are late, duplicate, missing or out of order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from imchat.client.event_feed import EventFeed

LOG = [{"seq": seq} for seq in range(1, 31)]
pushes = st.lists(
    st.tuples(st.integers(0, len(LOG) - 1), st.integers(1, 4)).map(lambda cut: LOG[cut[0] : cut[0] + cut[1]])
)


@given(pushes, st.integers(0, 29))
def test_each_event_is_delivered_once_and_in_order_whatever_is_pushed(
    pushed: list[list[dict[str, int]]], start: int
) -> None:
    feed = EventFeed()
    feed.follow("c", start)
    delivered: list[int] = []
    for events in pushed:
        new, missing = feed.accept("c", events)
        if missing:
            read, more = feed.accept("c", LOG[(feed.last_seq("c") or 0) :])
            assert not more
            new += read
        delivered += [event.event["seq"] for event in new]
    assert delivered == list(range(start + 1, start + 1 + len(delivered)))
    newest = max((event["seq"] for events in pushed for event in events), default=0)
    assert (feed.last_seq("c") or 0) >= newest or start >= newest


def test_a_gap_is_reported_and_later_events_wait_for_it() -> None:
    feed = EventFeed()
    feed.follow("c", 2)
    assert feed.accept("c", LOG[4:6]) == ([], True)
    assert feed.last_seq("c") == 2


def test_following_twice_keeps_the_position() -> None:
    feed = EventFeed()
    feed.follow("c", 2)
    feed.follow("c", 9)
    assert feed.last_seq("c") == 2
    feed.unfollow("c")
    assert "c" not in feed
