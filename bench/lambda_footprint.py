"""`python -m bench.lambda_footprint`: the size of what the Lambda functions run, and what a cold start costs in instructions.

Everything is counted on the bundles themselves, for this machine's processor. Needs valgrind and pip's index.
"""

from __future__ import annotations

import io
import platform
import tempfile
import zipfile
from typing import Final

from bench.cost import count
from imchat.deploy.packaging.bundle import ARCHITECTURES, Bundle, build_code, build_layer

PARTS: Final = {
    "boto3's DynamoDB client": "import boto3; boto3.client('dynamodb')",
    "pydantic": "from pydantic import BaseModel; type('M', (BaseModel,), {})",
    "both": "import boto3; boto3.client('dynamodb'); from pydantic import BaseModel; type('M', (BaseModel,), {})",
    "the HTTP handler": "import imchat.entrypoints.http",
    "the HTTP handler, composed": "import imchat.entrypoints.http; imchat.entrypoints.http.bootstrap.lambda_app()",
}
"""What is loaded; the last is all that a cold start does before the first request."""
ENVIRONMENT: Final = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "IMCHAT_TABLE_NAME": "table",
    "IMCHAT_CALLBACK_URL": "https://example.org/ws",
    "IMCHAT_FANOUT_QUEUE_URL": "https://example.org/queue",
}


def main() -> None:
    """Build, unpack, count, print."""
    code = build_code()
    layers = {name: build_layer(name) for name in ARCHITECTURES}
    here = layers["arm64" if platform.machine() in {"aarch64", "arm64"} else "x86_64"]
    for name, made in [("code", code), *layers.items()]:
        unpacked = sum(entry.file_size for entry in _archive(made).infolist())
        print(f"{name:28}{len(made.content):>12,} bytes, unpacked {unpacked:,}")
    with tempfile.TemporaryDirectory() as folder:
        _archive(code).extractall(f"{folder}/task")
        _archive(here).extractall(f"{folder}/opt")
        start = f"import sys; sys.path[:0] = ['{folder}/task', '{folder}/opt/python']\n"
        nothing = count(start, "-S", environment=ENVIRONMENT)
        for name, program in PARTS.items():
            counted = count(start + program, "-S", environment=ENVIRONMENT) - nothing
            print(f"{name:28}{counted / 1e6:>12,.0f} million instructions")


def _archive(made: Bundle) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(made.content))


if __name__ == "__main__":
    main()
