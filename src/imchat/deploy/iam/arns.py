"""The scope of a deployment: partition, region and account, and the ARNs in it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from imchat.deploy.aws_errors import translated
from imchat.deploy.context import DeployContext
from imchat.errors import ConfigError


@dataclass(frozen=True, slots=True)
class DeploymentScope:
    """One stage in one account and region. `partition` is "aws", "aws-cn" or similar."""

    stage: str
    region: str
    account_id: str
    partition: str = "aws"

    def arn(self, resource: str) -> str:
        """Return the ARN of a resource, with {stage}, {region} and {account_id} filled in."""
        return f"arn:{self.partition}:" + resource.format(
            stage=self.stage, region=self.region, account_id=self.account_id
        )


def deployment_scope(target: DeployContext, account_id: str | None = None) -> DeploymentScope:
    """Return the scope of `target`. Without `account_id`, asks AWS for the account of the credentials.

    Raises: ConfigError for an invalid account number, or the translated error of AWS.
    """
    if account_id is not None and not re.fullmatch(r"\d{12}", account_id):
        raise ConfigError("an AWS account number has 12 digits", field="account", limit=12)
    with translated():
        sts = target.client("sts")
        account = account_id or str(sts.get_caller_identity()["Account"])
    return DeploymentScope(target.config.stage, target.region, account, sts.meta.partition)
