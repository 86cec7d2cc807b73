"""The measurements under load: durable messages, latency, rooms, history. Each answers figures by name."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from tests.support.browser_harness import SignedInUser

from bench.procfs import Clock
from bench.raw_client import Http
from bench.scenario import HOST, Room, Stage, head, succeeded

Figures: TypeAlias = dict[str, float]

PAIRS: Final = 10
IN_FLIGHT: Final = 8
ROOM_IN_FLIGHT: Final = 20
ROOM_WRITERS: Final = 10
WARM_UP_S: Final = 1.0
_EVENT: Final = b'"message.created"'


@dataclass(slots=True)
class _Tally:
    """What the clients have counted so far. A delivery is an event at a socket: a message of a room of ten makes nine, for its
    sender has it from the answer."""

    sent: int = 0
    delivered: int = 0

    def received(self, frame: bytes) -> None:
        self.delivered += frame.count(_EVENT)


async def messages(stage: Stage, clock: Clock, seconds: float) -> Figures:
    """Durable messages in `PAIRS` direct conversations, `IN_FLIGHT` unanswered in each; everybody is connected."""
    rooms = [await stage.pair(number) for number in range(PAIRS)]
    figures = await _load(stage, rooms, IN_FLIGHT, clock, seconds)
    return {
        "messages": figures["sent"],
        "server µs": figures["server µs"],
        "messages: client": figures["client"],
    }


async def room(stage: Stage, clock: Clock, seconds: float) -> Figures:
    """Deliveries in one room of all people; ten of them write, `ROOM_IN_FLIGHT` unanswered in all."""
    size = len(stage.people)
    figures = await _load(stage, [await stage.room(size)], ROOM_IN_FLIGHT, clock, seconds)
    return {f"room of {size}": figures["delivered"], f"room of {size}: client": figures["client"]}


async def latency(stage: Stage, _clock: Clock, seconds: float) -> Figures:
    """From the start of the POST to the frame at the other's socket, in ms; one message at a time."""
    pair = await stage.pair(0)
    sender, receiver = pair.members
    samples: list[float] = []
    loop = asyncio.get_running_loop()
    awaited = b"none"
    arrived: asyncio.Future[float] = loop.create_future()

    def receive(frame: bytes) -> None:
        if awaited in frame:
            arrived.set_result(time.perf_counter())

    def on_message(person: SignedInUser) -> Callable[[bytes], object]:
        return receive if person is receiver else pair.learn

    connection = await Http.connect(HOST, stage.port)
    async with stage.online(pair.members, on_message) as pair.named:
        warm = time.perf_counter() + WARM_UP_S
        while (now := time.perf_counter()) < warm + seconds:
            arrived = loop.create_future()
            awaited, request = pair.message(sender)
            answer = connection.ask(request)
            took_s = await arrived - now
            pair.learn((await answer).body)
            if now >= warm:
                samples.append(took_s * 1000)
    connection.close()
    return {"latency p50": _percentile(samples, 50), "latency p99": _percentile(samples, 99)}


async def history(stage: Stage, room: Room, seconds: float) -> Figures:
    """The newest 50 events of a long log, one request at a time, in ms."""
    path = f"/api/conversations/{room.conversation_id}/events?limit=50"
    request = head("GET", stage.port, path, room.members[0]) + b"\r\n"
    connection = await Http.connect(HOST, stage.port)
    samples: list[float] = []
    warm = time.perf_counter() + WARM_UP_S
    while (now := time.perf_counter()) < warm + seconds:
        succeeded(await connection.ask(request))
        if now >= warm:
            samples.append((time.perf_counter() - now) * 1000)
    connection.close()
    return {"history": _percentile(samples, 50)}


async def _load(stage: Stage, rooms: list[Room], in_flight: int, clock: Clock, seconds: float) -> Figures:
    """Keep `in_flight` messages unanswered in each room; what happens each second, after a warm-up."""
    tally = _Tally()
    stop = 0.0

    async def write(room: Room, sender: SignedInUser) -> None:
        connection = await Http.connect(HOST, stage.port)
        while time.perf_counter() < stop:
            answer = await connection.ask(room.message(sender)[1])
            succeeded(answer)
            room.learn(answer.body)
            tally.sent += 1
        connection.close()

    people = list({person.user_id: person for room in rooms for person in room.members}.values())
    async with stage.online(people, lambda _person: tally.received) as names:
        for room in rooms:
            room.named = names
        stop = time.perf_counter() + WARM_UP_S + seconds
        writers = [
            asyncio.ensure_future(write(room, room.members[number % min(ROOM_WRITERS, len(room.members))]))
            for room in rooms
            for number in range(in_flight)
        ]
        await asyncio.sleep(WARM_UP_S)
        sent, delivered, began = tally.sent, tally.delivered, clock.read()
        await asyncio.sleep(seconds)
        sent, delivered, spent = tally.sent - sent, tally.delivered - delivered, clock.read() - began
        await asyncio.gather(*writers)
    return {
        "sent": sent / spent.wall_s,
        "delivered": delivered / spent.wall_s,
        "server µs": spent.server_s * 1e6 / sent,
        "client": spent.client_s / spent.wall_s,
    }


def _percentile(samples: list[float], percent: int) -> float:
    return sorted(samples)[len(samples) * percent // 100]
