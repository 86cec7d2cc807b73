"""What administrators do: see everybody, suspend and restore, remove a message, read what was done."""

from __future__ import annotations

from typing import Final

from imchat.api import schema, serializers
from imchat.api.route import CONVERSATION, RequestContext, Response, Route
from imchat.domain.ids import UserId
from imchat.services import admin, suspensions

_SUSPENSION: Final = "/admin/users/{user_id}/suspension"


def _people(call: RequestContext) -> Response:
    query: schema.PageQuery = call.query
    cursor = None if query.cursor is None else UserId(query.cursor)
    page, next_cursor = admin.list_users(call.app, cursor=cursor)
    answer = {"users": [serializers.user_for_admin(one) for one in page]}
    return Response(200, answer | ({"next_cursor": next_cursor} if next_cursor else {}))


def _suspend(call: RequestContext) -> Response:
    suspensions.suspend(call.app, call.user_id, call.member_id)
    return Response(200, {})


def _restore(call: RequestContext) -> Response:
    suspensions.restore(call.app, call.user_id, call.member_id)
    return Response(200, {})


def _remove_message(call: RequestContext) -> Response:
    done = admin.remove_message(call.app, call.user_id, call.conversation_id, call.seq)
    return Response(200, serializers.message_change(done))


def _log(call: RequestContext) -> Response:
    query: schema.PageQuery = call.query
    page, next_cursor = admin.audit_log(call.app, cursor=query.cursor)
    answer = {"entries": [serializers.audit_entry(one) for one in page]}
    return Response(200, answer | ({"next_cursor": next_cursor} if next_cursor else {}))


ROUTES: Final = (
    Route(
        "GET",
        "/admin/users",
        "Everybody",
        _people,
        schema.PeopleAnswer,
        query=schema.PageQuery,
        errors=(403,),
        admin=True,
    ),
    Route("PUT", _SUSPENSION, "Suspend somebody", _suspend, schema.Nothing, errors=(403, 404), admin=True),
    Route("DELETE", _SUSPENSION, "Restore somebody", _restore, schema.Nothing, errors=(403, 404), admin=True),
    Route(
        "DELETE",
        "/admin" + CONVERSATION + "/messages/{seq}",
        "Remove anybody's message",
        _remove_message,
        schema.ChangeAnswer,
        errors=(403, 404),
        admin=True,
    ),
    Route(
        "GET",
        "/admin/audit",
        "What administrators did",
        _log,
        schema.AuditAnswer,
        query=schema.PageQuery,
        errors=(403,),
        admin=True,
    ),
)
