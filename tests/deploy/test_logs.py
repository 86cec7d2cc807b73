"""The functions' logs in one stream: ordered, filtered, and followed without losing or repeating lines."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.support.fake_aws import APP, World

from imchat.cli import cli
from imchat.deploy.config import Config
from imchat.deploy.context import DeployContext
from imchat.deploy.operate.logs import LogLine, follow_logs, read_logs
from imchat.errors import ImchatError

GROUPS = {"http": "/aws/lambda/imchat-test-http", "fanout": "/aws/lambda/imchat-test-fanout"}


class Missing(Exception):
    """Raised for a log group that does not exist."""


class Logs:
    """A fake of CloudWatch Logs that returns two events per page."""

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

    def filter_log_events(self, **request: Any) -> dict[str, Any]:
        self.patterns.append(request.get("filterPattern"))
        if request["logGroupName"] not in self.events:
            raise Missing
        found = [
            event
            for event in self.events[request["logGroupName"]]
            if event["timestamp"] >= request["startTime"]
        ]
        found.sort(key=lambda event: int(event["timestamp"]))
        first = int(request.get("nextToken", 0))
        more = {"nextToken": str(first + 2)} if len(found) > first + 2 else {}
        return {"events": found[first : first + 2], **more}


def target(logs: Logs, sleep: Callable[[float], None] = lambda _: None) -> DeployContext:
    return DeployContext("eu-west-1", lambda _: logs, sleep=sleep, config=Config(stage="test"))


def messages(lines: Iterable[LogLine]) -> list[str]:
    return [line.message for line in lines]


def test_lines_of_all_functions_are_ordered_by_time_across_pages() -> None:
    logs = Logs()
    for number in range(5):
        logs.put("http", 1000 + 20 * number, f"h{number}")
        logs.put("fanout", 1010 + 20 * number, f"f{number}")
    found = messages(read_logs(target(logs), GROUPS, since_ms=1010))
    assert found == ["f0", "h1", "f1", "h2", "f2", "h3", "f3", "h4", "f4"]


def test_a_function_without_a_log_group_is_skipped() -> None:
    logs = Logs()
    logs.put("http", 1, "here")
    del logs.events[GROUPS["fanout"]]
    assert messages(read_logs(target(logs), GROUPS, since_ms=0)) == ["here"]


def test_the_filter_text_is_quoted() -> None:
    logs = Logs()
    list(read_logs(target(logs), {"http": GROUPS["http"]}, since_ms=0, containing='JKJ="x"'))
    assert logs.patterns == ['"JKJ=\\"x\\""']


def test_lines_without_an_event_id_are_not_merged() -> None:
    logs = Logs()
    for message in ("one", "two"):
        logs.put("http", 1, message)
        del logs.events[GROUPS["http"]][-1]["eventId"]
    lines = follow_logs(target(logs), GROUPS, since_ms=0, now_ms=lambda: 0)
    assert messages(itertools.islice(lines, 2)) == ["one", "two"]


def test_lambda_json_is_parsed_into_level_message_request_and_traceback() -> None:
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
    logs.put("http", 4, '["not an object"]')
    error, finished, timeout, plain = read_logs(target(logs), GROUPS, since_ms=0)
    assert (error.level, error.message, error.request_id, error.details) == ("ERROR", "boom", "r-1", "a\nb")
    assert (finished.message, finished.request_id, finished.system) == (
        "report, 12 ms, 90 of ? MB",
        "r-2",
        True,
    )
    assert (timeout.level, timeout.message, timeout.system) == ("ERROR", "report, timeout", False)
    assert plain.message == '["not an object"]'


def test_following_yields_each_line_once_even_if_it_arrives_late() -> None:
    logs, now = Logs(), 100_000
    logs.put("http", 99_000, "before")
    coming = [lambda: logs.put("http", 99_500, "late"), lambda: logs.put("fanout", 103_000, "new")]

    def sleep(_: float) -> None:
        nonlocal now
        now += 2_000
        coming.pop(0)()

    lines = follow_logs(target(logs, sleep), GROUPS, since_ms=90_000, now_ms=lambda: now)
    assert messages(itertools.islice(lines, 3)) == ["before", "late", "new"]
    with pytest.raises(IndexError):  # it polls again until the test has no more lines to add
        next(lines)


def run_logs(aws: World, logs: Logs, line: str) -> Result:
    """Run the command for stage `test`; Ctrl-C interrupts its second poll."""

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    outputs = {"HttpLogGroupName": GROUPS["http"], "FanoutLogGroupName": GROUPS["fanout"]}
    aws.cloudformation.put(APP, "CREATE_COMPLETE", outputs=outputs)
    target = replace(
        aws.target, sleep=interrupt, client=lambda name: logs if name == "logs" else aws.client(name)
    )
    return CliRunner().invoke(
        cli, ["logs", "--since", "1970-01-01", *line.split()], obj=lambda *_, **__: target
    )


def test_the_command_prints_time_function_level_and_message(aws: World) -> None:
    logs = Logs()
    logs.put("http", 1_700_000_000_000, {"level": "ERROR", "message": "boom", "requestId": "r-1"})
    assert run_logs(aws, logs, "").output == "11-14 22:13:20  http        ERROR boom  r-1\n"
    assert json.loads(run_logs(aws, logs, "--json").output)["message"] == "boom"
    assert "--since 1d" in run_logs(aws, logs, "--function fanout").output
    unknown = run_logs(aws, logs, "--function nope").exception
    assert isinstance(unknown, ImchatError)
    assert "use one of fanout, http" in unknown.message


def test_ctrl_c_ends_following(aws: World) -> None:
    logs = Logs()
    logs.put("http", 1_700_000_000_000, "hello")
    result = run_logs(aws, logs, "--follow")
    assert result.exit_code == 0
    assert result.output.endswith("hello\n")


def test_without_a_deployed_stage_the_command_says_to_deploy(aws: World) -> None:
    result = CliRunner().invoke(cli, ["logs"], obj=lambda *_, **__: aws.target)
    assert isinstance(result.exception, ImchatError)
    assert "imchat deploy" in result.exception.message
