"""Run `imchat local` as a process and create users on it, for tests and benchmarks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urljoin, urlsplit

PASSWORD: Final = "Correct-horse-9"
IMCHAT: Final = (sys.executable, "-m", "imchat", "local", "--no-open", "--trusted-proxy", "127.0.0.1")
"""Trusts this machine to state the addresses of clients: see `client_address`."""
_START_S: Final = 90.0
_STOP_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class SignedInUser:
    """A user with an access token."""

    user_id: str
    token: str


class Server:
    """A server process on a data directory. The constructor waits until it serves; the end of `with` stops it.

    `url` is its address. `command` must accept `--data-dir` and `--port` and write `server.json`, as `imchat local` does.
    `cores` are the processor cores it may use; None means all. `requests_per_minute` is the limit for each user; None means
    the default. `open_files` is the process's hard limit of open files.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int = 0,
        command: Sequence[str] = IMCHAT,
        cores: set[int] | None = None,
        requests_per_minute: int | None = 10**9,
        open_files: int | None = None,
    ) -> None:
        self._data_dir = data_dir
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        arguments = [*command, "--data-dir", str(data_dir), "--port", str(port)]
        if open_files is not None:
            arguments = ["sh", "-c", f'ulimit -n {open_files} && exec "$@"', "sh", *arguments]
        self.process = subprocess.Popen(
            arguments,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            # Tests and benchmarks send more requests, and add more strangers, than users do. Both are still counted.
            env={
                **os.environ,
                "IMCHAT_REQUESTS_PER_MINUTE": str(requests_per_minute or ""),
                "IMCHAT_STRANGERS_PER_HOUR": "1000000000",
            },
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
        """The port. A restarted server takes the same one, so that clients can reconnect."""
        return urlsplit(self.url).port or 80

    def promote(self, email: str) -> None:
        """Make a user an administrator. Tokens issued from now on contain the role."""
        command = [sys.executable, "-m", "imchat", "user", "promote", email]
        command += ["--local", "--data-dir", str(self._data_dir)]
        subprocess.run(command, check=True, capture_output=True)

    def output(self) -> str:
        """Return what the process has printed so far."""
        size = os.fstat(self._output.fileno()).st_size
        return os.pread(self._output.fileno(), size, 0).decode(errors="replace")

    def kill(self) -> None:
        """Kill the process like a power cut: without signal handlers or clean-up."""
        self.process.kill()
        self.process.wait()
        self._output.close()

    def stop(self) -> None:
        """Terminate the process and wait for it."""
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
        status = self.process.poll()
        problem = f"did not start in {_START_S} s" if status is None else f"ended with status {status}"
        raise AssertionError(f"the server {problem}:\n{self.output()}")


def wait_for_url(process: subprocess.Popen[Any], data_dir: Path) -> str | None:
    """Return the URL in `server.json` once this process has written it, or None if it never does.

    A killed server leaves its own `server.json`.
    """
    path = data_dir / "server.json"
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            found = json.loads(path.read_bytes())
        except (OSError, ValueError):
            found = {}
        if found.get("pid") == process.pid:
            return str(found["url"])
        time.sleep(0.002)
    return None


def sign_up(url: str, email: str) -> SignedInUser:
    """Create an account, sign in and create the profile."""
    cognito(url, "SignUp", Username=email, Password=PASSWORD)
    token = sign_in(url, email)
    profile = call(f"{url}/api/me", headers={"Authorization": f"Bearer {token}"})
    return SignedInUser(profile["user"]["user_id"], token)


def sign_in(url: str, email: str, password: str = PASSWORD) -> str:
    """Sign in and return the access token."""
    parameters = {"USERNAME": email, "PASSWORD": password}
    response = cognito(url, "InitiateAuth", AuthFlow="USER_PASSWORD_AUTH", AuthParameters=parameters)
    return str(response["AuthenticationResult"]["AccessToken"])


def cognito(url: str, operation: str, **fields: Any) -> dict[str, Any]:
    """Call an operation of the Cognito protocol with the endpoint and client id from `/config.json`."""
    auth = call(f"{url}/config.json")["auth"]
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": f"AWSCognitoIdentityProviderService.{operation}",
        "X-Forwarded-For": client_address(str(fields)),
    }
    return call(urljoin(url, auth["endpoint"]), fields | {"ClientId": auth["client_id"]}, headers=headers)


def client_address(name: str) -> str:
    """Return an address of its own for a name: tests and benchmarks sign up more users than one address may."""
    number = zlib.crc32(name.encode())
    return f"2001:db8:{number >> 16:x}:{number & 0xFFFF:x}::1"


def call(
    url: str,
    content: dict[str, Any] | None = None,
    *,
    headers: dict[str, str] | None = None,
    method: str | None = None,
) -> dict[str, Any]:
    """Send a request (a POST by default if there is content) and return the JSON. Raises: AssertionError with the error."""
    data = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(url, data, headers or {}, method=method)  # noqa: S310 - the http URL of a test server
    try:
        with urllib.request.urlopen(request) as response:  # noqa: S310 - the http URL of a test server
            body: dict[str, Any] = json.load(response)
            return body
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{url}: {error.code} {error.read().decode()}") from None
