"""Overloads `imchat local` in several ways, and measures what other users notice: `python -m bench.stress [SCENARIO ...]`."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import click
import uvloop
from rich.console import Console
from rich.table import Table
from tests.support.browser_harness import PASSWORD, Server, SignedInUser

from bench.attacks import CONNECTIONS, FEW_FILES, FRAGMENTED, Orders, possible_connections
from bench.procfs import Memory, assign_cores
from bench.raw_client import HttpClient
from bench.scenario import HOST, Room, Scenario, request_head

OTHERS: Final = 20
"""Users who chat as usual while others overload the server."""
ATTACKERS: Final = 5
INTERVAL_S: Final = 0.25
"""Between two requests of one of them: a message, then a page of the log. Below the limit of messages a minute."""
QUIET_S: Final = 5.0
WINDOW_S: Final = 0.5
MAX_P99: Final = 3.0
"""How many times the quiet p99 the other users' p99 may be."""
MIN_QUIET_MS: Final = 10.0
"""A quiet p99 below this counts as this: when pages held 2 MB, one took 12 ms, and no one notices 30 ms."""
MAX_MEMORY: Final = 1.5
MB_EACH: Final = 0.006
"""MB that an open connection may take besides: 6 MB for 1,000."""
MAX_RECOVERY_S: Final = 5.0
MIN_CONNECTIONS: Final = 0.8
"""The part of the connections that must have been served: the client may be too slow for all of them."""
_GIVE_UP_S: Final = 20.0
LONG_EVENTS: Final = 210
LONG_BODY: Final = "\u00e9" * 5_000
"""50 of them make a page of 512 KB."""
_SAMPLE_S: Final = 0.1
_HTTP_OK: Final = 200


class Description(NamedTuple):
    """A scenario as shown in the table, and the statuses that show that it has run.

    `connections` stay open. `few_files`: the server may open only `FEW_FILES`, and the other users connect for each request.
    """

    label: str
    statuses: tuple[str, ...] = ()
    connections: int = 0
    few_files: bool = False


SCENARIOS: Final = {
    "idle_connections": Description("{:,} connections", ("200",), connections=possible_connections()),
    "too_many_connections": Description("twice the limit of open files", few_files=True),
    "unfinished_input": Description("unfinished bodies and messages", ("401", "413")),
    "sign_ups": Description("800 connections sign up", ("200",)),
    "slow_readers": Description("150 readers that read nothing"),
    "page_readers": Description("a user reads 512 KB pages on 16 connections", ("200",)),
    "page_readers_of_many": Description("5 users read 512 KB pages on 16 connections", ("200",)),
    "not_signed_in": Description("100 connections without sign-in", ("200", "401")),
}


@dataclass(slots=True)
class Window:
    """The requests of the other users in some time: ms of each answered one, and the failures."""

    latencies_ms: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)

    @property
    def p99_ms(self) -> float:
        """The 99th percentile; infinite if none was answered."""
        samples = sorted(self.latencies_ms)
        return samples[len(samples) * 99 // 100] if samples else float("inf")


@dataclass(slots=True)
class Result:
    """What a scenario did to the server and to the other users."""

    quiet_ms: float
    during_ms: float
    memory_before: float
    memory_peak: float
    failures: Counter[str]
    answers: Counter[str]
    recovery_s: float

    def missed(self, scenario: Description) -> list[str]:
        """Return the targets that were missed, and the statuses that show that the scenario has not run."""
        missed = [f"no {status}" for status in scenario.statuses if not self.answers[status]]
        if self.answers["200"] < MIN_CONNECTIONS * scenario.connections:
            missed.append("connections")
        if self.during_ms > MAX_P99 * max(self.quiet_ms, MIN_QUIET_MS):
            missed.append("p99")
        if self.memory_peak > MAX_MEMORY * self.memory_before + MB_EACH * scenario.connections:
            missed.append("memory")
        if self.recovery_s > MAX_RECOVERY_S:
            missed.append("recovery")
        if self.failures:
            missed.append("others' requests")
        return missed


class OtherUsers:
    """Users in pairs who send messages and read the log, each on a connection of their own, and the latencies they see."""

    def __init__(self, port: int, rooms: Sequence[Room], *, reconnect: bool) -> None:
        self.window = Window()
        self._port = port
        self._rooms = rooms
        self._reconnect = reconnect
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin, one after another within `INTERVAL_S`."""
        people = [(room, person) for room in self._rooms for person in room.members]
        for number, (room, person) in enumerate(people):
            delay_s = INTERVAL_S * number / len(people)
            self._tasks.append(asyncio.create_task(self._chat(room, person, delay_s)))

    def stop(self) -> None:
        """Stop all of them."""
        for task in self._tasks:
            task.cancel()

    def take(self) -> Window:
        """Return what was measured since the last call."""
        window, self.window = self.window, Window()
        return window

    async def _chat(self, room: Room, person: SignedInUser, delay_s: float) -> None:
        path = f"/api/conversations/{room.conversation_id}/events?limit=20"
        read = request_head("GET", self._port, path, person) + b"\r\n"
        connection: HttpClient | None = None
        sends = False
        at_s = time.perf_counter() + delay_s
        while True:
            await asyncio.sleep(max(0.0, at_s - time.perf_counter()))
            # A response later than the next request's time counts from that time on: a client would have waited for it.
            began_s, at_s = at_s, at_s + INTERVAL_S
            sends = not sends
            window = self.window
            try:
                async with asyncio.timeout(10):
                    if connection is None or self._reconnect:
                        if connection is not None:
                            connection.close()
                        connection = await HttpClient.connect(HOST, self._port)
                    request = room.new_message(person)[1] if sends else read
                    response = await connection.request(request)
            except (OSError, TimeoutError) as error:
                window.failures[type(error).__name__] += 1
                connection = None
                continue
            if response.status > 201:
                window.failures[str(response.status)] += 1
                continue
            window.latencies_ms.append((time.perf_counter() - began_s) * 1000)
            if sends:
                room.update_last_seq(response.body)


class Stress:
    """The prepared data folder, and the scenarios that run on it."""

    def __init__(self, folder: Path, cores: set[int] | None, seconds: float) -> None:
        self._folder = folder
        self._cores = cores
        self._seconds = seconds
        self._others: list[SignedInUser] = []
        self._attackers: list[SignedInUser] = []
        self._pairs: list[Room] = []
        self._conversation_id = ""

    def prepare(self) -> None:
        """Create the users, their conversations, and one with long pages."""

        async def create() -> None:
            scenario = Scenario(server.port, self._others)
            self._pairs = [await scenario.create_pair(number) for number in range(OTHERS // 2)]
            room = await Scenario(server.port, self._attackers).create_room(ATTACKERS)
            self._conversation_id = room.conversation_id
            path = f"/api/conversations/{room.conversation_id}/messages"
            for number in range(LONG_EVENTS):
                message = {"client_message_id": f"long-{number}", "body": LONG_BODY}
                await scenario.call(self._attackers[0], "POST", path, message)

        with Server(self._folder, cores=self._cores) as server:
            people = [_sign_up(server.port, number) for number in range(OTHERS + ATTACKERS)]
            self._others, self._attackers = people[:OTHERS], people[OTHERS:]
            uvloop.run(create())

    def run(self, name: str) -> Result:
        """Run one scenario against a new server process with its default limits."""
        few = SCENARIOS[name].few_files
        with Server(
            self._folder,
            cores=self._cores,
            requests_per_minute=None,
            open_files=FEW_FILES if few else None,
        ) as server:
            return uvloop.run(self._measure(name, server))

    async def _measure(self, name: str, server: Server) -> Result:
        rooms = [Room(server.port, room.conversation_id, room.members, room.last_seq) for room in self._pairs]
        others = OtherUsers(server.port, rooms, reconnect=SCENARIOS[name].few_files)
        pid = server.process.pid
        orders = await self._orders(server.port)
        others.start()
        await asyncio.sleep(1)
        others.take()
        await asyncio.sleep(QUIET_S)
        quiet = others.take()
        before = peak = Memory.read(pid).rss
        attack = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.attacks", name, stdin=-1, stdout=-1
        )
        assert attack.stdin is not None
        assert attack.stdout is not None
        attack.stdin.write(json.dumps(asdict(orders)).encode())
        attack.stdin.close()
        ended = asyncio.create_task(attack.stdout.readline())
        while not ended.done():
            await asyncio.wait([ended], timeout=_SAMPLE_S)
            peak = max(peak, Memory.read(pid).rss)
        ended_s = time.perf_counter()
        during = others.take()
        output = await ended
        if await attack.wait():
            raise RuntimeError(f"the clients of {name} failed")
        recovery_s = await self._recovery(others, quiet, ended_s)
        others.stop()
        for room, kept in zip(rooms, self._pairs, strict=True):
            kept.last_seq = room.last_seq
        return Result(
            quiet.p99_ms,
            during.p99_ms,
            before,
            peak,
            quiet.failures + during.failures,
            Counter(json.loads(output)),
            recovery_s,
        )

    async def _orders(self, port: int) -> Orders:
        attacker = self._attackers[0]
        scenario = Scenario(port, self._attackers)
        tickets = [
            (await scenario.call(attacker, "POST", "/api/realtime/tickets"))["ticket"]
            for _ in range(FRAGMENTED)
        ]
        tokens = [person.token for person in self._attackers]
        return Orders(port, self._seconds, tokens, tickets, self._conversation_id)

    async def _recovery(self, others: OtherUsers, quiet: Window, ended_s: float) -> float:
        """Return the seconds until the other users' requests take no longer than in quiet times."""
        while (waited_s := time.perf_counter() - ended_s) < _GIVE_UP_S:
            others.take()
            await asyncio.sleep(WINDOW_S)
            window = others.take()
            if not window.failures and window.p99_ms <= MAX_P99 * max(quiet.p99_ms, MIN_QUIET_MS):
                return waited_s
        return float("inf")


def _sign_up(port: int, number: int) -> SignedInUser:
    """Create an account and its profile, from an address of its own, because sign-ups of one address may be limited."""
    connection = http.client.HTTPConnection(HOST, port, source_address=(f"127.0.2.{number + 1}", 0))

    def call(method: str, path: str, content: object = None, **headers: str) -> dict[str, Any]:
        connection.request(method, path, None if content is None else json.dumps(content), headers)
        response = connection.getresponse()
        data: dict[str, Any] = json.loads(response.read())
        if response.status != _HTTP_OK:
            raise RuntimeError(f"{path} returned {response.status}: {data}")
        return data

    def cognito(operation: str, **fields: object) -> dict[str, Any]:
        target = f"AWSCognitoIdentityProviderService.{operation}"
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}
        return call("POST", auth["endpoint"], {"ClientId": auth["client_id"], **fields}, **headers)

    email = f"stress-{number}@example.com"
    auth = call("GET", "/config.json")["auth"]
    cognito("SignUp", Username=email, Password=PASSWORD)
    parameters = {"USERNAME": email, "PASSWORD": PASSWORD}
    signed_in = cognito("InitiateAuth", AuthFlow="USER_PASSWORD_AUTH", AuthParameters=parameters)
    token = signed_in["AuthenticationResult"]["AccessToken"]
    profile = call("GET", "/api/me", Authorization=f"Bearer {token}")
    connection.close()
    return SignedInUser(profile["user"]["user_id"], token)


def _table(results: Mapping[str, Result]) -> Table:
    table = Table(title=f"imchat local under stress; {os.cpu_count()} cores", title_justify="left")
    for name in (
        "scenario",
        "memory, MB",
        "others' p99, ms",
        "others' failures",
        "recovery, s",
        "responses",
        "missed",
    ):
        table.add_column(name)
    for name, result in results.items():
        scenario = SCENARIOS[name]
        table.add_row(
            scenario.label.format(scenario.connections),
            _change(result.memory_before, result.memory_peak, 0),
            _change(result.quiet_ms, result.during_ms, 1),
            _counts(result.failures) or "none",
            f"{result.recovery_s:.1f}",
            _counts(result.answers) or "none",
            ", ".join(result.missed(scenario)) or "nothing",
        )
    return table


def _change(before: float, after: float, digits: int) -> str:
    return f"{before:.{digits}f} → {after:.{digits}f} ({after / before:.1f} x)"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name}: {count:,}" for name, count in sorted(counts.items()))


@click.command()
@click.argument("scenarios", nargs=-1, type=click.Choice(list(SCENARIOS)))
@click.option("--seconds", default=8.0, show_default=True, help="Seconds of each scenario.")
def main(*, scenarios: tuple[str, ...], seconds: float) -> None:
    """Overload `imchat local` on this machine in all ways, or the given ones; takes two to three minutes.

    Ends with status 1 if a target is missed: the p99 of other users below three times the quiet one, none of their requests
    refused, memory below one and a half times (and 6 MB for 1,000 open connections), recovery within five seconds.
    """
    possible = possible_connections()
    if possible < CONNECTIONS:
        click.echo(f"The limit of open files allows only {possible:,} connections; raise it with ulimit -n.")
    cores = assign_cores()
    results: dict[str, Result] = {}
    with tempfile.TemporaryDirectory() as folder:
        stress = Stress(Path(folder), cores, seconds)
        stress.prepare()
        for name in scenarios or SCENARIOS:
            results[name] = stress.run(name)
    Console(width=None if sys.stdout.isatty() else 200).print(_table(results))
    sys.exit(any(result.missed(SCENARIOS[name]) for name, result in results.items()))


if __name__ == "__main__":
    main()
