"""Messages: read events, send, edit, delete, react, pin, and move the read cursor."""

from __future__ import annotations

from typing import Final

from imchat.api import schema, serializers
from imchat.api.route import CONVERSATION, EMOJI, RequestContext, Response, Route
from imchat.domain.ids import ConnectionId
from imchat.services import message_actions, messages, read_cursors

_MESSAGE: Final = CONVERSATION + "/messages/{seq}"
_REACTION: Final = f"{_MESSAGE}/reactions/{EMOJI}"
_PIN: Final = _MESSAGE + "/pin"


def _events(request: RequestContext) -> Response:
    query: schema.EventsQuery = request.query
    page = messages.read(
        request.app,
        request.user_id,
        request.conversation_id,
        after=query.after,
        before=query.before,
        around=query.around,
        limit=query.limit,
    )
    return Response(200, serializers.event_page(page))


def _send(request: RequestContext) -> Response:
    body: schema.NewMessage = request.body
    sent = messages.send(
        request.app,
        request.user_id,
        request.conversation_id,
        client_message_id=body.client_message_id,
        body=body.body,
        after_seq=body.after_seq,
        reply_to=body.reply_to,
        connection_id=None if body.connection_id is None else ConnectionId(body.connection_id),
    )
    return Response(201 if sent.new else 200, {"event": sent.event})


def _edit(request: RequestContext) -> Response:
    change = message_actions.edit(
        request.app, request.user_id, request.conversation_id, request.seq, request.body.body
    )
    return Response(200, serializers.message_change(change))


def _delete(request: RequestContext) -> Response:
    change = message_actions.delete(request.app, request.user_id, request.conversation_id, request.seq)
    return Response(200, serializers.message_change(change))


def _react(request: RequestContext) -> Response:
    change = message_actions.react(
        request.app, request.user_id, request.conversation_id, request.seq, request.path["emoji"]
    )
    return Response(200, serializers.message_change(change))


def _unreact(request: RequestContext) -> Response:
    change = message_actions.unreact(
        request.app, request.user_id, request.conversation_id, request.seq, request.path["emoji"]
    )
    return Response(200, serializers.message_change(change))


def _pin(request: RequestContext) -> Response:
    change = message_actions.pin(request.app, request.user_id, request.conversation_id, request.seq)
    return Response(200, serializers.message_change(change))


def _unpin(request: RequestContext) -> Response:
    change = message_actions.unpin(request.app, request.user_id, request.conversation_id, request.seq)
    return Response(200, serializers.message_change(change))


def _pins(request: RequestContext) -> Response:
    events = messages.list_pinned(request.app, request.user_id, request.conversation_id)
    return Response(200, {"events": events})


def _mark_read(request: RequestContext) -> Response:
    position = read_cursors.mark_read(request.app, request.user_id, request.conversation_id, request.body.seq)
    return Response(200, position.to_dict())


ROUTES: Final = (
    Route(
        method="GET",
        path=CONVERSATION + "/events",
        access="member",
        summary="Read the events of a conversation",
        handler=_events,
        response_model=schema.EventsResponse,
        query_model=schema.EventsQuery,
        errors=(404,),
        suspended="by_member",
    ),
    Route(
        method="POST",
        path=CONVERSATION + "/messages",
        access="member",
        summary="Send a message; retries do not duplicate it",
        handler=_send,
        response_model=schema.EventResponse,
        request_model=schema.NewMessage,
        success=(201, 200),
        errors=(403, 404, 409),
        suspended="by_member",
    ),
    Route(
        method="PATCH",
        path=_MESSAGE,
        access="author",
        summary="Edit your message",
        handler=_edit,
        response_model=schema.ChangeResponse,
        request_model=schema.MessageChange,
        errors=(403, 404, 409),
    ),
    Route(
        method="DELETE",
        path=_MESSAGE,
        access="author",
        summary="Delete a message",
        handler=_delete,
        response_model=schema.ChangeResponse,
        errors=(403, 404),
    ),
    Route(
        method="PUT",
        path=_REACTION,
        access="member",
        summary="React to a message",
        handler=_react,
        response_model=schema.ChangeResponse,
        errors=(403, 404, 409),
    ),
    Route(
        method="DELETE",
        path=_REACTION,
        access="member",
        summary="Remove your reaction",
        handler=_unreact,
        response_model=schema.ChangeResponse,
        errors=(403, 404),
    ),
    Route(
        method="PUT",
        path=_PIN,
        access="manager",
        summary="Pin a message",
        handler=_pin,
        response_model=schema.ChangeResponse,
        errors=(403, 404, 409),
    ),
    Route(
        method="DELETE",
        path=_PIN,
        access="manager",
        summary="Unpin a message",
        handler=_unpin,
        response_model=schema.ChangeResponse,
        errors=(403, 404),
    ),
    Route(
        method="GET",
        path=CONVERSATION + "/pins",
        access="member",
        summary="List the pinned messages",
        handler=_pins,
        response_model=schema.PinsResponse,
        errors=(404,),
    ),
    Route(
        method="PUT",
        path=CONVERSATION + "/read",
        access="member",
        summary="Move your read cursor",
        handler=_mark_read,
        response_model=schema.ReadResponse,
        request_model=schema.ReadCursor,
        errors=(404,),
        suspended="by_member",
    ),
)
