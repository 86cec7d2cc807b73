"""Public channels: their directory, and joining one."""

from __future__ import annotations

from typing import Final

from imchat.api import schema, serializers
from imchat.api.route import CONVERSATION, RequestContext, Response, Route
from imchat.api.routes.conversations import conversation_response
from imchat.services import channels


def _channels(request: RequestContext) -> Response:
    found = channels.search(request.app, request.query.q)
    return Response(200, {"channels": [serializers.channel_preview(head) for head in found]})


def _join(request: RequestContext) -> Response:
    channels.join(request.app, request.user_id, request.conversation_id)
    return conversation_response(request)


ROUTES: Final = (
    Route(
        method="GET",
        path="/channels",
        access="user",
        summary="Search public channels",
        handler=_channels,
        response_model=schema.ChannelsResponse,
        query_model=schema.ChannelsQuery,
    ),
    Route(
        method="POST",
        path=CONVERSATION + "/join",
        access="user",
        summary="Join a public channel",
        handler=_join,
        response_model=schema.ConversationResponse,
        errors=(404,),
    ),
)
