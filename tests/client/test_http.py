"""What the client makes of answers that are no success, its own server's and others'."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
import urllib3

from imchat.client.http import request
from imchat.errors import Busy, Conflict, ImchatError, Invalid, RateLimited, Unauthenticated


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (409, {"error": {"code": "conflict", "message": "no", "details": {"reason": "taken"}}}, Conflict),
        (401, {"message": "Unauthorized"}, Unauthenticated),
        (429, {"message": "Too Many Requests"}, RateLimited),
        (502, "<html>", Busy),
        (400, {"__type": "TooManyRequestsException", "message": "Rate exceeded"}, Busy),
        (400, {"__type": "com.amazon#InternalErrorException"}, Busy),
        (400, {"__type": "NotAuthorizedException", "message": "no"}, Invalid),
    ],
)
def test_each_refusal_is_the_error_that_says_what_to_do(
    status: int, body: object, kind: type[ImchatError]
) -> None:
    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Retry-After", "7")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Refusing) as server, urllib3.PoolManager() as pool:
        Thread(target=server.handle_request, daemon=True).start()
        with pytest.raises(kind) as refused:
            request(pool, "GET", f"http://127.0.0.1:{server.server_port}/", None, {})
    assert type(refused.value) is kind
    assert refused.value.details["retry_after_s"] == 7
