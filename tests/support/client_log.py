"""A log of nine messages, for tests of how the Python client handles events."""

from __future__ import annotations

from typing import Any

LOG: list[dict[str, Any]] = [
    {"seq": seq, "type": "message.created", "actor_id": "ada", "message": {"body": str(seq)}}
    for seq in range(1, 10)
]
