"""`python -m bench.fanout_simulation`: simulate what a hot room asks of an account, by room size and message rate."""

from __future__ import annotations

from typing import NamedTuple

import click
from tests.support.large_channel import Crowd
from tests.support.world import new_world

SIMULATED_S = 20


class Load(NamedTuple):
    """`late_s`: how long the last of a message's readers waits for it at most; `polling`: requests a second that asking
    as often would take."""

    posts: float
    frames: float
    late_s: float
    polling: float
    queue_calls: float
    read_units: float


def measure(size: int, messages_a_second: int) -> Load:
    """Let people write at this pace for `SIMULATED_S` seconds; figures are for a second."""
    with new_world() as world:
        crowd = Crowd(world, size)
        gap_ms = 1000 // messages_a_second
        waiting: list[tuple[int, int]] = []
        late_ms = 0
        witness = min(crowd.live)
        for _message in range(SIMULATED_S * messages_a_second):
            waiting.append((crowd.say(), world.clock_ms))
            for _step in range(10):
                crowd.pass_time(gap_ms // 10)
                heard = max(crowd.wire.seqs[witness], default=0)
                late_ms = max(
                    [late_ms, *(world.clock_ms - said_ms for seq, said_ms in waiting if seq <= heard)]
                )
                waiting = [said for said in waiting if said[0] > heard]
        asked = crowd.take_count()
        live = len(crowd.live)
        return Load(
            posts=asked.posts / SIMULATED_S,
            frames=crowd.wire.frames[witness] / SIMULATED_S,
            late_s=late_ms / 1000,
            polling=live * 1000 / max(late_ms, gap_ms),
            queue_calls=asked.queue_calls / SIMULATED_S,
            read_units=asked.read_units / SIMULATED_S,
        )


@click.command()
@click.option("--size", "sizes", multiple=True, type=int, default=(200, 1_000, 10_000), show_default=True)
@click.option("--rate", "rates", multiple=True, type=int, default=(1, 10), show_default=True)
def main(*, sizes: tuple[int, ...], rates: tuple[int, ...]) -> None:
    """Simulate rooms of these sizes in which so many messages a second are written; nine of ten members are connected.

    Example: python -m bench.fanout_simulation --size 10000 --rate 50
    """
    click.echo("members  messages/s  frames/s each  posts/s  late s  polling/s  queue calls/s  read units/s")
    for size in sizes:
        for rate in rates:
            load = measure(size, rate)
            click.echo(
                f"{size:7,}  {rate:10,}  {load.frames:13.2f}  {load.posts:7,.0f}  {load.late_s:6.1f}"
                f"  {load.polling:9,.0f}  {load.queue_calls:13,.1f}  {load.read_units:12,.0f}"
            )


if __name__ == "__main__":
    main()
