"""Runs an emulator of AWS (ministack) as a process, in the environment that `make` creates in `.venv/emulator`."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import boto3

ROOT: Final = Path(__file__).resolve().parents[3]
PYTHON: Final = ROOT / ".venv" / "emulator" / "bin" / "python"
MISSING: Final = f"there is no emulator in {PYTHON.parent}; `make test-emulator` installs it"
REGION: Final = "eu-central-1"
ACCOUNT: Final = "123456789012"
ROOT_KEY: Final = "test"
_START_S: Final = 60.0


class Call(NamedTuple):
    """A signed request to the emulator: the service, and the access key that signed it."""

    service: str
    access_key: str


class UsedPermission(NamedTuple):
    """A permission that a role used; a connection's id is replaced by `*`."""

    role: str
    action: str
    resource: str


class Emulator:
    """An emulated AWS at `url` until the end of `with`. `site` is the URL of the site that was deployed last.

    It enforces policies, and runs the functions in its own processes with their roles' credentials.
    """

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.site = f"http://localhost:{port}/"
        self.log = folder / "emulator.log"
        self._used_file = folder / "used.jsonl"
        self._used_file.touch()
        environment = {
            "PATH": f"{PYTHON.parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "STATE_DIR": str(folder / "state"),
            "S3_DATA_DIR": str(folder / "s3"),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "AUTH": "true",
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "MINISTACK_REGION": REGION,
            "LAMBDA_EXECUTOR": "local",
            "IOT_MTLS_ENABLED": "0",
            "IMCHAT_EMULATOR_USED": str(self._used_file),
        }
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [PYTHON, Path(__file__).with_name("serve.py")],
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)  # with its functions' processes; nothing has to be saved
        self._process.wait()

    def used_permissions(self) -> list[UsedPermission]:
        """Return the permissions that roles have used so far, each once."""
        return [
            UsedPermission(*json.loads(line))
            for line in self._used_file.read_text(encoding="utf-8").splitlines()
        ]

    def calls(self) -> list[Call]:
        """Return the signed requests since the last call of this."""
        return [Call(*call) for call in self._get("/_imchat/calls")]

    def client(self, service: str) -> Any:
        """Return boto3's client for the account's root user, who may do everything."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=ROOT_KEY,
            aws_secret_access_key=ROOT_KEY,
        )

    def mailed_code(self, email: str) -> str:
        """Return the code in the latest mail to an address."""
        [mails] = self._get("/_ministack/ses/messages")["messages"].values()
        bodies = [str(mail["BodyText"]) for mail in mails if email in mail["To"]]
        found = re.search(r"\d{6}", bodies[-1])
        assert found, bodies
        return found[0]

    def promote(self, email: str) -> None:
        """Make a user an administrator."""
        cognito = self.client("cognito-idp")
        [pool] = cognito.list_user_pools(MaxResults=10)["UserPools"]
        cognito.admin_add_user_to_group(UserPoolId=pool["Id"], Username=email, GroupName="admins")

    def _get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}{path}", timeout=10) as response:  # noqa: S310 - our own process
            return json.load(response)

    def _wait(self) -> None:
        until = time.monotonic() + _START_S
        while time.monotonic() < until and self._process.poll() is None:
            try:
                self._get("/_ministack/health")
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.05)
            else:
                return
        self.__exit__(None, None, None)
        raise AssertionError(f"the emulator did not start:\n{self.log.read_text(errors='replace')}")
