"""A server of one's own: `imchat local` as a process, and people who signed up at it. Tests and benchmarks share it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urljoin, urlsplit

PASSWORD: Final = "Correct-horse-9"
IMCHAT: Final = (sys.executable, "-m", "imchat", "local", "--no-open")
_START_S: Final = 90.0
_STOP_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class SignedInUser:
    """Somebody who signed in."""

    user_id: str
    token: str


class Server:
    """A server process on a data folder: serves when made, stopped at the end of `with`. `url` is where it listens.

    `command` gets `--data-dir` and `--port`, and announces itself by `server.json` as `imchat local` does.
    `cores` are the processor cores that it may use, all if None.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int = 0,
        command: Sequence[str] = IMCHAT,
        cores: set[int] | None = None,
    ) -> None:
        self._data_dir = data_dir
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self.process = subprocess.Popen(
            [*command, "--data-dir", str(data_dir), "--port", str(port)],
            stdout=self._output,
            stderr=subprocess.STDOUT,
            # Tests and benchmarks ask more often than people do; what counts their requests counts all the same.
            env={**os.environ, "IMCHAT_REQUESTS_PER_MINUTE": "1000000000"},
        )
        if cores is not None:
            os.sched_setaffinity(self.process.pid, cores)
        try:
            self.url = self._wait_for_url()
        except BaseException:
            self.kill()
            raise

    @property
    def port(self) -> int:
        """The port it listens on; a restarted server takes the same one, so that its clients find it again."""
        return urlsplit(self.url).port or 80

    def promote(self, email: str) -> None:
        """Make somebody an administrator; tokens that they get from now on say so."""
        command = [sys.executable, "-m", "imchat", "user", "promote", email]
        command += ["--local", "--data-dir", str(self._data_dir)]
        subprocess.run(command, check=True, capture_output=True)

    def kill(self) -> None:
        """End the process as a power cut would: no signal handler, no clean-up."""
        self.process.kill()
        self.process.wait()
        self._output.close()

    def stop(self) -> None:
        """Ask the process to end, and wait for it."""
        self.process.terminate()
        try:
            self.process.wait(_STOP_S)
        finally:
            self.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.stop()

    def _wait_for_url(self) -> str:
        url = wait_for_url(self.process, self._data_dir)
        if url is not None:
            return url
        self._output.seek(0)
        ended = self.process.poll()
        how = f"did not start in {_START_S} s" if ended is None else f"ended with status {ended}"
        raise AssertionError(f"the server {how}:\n{self._output.read().decode(errors='replace')}")


def wait_for_url(process: subprocess.Popen[Any], data_dir: Path) -> str | None:
    """The URL in `server.json`, once this very process wrote it: a killed one leaves its own behind. None if it never does."""
    place = data_dir / "server.json"
    until = time.monotonic() + _START_S
    while time.monotonic() < until and process.poll() is None:
        try:
            found = json.loads(place.read_bytes())
        except (OSError, ValueError):
            found = {}
        if found.get("pid") == process.pid:
            return str(found["url"])
        time.sleep(0.002)
    return None


def sign_up(url: str, email: str) -> SignedInUser:
    """Make an account at the server, sign in, and have the profile made."""
    cognito(url, "SignUp", Username=email, Password=PASSWORD)
    token = sign_in(url, email)
    profile = call(f"{url}/api/me", headers={"Authorization": f"Bearer {token}"})
    return SignedInUser(profile["user"]["user_id"], token)


def sign_in(url: str, email: str, password: str = PASSWORD) -> str:
    """An access token."""
    parameters = {"USERNAME": email, "PASSWORD": password}
    answer = cognito(url, "InitiateAuth", AuthFlow="USER_PASSWORD_AUTH", AuthParameters=parameters)
    return str(answer["AuthenticationResult"]["AccessToken"])


def cognito(url: str, operation: str, **fields: Any) -> dict[str, Any]:
    """Call the Cognito protocol as `/config.json` says where and as which client."""
    auth = call(f"{url}/config.json")["auth"]
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": f"AWSCognitoIdentityProviderService.{operation}",
    }
    return call(urljoin(url, auth["endpoint"]), fields | {"ClientId": auth["client_id"]}, headers=headers)


def call(
    url: str,
    content: dict[str, Any] | None = None,
    *,
    headers: dict[str, str] | None = None,
    method: str | None = None,
) -> dict[str, Any]:
    """One request (with content, a POST by default); the answer's JSON. Raises: AssertionError with what was refused."""
    data = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(url, data, headers or {}, method=method)  # noqa: S310 - http, of our own making
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - http, of our own making
            found: dict[str, Any] = json.load(answer)
            return found
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{url}: {error.code} {error.read().decode()}") from None
