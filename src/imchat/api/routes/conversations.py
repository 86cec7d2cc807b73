"""Conversations: the inbox, creating, reading and changing one."""

from __future__ import annotations

from typing import Final

from imchat.api import schema, serializers
from imchat.api.route import CONVERSATION, RequestContext, Response, Route
from imchat.api.validation import user_ids
from imchat.domain.ids import ConversationId
from imchat.errors import Invalid
from imchat.services import conversations


def conversation_response(request: RequestContext) -> Response:
    """Return the conversation in the path as it is now: the response of every route that changes one."""
    found = conversations.get(request.app, request.user_id, request.conversation_id)
    return Response(200, serializers.conversation(found))


def _inbox(request: RequestContext) -> Response:
    query: schema.PageQuery = request.query
    cursor = None if query.cursor is None else ConversationId(query.cursor)
    return Response(200, serializers.inbox(conversations.inbox(request.app, request.user_id, cursor=cursor)))


def _create_conversation(request: RequestContext) -> Response:
    body: schema.NewConversation = request.body
    if body.kind == "direct":
        if len(body.member_ids) != 1 or body.title is not None:
            raise Invalid(
                "a direct conversation takes exactly one other user and no title", field="member_ids", limit=1
            )
        [other_id] = user_ids(body.member_ids)
        direct = conversations.create_direct(request.app, request.user_id, other_id)
        return Response(201 if direct.new else 200, serializers.conversation(direct))
    member_ids = user_ids(body.member_ids)
    group = conversations.create_group(request.app, request.user_id, member_ids, body.title)
    return Response(201, serializers.conversation(group))


def _update(request: RequestContext) -> Response:
    conversations.update_group(
        request.app, request.user_id, request.conversation_id, **request.body.model_dump()
    )
    return conversation_response(request)


def _update_settings(request: RequestContext) -> Response:
    changes = request.body.model_dump(exclude_none=True)
    me = conversations.update_settings(request.app, request.user_id, request.conversation_id, changes)
    return Response(200, {"settings": me.settings_by_name()})


ROUTES: Final = (
    Route(
        method="GET",
        path="/conversations",
        access="user",
        summary="List your conversations",
        handler=_inbox,
        response_model=schema.ConversationsResponse,
        query_model=schema.PageQuery,
    ),
    Route(
        method="POST",
        path="/conversations",
        access="user",
        summary="Create a conversation, or return the existing direct one",
        handler=_create_conversation,
        response_model=schema.ConversationResponse,
        request_model=schema.NewConversation,
        success=(201, 200),
        errors=(403, 404),
    ),
    Route(
        method="GET",
        path=CONVERSATION,
        access="member",
        summary="Get a conversation with its members",
        handler=conversation_response,
        response_model=schema.ConversationResponse,
        errors=(404,),
    ),
    Route(
        method="PATCH",
        path=CONVERSATION,
        access="manager",
        summary="Change a group's title and settings",
        handler=_update,
        response_model=schema.ConversationResponse,
        request_model=schema.ConversationChange,
        errors=(403, 404, 409),
    ),
    Route(
        method="PATCH",
        path=CONVERSATION + "/me",
        access="member",
        summary="Mute, archive or pin a conversation for yourself, or mark it unread",
        handler=_update_settings,
        response_model=schema.SettingsResponse,
        request_model=schema.SettingsChange,
        errors=(404,),
    ),
)
