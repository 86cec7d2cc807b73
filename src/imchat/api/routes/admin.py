"""What administrators do: see everybody, suspend and restore, remove a message, read what was done."""

from __future__ import annotations

from typing import Final

from imchat.api import schema, serializers
from imchat.api.route import CONVERSATION, Call, Reply, Route
from imchat.domain.ids import UserId
from imchat.services import admin, suspensions

_SUSPENSION: Final = "/admin/users/{user_id}/suspension"


def _people(call: Call) -> Reply:
    query: schema.PageQuery = call.query
    cursor = None if query.cursor is None else UserId(query.cursor)
    page, next_cursor = admin.people(call.app, cursor=cursor)
    answer = {"users": [serializers.person(one) for one in page]}
    return Reply(200, answer | ({"next_cursor": next_cursor} if next_cursor else {}))


def _suspend(call: Call) -> Reply:
    suspensions.suspend(call.app, call.user_id, call.member_id)
    return Reply(200, {})


def _restore(call: Call) -> Reply:
    suspensions.restore(call.app, call.user_id, call.member_id)
    return Reply(200, {})


def _remove_message(call: Call) -> Reply:
    done = admin.remove_message(call.app, call.user_id, call.conversation_id, call.seq)
    return Reply(200, serializers.change(done))


def _log(call: Call) -> Reply:
    query: schema.PageQuery = call.query
    page, next_cursor = admin.log(call.app, cursor=query.cursor)
    answer = {"entries": [serializers.audit_entry(one) for one in page]}
    return Reply(200, answer | ({"next_cursor": next_cursor} if next_cursor else {}))


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
