"""Coming into a group by oneself: invites by link, and public channels."""

from __future__ import annotations

from typing import Final

from imchat.api import schema, serializers
from imchat.api.route import CONVERSATION, RequestContext, Response, Route
from imchat.domain.ids import ConversationId
from imchat.services import conversations, joining

_INVITES: Final = CONVERSATION + "/invites"


def _invite(call: RequestContext) -> Response:
    made, token = joining.create_invite(
        call.app,
        call.user_id,
        call.conversation_id,
        expires_in_s=call.body.expires_in_s,
        max_uses=call.body.max_uses,
    )
    return Response(201, {"invite": serializers.invite(made), "token": token})


def _invites(call: RequestContext) -> Response:
    found = joining.list_invites(call.app, call.user_id, call.conversation_id)
    return Response(200, {"invites": [serializers.invite(one) for one in found]})


def _revoke(call: RequestContext) -> Response:
    joining.revoke_invite(call.app, call.user_id, call.conversation_id, call.path["invite_id"])
    return Response(200, {})


def _preview(call: RequestContext) -> Response:
    return Response(
        200,
        {
            "conversation": serializers.channel_preview(
                joining.preview_invite(call.app, call.path["token"])[0]
            )
        },
    )


def _accept(call: RequestContext) -> Response:
    return _joined(call, joining.accept_invite(call.app, call.user_id, call.path["token"]))


def _channels(call: RequestContext) -> Response:
    found = joining.search_channels(call.app, call.query.q)
    return Response(200, {"channels": [serializers.channel_preview(head) for head in found]})


def _join(call: RequestContext) -> Response:
    joining.join_channel(call.app, call.user_id, call.conversation_id)
    return _joined(call, call.conversation_id)


def _joined(call: RequestContext, conversation_id: ConversationId) -> Response:
    return Response(
        200, serializers.conversation(*conversations.get(call.app, call.user_id, conversation_id))
    )


ROUTES: Final = (
    Route(
        "POST",
        _INVITES,
        "Make a link into a group",
        _invite,
        schema.NewInviteAnswer,
        schema.NewInvite,
        statuses=(201,),
        errors=(403, 404, 409),
    ),
    Route("GET", _INVITES, "A group's links", _invites, schema.InvitesAnswer, errors=(403, 404, 409)),
    Route(
        "DELETE",
        _INVITES + "/{invite_id}",
        "Revoke a link",
        _revoke,
        schema.Nothing,
        errors=(403, 404, 409),
    ),
    Route(
        "GET",
        "/invites/{token}",
        "Where a link leads",
        _preview,
        schema.PreviewAnswer,
        errors=(404, 409),
    ),
    Route(
        "POST",
        "/invites/{token}/accept",
        "Join by a link",
        _accept,
        schema.ConversationAnswer,
        errors=(404, 409),
    ),
    Route(
        "GET",
        "/channels",
        "Find public channels",
        _channels,
        schema.ChannelsAnswer,
        query=schema.ChannelsQuery,
    ),
    Route(
        "POST",
        CONVERSATION + "/join",
        "Join a public channel",
        _join,
        schema.ConversationAnswer,
        errors=(404,),
    ),
)
