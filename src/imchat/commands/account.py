"""The commands to use before deploying: `imchat iam-policy` and `imchat cost`. They change nothing."""

from __future__ import annotations

from pathlib import Path

import click

from imchat.commands.options import StageOptions, as_json, option, stage_options


@click.command("iam-policy")
@option(
    "--account",
    metavar="NUMBER",
    help="AWS account number (default: the account of your credentials).",
)
@option(
    "--write",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write each policy to a file in this directory and print the commands that create them.",
)
@stage_options
def iam_policy(options: StageOptions, *, account: str | None, directory: Path | None) -> None:
    """Print the IAM policies a deployer needs.

    The policies allow only the actions that imchat uses, on this stage only. The boundary policy limits the
    roles that a deployer can create for the functions: set its ARN as permissions_boundary_arn in imchat.toml.

    Example: imchat iam-policy --account 123456789012 --write policies
    """
    from imchat.console import account as console
    from imchat.deploy import boundary_policy, deployer_policies, deployment_scope

    scope = deployment_scope(options.connect(), account)
    deployer, boundary = deployer_policies(scope), boundary_policy(scope)
    if directory is None:
        console.print_policies([*deployer, boundary])
    else:
        console.write_policies(deployer, boundary, directory)


@click.command()
@option("--users", default=100, show_default=True, metavar="N", help="Monthly active users.")
@option("--messages", default=50.0, show_default=True, metavar="N", help="Messages per user per day.")
@option(
    "--group-size",
    default=2,
    show_default=True,
    metavar="N",
    help="Members per conversation; 2 is a direct conversation.",
)
@option("--hours", default=8.0, show_default=True, metavar="N", help="Hours per day a user is online.")
@option("--region", default="us-east-1", show_default=True, metavar="REGION", help="AWS region to price.")
@as_json
def cost(*, users: int, messages: float, group_size: int, hours: float, region: str, as_json: bool) -> None:
    """Estimate the monthly cost of a stage.

    One row per AWS charge, at dated list prices. Makes no AWS calls.

    Example: imchat cost --users 1000 --group-size 10
    """
    from imchat.console import account as console
    from imchat.deploy import Usage, estimate

    usage = Usage(users=users, messages_per_user_day=messages, group_size=group_size, hours_online=hours)
    console.print_estimate(estimate(usage, region=region), region=region, as_json=as_json)
