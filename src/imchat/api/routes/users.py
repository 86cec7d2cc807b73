"""Users: profiles and the directory, and the health check."""

from __future__ import annotations

from typing import Final

import imchat
from imchat.api import schema, serializers
from imchat.api.route import RequestContext, Response, Route
from imchat.domain.ids import UserId
from imchat.domain.limits import USER_IDS_MAX, check_count, is_id
from imchat.errors import Invalid
from imchat.services import users


def _health(_request: RequestContext) -> Response:
    return Response(200, {"status": "ok", "version": imchat.__version__})


def _me(request: RequestContext) -> Response:
    return Response(200, {"user": serializers.me(users.me(request.app, request.user_id))})


def _update_me(request: RequestContext) -> Response:
    change: schema.ProfileChange = request.body
    user = users.update_profile(
        request.app,
        request.user_id,
        handle=change.handle,
        display_name=change.display_name,
        show_presence=change.show_presence,
        group_additions=change.group_additions,
    )
    return Response(200, {"user": serializers.me(user)})


def _users(request: RequestContext) -> Response:
    query: schema.UsersQuery = request.query
    if (query.prefix is None) == (query.ids is None):
        raise Invalid("give exactly one of prefix and ids", field="prefix", limit="one of prefix, ids")
    if query.prefix is not None:
        return Response(200, {"users": serializers.users(users.search(request.app, query.prefix))})
    texts = (query.ids or "").split(",")
    check_count(len(texts), field="ids", maximum=USER_IDS_MAX)
    user_ids = [UserId(text) for text in dict.fromkeys(texts) if is_id(text)]
    check_count(len(user_ids), field="ids", minimum=1, maximum=USER_IDS_MAX)
    return Response(200, {"users": serializers.users(users.get_many(request.app, user_ids))})


def _user(request: RequestContext) -> Response:
    return Response(200, {"user": serializers.user(users.get(request.app, request.other_id))})


ROUTES: Final = (
    Route(
        method="GET",
        path="/health",
        access="public",
        summary="Check that the server is running",
        handler=_health,
        response_model=schema.HealthResponse,
        errors=(503,),
    ),
    Route(
        method="GET",
        path="/me",
        access="user",
        summary="Get your profile; the first request creates it",
        handler=_me,
        response_model=schema.MeResponse,
        suspended="served",
    ),
    Route(
        method="PATCH",
        path="/me",
        access="user",
        summary="Change your handle, your name, or who sees your presence and may add you to groups",
        handler=_update_me,
        response_model=schema.MeResponse,
        request_model=schema.ProfileChange,
        errors=(409,),
    ),
    Route(
        method="GET",
        path="/users",
        access="user",
        summary="Find users by handle or id",
        handler=_users,
        response_model=schema.UsersResponse,
        query_model=schema.UsersQuery,
    ),
    Route(
        method="GET",
        path="/users/{user_id}",
        access="user",
        summary="Get the profile of a user",
        handler=_user,
        response_model=schema.UserResponse,
        errors=(404,),
    ),
)
