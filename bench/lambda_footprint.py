"""Measures the size of the Lambda bundles and the instructions of a cold start: `python -m bench.lambda_footprint`.

It runs the bundles themselves, on this machine's processor. Needs valgrind and access to pip's package index.
"""

from __future__ import annotations

import io
import platform
import tempfile
import zipfile
from typing import Final

from bench.cost import count_instructions
from imchat.deploy.packaging.bundle import ARCHITECTURES, Bundle, build_code, build_layer

PROGRAMS: Final = {
    "boto3's DynamoDB client": "import boto3; boto3.client('dynamodb')",
    "pydantic": "from pydantic import BaseModel; type('M', (BaseModel,), {})",
    "both": "import boto3; boto3.client('dynamodb'); from pydantic import BaseModel; type('M', (BaseModel,), {})",
    "the HTTP handler": "import imchat.entrypoints.http",
    "the HTTP handler, composed": "import imchat.entrypoints.http; imchat.entrypoints.http.bootstrap.lambda_app()",
}
"""Programs to measure; the last does everything that a cold start does before the first request."""
ENVIRONMENT: Final = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "IMCHAT_TABLE_NAME": "table",
    "IMCHAT_CALLBACK_URL": "https://example.org/ws",
    "IMCHAT_FANOUT_QUEUE_URL": "https://example.org/queue",
}


def main() -> None:
    """Build the bundles, count the instructions of each program, print the results."""
    code = build_code()
    layers = {name: build_layer(name) for name in ARCHITECTURES}
    own_layer = layers["arm64" if platform.machine() in {"aarch64", "arm64"} else "x86_64"]
    for name, bundle in [("code", code), *layers.items()]:
        unpacked = sum(entry.file_size for entry in _archive(bundle).infolist())
        print(f"{name:28}{len(bundle.content):>12,} bytes, unpacked {unpacked:,}")
    with tempfile.TemporaryDirectory() as folder:
        _archive(code).extractall(f"{folder}/task")
        _archive(own_layer).extractall(f"{folder}/opt")
        start = f"import sys; sys.path[:0] = ['{folder}/task', '{folder}/opt/python']\n"
        nothing = count_instructions(start, "-S", environment=ENVIRONMENT)
        for name, program in PROGRAMS.items():
            counted = count_instructions(start + program, "-S", environment=ENVIRONMENT) - nothing
            print(f"{name:28}{counted / 1e6:>12,.0f} million instructions")


def _archive(bundle: Bundle) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(bundle.content))


if __name__ == "__main__":
    main()
