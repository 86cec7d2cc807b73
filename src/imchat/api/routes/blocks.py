"""Keeping away from people: blocks."""

from __future__ import annotations

from typing import Final

from imchat.api import schema, serializers
from imchat.api.route import RequestContext, Response, Route
from imchat.domain.ids import UserId
from imchat.services import blocks


def _block(call: RequestContext) -> Response:
    blocks.block(call.app, call.user_id, call.member_id)
    return Response(200, {})


def _unblock(call: RequestContext) -> Response:
    blocks.unblock(call.app, call.user_id, call.member_id)
    return Response(200, {})


def _blocks(call: RequestContext) -> Response:
    query: schema.PageQuery = call.query
    cursor = None if query.cursor is None else UserId(query.cursor)
    page, people, next_cursor = blocks.list_blocked(call.app, call.user_id, cursor=cursor)
    answer = {"blocks": [one._asdict() for one in page], "users": serializers.users(people)}
    return Response(200, answer | ({"next_cursor": next_cursor} if next_cursor else {}))


ROUTES: Final = (
    Route("GET", "/blocks", "Whom I blocked", _blocks, schema.BlocksAnswer, query=schema.PageQuery),
    Route("PUT", "/blocks/{user_id}", "Block somebody", _block, schema.Nothing, errors=(404,), always=True),
    Route("DELETE", "/blocks/{user_id}", "Block somebody no longer", _unblock, schema.Nothing),
)
