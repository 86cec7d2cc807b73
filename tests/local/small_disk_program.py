"""Run `imchat local` on a file system of 16 MB and fill it; print what the server reports. Runs in a mount namespace.

Arguments: an empty folder to mount it on, and "full" to fill it before the start, or "later".
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass


def ask(port: int, method: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request(method, "/api/health")
    response = connection.getresponse()
    return response.status, response.read().decode()


def poll(port: int, until: Callable[[int], bool]) -> tuple[int, str]:
    for _ in range(60):
        answer = ask(port, "GET")
        if until(answer[0]):
            break
        time.sleep(0.25)
    return answer


def main(folder: Path, when: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)], check=True)  # noqa: S607 - in a namespace
    data, filler = folder / "data", folder / "filler"
    data.mkdir(mode=0o700)
    command = [sys.executable, "-m", "imchat", "local", "--data-dir", str(data), "--port", "0"]
    if when == "full":
        fill(filler)
        result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        sys.stdout.write(json.dumps({"status": result.returncode, "stderr": result.stderr}))
        return
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        assert server.stdout is not None
        port = next(int(line.rpartition(":")[2]) for line in server.stdout if "http://" in line)
        answers = [ask(port, "GET"), ask(port, "HEAD")]
        fill(filler)
        answers += [poll(port, lambda status: status == 503), ask(port, "HEAD")]
        filler.unlink()
        answers.append(poll(port, lambda status: status == 200))
        server.terminate()
        output = server.stdout.read()
    sys.stdout.write(json.dumps({"answers": answers, "output": output}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
