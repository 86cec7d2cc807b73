"""The commands about the AWS account before anything is deployed: `imchat iam-policy`, `imchat cost`. They change nothing."""

from __future__ import annotations

from pathlib import Path

import click

from imchat.commands.options import Where, as_json, with_where


@click.command("iam-policy")
@click.option("--account", metavar="NUMBER", help="The AWS account's number; without it, your credentials'.")
@click.option(
    "--write",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Write each policy to a file there, and print the commands that create them.",
)
@with_where
def iam_policy(where: Where, *, account: str | None, folder: Path | None) -> None:
    """Print what whoever deploys must be allowed.

    As policies for IAM, to the action and for this stage alone; and the boundary within which that person
    may make roles for the functions: set its ARN as permissions_boundary_arn in imchat.toml.

    Example: imchat iam-policy --account 123456789012 --write policies
    """
    from imchat.console import account as console
    from imchat.deploy import boundary_policy, deployer_policies, deployment_scope

    place = deployment_scope(where.target(), account)
    deployer, boundary = deployer_policies(place), boundary_policy(place)
    if folder is None:
        console.policies([*deployer, boundary])
    else:
        console.write_policies(deployer, boundary, folder)


@click.command()
@click.option("--users", default=100, show_default=True, metavar="N", help="People who use it in a month.")
@click.option(
    "--messages", default=50.0, show_default=True, metavar="N", help="Messages a person sends a day."
)
@click.option(
    "--group-size",
    default=2,
    show_default=True,
    metavar="N",
    help="Members of a conversation; 2: one to one.",
)
@click.option(
    "--hours", default=8.0, show_default=True, metavar="N", help="Hours a day that a person is online."
)
@click.option(
    "--region", default="us-east-1", show_default=True, metavar="REGION", help="The AWS region to price."
)
@as_json
def cost(*, users: int, messages: float, group_size: int, hours: float, region: str, as_json: bool) -> None:
    """Estimate what a stage costs a month.

    Every meter of AWS's is a row, at list prices whose date is told. Nothing is asked of AWS.

    Example: imchat cost --users 1000 --group-size 10
    """
    from imchat.console import account as console
    from imchat.deploy import Usage, estimate

    usage = Usage(users=users, messages_per_user_day=messages, group_size=group_size, hours_online=hours)
    console.estimated(estimate(usage, region=region), region=region, as_json=as_json)
