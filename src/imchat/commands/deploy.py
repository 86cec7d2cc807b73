"""The commands that change what is deployed: `imchat init`, `deploy`, `teardown`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imchat.commands.options import Where, as_json, with_where, yes
from imchat.console import base
from imchat.errors import Conflict

if TYPE_CHECKING:
    from imchat.deploy.plan import Plan


@click.command()
@click.option("--stage", metavar="NAME", help="Names this installation, such as prod or test.")
@click.option("--region", metavar="REGION", help="Where it runs, such as eu-central-1.")
@click.option("--profile", metavar="NAME", help="The profile of your AWS configuration to use.")
@click.option("--domain-name", metavar="HOST", help="The site's own address, such as chat.example.org.")
@click.option("--certificate-arn", metavar="ARN", help="The domain's ACM certificate, in us-east-1.")
@click.option(
    "--sign-up",
    metavar="WHO",
    help="Who may make an account: open (anybody), invitation (nobody) or domain:example.org[,example.com].",
)
@click.option("--mail-identity-arn", metavar="ARN", help="The SES identity that mail is sent as.")
@click.option("--alarm-mail", metavar="ADDRESS", help="Who is mailed when an alarm goes off.")
@click.option(
    "--config",
    "place",
    type=click.Path(path_type=Path, dir_okay=False),
    default="imchat.toml",
    show_default=True,
    metavar="FILE",
    help="The file to write.",
)
@yes
def init(*, place: Path, yes: bool, **options: Any) -> None:
    """Write imchat.toml, asking for what is not given.

    Without a terminal, or with --yes, nothing is asked: what is not given keeps its default.

    Example: imchat init --stage prod --region eu-central-1 --yes
    """
    from imchat.console import init as console_init
    from imchat.deploy import check_config, render_config

    asks = sys.stdin.isatty() and not yes
    check_config(options)
    if place.exists() and not yes:
        if not asks:
            raise Conflict(f"{place} is there already; --yes overwrites it")
        base.ask(f"{place} is there already. Overwrite it?")
    config = console_init.ask_settings(options, place) if asks else check_config(options)
    text = render_config(config)
    try:
        place.write_text(text, "utf-8")
    except OSError as error:
        raise Conflict(
            f"{place} cannot be written: {error.strerror}; choose another place with --config"
        ) from None
    console_init.written(place, config)


@click.command()
@click.option("--plan", "plan_only", is_flag=True, help="Show what would change, and stop.")
@yes
@as_json
@with_where
def deploy(where: Where, *, plan_only: bool, yes: bool, as_json: bool) -> None:
    """Deploy imchat to AWS, or bring what is deployed up to date.

    Shows what will change and asks before it does it. Ctrl-C is safe: the next run goes on from there.

    Example: imchat deploy --stage test
    """
    if as_json and not (yes or plan_only):
        raise click.UsageError("--json asks nothing: add --yes, or --plan.")
    from imchat.console import deploy as console
    from imchat.console import plan
    from imchat.deploy import deploy, make_plan

    target = where.target()
    place = f"{target.region}{', ' + target.endpoint_url if target.endpoint_url else ''}"
    with console.showing("Looking at what is deployed", as_json=as_json) as show:
        if plan_only:
            planned = make_plan(target, progress=show.event)
            show.stop()
            plan.plan(planned, where=place, everything=True, as_json=as_json)
            return

        def approve(planned: Plan) -> bool:
            show.stop()
            if not as_json:
                plan.plan(planned, where=place, everything=False, as_json=False)
            if not yes:
                base.ask("Deploy this?")
            show.planned(planned)
            return True

        deployment = deploy(target, approve=approve, progress=show.event)
        show.stop()
    if deployment is not None:
        console.deployed(deployment, options=where.typed, as_json=as_json)


@click.command()
@click.option("--delete-data", is_flag=True, help="Also delete every account, message and file, for good.")
@click.option(
    "--confirm-stage",
    metavar="NAME",
    help="With --delete-data and --yes: the stage's name once more, instead of typing it.",
)
@yes
@as_json
@with_where
def teardown(where: Where, *, delete_data: bool, confirm_stage: str | None, yes: bool, as_json: bool) -> None:
    """Remove the site and the application, but keep the data.

    Accounts, messages and files stay. The next `imchat deploy` finds what was kept. With --delete-data nothing is kept.

    Example: imchat teardown --stage test --delete-data
    """
    if as_json and not yes:
        raise click.UsageError("--json asks nothing: add --yes.")
    if confirm_stage is not None and not delete_data:
        raise click.UsageError("--confirm-stage goes with --delete-data.")
    from imchat.console import deploy as console
    from imchat.deploy import tear_down

    target = where.target()
    stage = target.config.stage
    if delete_data and yes and confirm_stage != stage:
        raise click.UsageError(f"deleting the data of {stage} without asking needs --confirm-stage {stage}.")
    if delete_data and not yes:
        console.ask_for_deletion(stage, target.region)
    elif not yes:
        base.ask(f"Take down the site and the application of {stage} in {target.region}, and keep its data?")
    with console.showing(f"Taking down {stage}", as_json=as_json) as show:
        result = tear_down(target, delete_data=delete_data, progress=show.event)
        show.stop()
    console.torn_down(stage, result, as_json=as_json)
