"""`imchat local`: the whole application on one machine."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from imchat.commands.options import option
from imchat.console import base

DEFAULT_PORT: Final = 8484


@click.command()
@option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="Address to listen on; 0.0.0.0 accepts connections from other machines.",
)
@option(
    "--port",
    default=DEFAULT_PORT,
    show_default=True,
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="Port to listen on; 0 picks a free one.",
)
@option(
    "--url",
    metavar="URL",
    help="Address that users open, if a reverse proxy forwards it to this server, such as https://chat.example.org.",
)
@option(
    "--trusted-proxy",
    "trusted_proxies",
    multiple=True,
    metavar="ADDRESS",
    help="IP address or network of a reverse proxy, whose X-Forwarded-For header names the client that sign-in limits "
    "apply to. Repeat for several. With --url, a proxy on this machine is trusted.",
)
@option(
    "--data-dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Directory for accounts, messages and keys (default: shown at startup).",
)
@option("--open/--no-open", "open_browser", default=False, help="Open the site in your browser.")
@option(
    "--confirm", is_flag=True, help="Require a confirmation code at sign-up; it is printed in this terminal."
)
@option(
    "--sign-up",
    default="open",
    show_default=True,
    metavar="WHO",
    help="Who may create an account: open (anyone), invitation (only users created with `imchat user create "
    "--local`) or domain:example.org[,example.com].",
)
@option("--demo", is_flag=True, help="Add two demo users and a conversation.")
def local(
    *,
    host: str,
    port: int,
    url: str | None,
    trusted_proxies: tuple[str, ...],
    data_dir: Path | None,
    open_browser: bool,
    confirm: bool,
    sign_up: str,
    demo: bool,
) -> None:
    """Run imchat on this machine, until Ctrl-C.

    Example: imchat local --demo --open
    """
    from imchat.local.gc_pause import gc_disabled

    with gc_disabled():
        from imchat.local import run
        from imchat.local.server import Options
        from imchat.local.server_names import PublicUrl
        from imchat.local.trusted_proxies import parse_proxy
        from imchat.sign_up_policy import SignUpPolicy

    run.run(
        data_dir,
        options=Options(
            host=host,
            port=port,
            public_url=None if url is None else PublicUrl.parse(url),
            trusted_proxies=tuple(map(parse_proxy, trusted_proxies)),
        ),
        confirm=confirm,
        policy=SignUpPolicy.parse(sign_up),
        with_demo=demo,
        started=lambda server: base.print_server_started(server, open_browser=open_browser),
        deliver=base.print_code,
    )
