"""Forced interleavings: several people act at once, and a seed decides who takes the next step.

A promise about races is proved neither by running threads and hoping, nor by the one race that somebody thought of. So
here everybody's every call of the table, of a gateway or of a queue is a step; between two steps nobody runs but who was
chosen, and the seed alone chooses. A seed that fails fails again.

    turns = Turns(seed)
    app = turns.app(world.app)                      # the same application; its calls wait for their turn
    errors = turns.run(lambda: groups.remove_member(app, ann, where, bob),
                       lambda: messages.send(app, bob, where, client_message_id="m1", body="x"))

`run` returns what each raised (None: nothing), in their order. `turns.step` counts the steps: note it beside what somebody was
shown, to compare it with the step at which another had ended. What is done outside of `run` takes no turns.

To prove another way of ending somebody's access: where an event of the log tells of it, add to `WAYS` in
`tests/services/test_removal_races.py`; where none does, as with a block or a suspension, a play to `PLAYS` in
`tests/services/test_block_races.py`. And keep the negative control: break the thing on purpose and let the test
show that some seed finds it; otherwise it proves nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import greenlet  # type: ignore[import-untyped]  # it brings no types
from tests.support.world import Borrowed

from imchat.services.app import App
from imchat.services.protocols import FanoutQueue, Gateway
from imchat.storage.table import Item, Key, KeyRange, Op, Row, Table


class Turns:
    """Lets one actor run at a time, and chooses the next at every step."""

    def __init__(self, seed: int) -> None:
        self.step = 0
        self._random = random.Random(seed)  # noqa: S311 - chooses turns, keeps no secret

    def app(self, app: App) -> App:
        """`app`, each of whose calls to the outside is a step."""
        queue = None if app.queue is None else _Queue(app.queue, self)
        return replace(app, table=_Table(app.table, self), gateway=_Gateway(app.gateway, self), queue=queue)

    def run(self, *acts: Callable[[], object]) -> list[Exception | None]:
        """Run all of these to their ends, interleaved. Returns what each raised."""
        raised: list[Exception | None] = [None for _ in acts]

        def live(number: int) -> None:
            try:
                acts[number]()
            except Exception as error:  # noqa: BLE001 - whoever wrote the test judges it
                raised[number] = error

        # Threads would do the same, at several times the cost.
        waiting = [greenlet.greenlet(partial(live, number)) for number in range(len(acts))]
        while waiting:
            self.step += 1
            self._random.choice(waiting).switch()
            waiting = [actor for actor in waiting if not actor.dead]
        return raised

    def wait(self) -> None:
        """Let others go first, if the seed wants it."""
        chooser = greenlet.getcurrent().parent
        if chooser is not None:
            chooser.switch()


class _Table(Borrowed):
    def __init__(self, table: Table, turns: Turns) -> None:
        super().__init__(table)
        self._turns = turns

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:
        self._turns.wait()
        return super().get(key, consistent=consistent)

    def get_many(self, keys: Iterable[Key]) -> dict[Key, Item]:
        self._turns.wait()
        return super().get_many(keys)

    def query(self, key_range: KeyRange, **options: Any) -> list[Row]:
        self._turns.wait()
        return super().query(key_range, **options)

    def write(self, *ops: Op) -> None:
        self._turns.wait()
        super().write(*ops)


class _Gateway:
    def __init__(self, gateway: Gateway, turns: Turns) -> None:
        self._gateway = gateway
        self._turns = turns

    def post(self, connection_ids: Sequence[str], frame: bytes) -> set[str]:
        self._turns.wait()
        return self._gateway.post(connection_ids, frame)

    def disconnect(self, connection_id: str) -> None:
        self._turns.wait()
        self._gateway.disconnect(connection_id)


class _Queue:
    def __init__(self, queue: FanoutQueue, turns: Turns) -> None:
        self._queue = queue
        self._turns = turns

    def put(self, jobs: Sequence[str], *, delay_s: int = 0) -> None:
        self._turns.wait()
        self._queue.put(jobs, delay_s=delay_s)
