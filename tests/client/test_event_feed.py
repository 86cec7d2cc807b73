"""The order of what a client hands on: pushes late, doubled, missing or out of order make no difference."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from imchat.client.event_feed import EventFeed

LOG = [{"seq": seq} for seq in range(1, 31)]
pushes = st.lists(
    st.tuples(st.integers(0, len(LOG) - 1), st.integers(1, 4)).map(lambda cut: LOG[cut[0] : cut[0] + cut[1]])
)


@given(pushes, st.integers(0, 29))
def test_whatever_is_pushed_each_event_is_handed_on_once_and_in_order(
    pushed: list[list[dict[str, int]]], start: int
) -> None:
    feed = EventFeed()
    feed.follow("c", start)
    handed_on: list[int] = []
    for events in pushed:
        new, missing = feed.accept("c", events)
        if missing:
            read, more = feed.accept("c", LOG[(feed.last_seq("c") or 0) :])
            assert not more
            new += read
        handed_on += [heard.event["seq"] for heard in new]
    assert handed_on == list(range(start + 1, start + 1 + len(handed_on)))
    newest = max((event["seq"] for events in pushed for event in events), default=0)
    assert (feed.last_seq("c") or 0) >= newest or start >= newest


def test_an_empty_stretch_is_told_and_nothing_is_handed_on_before_it_is_filled() -> None:
    feed = EventFeed()
    feed.follow("c", 2)
    assert feed.accept("c", LOG[4:6]) == ([], True)
    assert feed.last_seq("c") == 2


def test_following_again_goes_on_where_it_was() -> None:
    feed = EventFeed()
    feed.follow("c", 2)
    feed.follow("c", 9)
    assert feed.last_seq("c") == 2
    feed.unfollow("c")
    assert "c" not in feed
