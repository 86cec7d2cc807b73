"""The way to the WebSocket, signing out of it, and who is there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from imchat.api import schema
from imchat.api.route import CONVERSATION, RequestContext, Response, Route
from imchat.domain.ids import UserId
from imchat.domain.limits import is_id
from imchat.services import presence, realtime


def _ticket(call: RequestContext) -> Response:
    ticket, expires_at_ms = realtime.issue_ticket(call.app, call.user_id, call.sign_in)
    return Response(201, {"ticket": ticket, "expires_at_ms": expires_at_ms})


def _sign_out(call: RequestContext) -> Response:
    realtime.sign_out(call.app, call.user_id, call.sign_in)
    return Response(200, {})


def _presence(call: RequestContext) -> Response:
    query: schema.PresenceQuery = call.query
    named = None if query.user_ids is None else _user_ids(query.user_ids.split(","))
    seen = presence.get(call.app, call.user_id, call.conversation_id, named)
    return Response(200, {"presence": [presence.to_wire(one) for one in seen]})


def _watch(call: RequestContext) -> Response:
    body: schema.Watched = call.body
    seen, until_ms = presence.subscribe(
        call.app, call.user_id, call.conversation_id, _user_ids(body.user_ids)
    )
    return Response(200, {"presence": [presence.to_wire(one) for one in seen], "until_ms": until_ms})


def _user_ids(texts: Iterable[str]) -> list[UserId]:
    return [UserId(text) for text in dict.fromkeys(texts) if is_id(text)]


ROUTES: Final = (
    Route(
        "POST",
        "/realtime/tickets",
        "A ticket for the WebSocket",
        _ticket,
        schema.TicketAnswer,
        statuses=(201,),
    ),
    Route("POST", "/me/sign-out", "Sign this device out", _sign_out, schema.Nothing, always=True),
    Route(
        "GET",
        CONVERSATION + "/presence",
        "Which members are there, and were last",
        _presence,
        schema.PresenceAnswer,
        query=schema.PresenceQuery,
        errors=(404,),
    ),
    Route(
        "PUT",
        CONVERSATION + "/presence/watch",
        "The same of a few, and hear of it for a while",
        _watch,
        schema.WatchAnswer,
        schema.Watched,
        errors=(404,),
    ),
)
