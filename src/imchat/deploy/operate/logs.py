"""Reads the functions' logs from CloudWatch Logs as one stream of lines in order of time."""

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
_MAX_DELAY_MS: Final = 15_000
"""Lines can arrive in CloudWatch Logs this long after their timestamp, so following reads back this far."""
_MAX_REMEMBERED_IDS: Final = 20_000


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line. `system` marks Lambda's own lines about starts and durations; `details` is a traceback, if any."""

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
    """Return the log group of each function of a stage, by the function's short name, such as `http`.

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
            f"stage {target.config.stage} is not deployed in {target.region}, so there are no logs; "
            "run `imchat deploy`, or check --stage and --region"
        )
    return groups


def read_logs(
    target: DeployContext,
    groups: dict[str, str],
    *,
    since_ms: int,
    containing: str | None = None,
) -> Iterator[LogLine]:
    """Yield the lines of the log groups since `since_ms` (epoch), oldest first, filtered by the text `containing`."""
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
    """Yield lines as `read_logs` does, then new lines without end. Lines that arrive late are included."""
    seen: deque[str] = deque(maxlen=_MAX_REMEMBERED_IDS)
    while True:
        polled_at_ms = now_ms()
        for line in read_logs(target, groups, since_ms=since_ms, containing=containing):
            if line.event_id not in seen:
                seen.append(line.event_id)
                yield line
        since_ms = max(since_ms, polled_at_ms - _MAX_DELAY_MS)
        target.sleep(POLL_S)


def _lines(
    target: DeployContext, name: str, group: str, since_ms: int, containing: str | None
) -> Iterator[LogLine]:
    request: dict[str, Any] = {"logGroupName": group, "startTime": since_ms}
    if containing:
        request["filterPattern"] = json.dumps(containing, ensure_ascii=False)
    client = target.client("logs")
    while True:
        with translated():
            try:
                page = client.filter_log_events(**request)
            except client.exceptions.ResourceNotFoundException:
                return  # a function that was never called has no log group yet
        for event in sorted(page["events"], key=lambda event: int(event["timestamp"])):
            yield _line(name, event)
        if not page.get("nextToken"):
            return
        request["nextToken"] = page["nextToken"]


def _line(function: str, event: dict[str, Any]) -> LogLine:
    text = str(event["message"]).rstrip("\n")
    at_ms = int(event["timestamp"])
    event_id = str(
        event.get("eventId") or f"{event.get('logStreamName')} {at_ms} {text}"
    )  # emulators do not set it
    try:
        record = json.loads(text)
    except ValueError:
        record = None
    if not isinstance(record, dict):
        return LogLine(at_ms, event_id, function, "", text)
    if str(record.get("type", "")).startswith("platform."):
        return _platform_line(at_ms, event_id, function, record)
    message = record.get("message") or record.get("errorMessage") or text
    trace = record.get("stackTrace")
    return LogLine(
        at_ms,
        event_id,
        function,
        str(record.get("level") or record.get("log_level") or ""),
        message if isinstance(message, str) else json.dumps(message, ensure_ascii=False),
        record.get("requestId") or record.get("AWSRequestId"),
        details="".join(map(str, trace)).rstrip() if isinstance(trace, list) and trace else None,
    )


def _platform_line(at_ms: int, event_id: str, function: str, record: dict[str, Any]) -> LogLine:
    details = record.get("record") or {}
    metrics, failed = details.get("metrics") or {}, details.get("status") not in {None, "success"}
    parts = [str(record["type"]).removeprefix("platform.")]
    if failed:
        parts.append(" ".join(str(details[key]) for key in ("status", "errorType") if details.get(key)))
    if "durationMs" in metrics:
        parts.append(f"{metrics['durationMs']:.0f} ms")
    if "maxMemoryUsedMB" in metrics:
        parts.append(f"{metrics['maxMemoryUsedMB']} of {metrics.get('memorySizeMB', '?')} MB")
    level = "ERROR" if failed else ""
    request_id = details.get("requestId")
    return LogLine(at_ms, event_id, function, level, ", ".join(parts), request_id, system=not failed)
