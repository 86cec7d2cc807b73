"""What a stage costs a month: every meter of AWS's a row, from what people do and what that does to each meter.

List prices of the first tier, dated, in `prices.json`. Nothing is asked of AWS. What people send beside text
(attachments) is not in it.
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
"""How often something is metered, by the meter's name in `prices.json`."""

DAYS: Final = 30
PRICED: Final = "us-east-1"
"""The region whose prices stand for a region that has none of its own here."""

# What people do beside sending, and how often. Assumed, not measured.
READS_PER_MESSAGE: Final = 0.5
"""Of each reader: two messages in a row are read at once."""
TYPING_PER_MESSAGE: Final = 2
"""A client says that somebody writes every three seconds at most."""
OPENINGS_A_DAY: Final = 2
"""The site is opened so often by everybody; each time it reads the inbox and a few conversations."""
MONTHS_KEPT: Final = 12
"""Storage is that of so many months' messages: it grows."""

# What the code does. `tests/deploy/test_cost.py` holds these to the code and the templates.
PINGS_AN_HOUR: Final = 15
CONNECTION_HOURS: Final = 2
CONNECTION_READ_UNITS: Final = 8
CONNECTION_WRITE_UNITS: Final = 5
"""Of a connection's ticket, its beginning and its end."""
SIGNAL_MEMBERS: Final = 100
DIRECT_POSTS: Final = 50
ALARM_METRICS: Final = 15
MEMORY_MB: Final = 1024

# Sizes and times as assumed for this estimate.
_BILLED_S: Final = 0.025  # with 1 GB: three steps of DynamoDB and a post in turn; some cold starts in it
_EVENT_BYTES: Final = 320 + 100  # DynamoDB adds 100 to each item
_BODY_BYTES: Final = 90  # of that event
_ANSWER_BYTES: Final = 1_000
_OPENING_BYTES: Final = 30_000
_OPENING_REQUESTS: Final = 8
_OPENING_READ_UNITS: Final = 120
_SITE_BYTES: Final = 300_000  # once a month: then it has changed
_SITE_REQUESTS: Final = 10
_FRAME_BYTES: Final = 600
_LOG_BYTES: Final = 850  # of one invocation: its start, its report, the request's line
_BUCKET_GB: Final = 0.1
_GB: Final = 1024**3
_IDLE_POLLS: Final = 15 * 60 * 24 * DAYS  # Lambda asks an empty queue fifteen times a minute


@dataclass(frozen=True, slots=True)
class Usage:
    """What is expected. `group_size`: members of a conversation, 2 for one to one; `body_bytes`: of a message.

    Everybody is taken to be online with one device when a message comes, for `hours_online` a day: the dear case.
    """

    users: int = 100
    messages_per_user_day: float = 50
    group_size: int = 2
    hours_online: float = 8
    body_bytes: int = 90
    memory_mb: int = MEMORY_MB
    log_retention_days: int = 30


@dataclass(frozen=True, slots=True)
class Row:
    """One meter: `quantity` in units of `unit` at `price` dollars each; `free` of them cost nothing in any month."""

    service: str
    what: str
    quantity: float
    unit: str
    price: float
    free: float
    source: str

    @property
    def cost(self) -> float:
        """Dollars a month at list price."""
        return self.quantity * self.price

    @property
    def cost_after_free(self) -> float:
        """Dollars a month in an account that uses its free allowance for nothing else."""
        return max(0.0, self.quantity - self.free) * self.price


@dataclass(frozen=True, slots=True)
class Estimate:
    """A month. `prices_of` is the region that the prices are of, and `as_of` their date (ISO)."""

    usage: Usage
    rows: tuple[Row, ...]
    prices_of: str
    as_of: str
    source: str

    @property
    def total(self) -> float:
        """Dollars a month at list price."""
        return sum(row.cost for row in self.rows)

    @property
    def total_after_free(self) -> float:
        """Dollars a month in an account that uses its free allowance for nothing else."""
        return sum(row.cost_after_free for row in self.rows)


def estimate(usage: Usage, *, region: str = PRICED) -> Estimate:
    """What `usage` costs a month in `region`, or at the prices of `PRICED` where none are known: see `prices_of`.

    Raises: ConfigError for numbers that cannot be.
    """
    _check(usage)
    messages = usage.users * usage.messages_per_user_day * DAYS
    parts = (
        (message(usage), messages),
        (reading(usage), messages * READS_PER_MESSAGE * (usage.group_size - 1)),
        (typing(usage), messages * TYPING_PER_MESSAGE),
        (day(usage), usage.users * DAYS),
        (month(usage), 1),
    )
    meters: defaultdict[str, float] = defaultdict(float)
    for part, times in parts:
        for meter, count in part.items():
            meters[meter] += count * times
    meters["log_gb"] = meters["invocations"] * _LOG_BYTES / _GB
    meters["log_kept_gb"] = meters["log_gb"] * usage.log_retention_days / DAYS
    return _priced(usage, meters, region)


def message(usage: Usage) -> Meters:
    """What sending one message does. Who sends names their connection, so it is not posted to unless the queue does that."""
    others = max(0, _online(usage) - 1)
    queued = others > DIRECT_POSTS
    posts = others + 1 if queued else others
    event_bytes = _EVENT_BYTES - _BODY_BYTES + usage.body_bytes
    return {
        **_request(usage, invocations=2 if queued else 1),
        "write_units": math.ceil(event_bytes / 1024) + 1,
        "read_units": 1 + usage.group_size * (2 if queued else 1),
        "queue_requests": 3 if queued else 0,
        **_pushed(posts, _FRAME_BYTES + usage.body_bytes),
    }


def reading(usage: Usage) -> Meters:
    """What one reader's moving the read cursor does: it is told to everybody in conversations that are not large."""
    told = usage.group_size if usage.group_size <= SIGNAL_MEMBERS else 0
    return {
        **_request(usage),
        "write_units": 1,
        "read_units": 4 + told,
        **_pushed(min(told, _online(usage)), _FRAME_BYTES / 4),
    }


def typing(usage: Usage) -> Meters:
    """What one client's saying that somebody writes does."""
    if not usage.hours_online:
        return {}
    told = usage.group_size - 1 if usage.group_size <= SIGNAL_MEMBERS else 0
    return {
        **_invoked(usage),
        "read_units": 2 + told,
        "socket_messages": 1 + told,
        "edge_bytes": told * _FRAME_BYTES / 4,
    }


def day(usage: Usage) -> Meters:
    """What one person does to the meters in a day without saying a word: opens the site, connects, stays online."""
    connections = math.ceil(usage.hours_online / CONNECTION_HOURS)
    pings = usage.hours_online * PINGS_AN_HOUR + connections  # the first one asks for the connection's name
    requests = OPENINGS_A_DAY * _OPENING_REQUESTS + connections  # one for a ticket
    invocations = requests + 3 * connections + pings  # authorizer, $connect, $disconnect
    return {
        **_invoked(usage, invocations),
        "http_requests": requests,
        "edge_requests": requests + connections,
        "write_units": CONNECTION_WRITE_UNITS * connections,
        "read_units": OPENINGS_A_DAY * _OPENING_READ_UNITS + CONNECTION_READ_UNITS * connections,
        "socket_messages": 2 * pings,
        "socket_minutes": usage.hours_online * 60,
        "edge_bytes": OPENINGS_A_DAY * _OPENING_BYTES,
    }


def month(usage: Usage) -> Meters:
    """What a stage does in a month: people's data is kept, everybody signs in and loads the site."""
    messages = usage.users * usage.messages_per_user_day * DAYS * MONTHS_KEPT
    table_gb = messages * (_EVENT_BYTES - _BODY_BYTES + usage.body_bytes) / _GB
    site_requests = usage.users * _SITE_REQUESTS
    return {
        "table_gb": table_gb,
        "backup_gb": table_gb,
        "queue_requests": _IDLE_POLLS,
        "edge_requests": site_requests,
        "edge_functions": usage.users * OPENINGS_A_DAY * DAYS,
        "edge_bytes": usage.users * _SITE_BYTES,
        "bucket_gb": _BUCKET_GB,
        "bucket_reads": site_requests,
        "active_users": usage.users,
        "alarm_metrics": ALARM_METRICS,
        "dashboards": 1,
    }


def regions() -> list[str]:
    """The regions whose prices are known here."""
    return sorted(_prices())


def _request(usage: Usage, invocations: int = 1) -> dict[str, float]:
    """One HTTP request, through CloudFront."""
    return {
        **_invoked(usage, invocations),
        "http_requests": 1,
        "edge_requests": 1,
        "edge_bytes": _ANSWER_BYTES,
        "edge_origin_bytes": _ANSWER_BYTES,
    }


def _invoked(usage: Usage, times: float = 1) -> dict[str, float]:
    return {"invocations": times, "gb_seconds": times * _BILLED_S * usage.memory_mb / 1024}


def _pushed(posts: int, frame_bytes: float) -> dict[str, float]:
    """Frames to people's devices, which pass CloudFront; an HTTP answer goes to one of them."""
    return {"socket_messages": posts, "edge_bytes": _ANSWER_BYTES + posts * frame_bytes}


def _online(usage: Usage) -> int:
    return usage.group_size if usage.hours_online else 0


def _priced(usage: Usage, meters: Meters, region: str) -> Estimate:
    prices_of = region if region in _prices() else PRICED
    prices = _prices()[prices_of]
    known = {
        **meters,
        "edge_gb": meters["edge_bytes"] / _GB,
        "edge_origin_gb": meters["edge_origin_bytes"] / _GB,
    }
    rows = tuple(
        Row(
            service=meter["service"],
            what=meter["what"],
            quantity=known[name] / meter["per"],
            unit=meter["unit"],
            price=meter["price"],
            free=meter["free"] / meter["per"],
            source=meter["page"],
        )
        for name, meter in prices["meters"].items()
    )
    return Estimate(usage, rows, prices_of, prices["as_of"], prices["source"])


def _check(usage: Usage) -> None:
    bounds = {
        "users": (0, 100_000_000),
        "messages_per_user_day": (0, 100_000),
        "group_size": (2, 10_000),
        "hours_online": (0, 24),
        "body_bytes": (1, 24_576),
        "memory_mb": (128, 10_240),
        "log_retention_days": (1, 3_653),
    }
    for name, (least, most) in bounds.items():
        if not least <= getattr(usage, name) <= most:
            raise ConfigError(f"{name} is from {least:,} to {most:,}", field=name, limit=most)


@cache
def _prices() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        resources.files(__package__).joinpath("prices.json").read_text("utf-8")
    )
    return found
