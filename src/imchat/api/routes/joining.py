"""Coming into a group by oneself: invites by link, and public channels."""

from __future__ import annotations

from typing import Final

from imchat.api import schema, serializers
from imchat.api.route import CONVERSATION, Call, Reply, Route
from imchat.domain.ids import ConversationId
from imchat.services import conversations, joining

_INVITES: Final = CONVERSATION + "/invites"


def _invite(call: Call) -> Reply:
    made, token = joining.invite(
        call.app,
        call.user_id,
        call.conversation_id,
        expires_in_s=call.body.expires_in_s,
        max_uses=call.body.max_uses,
    )
    return Reply(201, {"invite": serializers.invite(made), "token": token})


def _invites(call: Call) -> Reply:
    found = joining.invites_of(call.app, call.user_id, call.conversation_id)
    return Reply(200, {"invites": [serializers.invite(one) for one in found]})


def _revoke(call: Call) -> Reply:
    joining.revoke(call.app, call.user_id, call.conversation_id, call.path["invite_id"])
    return Reply(200, {})


def _preview(call: Call) -> Reply:
    return Reply(200, {"conversation": serializers.preview(joining.preview(call.app, call.path["token"])[0])})


def _accept(call: Call) -> Reply:
    return _joined(call, joining.accept(call.app, call.user_id, call.path["token"]))


def _channels(call: Call) -> Reply:
    found = joining.find_channels(call.app, call.query.q)
    return Reply(200, {"channels": [serializers.preview(head) for head in found]})


def _join(call: Call) -> Reply:
    joining.join(call.app, call.user_id, call.conversation_id)
    return _joined(call, call.conversation_id)


def _joined(call: Call, conversation_id: ConversationId) -> Reply:
    return Reply(200, serializers.conversation(*conversations.entry(call.app, call.user_id, conversation_id)))


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
