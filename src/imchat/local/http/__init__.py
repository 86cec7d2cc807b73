"""The HTTP/1.1 server of `imchat local`. Other modules import only the names exported here."""

from imchat.local.http.connection import (
    MAX_CONNECTIONS,
    Cancellable,
    HandlerResult,
    OpenConnections,
    Upgrade,
)
from imchat.local.http.limits import BodyLimit, InputBudget, UnreadOutput
from imchat.local.http.parser import MAX_BODY_BYTES, SMALL_BODY_BYTES
from imchat.local.http.request import Request, join_repeated, new_request_id
from imchat.local.http.response import HttpResponse, encode_response, http_error_response, json_response
from imchat.local.http.server import HttpServer

__all__ = [
    "MAX_BODY_BYTES",
    "MAX_CONNECTIONS",
    "SMALL_BODY_BYTES",
    "BodyLimit",
    "Cancellable",
    "HandlerResult",
    "HttpResponse",
    "HttpServer",
    "InputBudget",
    "OpenConnections",
    "Request",
    "UnreadOutput",
    "Upgrade",
    "encode_response",
    "http_error_response",
    "join_repeated",
    "json_response",
    "new_request_id",
]
