"""Presence: which members are online, and subscribing to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from imchat.api import schema
from imchat.api.route import CONVERSATION, RequestContext, Response, Route
from imchat.domain.ids import UserId
from imchat.domain.limits import SIGNAL_MEMBERS, WATCHED_MAX, check_count, is_id
from imchat.services import presence

_PRESENCE: Final = CONVERSATION + "/presence"


def _presence(request: RequestContext) -> Response:
    query: schema.PresenceQuery = request.query
    user_ids = None if query.user_ids is None else _user_ids(query.user_ids.split(","), SIGNAL_MEMBERS)
    found = presence.get(request.app, request.user_id, request.conversation_id, user_ids)
    return Response(200, {"presence": [presence.to_wire(entry) for entry in found]})


def _watch(request: RequestContext) -> Response:
    body: schema.Watched = request.body
    user_ids = _user_ids(body.user_ids, WATCHED_MAX)
    found = presence.subscribe(request.app, request.user_id, request.conversation_id, user_ids)
    entries = [presence.to_wire(entry) for entry in found.presences]
    return Response(200, {"presence": entries, "until_ms": found.until_ms})


def _user_ids(texts: Sequence[str], maximum: int) -> list[UserId]:
    """Return the ids, each once, without texts that are no ids. The limit counts every text."""
    check_count(len(texts), field="user_ids", minimum=1, maximum=maximum)
    return [UserId(text) for text in dict.fromkeys(texts) if is_id(text)]


ROUTES: Final = (
    Route(
        method="GET",
        path=_PRESENCE,
        access="member",
        summary="Get which members are online, or when they last were",
        handler=_presence,
        response_model=schema.PresenceResponse,
        query_model=schema.PresenceQuery,
        errors=(404,),
    ),
    Route(
        method="PUT",
        path=_PRESENCE + "/watch",
        access="member",
        summary="Watch the presence of members",
        handler=_watch,
        response_model=schema.WatchResponse,
        request_model=schema.Watched,
        errors=(404,),
    ),
)
