"""Simulates the load of a busy room on AWS: `python -m bench.fanout_simulation`, by room size and message rate."""

from __future__ import annotations

from typing import NamedTuple

import click
from tests.support.large_channel import LargeChannel
from tests.support.world import new_world

SIMULATED_S = 20


class RoomLoad(NamedTuple):
    """`late_s` is the longest delay until a message has reached its last reader; `polling` is the number of requests per
    second for the same delay by polling."""

    posts: float
    frames: float
    late_s: float
    polling: float
    queue_calls: float
    read_units: float


def simulate(size: int, messages_a_second: int) -> RoomLoad:
    """Simulate members that write at this rate for `SIMULATED_S` seconds; figures are per second."""
    with new_world() as world:
        channel = LargeChannel(world, size)
        gap_ms = 1000 // messages_a_second
        waiting: list[tuple[int, int]] = []
        late_ms = 0
        observer = min(channel.open_connections)
        for _message in range(SIMULATED_S * messages_a_second):
            waiting.append((channel.send(), world.clock_ms))
            for _step in range(10):
                channel.pass_time(gap_ms // 10)
                last_seq = max(channel.gateway.seqs[observer], default=0)
                late_ms = max(
                    [late_ms, *(world.clock_ms - sent_ms for seq, sent_ms in waiting if seq <= last_seq)]
                )
                waiting = [sent for sent in waiting if sent[0] > last_seq]
        count = channel.take_count()
        live = len(channel.open_connections)
        return RoomLoad(
            posts=count.posts / SIMULATED_S,
            frames=channel.gateway.frames[observer] / SIMULATED_S,
            late_s=late_ms / 1000,
            polling=live * 1000 / max(late_ms, gap_ms),
            queue_calls=count.queue_calls / SIMULATED_S,
            read_units=count.read_units / SIMULATED_S,
        )


@click.command()
@click.option("--size", "sizes", multiple=True, type=int, default=(200, 1_000, 10_000), show_default=True)
@click.option("--rate", "rates", multiple=True, type=int, default=(1, 10), show_default=True)
def main(*, sizes: tuple[int, ...], rates: tuple[int, ...]) -> None:
    """Simulate rooms of the given sizes and messages per second; nine of ten members are connected.

    Example: python -m bench.fanout_simulation --size 10000 --rate 50
    """
    click.echo("members  messages/s  frames/s each  posts/s  late s  polling/s  queue calls/s  read units/s")
    for size in sizes:
        for rate in rates:
            load = simulate(size, rate)
            click.echo(
                f"{size:7,}  {rate:10,}  {load.frames:13.2f}  {load.posts:7,.0f}  {load.late_s:6.1f}"
                f"  {load.polling:9,.0f}  {load.queue_calls:13,.1f}  {load.read_units:12,.0f}"
            )


if __name__ == "__main__":
    main()
