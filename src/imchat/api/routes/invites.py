"""Invites: links into a group."""

from __future__ import annotations

from typing import Final

from imchat.api import schema, serializers
from imchat.api.route import CONVERSATION, RequestContext, Response, Route
from imchat.services import conversations, invites

_INVITES: Final = CONVERSATION + "/invites"


def _invite(request: RequestContext) -> Response:
    created = invites.create(
        request.app,
        request.user_id,
        request.conversation_id,
        expires_in_s=request.body.expires_in_s,
        max_uses=request.body.max_uses,
    )
    return Response(201, {"invite": serializers.invite(created.invite), "token": created.token})


def _invites(request: RequestContext) -> Response:
    found = invites.list_invites(request.app, request.user_id, request.conversation_id)
    return Response(200, {"invites": [serializers.invite(invite) for invite in found]})


def _revoke(request: RequestContext) -> Response:
    invites.revoke(request.app, request.user_id, request.conversation_id, request.path["invite_id"])
    return Response(200, {})


def _preview(request: RequestContext) -> Response:
    found = invites.preview(request.app, request.path["token"])
    return Response(200, {"conversation": serializers.channel_preview(found.head)})


def _accept(request: RequestContext) -> Response:
    conversation_id = invites.accept(request.app, request.user_id, request.path["token"])
    conversation = conversations.get(request.app, request.user_id, conversation_id)
    return Response(200, serializers.conversation(conversation))


ROUTES: Final = (
    Route(
        method="POST",
        path=_INVITES,
        access="manager",
        summary="Create an invite",
        handler=_invite,
        response_model=schema.NewInviteResponse,
        request_model=schema.NewInvite,
        success=(201,),
        errors=(403, 404, 409),
    ),
    Route(
        method="GET",
        path=_INVITES,
        access="manager",
        summary="List the invites of a group",
        handler=_invites,
        response_model=schema.InvitesResponse,
        errors=(403, 404, 409),
    ),
    Route(
        method="DELETE",
        path=_INVITES + "/{invite_id}",
        access="manager",
        summary="Revoke an invite",
        handler=_revoke,
        response_model=schema.Nothing,
        errors=(403, 404, 409),
    ),
    Route(
        method="GET",
        path="/invites/{token}",
        access="user",
        summary="Preview the group of an invite",
        handler=_preview,
        response_model=schema.PreviewResponse,
        errors=(404, 409),
    ),
    Route(
        method="POST",
        path="/invites/{token}/accept",
        access="user",
        summary="Accept an invite",
        handler=_accept,
        response_model=schema.ConversationResponse,
        errors=(404, 409),
    ),
)
