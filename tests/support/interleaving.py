"""Forced interleavings: several actors run concurrently, and a seed decides which one takes the next step.

Running threads proves little about races, and testing one known race proves only that one. So here every call of the table,
of a gateway or of a queue is a step. Between two steps only the chosen actor runs, and only the seed decides which one that
is. A seed that fails once fails every time.

    scheduler = Scheduler(seed)
    app = scheduler.wrap(world.app)                 # the same application; its calls wait for their turn
    errors = scheduler.run(lambda: members.remove_member(app, ann, conversation_id, bob),
                           lambda: messages.send(app, bob, conversation_id, client_message_id="m1", body="x"))

`run` returns what each actor raised (None: nothing), in their order. `scheduler.step` counts the steps: store it with what an
actor was shown, to compare it with the step at which another actor had finished. Calls outside of `run` are not steps.

To test another way to end a user's access: if it writes an event to the log, add it to `REMOVALS` in
`tests/services/test_removal_races.py`. If not, like a block or a suspension, add a scenario to `SCENARIOS` in
`tests/services/test_block_races.py`. And keep the negative control: break the code on purpose, and check that some seed
detects it. Otherwise the test proves nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import greenlet  # type: ignore[import-untyped]  # it has no types
from tests.support.world import TableWrapper

from imchat.services.app import App
from imchat.services.protocols import FanoutQueue, Gateway
from imchat.storage.table import Item, Key, KeyRange, Op, Row, Table


class Scheduler:
    """Runs one actor at a time, and chooses the next one at every step."""

    def __init__(self, seed: int) -> None:
        self.step = 0
        self._random = random.Random(seed)  # noqa: S311 - chooses turns, not a secret

    def wrap(self, app: App) -> App:
        """Return `app` with each call of its table, gateway and queue as a step."""
        queue = None if app.queue is None else _Queue(app.queue, self)
        return replace(app, table=_Table(app.table, self), gateway=_Gateway(app.gateway, self), queue=queue)

    def run(self, *actions: Callable[[], object]) -> list[Exception | None]:
        """Run all actions to their ends, interleaved. Returns what each raised."""
        raised: list[Exception | None] = [None for _ in actions]

        def run_action(number: int) -> None:
            try:
                actions[number]()
            except Exception as error:  # noqa: BLE001 - returned to the test
                raised[number] = error

        # Threads would do the same, but several times slower.
        waiting = [greenlet.greenlet(partial(run_action, number)) for number in range(len(actions))]
        while waiting:
            self.step += 1
            self._random.choice(waiting).switch()
            waiting = [actor for actor in waiting if not actor.dead]
        return raised

    def yield_turn(self) -> None:
        """Let the seed choose which actor continues."""
        chooser = greenlet.getcurrent().parent
        if chooser is not None:
            chooser.switch()


class _Table(TableWrapper):
    def __init__(self, table: Table, scheduler: Scheduler) -> None:
        super().__init__(table)
        self._scheduler = scheduler

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:
        self._scheduler.yield_turn()
        return super().get(key, consistent=consistent)

    def get_many(self, keys: Iterable[Key]) -> dict[Key, Item]:
        self._scheduler.yield_turn()
        return super().get_many(keys)

    def query(self, key_range: KeyRange, **options: Any) -> list[Row]:
        self._scheduler.yield_turn()
        return super().query(key_range, **options)

    def write(self, *ops: Op) -> None:
        self._scheduler.yield_turn()
        super().write(*ops)


class _Gateway:
    def __init__(self, gateway: Gateway, scheduler: Scheduler) -> None:
        self._gateway = gateway
        self._scheduler = scheduler

    def post(self, connection_ids: Sequence[str], frame: bytes) -> set[str]:
        self._scheduler.yield_turn()
        return self._gateway.post(connection_ids, frame)

    def disconnect(self, connection_id: str) -> None:
        self._scheduler.yield_turn()
        self._gateway.disconnect(connection_id)


class _Queue:
    def __init__(self, queue: FanoutQueue, scheduler: Scheduler) -> None:
        self._queue = queue
        self._scheduler = scheduler

    def put(self, jobs: Sequence[str], *, delay_s: int = 0) -> None:
        self._scheduler.yield_turn()
        self._queue.put(jobs, delay_s=delay_s)
