"""The `imchat` command: the root group. Commands import what they need when they run."""

from __future__ import annotations

import sys
from typing import Final

import click

from imchat import __version__
from imchat.commands.account import cost, iam_policy
from imchat.commands.chat import chat
from imchat.commands.deploy import deploy, init, teardown
from imchat.commands.local import local
from imchat.commands.operate import completion, doctor, logs, open_, status
from imchat.commands.options import Connector
from imchat.commands.own_account import account
from imchat.commands.user import user
from imchat.console import base, streams
from imchat.errors import ImchatError

_SECTIONS: Final = {
    "On this machine": ("local",),
    "On AWS": ("init", "doctor", "deploy", "status", "open", "logs", "teardown", "iam-policy", "cost"),
    "Both": ("chat", "account", "user", "completion"),
}


class _SectionedGroup(click.Group):
    """A group whose help lists the commands in sections, in the order of use."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each section of `_SECTIONS`."""
        width = max(map(len, self.list_commands(ctx)))
        for title, names in _SECTIONS.items():
            with formatter.section(title):
                limit = formatter.width - 6 - width
                rows = [(name.ljust(width), self.commands[name].get_short_help_str(limit)) for name in names]
                formatter.write_dl(rows)


@click.group(
    "imchat",
    cls=_SectionedGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__)
def cli() -> None:
    """A complete chat application for one machine or for your own AWS account."""


for command in (
    local,
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
    account,
    user,
    completion,
):
    cli.add_command(command)


def main(obj: Connector | None = None) -> None:
    """Run one command, with `obj` in place of `imchat.deploy.connect` if given.

    Exit status: 0 for success, 1 for an error explained in one line, 2 for wrong usage, 130 after Ctrl-C.
    """
    streams.prepare_streams()
    try:
        try:
            cli(obj=obj)
        finally:
            streams.flush_output()
    except ImchatError as error:
        base.error(error.message)
        sys.exit(1)
    except OSError as error:
        if not streams.is_write_error(error):
            raise
        streams.discard_output()
        base.error(f"the output cannot be written: {error.strerror}; free some space or write it elsewhere")
        sys.exit(1)
