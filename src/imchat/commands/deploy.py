"""The commands that create, update and remove a stage: `imchat init`, `deploy` and `teardown`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imchat.commands.options import StageOptions, as_json, option, stage_options, yes
from imchat.console import base
from imchat.errors import Conflict

if TYPE_CHECKING:
    from imchat.deploy.plan import Plan


@click.command()
@option("--stage", metavar="NAME", help="Name of this installation, such as prod or test.")
@option("--region", metavar="REGION", help="AWS region, such as eu-central-1.")
@option("--profile", metavar="NAME", help="AWS profile to use.")
@option("--domain-name", metavar="HOST", help="Custom domain of the site, such as chat.example.org.")
@option("--certificate-arn", metavar="ARN", help="ARN of the domain's ACM certificate, in us-east-1.")
@option(
    "--sign-up",
    metavar="WHO",
    help="Who may create an account: open (anyone), invitation (only users created with `imchat user create`) "
    "or domain:example.org[,example.com].",
)
@option("--mail-identity-arn", metavar="ARN", help="ARN of the SES identity that sends mail.")
@option("--alarm-mail", metavar="ADDRESS", help="E-mail address for alarms.")
@option(
    "--config",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default="imchat.toml",
    show_default=True,
    metavar="FILE",
    help="File to write.",
)
@yes
def init(*, path: Path, yes: bool, **settings: Any) -> None:
    """Create imchat.toml, prompting for missing settings.

    Without a terminal, or with --yes, nothing is prompted and missing settings keep their defaults.

    Example: imchat init --stage prod --region eu-central-1 --yes
    """
    from imchat.console import init as console_init
    from imchat.deploy import check_config, render_config

    interactive = sys.stdin.isatty() and not yes
    check_config(settings)
    if path.exists() and not yes:
        if not interactive:
            raise Conflict(f"{path} already exists; use --yes to overwrite it")
        base.confirm(f"{path} already exists. Overwrite it?")
    config = console_init.prompt_for_settings(settings, path) if interactive else check_config(settings)
    text = render_config(config)
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise Conflict(
            f"{path} cannot be written: {error.strerror}; choose another file with --config"
        ) from None
    console_init.print_written(path, config)


@click.command()
@option("--plan", "plan_only", is_flag=True, help="Show the changes without deploying.")
@yes
@as_json
@stage_options
def deploy(options: StageOptions, *, plan_only: bool, yes: bool, as_json: bool) -> None:
    """Deploy imchat to AWS, or update a deployed stage.

    Shows the changes and asks for confirmation. Ctrl-C is safe: run the command again to continue.

    Example: imchat deploy --stage test
    """
    if as_json and not (yes or plan_only):
        raise click.UsageError("--json does not ask for confirmation: add --yes or --plan.")
    from imchat.console import deploy as console
    from imchat.console import plan
    from imchat.deploy import deploy, make_plan

    target = options.connect()
    location = f"{target.region}{', ' + target.endpoint_url if target.endpoint_url else ''}"
    with console.live_output("Reading the deployed state", as_json=as_json) as view:
        if plan_only:
            planned = make_plan(target, progress=view.event)
            view.stop()
            plan.print_plan(planned, location=location, all_resources=True, as_json=as_json)
            return

        def approve(planned: Plan) -> bool:
            view.stop()
            if not as_json:
                plan.print_plan(planned, location=location, all_resources=False, as_json=False)
            if not yes:
                base.confirm("Deploy these changes?")
            view.planned(planned)
            return True

        deployment = deploy(target, approve=approve, progress=view.event)
        view.stop()
    if deployment is not None:
        console.print_deployment(deployment, options=options.command_line, as_json=as_json)


@click.command()
@option("--delete-data", is_flag=True, help="Also delete every account, message and file.")
@option(
    "--confirm-stage",
    metavar="NAME",
    help="The stage's name again, to confirm --delete-data with --yes.",
)
@yes
@as_json
@stage_options
def teardown(
    options: StageOptions, *, delete_data: bool, confirm_stage: str | None, yes: bool, as_json: bool
) -> None:
    """Remove the site and the application, but keep the data.

    Accounts, messages and files are kept, and the next `imchat deploy` uses them again. To delete them too,
    use --delete-data.

    Example: imchat teardown --stage test --delete-data
    """
    if as_json and not yes:
        raise click.UsageError("--json does not ask for confirmation: add --yes.")
    if confirm_stage is not None and not delete_data:
        raise click.UsageError("--confirm-stage requires --delete-data.")
    from imchat.console import deploy as console
    from imchat.deploy import tear_down

    target = options.connect()
    stage = target.config.stage
    if delete_data and yes and confirm_stage != stage:
        raise click.UsageError(f"deleting the data of {stage} with --yes requires --confirm-stage {stage}.")
    if delete_data and not yes:
        console.confirm_data_deletion(stage, target.region)
    elif not yes:
        base.confirm(f"Remove the site and the application of {stage} in {target.region}, and keep its data?")
    with console.live_output(f"Tearing down {stage}", as_json=as_json) as view:
        result = tear_down(target, delete_data=delete_data, progress=view.event)
        view.stop()
    console.print_teardown(stage, result, as_json=as_json)
