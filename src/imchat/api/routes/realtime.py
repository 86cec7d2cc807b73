"""The way to the WebSocket."""

from __future__ import annotations

from typing import Final

from imchat.api import schema
from imchat.api.route import Call, Reply, Route
from imchat.services import realtime


def _ticket(call: Call) -> Reply:
    ticket, expires_at_ms = realtime.issue_ticket(call.app, call.user_id)
    return Reply(201, {"ticket": ticket, "expires_at_ms": expires_at_ms})


ROUTES: Final = (
    Route(
        "POST",
        "/realtime/tickets",
        "A ticket for the WebSocket",
        _ticket,
        schema.TicketAnswer,
        statuses=(201,),
    ),
)
