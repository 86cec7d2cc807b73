"""The functions' logs, out of CloudWatch Logs: one stream of lines in the order of time, until now or as they come."""

from __future__ import annotations

import heapq
import json
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from imchat.deploy.aws_errors import translated
from imchat.deploy.context import DeployContext
from imchat.deploy.operate.status import read_status
from imchat.errors import ConfigError

POLL_S: Final = 2.0
_GROUP_OUTPUT: Final = "LogGroupName"
_LATE_MS: Final = 15_000
"""How long after its time a line may arrive in CloudWatch Logs; following looks back that far."""
_REMEMBERED: Final = 20_000


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line. `system` is true for Lambda's own lines about starts and durations; `details`: a traceback, if any."""

    at_ms: int
    event_id: str
    function: str
    level: str
    message: str
    request_id: str | None = None
    system: bool = False
    details: str | None = None


@translated()
def log_groups(target: DeployContext) -> dict[str, str]:
    """The log group of each function of the deployed stage, by the function's short name, as `http`.

    Raises: ConfigError if the stage's application is not deployed.
    """
    groups = {
        name.removesuffix(_GROUP_OUTPUT).lower(): value
        for stack in read_status(target).stacks
        for name, value in stack.outputs.items()
        if name.endswith(_GROUP_OUTPUT)
    }
    if not groups:
        raise ConfigError(
            f"the application of stage {target.config.stage} is not deployed in {target.region}, so there are "
            "no logs; `imchat deploy` deploys it, or see --stage and --region"
        )
    return groups


def read_logs(
    target: DeployContext,
    groups: dict[str, str],
    *,
    since_ms: int,
    containing: str | None = None,
) -> Iterator[LogLine]:
    """The lines of these log groups since `since_ms` (epoch), oldest first; `containing`: those with this text only."""
    streams = [_lines(target, name, group, since_ms, containing) for name, group in groups.items()]
    yield from heapq.merge(*streams, key=lambda line: line.at_ms)


def follow_logs(
    target: DeployContext,
    groups: dict[str, str],
    *,
    since_ms: int,
    now_ms: Callable[[], int],
    containing: str | None = None,
) -> Iterator[LogLine]:
    """As `read_logs`, and then each line as it comes, without an end. A line that arrives late is not lost."""
    seen: deque[str] = deque(maxlen=_REMEMBERED)
    while True:
        asked_ms = now_ms()
        for line in read_logs(target, groups, since_ms=since_ms, containing=containing):
            if line.event_id not in seen:
                seen.append(line.event_id)
                yield line
        since_ms = max(since_ms, asked_ms - _LATE_MS)
        target.sleep(POLL_S)


def _lines(
    target: DeployContext, name: str, group: str, since_ms: int, containing: str | None
) -> Iterator[LogLine]:
    asked: dict[str, Any] = {"logGroupName": group, "startTime": since_ms}
    if containing:
        asked["filterPattern"] = json.dumps(containing, ensure_ascii=False)
    client = target.client("logs")
    while True:
        with translated():
            try:
                page = client.filter_log_events(**asked)
            except client.exceptions.ResourceNotFoundException:
                return  # a function that was never called may have no log group yet
        for event in sorted(page["events"], key=lambda event: int(event["timestamp"])):
            yield _line(name, event)
        if not page.get("nextToken"):
            return
        asked["nextToken"] = page["nextToken"]


def _line(function: str, event: dict[str, Any]) -> LogLine:
    text = str(event["message"]).rstrip("\n")
    at_ms = int(event["timestamp"])
    event_id = str(
        event.get("eventId") or f"{event.get('logStreamName')} {at_ms} {text}"
    )  # an emulator has none
    try:
        read = json.loads(text)
    except ValueError:
        read = None
    if not isinstance(read, dict):
        return LogLine(at_ms, event_id, function, "", text)
    if str(read.get("type", "")).startswith("platform."):
        return _platform_line(at_ms, event_id, function, read)
    told = read.get("message") or read.get("errorMessage") or text
    trace = read.get("stackTrace")
    return LogLine(
        at_ms,
        event_id,
        function,
        str(read.get("level") or read.get("log_level") or ""),
        told if isinstance(told, str) else json.dumps(told, ensure_ascii=False),
        read.get("requestId") or read.get("AWSRequestId"),
        details="".join(map(str, trace)).rstrip() if isinstance(trace, list) and trace else None,
    )


def _platform_line(at_ms: int, event_id: str, function: str, read: dict[str, Any]) -> LogLine:
    record = read.get("record") or {}
    metrics, failed = record.get("metrics") or {}, record.get("status") not in {None, "success"}
    parts = [str(read["type"]).removeprefix("platform.")]
    if failed:
        parts.append(" ".join(str(record[key]) for key in ("status", "errorType") if record.get(key)))
    if "durationMs" in metrics:
        parts.append(f"{metrics['durationMs']:.0f} ms")
    if "maxMemoryUsedMB" in metrics:
        parts.append(f"{metrics['maxMemoryUsedMB']} of {metrics.get('memorySizeMB', '?')} MB")
    level = "ERROR" if failed else ""
    request_id = record.get("requestId")
    return LogLine(at_ms, event_id, function, level, ", ".join(parts), request_id, system=not failed)
