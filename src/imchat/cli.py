"""The `imchat` command: click commands, thin. What a command needs it imports when it runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click

from imchat import __version__
from imchat.commands.account import cost, iam_policy
from imchat.commands.chat import chat
from imchat.commands.deploy import deploy, init, teardown
from imchat.commands.operate import completion, doctor, logs, open_, status
from imchat.commands.options import Reach
from imchat.commands.user import user
from imchat.console import base
from imchat.errors import ImchatError

DEFAULT_PORT: Final = 8484


_SECTIONS: Final = {
    "On this machine": ("local",),
    "On AWS": ("init", "doctor", "deploy", "status", "open", "logs", "teardown", "iam-policy", "cost"),
    "Both": ("chat", "user", "completion"),
}


class _Sections(click.Group):
    """A group whose help lists its commands in the order in which they are met."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a section for each of `_SECTIONS`."""
        width = max(map(len, self.list_commands(ctx)))
        for title, names in _SECTIONS.items():
            with formatter.section(title):
                limit = formatter.width - 6 - width
                rows = [(name.ljust(width), self.commands[name].get_short_help_str(limit)) for name in names]
                formatter.write_dl(rows)


@click.group(
    cls=_Sections, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__)
def commands() -> None:
    """A complete chat application for one machine or for your own AWS account."""


for command in (
    init,
    doctor,
    deploy,
    status,
    open_,
    logs,
    teardown,
    iam_policy,
    cost,
    chat,
    user,
    completion,
):
    commands.add_command(command)


@commands.command()
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="Address to listen on; 0.0.0.0 lets other machines in.",
)
@click.option(
    "--port",
    default=DEFAULT_PORT,
    show_default=True,
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="Port to listen on; 0 takes any free one.",
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Where accounts, messages and keys lie, if not in the usual place (shown at the start).",
)
@click.option("--open/--no-open", "open_browser", default=False, help="Open the site in your browser.")
@click.option("--confirm", is_flag=True, help="A sign-up needs a code, which is printed here.")
@click.option(
    "--sign-up",
    default="open",
    show_default=True,
    metavar="WHO",
    help="Who may make an account: open (anybody), invitation (nobody: `imchat user create --local` does), or "
    "domain:example.org[,example.com].",
)
@click.option("--demo", is_flag=True, help="Add two people and a conversation to look at.")
def local(
    *,
    host: str,
    port: int,
    data_dir: Path | None,
    open_browser: bool,
    confirm: bool,
    sign_up: str,
    demo: bool,
) -> None:
    """Run the whole application on this machine, until Ctrl-C.

    Example: imchat local --demo --open
    """
    from imchat.local.gc_pause import gc_disabled

    with gc_disabled():
        from imchat.local import run
        from imchat.local.server import Options
        from imchat.sign_up_policy import parse_sign_up

    run.run(
        data_dir,
        options=Options(host=host, port=port),
        confirm=confirm,
        policy=parse_sign_up(sign_up),
        with_demo=demo,
        started=lambda server: base.local_started(server, open_browser=open_browser),
        deliver=base.delivered,
    )


def main(obj: Reach | None = None) -> None:
    """Run one command. Exit status: 0; 1 for an error that is explained in one line; 2 for wrong usage; 130 after Ctrl-C.

    `obj`: another way to reach AWS than boto3's own.
    """
    try:
        commands(obj=obj)
    except ImchatError as error:
        base.failure(error.message)
        sys.exit(1)
