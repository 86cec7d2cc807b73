"""The programs at the beginning of docs/protocol.md run as they stand, against a started `imchat local`."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import jwt
import pytest
from tests.support import browser_harness
from tests.support.browser_harness import Server

pytestmark = pytest.mark.slow

PROTOCOL = Path(__file__).parents[1] / "docs" / "protocol.md"
SITE = "http://127.0.0.1:8484"
TIMEOUT_S = 60


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("data")) as running:
        yield running


def program(language: str, server: Server) -> str:
    """The quickstart in a language, with the address of the server."""
    _, _, section = PROTOCOL.read_text(encoding="utf-8").partition("\n## Quickstart\n")
    section, _, _ = section.partition("\n## ")
    [found] = re.findall(rf"^```{language}\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    assert SITE in found
    return str(found).replace(SITE, server.url)


def run(*command: str, folder: Path) -> str:
    """Run a program and return what it printed. It must end well and print no error."""
    ran = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, encoding="utf-8", timeout=TIMEOUT_S, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, ""), ran
    return ran.stdout


def test_the_quickstart_with_curl_runs_as_it_stands(server: Server, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("NOT TESTED: the quickstart with curl; this machine has no curl")
    for _ in range(2):  # the second time the account exists
        profile, sent, received = run("sh", "-eu", "-c", program("sh", server), folder=tmp_path).splitlines()
        assert json.loads(profile)["user"]["user_id"]
        event = json.loads(sent)["event"]
        assert event["message"]["body"] == "Hello!"
        assert json.loads(received)["events"] == [event]


def test_the_quickstart_with_javascript_runs_as_it_stands(server: Server, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.fail("this test needs Node; `make` installs it where the machine has none")
    (tmp_path / "quickstart.mjs").write_text(program("js", server), encoding="utf-8")
    version = int(run(node, "--print", "process.versions.node", folder=tmp_path).partition(".")[0])
    flags = [] if version >= 22 else ["--experimental-websocket"]
    for _ in range(2):
        assert run(node, *flags, "quickstart.mjs", folder=tmp_path) == "2 message.created Hello!\n"


def fetch(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as response:  # noqa: S310 - our own server
        return json.load(response)


def test_an_access_token_can_be_verified_with_the_jwks_at_the_documented_address(server: Server) -> None:
    user = browser_harness.sign_up(server.url, "jwks@example.com")
    auth = fetch(f"{server.url}/config.json")["auth"]
    documents = f"{urljoin(server.url, auth['endpoint'])}/{auth['user_pool_id']}/.well-known"

    key = jwt.PyJWKClient(f"{documents}/jwks.json").get_signing_key_from_jwt(user.token)
    issuer = fetch(f"{documents}/openid-configuration")["issuer"]
    claims = jwt.decode(user.token, key, algorithms=["RS256"], issuer=issuer)

    assert (claims["sub"], claims["token_use"], claims["client_id"]) == (
        user.user_id,
        "access",
        auth["client_id"],
    )
