"""An emulator of AWS (ministack) as a process, in the environment that `make` puts into `.venv/emulator`."""

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
    """A signed request that came in: the service, and the access key that signed it."""

    service: str
    access_key: str


class Use(NamedTuple):
    """A permission that a role used; any connection stands as `*`."""

    role: str
    action: str
    resource: str


class Emulator:
    """AWS at `url` until the end of `with`; people find the site that was deployed last at `site`.

    Policies are enforced, and the functions run in processes of its own with their roles' credentials.
    """

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.site = f"http://localhost:{port}/"
        self.log = folder / "emulator.log"
        self._used = folder / "used.jsonl"
        self._used.touch()
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
            "IMCHAT_EMULATOR_USED": str(self._used),
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
        os.killpg(self._process.pid, signal.SIGKILL)  # its functions' processes, too; nothing of it is kept
        self._process.wait()

    def used(self) -> list[Use]:
        """The permissions that roles used so far, each once."""
        return [Use(*json.loads(line)) for line in self._used.read_text(encoding="utf-8").splitlines()]

    def calls(self) -> list[Call]:
        """The signed requests since this was last asked."""
        return [Call(*call) for call in self._get("/_imchat/calls")]

    def client(self, service: str) -> Any:
        """boto3's client of the account's root user, who may do anything."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=ROOT_KEY,
            aws_secret_access_key=ROOT_KEY,
        )

    def mailed_code(self, email: str) -> str:
        """The code in the newest mail to somebody."""
        [mails] = self._get("/_ministack/ses/messages")["messages"].values()
        bodies = [str(mail["BodyText"]) for mail in mails if email in mail["To"]]
        found = re.search(r"\d{6}", bodies[-1])
        assert found, bodies
        return found[0]

    def promote(self, email: str) -> None:
        """Make somebody an administrator."""
        cognito = self.client("cognito-idp")
        [pool] = cognito.list_user_pools(MaxResults=10)["UserPools"]
        cognito.admin_add_user_to_group(UserPoolId=pool["Id"], Username=email, GroupName="admins")

    def _get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}{path}", timeout=10) as answer:  # noqa: S310 - our own process
            return json.load(answer)

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
