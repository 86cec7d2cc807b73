"""schemathesis sends random requests to `imchat local`, valid and invalid ones, and compares responses with the OpenAPI document.

These defects make it fail: a handler that raises an unexpected error, a status without a declaration in its `Route`, a
response without a field that its model requires, a limit that is documented and not enforced.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from tests.support.browser_harness import Server, call, sign_in, sign_up

from imchat.api.openapi import OPENAPI_FILE
from imchat.api.routes import ROUTES

pytestmark = pytest.mark.slow

log = logging.getLogger(__name__)

ROOT: Final = Path(__file__).parents[2]
FUZZER: Final = ROOT / ".venv" / "fuzzer" / "bin" / "schemathesis"
EXAMPLES: Final = os.environ.get("IMCHAT_FUZZ_EXAMPLES", "")
"""Requests per operation and phase. Empty: few, and the same ones in every run."""
FEW: Final = "10"
CHECKS: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
)
"""Not checked: that all data valid in the schema is accepted, because some rules cannot be written in a schema (a visible
character, exactly one emoji, a `seq` within the log); that a new conversation can be read, because its creator may leave it."""
SIGN_OUT: Final = "/api/me/sign-out"
_TIMEOUT_S: Final = 3600 if EXAMPLES else 300


@dataclass(frozen=True, slots=True)
class Target:
    """A server with some data: access tokens by role, and known values of path parameters and fields."""

    server: Server
    tokens: dict[str, str | None]
    ids: dict[str, list[Any]]


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    if not FUZZER.exists():
        if os.environ.get("CI"):
            pytest.fail(f"there is no {FUZZER}; `make test` installs it")
        pytest.skip(f"there is no {FUZZER}; `make fuzz` installs it")
    with Server(tmp_path / "data") as server:
        url = server.url
        users = [sign_up(url, f"{name}@example.com") for name in ("ada", "bob", "admin", "stranger")]
        server.promote("admin@example.com")
        tokens = {
            "user": users[0].token,
            "administrator": sign_in(url, "admin@example.com"),
            "signed-out": None,
        }
        headers = {"Authorization": f"Bearer {users[0].token}"}
        conversations, invites = [], []
        for number in range(4):
            members = {"kind": "group", "member_ids": [user.user_id for user in users[1:3]], "title": "Fuzz"}
            created = call(f"{url}/api/conversations", members, headers=headers)["conversation"]
            path = f"{url}/api/conversations/{created['conversation_id']}"
            for text in range(3):
                message = {"client_message_id": f"{number}-{text}", "body": "hello"}
                call(f"{path}/messages", message, headers=headers)
            call(
                f"{path}/members/{users[2].user_id}",
                {"role": "owner"},
                headers=headers,
                method="PATCH",
            )
            invites.append(call(f"{path}/invites", {}, headers=headers))
            conversations.append(created["conversation_id"])
        ids = {
            "conversation_id": conversations,
            "user_id": [users[1].user_id, users[3].user_id],
            "user_ids": [[users[3].user_id]],
            "seq": [2, 3, 4, 5],
            "emoji": ["👍", "🎉"],
            "token": [invite["token"] for invite in invites],
            "invite_id": [invite["invite"]["invite_id"] for invite in invites],
        }
        yield Target(server, tokens, ids)
        output = server.output()
        assert "Traceback" not in output
        assert "unexpected " not in output, output


def run_fuzzer(
    target: Target, folder: Path, role: str, *options: str, skip: tuple[str, ...] = ()
) -> dict[str, set[int]]:
    """Run schemathesis; return the statuses of each operation. A finding fails the test."""
    ids, statuses = folder / "ids.json", folder / "statuses.json"
    ids.write_text(json.dumps(target.ids))
    token = target.tokens[role]
    command = [
        *(str(FUZZER), "run", str(ROOT / OPENAPI_FILE), "--url", target.server.url, "--no-color"),
        *("--checks", ",".join(check for check in CHECKS if check not in skip)),
        *("--max-examples", EXAMPLES or FEW, "--continue-on-failure", "--no-shrink", "--warnings", "off"),
        *("--request-timeout", "30"),
        *(("--generation-database", "none") if EXAMPLES else ("--seed", "1", "--generation-deterministic")),
        *(("--header", f"Authorization: Bearer {token}") if token else ()),
        *options,
    ]
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "hooks",
        "PYTHONPATH": str(Path(__file__).parent),
        "IMCHAT_FUZZ_IDS": str(ids),
        "IMCHAT_FUZZ_STATUSES": str(statuses),
    }
    result = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
    )
    log.info("%s", result.stdout[-1500:])
    assert result.returncode == 0, result.stdout[-20_000:] + result.stderr[-4_000:]
    return {name: set(found) for name, found in json.loads(statuses.read_bytes()).items()}


def check_reached(statuses: dict[str, set[int]], roles: set[str]) -> None:
    """Check that the run was no empty one: each operation open to these roles has succeeded at least once."""
    never = [
        f"{route.method} /api{route.path}"
        for route in ROUTES
        if (route.access in roles or (route.access != "admin" and "user" in roles))
        and route.path != SIGN_OUT.removeprefix("/api")
        and not statuses.get(f"{route.method} /api{route.path}", set()) & set(route.success)
    ]
    assert never == []


def test_a_signed_in_user_gets_only_documented_responses(target: Target, tmp_path: Path) -> None:
    statuses = run_fuzzer(target, tmp_path, "user", "--exclude-path", SIGN_OUT)
    check_reached(statuses, {"public", "user"})


def test_an_administrator_gets_only_documented_responses_of_the_administration(
    target: Target, tmp_path: Path
) -> None:
    statuses = run_fuzzer(target, tmp_path, "administrator", "--include-path-regex", "^/api/admin/")
    check_reached(statuses, {"admin"})


def test_without_a_token_only_documented_responses_come_back(target: Target, tmp_path: Path) -> None:
    """A method that a path does not have is 401 before sign-in, as on AWS, where the authorizer runs first."""
    statuses = run_fuzzer(
        target, tmp_path, "signed-out", "--phases", "coverage", skip=("unsupported_method",)
    )
    for name, found in statuses.items():
        assert name == "GET /api/health" or not {status for status in found if status < 400}, name


def test_a_user_who_signs_out_gets_only_documented_responses(target: Target, tmp_path: Path) -> None:
    statuses = run_fuzzer(target, tmp_path, "user", "--include-path", SIGN_OUT)
    assert 200 in statuses[f"POST {SIGN_OUT}"]
