"""Lambda authorizer of the WebSocket API: check the ticket of a `$connect` request and return an IAM policy."""

from __future__ import annotations

from typing import Any, Final

from imchat.entrypoints import bootstrap
from imchat.entrypoints.bootstrap import Handler
from imchat.services import realtime
from imchat.services.app import App

SUBPROTOCOL: Final = "imchat.v1"
_TICKET: Final = "ticket."


def create_handler(app: App) -> Handler:
    """Create the handler. It raises `Exception("Unauthorized")`, for which API Gateway responds with 401."""

    def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
        secret = _ticket(event.get("headers") or {})
        ticket = realtime.redeem_ticket(app, secret) if secret else None
        if ticket is None:
            raise Exception("Unauthorized")  # noqa: TRY002 - API Gateway requires exactly this message
        return {
            "principalId": ticket.user_id,
            "policyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": event["methodArn"]}
                ],
            },
            "context": {} if ticket.sign_in is None else {"signIn": ticket.sign_in},
        }

    return handle


def _ticket(headers: dict[str, str]) -> str | None:
    """Return the ticket among the offered subprotocols, if `SUBPROTOCOL` is offered too. Header names come in any case."""
    offered = next((value for name, value in headers.items() if name.lower() == "sec-websocket-protocol"), "")
    protocols = [protocol.strip() for protocol in offered.split(",")]
    tickets = [protocol.removeprefix(_TICKET) for protocol in protocols if protocol.startswith(_TICKET)]
    return tickets[0] if SUBPROTOCOL in protocols and len(tickets) == 1 else None


handler = bootstrap.lazy_handler(create_handler)
