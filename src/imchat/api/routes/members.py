"""Members of a group: list, add and remove them, and change their roles."""

from __future__ import annotations

from typing import Final

from imchat.api import schema, serializers
from imchat.api.route import CONVERSATION, RequestContext, Response, Route
from imchat.api.routes.conversations import conversation_response
from imchat.api.validation import user_ids
from imchat.domain.ids import UserId
from imchat.domain.limits import USER_IDS_MAX, check_count
from imchat.errors import Invalid
from imchat.services import members

_MEMBERS: Final = CONVERSATION + "/members"
_MEMBER: Final = _MEMBERS + "/{user_id}"


def _members(request: RequestContext) -> Response:
    cursor = request.query.cursor
    page = members.list_members(
        request.app,
        request.user_id,
        request.conversation_id,
        after=None if cursor is None else UserId(cursor),
    )
    body = {"members": serializers.members(page.members), "users": serializers.users(page.users)}
    return Response(200, body | ({"next_cursor": page.next_cursor} if page.next_cursor else {}))


def _add_members(request: RequestContext) -> Response:
    check_count(len(set(request.body.user_ids)), field="user_ids", minimum=1, maximum=USER_IDS_MAX)
    members.add_members(
        request.app, request.user_id, request.conversation_id, user_ids(request.body.user_ids)
    )
    return conversation_response(request)


def _set_role(request: RequestContext) -> Response:
    members.set_role(
        request.app, request.user_id, request.conversation_id, request.other_id, request.body.role
    )
    return conversation_response(request)


def _remove_member(request: RequestContext) -> Response:
    query: schema.LeaveQuery = request.query
    if query.block is None:
        members.remove_member(request.app, request.user_id, request.conversation_id, request.other_id)
        return Response(200, {})
    if request.other_id != request.user_id:
        raise Invalid("block works only when you leave the group yourself", field="block", limit="leaving")
    [block_id] = user_ids([query.block])
    members.leave_and_block(request.app, request.user_id, request.conversation_id, block_id)
    return Response(200, {})


ROUTES: Final = (
    Route(
        method="GET",
        path=_MEMBERS,
        access="member",
        summary="List the members of a conversation",
        handler=_members,
        response_model=schema.MembersResponse,
        query_model=schema.PageQuery,
        errors=(404,),
    ),
    Route(
        method="POST",
        path=_MEMBERS,
        access="manager",
        summary="Add users to a group",
        handler=_add_members,
        response_model=schema.ConversationResponse,
        request_model=schema.NewMembers,
        errors=(403, 404, 409),
    ),
    Route(
        method="PATCH",
        path=_MEMBER,
        access="owner",
        summary="Change a member's role",
        handler=_set_role,
        response_model=schema.ConversationResponse,
        request_model=schema.RoleChange,
        errors=(403, 404, 409),
    ),
    Route(
        method="DELETE",
        path=_MEMBER,
        access="member",
        summary="Leave a group, or remove a member with a lower role",
        handler=_remove_member,
        response_model=schema.Nothing,
        query_model=schema.LeaveQuery,
        errors=(403, 404, 409),
    ),
)
