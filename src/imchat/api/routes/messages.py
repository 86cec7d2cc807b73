"""The log: reading it, sending into it, how far one has read."""

from __future__ import annotations

from typing import Final

from imchat.api import schema, serializers
from imchat.api.route import CONVERSATION, EMOJI, RequestContext, Response, Route
from imchat.domain.ids import ConnectionId
from imchat.services import message_actions, messages, receipts

_MESSAGE: Final = CONVERSATION + "/messages/{seq}"
_REACTION: Final = f"{_MESSAGE}/reactions/{EMOJI}"
_PIN: Final = _MESSAGE + "/pin"


def _events(call: RequestContext) -> Response:
    query: schema.EventsQuery = call.query
    events, more = messages.read(
        call.app,
        call.user_id,
        call.conversation_id,
        after=query.after,
        before=query.before,
        limit=query.limit,
    )
    return Response(200, {"events": events, "has_more": more})


def _send(call: RequestContext) -> Response:
    body: schema.NewMessage = call.body
    sent = messages.send(
        call.app,
        call.user_id,
        call.conversation_id,
        client_message_id=body.client_message_id,
        body=body.body,
        after_seq=body.after_seq,
        reply_to=body.reply_to,
        connection_id=None if body.connection_id is None else ConnectionId(body.connection_id),
    )
    return Response(201 if sent.new else 200, {"event": sent.event})


def _edit(call: RequestContext) -> Response:
    done = message_actions.edit(call.app, call.user_id, call.conversation_id, call.seq, call.body.body)
    return Response(200, serializers.message_change(done))


def _delete(call: RequestContext) -> Response:
    return Response(
        200,
        serializers.message_change(
            message_actions.delete(call.app, call.user_id, call.conversation_id, call.seq)
        ),
    )


def _react(call: RequestContext) -> Response:
    emoji = call.path["emoji"]
    done = message_actions.react(call.app, call.user_id, call.conversation_id, call.seq, emoji)
    return Response(200, serializers.message_change(done))


def _unreact(call: RequestContext) -> Response:
    emoji = call.path["emoji"]
    done = message_actions.unreact(call.app, call.user_id, call.conversation_id, call.seq, emoji)
    return Response(200, serializers.message_change(done))


def _pin(call: RequestContext) -> Response:
    return Response(
        200,
        serializers.message_change(
            message_actions.pin(call.app, call.user_id, call.conversation_id, call.seq)
        ),
    )


def _unpin(call: RequestContext) -> Response:
    return Response(
        200,
        serializers.message_change(
            message_actions.unpin(call.app, call.user_id, call.conversation_id, call.seq)
        ),
    )


def _pins(call: RequestContext) -> Response:
    return Response(200, {"events": messages.list_pinned(call.app, call.user_id, call.conversation_id)})


def _mark_read(call: RequestContext) -> Response:
    position = receipts.mark_read(call.app, call.user_id, call.conversation_id, call.body.seq)
    return Response(200, position._asdict())


ROUTES: Final = (
    Route(
        "GET",
        CONVERSATION + "/events",
        "The log",
        _events,
        schema.EventsAnswer,
        query=schema.EventsQuery,
        errors=(404,),
        suspended="seen",
    ),
    Route(
        "POST",
        CONVERSATION + "/messages",
        "Send a message, once",
        _send,
        schema.EventAnswer,
        schema.NewMessage,
        statuses=(201, 200),
        errors=(403, 404, 409),
        suspended="seen",
    ),
    Route(
        "PATCH",
        _MESSAGE,
        "Edit my message",
        _edit,
        schema.ChangeAnswer,
        schema.MessageChange,
        errors=(403, 404, 409),
    ),
    Route("DELETE", _MESSAGE, "Delete a message", _delete, schema.ChangeAnswer, errors=(403, 404)),
    Route("PUT", _REACTION, "React to a message", _react, schema.ChangeAnswer, errors=(403, 404, 409)),
    Route("DELETE", _REACTION, "Take a reaction back", _unreact, schema.ChangeAnswer, errors=(403, 404)),
    Route("PUT", _PIN, "Pin a message", _pin, schema.ChangeAnswer, errors=(403, 404, 409)),
    Route("DELETE", _PIN, "Take a pin away", _unpin, schema.ChangeAnswer, errors=(403, 404)),
    Route("GET", CONVERSATION + "/pins", "The pinned messages", _pins, schema.PinsAnswer, errors=(404,)),
    Route(
        "PUT",
        CONVERSATION + "/read",
        "Move my read cursor",
        _mark_read,
        schema.ReadAnswer,
        schema.ReadCursor,
        errors=(404,),
        suspended="seen",
    ),
)
