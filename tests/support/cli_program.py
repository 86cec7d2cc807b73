"""The `imchat` command on the fake account of `tests/support/fake_aws.py`. Run as a module, its waits take real time."""

from __future__ import annotations

import time
from dataclasses import replace

from tests.support.fake_aws import REGION, World, world

from imchat.cli import main
from imchat.commands.options import Reach
from imchat.deploy import Config, Target
from imchat.deploy.packaging.bundle import layer_key


def reach(aws: World) -> Reach:
    """Return the connector of commands to the account. The layer of packages is uploaded first, so nothing is downloaded."""
    aws.s3.create_bucket(Bucket="artifacts", CreateBucketConfiguration={"LocationConstraint": REGION})
    aws.s3.put_object(Bucket="artifacts", Key=layer_key("arm64"), Body=b"layer")

    def connect(config: Config, *, endpoint_url: str | None) -> Target:
        assert endpoint_url is None
        return replace(aws.target, config=config)

    return connect


if __name__ == "__main__":
    with world() as made:
        made.on_sleep = lambda: time.sleep(0.05)
        main(obj=reach(made))
