"""My conversations: the inbox, starting one, one of them whole."""

from __future__ import annotations

from typing import Final

from imchat.api import schema, serializers
from imchat.api.route import CONVERSATION, RequestContext, Response, Route
from imchat.domain.ids import ConversationId, UserId
from imchat.errors import Invalid
from imchat.services import conversations


def _inbox(call: RequestContext) -> Response:
    query: schema.PageQuery = call.query
    cursor = None if query.cursor is None else ConversationId(query.cursor)
    return Response(200, serializers.inbox(conversations.inbox(call.app, call.user_id, cursor=cursor)))


def _create_conversation(call: RequestContext) -> Response:
    body: schema.NewConversation = call.body
    member_ids = [UserId(user_id) for user_id in body.member_ids]
    if body.kind == "direct":
        if len(member_ids) != 1 or body.title is not None:
            raise Invalid(
                "a direct conversation takes one other person and no title", field="member_ids", limit=1
            )
        entry, users, new = conversations.create_direct(call.app, call.user_id, member_ids[0])
        return Response(201 if new else 200, serializers.conversation(entry, users))
    return Response(
        201,
        serializers.conversation(*conversations.create_group(call.app, call.user_id, member_ids, body.title)),
    )


def conversation(call: RequestContext) -> Response:
    """The answer of everything that changes a conversation: it, whole."""
    return Response(
        200, serializers.conversation(*conversations.get(call.app, call.user_id, call.conversation_id))
    )


def _update_mine(call: RequestContext) -> Response:
    changes = call.body.model_dump(exclude_none=True)
    me = conversations.update_settings(call.app, call.user_id, call.conversation_id, changes)
    return Response(200, {"settings": me.chosen()})


ROUTES: Final = (
    Route("GET", "/conversations", "My inbox", _inbox, schema.ConversationsAnswer, query=schema.PageQuery),
    Route(
        "POST",
        "/conversations",
        "Start a conversation; a direct one that exists is answered as it is",
        _create_conversation,
        schema.ConversationAnswer,
        schema.NewConversation,
        statuses=(201, 200),
        errors=(403, 404),
    ),
    Route(
        "GET",
        CONVERSATION,
        "A conversation with its members",
        conversation,
        schema.ConversationAnswer,
        errors=(404,),
    ),
    Route(
        "PATCH",
        CONVERSATION + "/me",
        "Mute, archive or pin a conversation for myself, or mark it unread",
        _update_mine,
        schema.SettingsAnswer,
        schema.SettingsChange,
        errors=(404,),
    ),
)
