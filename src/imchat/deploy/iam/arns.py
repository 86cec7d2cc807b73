"""Where a stage lies, as ARNs say it: partition, region, account."""

from __future__ import annotations

import re
from dataclasses import dataclass

from imchat.deploy.aws_errors import translated
from imchat.deploy.context import DeployContext
from imchat.errors import ConfigError


@dataclass(frozen=True, slots=True)
class DeploymentScope:
    """One stage in one account and region. `partition`: "aws", or "aws-cn" and the like."""

    stage: str
    region: str
    account_id: str
    partition: str = "aws"

    def arn(self, resource: str) -> str:
        """The ARN of a resource, in which {stage}, {region} and {account_id} are filled in."""
        return f"arn:{self.partition}:" + resource.format(
            stage=self.stage, region=self.region, account_id=self.account_id
        )


def deployment_scope(target: DeployContext, account_id: str | None = None) -> DeploymentScope:
    """Where `target` is; without `account_id` AWS is asked whose credentials these are.

    Raises: ConfigError for a number that is no account's; what AWS refuses, in our words.
    """
    if account_id is not None and not re.fullmatch(r"\d{12}", account_id):
        raise ConfigError("an AWS account's number has 12 digits", field="account", limit=12)
    with translated():
        sts = target.client("sts")
        account = account_id or str(sts.get_caller_identity()["Account"])
    return DeploymentScope(target.config.stage, target.region, account, sts.meta.partition)
