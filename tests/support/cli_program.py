"""The `imchat` command with the account of `tests/support/fake_aws.py`. Run as a module, its sleeps take real time."""

from __future__ import annotations

import time
from dataclasses import replace

from tests.support.fake_aws import REGION, World, fake_aws

from imchat.cli import main
from imchat.commands.options import Reach
from imchat.deploy import Config, DeployContext
from imchat.deploy.packaging.bundle import layer_key


def reach(aws: World) -> Reach:
    """Return what connects commands to the account. The layer is stored already, so that nothing is downloaded."""
    aws.s3.create_bucket(Bucket="artifacts", CreateBucketConfiguration={"LocationConstraint": REGION})
    aws.s3.put_object(Bucket="artifacts", Key=layer_key("arm64"), Body=b"layer")

    def connect(config: Config, *, endpoint_url: str | None) -> DeployContext:
        assert endpoint_url is None
        return replace(aws.target, config=config)

    return connect


if __name__ == "__main__":
    with fake_aws() as account:
        account.on_sleep = lambda: time.sleep(0.05)
        main(obj=reach(account))
