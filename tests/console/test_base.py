"""Output shared by all commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from imchat.console import base
from imchat.local.run import Started
from imchat.sign_up_policy import SignUpPolicy

WARNING = "Anyone who can connect can create an account"


@pytest.mark.parametrize(
    ("reachable", "policy", "warned"),
    [
        (True, "open", True),
        (True, "invitation", False),
        (True, "domain:example.org", False),
        (False, "open", False),
    ],
)
def test_a_server_that_others_can_reach_warns_of_open_sign_up(
    capsys: pytest.CaptureFixture[str], *, reachable: bool, policy: str, warned: bool
) -> None:
    started = Started(
        "http://127.0.0.1:1", Path("data"), reachable_by_others=reachable, policy=SignUpPolicy.parse(policy)
    )
    base.print_server_started(started, open_browser=False)
    assert (WARNING in capsys.readouterr().out) is warned
