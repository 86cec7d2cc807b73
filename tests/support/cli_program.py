"""Run the `imchat` command on the fake account of `tests/support/fake_aws.py`; as a module, with real delays."""

from __future__ import annotations

import time
from dataclasses import replace

from tests.support.fake_aws import REGION, World, fake_aws

from imchat.cli import main
from imchat.commands.options import Connector
from imchat.deploy import Config, DeployContext
from imchat.deploy.packaging.bundle import layer_key


def connector_for(aws: World) -> Connector:
    """Return a connector to the account. The layer is already uploaded, so nothing is downloaded."""
    aws.s3.create_bucket(Bucket="artifacts", CreateBucketConfiguration={"LocationConstraint": REGION})
    aws.s3.put_object(Bucket="artifacts", Key=layer_key("arm64"), Body=b"layer")

    def connect(config: Config, *, endpoint_url: str | None) -> DeployContext:
        assert endpoint_url is None
        return replace(aws.target, config=config)

    return connect


if __name__ == "__main__":
    with fake_aws() as aws_world:
        aws_world.on_sleep = lambda: time.sleep(0.05)
        main(obj=connector_for(aws_world))
