"""The functions' logs in one stream: in order, filtered, followed without losing or repeating a line."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.support.fake_aws import APP, World

from imchat.cli import commands
from imchat.deploy.config import Config
from imchat.deploy.context import DeployContext
from imchat.deploy.operate.logs import LogLine, follow_logs, read_logs
from imchat.errors import ImchatError

GROUPS = {"http": "/aws/lambda/imchat-test-http", "fanout": "/aws/lambda/imchat-test-fanout"}


class Missing(Exception):
    """There is no such log group."""


class Logs:
    """Plays CloudWatch Logs: two events a page, and only those that were there when it is asked."""

    class exceptions:  # noqa: N801 - boto3's name
        ResourceNotFoundException = Missing

    def __init__(self) -> None:
        self.events: dict[str, list[dict[str, Any]]] = {group: [] for group in GROUPS.values()}
        self.patterns: list[str | None] = []
        self._ids = itertools.count()

    def put(self, function: str, at_ms: int, message: object) -> None:
        text = message if isinstance(message, str) else json.dumps(message)
        event = {"timestamp": at_ms, "eventId": str(next(self._ids)), "message": text + "\n"}
        self.events[GROUPS[function]].append(event)

    def filter_log_events(self, **asked: Any) -> dict[str, Any]:
        self.patterns.append(asked.get("filterPattern"))
        if asked["logGroupName"] not in self.events:
            raise Missing
        found = [
            event for event in self.events[asked["logGroupName"]] if event["timestamp"] >= asked["startTime"]
        ]
        found.sort(key=lambda event: int(event["timestamp"]))
        first = int(asked.get("nextToken", 0))
        more = {"nextToken": str(first + 2)} if len(found) > first + 2 else {}
        return {"events": found[first : first + 2], **more}


def target(logs: Logs, sleep: Callable[[float], None] = lambda _: None) -> DeployContext:
    return DeployContext("eu-west-1", lambda _: logs, sleep=sleep, config=Config(stage="test"))


def messages(lines: Iterable[LogLine]) -> list[str]:
    return [line.message for line in lines]


def test_lines_of_all_functions_come_in_the_order_of_time_over_all_pages() -> None:
    logs = Logs()
    for number in range(5):
        logs.put("http", 1000 + 20 * number, f"h{number}")
        logs.put("fanout", 1010 + 20 * number, f"f{number}")
    found = messages(read_logs(target(logs), GROUPS, since_ms=1010))
    assert found == ["f0", "h1", "f1", "h2", "f2", "h3", "f3", "h4", "f4"]


def test_a_function_that_never_ran_has_no_lines_and_stops_nobody() -> None:
    logs = Logs()
    logs.put("http", 1, "here")
    del logs.events[GROUPS["fanout"]]
    assert messages(read_logs(target(logs), GROUPS, since_ms=0)) == ["here"]


def test_a_request_id_is_looked_for_as_it_stands() -> None:
    logs = Logs()
    list(read_logs(target(logs), {"http": GROUPS["http"]}, since_ms=0, containing='JKJ="x"'))
    assert logs.patterns == ['"JKJ=\\"x\\""']


def test_lines_without_an_id_of_their_own_are_told_apart() -> None:
    logs = Logs()
    for message in ("one", "two"):
        logs.put("http", 1, message)
        del logs.events[GROUPS["http"]][-1]["eventId"]
    lines = follow_logs(target(logs), GROUPS, since_ms=0, now_ms=lambda: 0)
    assert messages(itertools.islice(lines, 2)) == ["one", "two"]


def test_lambdas_json_becomes_level_message_request_and_traceback() -> None:
    logs = Logs()
    logs.put(
        "http", 1, {"level": "ERROR", "message": "boom", "requestId": "r-1", "stackTrace": ["a\n", "b\n"]}
    )
    report = {
        "requestId": "r-2",
        "status": "success",
        "metrics": {"durationMs": 12.34, "maxMemoryUsedMB": 90},
    }
    logs.put("http", 2, {"type": "platform.report", "record": report})
    logs.put("http", 3, {"type": "platform.report", "record": {"status": "timeout", "requestId": "r-3"}})
    logs.put("http", 4, '["no object"]')
    error, done, late, plain = read_logs(target(logs), GROUPS, since_ms=0)
    assert (error.level, error.message, error.request_id, error.details) == ("ERROR", "boom", "r-1", "a\nb")
    assert (done.message, done.request_id, done.system) == ("report, 12 ms, 90 of ? MB", "r-2", True)
    assert (late.level, late.message, late.system) == ("ERROR", "report, timeout", False)
    assert plain.message == '["no object"]'


def test_following_shows_each_line_once_also_one_that_arrives_late() -> None:
    logs, now = Logs(), 100_000
    logs.put("http", 99_000, "before")
    coming = [lambda: logs.put("http", 99_500, "late"), lambda: logs.put("fanout", 103_000, "new")]

    def sleep(_: float) -> None:
        nonlocal now
        now += 2_000
        coming.pop(0)()

    lines = follow_logs(target(logs, sleep), GROUPS, since_ms=90_000, now_ms=lambda: now)
    assert messages(itertools.islice(lines, 3)) == ["before", "late", "new"]
    with pytest.raises(IndexError):  # nothing more comes: it asks again, until the test has nothing to add
        next(lines)


def typed(aws: World, logs: Logs, line: str) -> Result:
    """What the command prints for stage `test`, whose second poll is interrupted by Ctrl-C."""

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    outputs = {"HttpLogGroupName": GROUPS["http"], "FanoutLogGroupName": GROUPS["fanout"]}
    aws.cloudformation.put(APP, "CREATE_COMPLETE", outputs=outputs)
    reached = replace(
        aws.target, sleep=interrupt, client=lambda name: logs if name == "logs" else aws.client(name)
    )
    return CliRunner().invoke(
        commands, ["logs", "--since", "1970-01-01", *line.split()], obj=lambda *_, **__: reached
    )


def test_the_command_prints_a_line_with_time_function_and_level(aws: World) -> None:
    logs = Logs()
    logs.put("http", 1_700_000_000_000, {"level": "ERROR", "message": "boom", "requestId": "r-1"})
    assert typed(aws, logs, "").output == "11-14 22:13:20  http        ERROR boom  r-1\n"
    assert json.loads(typed(aws, logs, "--json").output)["message"] == "boom"
    assert "--since 1d" in typed(aws, logs, "--function fanout").output
    unknown = typed(aws, logs, "--function nope").exception
    assert isinstance(unknown, ImchatError)
    assert "there are fanout, http" in unknown.message


def test_ctrl_c_is_how_following_ends(aws: World) -> None:
    logs = Logs()
    logs.put("http", 1_700_000_000_000, "hello")
    done = typed(aws, logs, "--follow")
    assert done.exit_code == 0
    assert done.output.endswith("hello\n")


def test_without_a_deployed_application_the_command_says_how_to_get_one(aws: World) -> None:
    done = CliRunner().invoke(commands, ["logs"], obj=lambda *_, **__: aws.target)
    assert isinstance(done.exception, ImchatError)
    assert "imchat deploy" in done.exception.message
