"""Blocks: list, block and unblock users."""

from __future__ import annotations

from typing import Final

from imchat.api import schema, serializers
from imchat.api.route import RequestContext, Response, Route
from imchat.domain.ids import UserId
from imchat.services import blocks

_BLOCK: Final = "/blocks/{user_id}"


def _block(request: RequestContext) -> Response:
    blocks.block(request.app, request.user_id, request.other_id)
    return Response(200, {})


def _unblock(request: RequestContext) -> Response:
    blocks.unblock(request.app, request.user_id, request.other_id)
    return Response(200, {})


def _blocks(request: RequestContext) -> Response:
    query: schema.PageQuery = request.query
    cursor = None if query.cursor is None else UserId(query.cursor)
    page = blocks.list_blocked(request.app, request.user_id, cursor=cursor)
    body = {"blocks": [block.to_dict() for block in page.blocks], "users": serializers.users(page.users)}
    return Response(200, body | ({"next_cursor": page.next_cursor} if page.next_cursor else {}))


ROUTES: Final = (
    Route(
        method="GET",
        path="/blocks",
        access="user",
        summary="List the users you blocked",
        handler=_blocks,
        response_model=schema.BlocksResponse,
        query_model=schema.PageQuery,
    ),
    Route(
        method="PUT",
        path=_BLOCK,
        access="user",
        summary="Block a user",
        handler=_block,
        response_model=schema.Nothing,
        errors=(404,),
        rate_limited=False,
    ),
    Route(
        method="DELETE",
        path=_BLOCK,
        access="user",
        summary="Unblock a user",
        handler=_unblock,
        response_model=schema.Nothing,
    ),
)
