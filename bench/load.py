"""Measures the server under load: durable messages, latency, rooms, history. Each function returns figures by name."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from tests.support.browser_harness import SignedInUser

from bench.procfs import Clock
from bench.raw_client import HttpClient
from bench.scenario import HOST, Room, Scenario, check_success, request_head

Figures: TypeAlias = dict[str, float]

PAIRS: Final = 10
IN_FLIGHT: Final = 8
ROOM_IN_FLIGHT: Final = 20
ROOM_WRITERS: Final = 10
WARM_UP_S: Final = 1.0
_EVENT: Final = b'"message.created"'


@dataclass(slots=True)
class _Counts:
    """The clients' counts. A delivery is an event at a socket: a message in a room of ten makes nine, because its sender
    gets it in the response."""

    sent: int = 0
    delivered: int = 0

    def received(self, frame: bytes) -> None:
        self.delivered += frame.count(_EVENT)


async def messages(scenario: Scenario, clock: Clock, seconds: float) -> Figures:
    """Measure durable messages in `PAIRS` direct conversations, `IN_FLIGHT` at a time in each; all users are connected."""
    rooms = [await scenario.create_pair(number) for number in range(PAIRS)]
    figures = await _measure_load(scenario, rooms, IN_FLIGHT, clock, seconds)
    return {
        "messages": figures["sent"],
        "server µs": figures["server µs"],
        "messages: client": figures["client"],
    }


async def large_room(scenario: Scenario, clock: Clock, seconds: float) -> Figures:
    """Measure deliveries in one room of all users; ten of them write, `ROOM_IN_FLIGHT` messages at a time in all."""
    size = len(scenario.people)
    figures = await _measure_load(
        scenario, [await scenario.create_room(size)], ROOM_IN_FLIGHT, clock, seconds
    )
    return {f"room of {size}": figures["delivered"], f"room of {size}: client": figures["client"]}


async def latency(scenario: Scenario, _clock: Clock, seconds: float) -> Figures:
    """Measure the ms from the start of the POST to the frame at the receiver's socket, one message at a time."""
    pair = await scenario.create_pair(0)
    sender, receiver = pair.members
    samples: list[float] = []
    loop = asyncio.get_running_loop()
    awaited = b"none"
    arrived: asyncio.Future[float] = loop.create_future()

    def receive(frame: bytes) -> None:
        if awaited in frame:
            arrived.set_result(time.perf_counter())

    def on_message(person: SignedInUser) -> Callable[[bytes], object]:
        return receive if person is receiver else pair.update_last_seq

    connection = await HttpClient.connect(HOST, scenario.port)
    async with scenario.connected(pair.members, on_message) as pair.connection_ids:
        warm = time.perf_counter() + WARM_UP_S
        while (now := time.perf_counter()) < warm + seconds:
            arrived = loop.create_future()
            awaited, request = pair.new_message(sender)
            response = connection.request(request)
            took_s = await arrived - now
            pair.update_last_seq((await response).body)
            if now >= warm:
                samples.append(took_s * 1000)
    connection.close()
    return {"latency p50": _percentile(samples, 50), "latency p99": _percentile(samples, 99)}


async def history(scenario: Scenario, room: Room, seconds: float) -> Figures:
    """Measure the ms for reading the newest 50 events of a long log, one request at a time."""
    path = f"/api/conversations/{room.conversation_id}/events?limit=50"
    request = request_head("GET", scenario.port, path, room.members[0]) + b"\r\n"
    connection = await HttpClient.connect(HOST, scenario.port)
    samples: list[float] = []
    warm = time.perf_counter() + WARM_UP_S
    while (now := time.perf_counter()) < warm + seconds:
        check_success(await connection.request(request))
        if now >= warm:
            samples.append((time.perf_counter() - now) * 1000)
    connection.close()
    return {"history": _percentile(samples, 50)}


async def _measure_load(
    scenario: Scenario, rooms: list[Room], in_flight: int, clock: Clock, seconds: float
) -> Figures:
    """Keep `in_flight` messages unanswered in each room; return the figures per second after a warm-up."""
    counts = _Counts()
    stop = 0.0

    async def write(room: Room, sender: SignedInUser) -> None:
        connection = await HttpClient.connect(HOST, scenario.port)
        while time.perf_counter() < stop:
            response = await connection.request(room.new_message(sender)[1])
            check_success(response)
            room.update_last_seq(response.body)
            counts.sent += 1
        connection.close()

    people = list({person.user_id: person for room in rooms for person in room.members}.values())
    async with scenario.connected(people, lambda _person: counts.received) as names:
        for room in rooms:
            room.connection_ids = names
        stop = time.perf_counter() + WARM_UP_S + seconds
        writers = [
            asyncio.ensure_future(write(room, room.members[number % min(ROOM_WRITERS, len(room.members))]))
            for room in rooms
            for number in range(in_flight)
        ]
        await asyncio.sleep(WARM_UP_S)
        sent, delivered, began = counts.sent, counts.delivered, clock.read()
        await asyncio.sleep(seconds)
        sent, delivered, elapsed = counts.sent - sent, counts.delivered - delivered, clock.read() - began
        await asyncio.gather(*writers)
    return {
        "sent": sent / elapsed.wall_s,
        "delivered": delivered / elapsed.wall_s,
        "server µs": elapsed.server_s * 1e6 / sent,
        "client": elapsed.client_s / elapsed.wall_s,
    }


def _percentile(samples: list[float], percent: int) -> float:
    return sorted(samples)[len(samples) * percent // 100]
