"""Administration: list, suspend and restore users, remove a message, read the audit log."""

from __future__ import annotations

from typing import Final

from imchat.api import schema, serializers
from imchat.api.route import CONVERSATION, RequestContext, Response, Route
from imchat.domain.ids import UserId
from imchat.services import admin, suspensions

_SUSPENSION: Final = "/admin/users/{user_id}/suspension"


def _list_users(request: RequestContext) -> Response:
    query: schema.PageQuery = request.query
    cursor = None if query.cursor is None else UserId(query.cursor)
    page = admin.list_users(request.app, cursor=cursor)
    body = {"users": [serializers.user_for_admin(user) for user in page.users]}
    return Response(200, body | ({"next_cursor": page.next_cursor} if page.next_cursor else {}))


def _suspend(request: RequestContext) -> Response:
    suspensions.suspend(request.app, request.user_id, request.other_id)
    return Response(200, {})


def _restore(request: RequestContext) -> Response:
    suspensions.restore(request.app, request.user_id, request.other_id)
    return Response(200, {})


def _remove_message(request: RequestContext) -> Response:
    change = admin.remove_message(request.app, request.user_id, request.conversation_id, request.seq)
    return Response(200, serializers.message_change(change))


def _audit_log(request: RequestContext) -> Response:
    query: schema.PageQuery = request.query
    page = admin.audit_log(request.app, cursor=query.cursor)
    body = {"entries": [serializers.audit_entry(entry) for entry in page.entries]}
    return Response(200, body | ({"next_cursor": page.next_cursor} if page.next_cursor else {}))


ROUTES: Final = (
    Route(
        method="GET",
        path="/admin/users",
        access="admin",
        summary="List all users",
        handler=_list_users,
        response_model=schema.AdminUsersResponse,
        query_model=schema.PageQuery,
        errors=(403,),
    ),
    Route(
        method="PUT",
        path=_SUSPENSION,
        access="admin",
        summary="Suspend a user",
        handler=_suspend,
        response_model=schema.Nothing,
        errors=(403, 404),
    ),
    Route(
        method="DELETE",
        path=_SUSPENSION,
        access="admin",
        summary="Restore a user",
        handler=_restore,
        response_model=schema.Nothing,
        errors=(403, 404),
    ),
    Route(
        method="DELETE",
        path="/admin" + CONVERSATION + "/messages/{seq}",
        access="admin",
        summary="Delete a message of any user",
        handler=_remove_message,
        response_model=schema.ChangeResponse,
        errors=(403, 404),
    ),
    Route(
        method="GET",
        path="/admin/audit",
        access="admin",
        summary="Read the audit log",
        handler=_audit_log,
        response_model=schema.AuditResponse,
        query_model=schema.PageQuery,
        errors=(403,),
    ),
)
