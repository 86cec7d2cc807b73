"""Estimates the monthly cost of a stage: one row per AWS charge, from the expected usage.

Uses the dated first-tier list prices in `prices.json` and makes no AWS calls. Attachments are not included.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final, TypeAlias

from imchat.errors import ConfigError

Meters: TypeAlias = Mapping[str, float]
"""Metered quantities, by the name of the meter in `prices.json`."""

DAYS: Final = 30
DEFAULT_PRICE_REGION: Final = "us-east-1"
"""Its prices are used for regions without prices in `prices.json`."""

# Activity besides sending. Assumed, not measured.
READS_PER_MESSAGE: Final = 0.5
"""Per reader: two consecutive messages are read together."""
TYPING_SIGNALS_PER_MESSAGE: Final = 2
"""A client sends at most one typing signal every three seconds."""
SITE_VISITS_PER_DAY: Final = 2
"""Per user; each visit reads the inbox and a few conversations."""
MONTHS_KEPT: Final = 12
"""Storage is estimated for this many months of messages, because it grows."""

# Facts of the code and the templates, checked by `tests/deploy/test_cost.py`.
PINGS_PER_HOUR: Final = 15
CONNECTION_HOURS: Final = 2
CONNECTION_READ_UNITS: Final = 8
CONNECTION_WRITE_UNITS: Final = 5
"""For the ticket, the start and the end of a connection."""
SIGNAL_MEMBERS: Final = 100
DIRECT_POSTS: Final = 50
ALARM_METRICS: Final = 15
MEMORY_MB: Final = 1024

# Assumed sizes and times.
_BILLED_S: Final = 0.025  # with 1 GB: three DynamoDB steps and a post, including some cold starts
_EVENT_BYTES: Final = 320 + 100  # DynamoDB adds 100 to each item
_BODY_BYTES: Final = 90  # included in the event
_RESPONSE_BYTES: Final = 1_000
_VISIT_BYTES: Final = 30_000
_VISIT_REQUESTS: Final = 8
_VISIT_READ_UNITS: Final = 120
_SITE_BYTES: Final = 300_000  # loaded once a month, after a change
_SITE_REQUESTS: Final = 10
_FRAME_BYTES: Final = 600
_LOG_BYTES: Final = 850  # per invocation: start, report and request line
_BUCKET_GB: Final = 0.1
_GB: Final = 1024**3
_IDLE_POLLS: Final = 15 * 60 * 24 * DAYS  # Lambda polls an empty queue fifteen times a minute


@dataclass(frozen=True, slots=True)
class Usage:
    """The expected usage. `group_size` is the members per conversation, `body_bytes` the size of a message.

    Assumes the most expensive case: every member is online with one device when a message is sent.
    """

    users: int = 100
    messages_per_user_day: float = 50
    group_size: int = 2
    hours_online: float = 8
    body_bytes: int = 90
    memory_mb: int = MEMORY_MB
    log_retention_days: int = 30


@dataclass(frozen=True, slots=True)
class CostRow:
    """One charge: `quantity` of `unit` at `price` dollars each, of which `free` are free every month."""

    service: str
    what: str
    quantity: float
    unit: str
    price: float
    free: float
    source: str

    @property
    def cost(self) -> float:
        """Return dollars per month at list price."""
        return self.quantity * self.price

    @property
    def cost_after_free(self) -> float:
        """Return dollars per month after the free tier, if nothing else in the account uses it."""
        return max(0.0, self.quantity - self.free) * self.price


@dataclass(frozen=True, slots=True)
class Estimate:
    """The cost of a month. `prices_of` is the region of the prices, `as_of` their date (ISO)."""

    usage: Usage
    rows: tuple[CostRow, ...]
    prices_of: str
    as_of: str
    source: str

    @property
    def total(self) -> float:
        """Return dollars per month at list price."""
        return sum(row.cost for row in self.rows)

    @property
    def total_after_free(self) -> float:
        """Return dollars per month after the free tier, if nothing else in the account uses it."""
        return sum(row.cost_after_free for row in self.rows)


def estimate(usage: Usage, *, region: str = DEFAULT_PRICE_REGION) -> Estimate:
    """Estimate the monthly cost of `usage` in `region`, or in `DEFAULT_PRICE_REGION` if its prices are not known.

    Raises: ConfigError for values out of range.
    """
    _validate(usage)
    messages = usage.users * usage.messages_per_user_day * DAYS
    parts = (
        (per_message(usage), messages),
        (per_read(usage), messages * READS_PER_MESSAGE * (usage.group_size - 1)),
        (per_typing_signal(usage), messages * TYPING_SIGNALS_PER_MESSAGE),
        (per_user_day(usage), usage.users * DAYS),
        (per_month(usage), 1),
    )
    meters: defaultdict[str, float] = defaultdict(float)
    for part, times in parts:
        for meter, count in part.items():
            meters[meter] += count * times
    meters["log_gb"] = meters["invocations"] * _LOG_BYTES / _GB
    meters["log_kept_gb"] = meters["log_gb"] * usage.log_retention_days / DAYS
    return _apply_prices(usage, meters, region)


def per_message(usage: Usage) -> Meters:
    """Return the quantities of sending one message. The sender's own connection gets a post only via the queue."""
    others = max(0, _online_members(usage) - 1)
    queued = others > DIRECT_POSTS
    posts = others + 1 if queued else others
    event_bytes = _EVENT_BYTES - _BODY_BYTES + usage.body_bytes
    return {
        **_request(usage, invocations=2 if queued else 1),
        "write_units": math.ceil(event_bytes / 1024) + 1,
        "read_units": 1 + usage.group_size * (2 if queued else 1),
        "queue_requests": 3 if queued else 0,
        **_pushes(posts, _FRAME_BYTES + usage.body_bytes),
    }


def per_read(usage: Usage) -> Meters:
    """Return the quantities of moving one read cursor, which is pushed to all members unless the room is large."""
    notified = usage.group_size if usage.group_size <= SIGNAL_MEMBERS else 0
    return {
        **_request(usage),
        "write_units": 1,
        "read_units": 4 + notified,
        **_pushes(min(notified, _online_members(usage)), _FRAME_BYTES / 4),
    }


def per_typing_signal(usage: Usage) -> Meters:
    """Return the quantities of one typing signal."""
    if not usage.hours_online:
        return {}
    notified = usage.group_size - 1 if usage.group_size <= SIGNAL_MEMBERS else 0
    return {
        **_invocations(usage),
        "read_units": 2 + notified,
        "socket_messages": 1 + notified,
        "edge_bytes": notified * _FRAME_BYTES / 4,
    }


def per_user_day(usage: Usage) -> Meters:
    """Return the quantities of one user per day without sending: visits, connections, pings."""
    connections = math.ceil(usage.hours_online / CONNECTION_HOURS)
    pings = usage.hours_online * PINGS_PER_HOUR + connections  # one per connection to get its id
    requests = SITE_VISITS_PER_DAY * _VISIT_REQUESTS + connections  # one for a ticket
    invocations = requests + 3 * connections + pings  # authorizer, $connect, $disconnect
    return {
        **_invocations(usage, invocations),
        "http_requests": requests,
        "edge_requests": requests + connections,
        "write_units": CONNECTION_WRITE_UNITS * connections,
        "read_units": SITE_VISITS_PER_DAY * _VISIT_READ_UNITS + CONNECTION_READ_UNITS * connections,
        "socket_messages": 2 * pings,
        "socket_minutes": usage.hours_online * 60,
        "edge_bytes": SITE_VISITS_PER_DAY * _VISIT_BYTES,
    }


def per_month(usage: Usage) -> Meters:
    """Return the quantities of a stage per month: storage, sign-ins, site downloads, alarms."""
    messages = usage.users * usage.messages_per_user_day * DAYS * MONTHS_KEPT
    table_gb = messages * (_EVENT_BYTES - _BODY_BYTES + usage.body_bytes) / _GB
    site_requests = usage.users * _SITE_REQUESTS
    return {
        "table_gb": table_gb,
        "backup_gb": table_gb,
        "queue_requests": _IDLE_POLLS,
        "edge_requests": site_requests,
        "edge_functions": usage.users * SITE_VISITS_PER_DAY * DAYS,
        "edge_bytes": usage.users * _SITE_BYTES,
        "bucket_gb": _BUCKET_GB,
        "bucket_reads": site_requests,
        "active_users": usage.users,
        "alarm_metrics": ALARM_METRICS,
        "dashboards": 1,
    }


def regions() -> list[str]:
    """Return the regions with known prices."""
    return sorted(_prices())


def _request(usage: Usage, invocations: int = 1) -> dict[str, float]:
    """Return the quantities of one HTTP request through CloudFront."""
    return {
        **_invocations(usage, invocations),
        "http_requests": 1,
        "edge_requests": 1,
        "edge_bytes": _RESPONSE_BYTES,
        "edge_origin_bytes": _RESPONSE_BYTES,
    }


def _invocations(usage: Usage, times: float = 1) -> dict[str, float]:
    return {"invocations": times, "gb_seconds": times * _BILLED_S * usage.memory_mb / 1024}


def _pushes(posts: int, frame_bytes: float) -> dict[str, float]:
    """Return the quantities of pushing frames through CloudFront, and of the HTTP response."""
    return {"socket_messages": posts, "edge_bytes": _RESPONSE_BYTES + posts * frame_bytes}


def _online_members(usage: Usage) -> int:
    return usage.group_size if usage.hours_online else 0


def _apply_prices(usage: Usage, meters: Meters, region: str) -> Estimate:
    prices_of = region if region in _prices() else DEFAULT_PRICE_REGION
    prices = _prices()[prices_of]
    quantities = {
        **meters,
        "edge_gb": meters["edge_bytes"] / _GB,
        "edge_origin_gb": meters["edge_origin_bytes"] / _GB,
    }
    rows = tuple(
        CostRow(
            service=meter["service"],
            what=meter["what"],
            quantity=quantities[name] / meter["per"],
            unit=meter["unit"],
            price=meter["price"],
            free=meter["free"] / meter["per"],
            source=meter["page"],
        )
        for name, meter in prices["meters"].items()
    )
    return Estimate(usage, rows, prices_of, prices["as_of"], prices["source"])


def _validate(usage: Usage) -> None:
    bounds = {
        "users": (0, 100_000_000),
        "messages_per_user_day": (0, 100_000),
        "group_size": (2, 10_000),
        "hours_online": (0, 24),
        "body_bytes": (1, 24_576),
        "memory_mb": (128, 10_240),
        "log_retention_days": (1, 3_653),
    }
    for name, (minimum, maximum) in bounds.items():
        if not minimum <= getattr(usage, name) <= maximum:
            raise ConfigError(
                f"{name} must be between {minimum:,} and {maximum:,}", field=name, limit=maximum
            )


@cache
def _prices() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        resources.files(__package__).joinpath("prices.json").read_text("utf-8")
    )
    return found
