"""Who people are: their profiles and the directory; and whether the server runs."""

from __future__ import annotations

from typing import Final

import imchat
from imchat.api import schema, serializers
from imchat.api.route import RequestContext, Response, Route
from imchat.domain.ids import UserId
from imchat.domain.limits import USER_IDS_MAX, check_count, is_id
from imchat.errors import Invalid
from imchat.services import users


def _health(_call: RequestContext) -> Response:
    return Response(200, {"status": "ok", "version": imchat.__version__})


def _me(call: RequestContext) -> Response:
    return Response(200, {"user": serializers.me(users.me(call.app, call.user_id))})


def _update_me(call: RequestContext) -> Response:
    change: schema.ProfileChange = call.body
    user = users.update_profile(
        call.app,
        call.user_id,
        handle=change.handle,
        display_name=change.display_name,
        show_presence=change.show_presence,
    )
    return Response(200, {"user": serializers.me(user)})


def _users(call: RequestContext) -> Response:
    query: schema.UsersQuery = call.query
    if (query.prefix is None) == (query.ids is None):
        raise Invalid("give either prefix or ids", field="prefix", limit="one of prefix, ids")
    if query.prefix is not None:
        return Response(200, {"users": serializers.users(users.search(call.app, query.prefix))})
    user_ids = [UserId(text) for text in dict.fromkeys((query.ids or "").split(",")) if is_id(text)]
    check_count(len(user_ids), field="ids", least=1, most=USER_IDS_MAX)
    return Response(200, {"users": serializers.users(users.get_many(call.app, user_ids))})


def _user(call: RequestContext) -> Response:
    return Response(200, {"user": serializers.user(users.get(call.app, call.member_id))})


ROUTES: Final = (
    Route("GET", "/health", "Whether it runs", _health, schema.HealthAnswer, open=True),
    Route("GET", "/me", "My profile, made on the first call", _me, schema.MeAnswer, suspended="served"),
    Route(
        "PATCH",
        "/me",
        "Choose handle and name, and whether to show presence",
        _update_me,
        schema.MeAnswer,
        schema.ProfileChange,
        errors=(409,),
    ),
    Route("GET", "/users", "Find people", _users, schema.UsersAnswer, query=schema.UsersQuery),
    Route("GET", "/users/{user_id}", "A person's profile", _user, schema.UserAnswer, errors=(404,)),
)
