"""Lambda handler of the WebSocket API: `$connect`, `$disconnect` and client frames (`$default`)."""

from __future__ import annotations

from typing import Any, Final

from pydantic import ConfigDict, TypeAdapter

from imchat.api import schema
from imchat.api.responses import error_frame
from imchat.api.validation import validate_json
from imchat.domain.ids import ConnectionId, ConversationId, SignInId, UserId
from imchat.domain.limits import FRAME_BYTES, is_id
from imchat.entrypoints import bootstrap
from imchat.entrypoints.authorizer import SUBPROTOCOL
from imchat.entrypoints.bootstrap import Handler
from imchat.errors import NotFound, Suspended, TooLarge, Unauthenticated
from imchat.services import realtime
from imchat.services.access import NO_CONVERSATION
from imchat.services.app import App

_FRAME: Final[TypeAdapter[schema.PingFrame | schema.TypingFrame]] = TypeAdapter(
    schema.ClientFrame, config=ConfigDict(defer_build=True)
)
_OK: Final = {"statusCode": 200}


def create_handler(app: App) -> Handler:
    """Create the handler. For an invalid frame it sends an error frame and leaves the connection open."""

    def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
        context = event["requestContext"]
        user_id = UserId(context["authorizer"]["principalId"])
        connection_id = ConnectionId(context["connectionId"])
        match context["routeKey"]:
            case "$connect":
                try:
                    realtime.connect(app, user_id, connection_id, _sign_in(context))
                except (Suspended, Unauthenticated) as error:
                    return {"statusCode": error.status}
                # A browser closes the socket unless the response names a subprotocol that it offered.
                return {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": SUBPROTOCOL}}
            case "$disconnect":
                realtime.disconnect(app, user_id, connection_id)
            case _:
                _handle_frame_safely(
                    app, user_id, connection_id, event.get("body") or "", context["requestId"]
                )
        return _OK

    return handle


def _sign_in(context: dict[str, Any]) -> SignInId | None:
    """Return the sign-in that the ticket was issued to, from the authorizer's context."""
    sign_in: SignInId | None = context["authorizer"].get("signIn")
    return sign_in


def _handle_frame_safely(
    app: App, user_id: UserId, connection_id: ConnectionId, body: str, request_id: str
) -> None:
    try:
        _handle_frame(app, user_id, connection_id, body)
    except Exception as error:  # noqa: BLE001 - as in dispatch: clients get the error shape, the log the source location
        app.gateway.post([connection_id], error_frame(error, request_id))


def _handle_frame(app: App, user_id: UserId, connection_id: ConnectionId, body: str) -> None:
    data = body.encode("utf-8", "surrogatepass")
    if len(data) > FRAME_BYTES:
        raise TooLarge(f"the frame is larger than {FRAME_BYTES:,} bytes", field="frame", limit=FRAME_BYTES)
    match validate_json(_FRAME.validate_json, data, skip=1):
        case schema.PingFrame():
            realtime.pong(app, connection_id)
        case schema.TypingFrame(conversation_id=conversation_id):
            if app.rate_limiter is not None:
                app.rate_limiter.count(app.table, user_id, now_s=app.now_ms() // 1000)
            if not is_id(conversation_id):
                raise NotFound(NO_CONVERSATION)
            realtime.notify_typing(app, user_id, ConversationId(conversation_id))


handler = bootstrap.lazy_handler(create_handler)
