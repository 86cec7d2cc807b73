"""What a group is, and who is in it as what."""

from __future__ import annotations

from typing import Final

from imchat.api import schema, serializers
from imchat.api.route import CONVERSATION, RequestContext, Response, Route
from imchat.api.routes.conversations import conversation
from imchat.domain.ids import UserId
from imchat.domain.limits import USER_IDS_MAX, check_count
from imchat.services import conversations, groups

_MEMBER: Final = CONVERSATION + "/members/{user_id}"


def _update(call: RequestContext) -> Response:
    groups.update_group(call.app, call.user_id, call.conversation_id, **call.body.model_dump())
    return conversation(call)


def _members(call: RequestContext) -> Response:
    cursor = call.query.cursor
    page, users, next_cursor = conversations.members_page(
        call.app, call.user_id, call.conversation_id, after=None if cursor is None else UserId(cursor)
    )
    answer = {"members": serializers.members(page), "users": serializers.users(users)}
    return Response(200, answer | ({"next_cursor": next_cursor} if next_cursor else {}))


def _add_members(call: RequestContext) -> Response:
    user_ids = [UserId(user_id) for user_id in dict.fromkeys(call.body.user_ids)]
    check_count(len(user_ids), field="user_ids", least=1, most=USER_IDS_MAX)
    groups.add_members(call.app, call.user_id, call.conversation_id, user_ids)
    return conversation(call)


def _set_role(call: RequestContext) -> Response:
    groups.set_role(call.app, call.user_id, call.conversation_id, call.member_id, call.body.role)
    return conversation(call)


def _remove_member(call: RequestContext) -> Response:
    groups.remove_member(call.app, call.user_id, call.conversation_id, call.member_id)
    return Response(200, {})


ROUTES: Final = (
    Route(
        "PATCH",
        CONVERSATION,
        "Change a group's title and settings",
        _update,
        schema.ConversationAnswer,
        schema.ConversationChange,
        errors=(403, 404, 409),
    ),
    Route(
        "GET",
        CONVERSATION + "/members",
        "The members, page by page",
        _members,
        schema.MembersAnswer,
        query=schema.PageQuery,
        errors=(404,),
    ),
    Route(
        "POST",
        CONVERSATION + "/members",
        "Add people to a group",
        _add_members,
        schema.ConversationAnswer,
        schema.NewMembers,
        errors=(403, 404, 409),
    ),
    Route(
        "PATCH",
        _MEMBER,
        "Give a member a role",
        _set_role,
        schema.ConversationAnswer,
        schema.RoleChange,
        errors=(403, 404, 409),
    ),
    Route(
        "DELETE", _MEMBER, "Remove a member, or leave", _remove_member, schema.Nothing, errors=(403, 404, 409)
    ),
)
