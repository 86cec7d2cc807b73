"""The log: reading it, sending into it, how far one has read."""

from __future__ import annotations

from typing import Final

from imchat.api import schema
from imchat.api.route import CONVERSATION, Call, Reply, Route
from imchat.services import messages, receipts


def _events(call: Call) -> Reply:
    query: schema.EventsQuery = call.query
    events, more = messages.read(
        call.app,
        call.user_id,
        call.conversation_id,
        after=query.after,
        before=query.before,
        limit=query.limit,
    )
    return Reply(200, {"events": events, "has_more": more})


def _send(call: Call) -> Reply:
    body: schema.NewMessage = call.body
    sent = messages.send(
        call.app,
        call.user_id,
        call.conversation_id,
        client_message_id=body.client_message_id,
        body=body.body,
        after_seq=body.after_seq,
    )
    return Reply(201 if sent.new else 200, {"event": sent.event})


def _mark_read(call: Call) -> Reply:
    position = receipts.mark_read(call.app, call.user_id, call.conversation_id, call.body.seq)
    return Reply(200, position._asdict())


ROUTES: Final = (
    Route(
        "GET",
        CONVERSATION + "/events",
        "The log",
        _events,
        schema.EventsAnswer,
        query=schema.EventsQuery,
        errors=(404,),
    ),
    Route(
        "POST",
        CONVERSATION + "/messages",
        "Send a message, once",
        _send,
        schema.EventAnswer,
        schema.NewMessage,
        statuses=(201, 200),
        errors=(404, 409),
    ),
    Route(
        "PUT",
        CONVERSATION + "/read",
        "Move my read cursor",
        _mark_read,
        schema.ReadAnswer,
        schema.ReadCursor,
        errors=(404,),
    ),
)
