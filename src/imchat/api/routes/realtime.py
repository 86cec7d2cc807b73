"""WebSocket tickets, and signing out."""

from __future__ import annotations

from typing import Final

from imchat.api import schema
from imchat.api.route import RequestContext, Response, Route
from imchat.services import realtime


def _ticket(request: RequestContext) -> Response:
    ticket = realtime.issue_ticket(request.app, request.user_id, request.sign_in)
    return Response(201, {"ticket": ticket.secret, "expires_at_ms": ticket.expires_at_ms})


def _sign_out(request: RequestContext) -> Response:
    realtime.sign_out(request.app, request.user_id, request.sign_in)
    return Response(200, {})


ROUTES: Final = (
    Route(
        method="POST",
        path="/realtime/tickets",
        access="user",
        summary="Create a WebSocket ticket",
        handler=_ticket,
        response_model=schema.TicketResponse,
        success=(201,),
    ),
    Route(
        method="POST",
        path="/me/sign-out",
        access="user",
        summary="Sign out on this device",
        handler=_sign_out,
        response_model=schema.Nothing,
        rate_limited=False,
    ),
)
