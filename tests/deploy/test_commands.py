"""`imchat deploy`, `teardown`, `status` and `open` against an account: what is done, what is asked, and what is said."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.support.cli_program import reach
from tests.support.fake_aws import APP, REGION, SITE, STATE, World, change

from imchat.cli import cli
from imchat.errors import DeployError, ImchatError

ROOT = Path(__file__).parents[2]
SITE_URL = "the-SiteUrl"


class Operator:
    """Types commands for stage `test` of one account."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._reach = reach(world)

    def type(self, line: str, given: str = "") -> Result:
        arguments = [*line.split(), "--stage", "test"]
        return CliRunner().invoke(cli, arguments, input=given, obj=self._reach)


@pytest.fixture
def operator(aws: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Operator:
    monkeypatch.chdir(tmp_path)
    return Operator(aws)


def refused(done: Result) -> ImchatError:
    assert isinstance(done.exception, ImchatError), done.output
    return done.exception


def json_lines(done: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.output.splitlines()]


def test_a_first_deployment_shows_the_plan_asks_and_ends_with_the_address(operator: Operator) -> None:
    done = operator.type("deploy", given="y\n")
    assert done.exit_code == 0, done.output
    assert f"test    {REGION}, version " in done.output
    assert "Deploy this? [y/N]: y" in done.output
    assert f"Open   {SITE_URL}" in done.output
    assert "imchat user create you@example.com --admin --stage test" in done.output
    assert operator.world.statuses() == dict.fromkeys((STATE, APP, SITE), "CREATE_COMPLETE")


def test_a_no_leaves_everything_as_it_is(operator: Operator) -> None:
    done = operator.type("deploy", given="n\n")
    assert done.exit_code == 1
    assert operator.world.statuses() == {}


def test_where_nobody_can_answer_it_asks_for_yes_and_does_nothing(operator: Operator) -> None:
    done = operator.type("deploy")
    assert done.exit_code == 2
    assert "--yes" in done.output
    assert operator.world.statuses() == {}


def test_a_plan_lists_every_change_and_makes_none(operator: Operator) -> None:
    done = operator.type("deploy --plan")
    assert done.exit_code == 0
    assert "+    Table" in done.output
    assert "DynamoDB table" in done.output
    assert operator.world.statuses() == {}
    planned = json.loads(operator.type("deploy --plan --json").output)
    assert planned["empty"] is False
    assert [stack["action"] for stack in planned["stacks"]] == ["create"] * 3


def test_deploying_again_says_that_all_is_up_to_date(operator: Operator) -> None:
    operator.type("deploy --yes")
    done = operator.type("deploy")
    assert done.exit_code == 0
    assert "test is up to date" in done.output
    assert SITE_URL in done.output


def test_programs_get_a_line_for_each_event_and_the_result(operator: Operator) -> None:
    lines = json_lines(operator.type("deploy --yes --json"))
    assert {"event": "stack_finished", "stack": APP, "changed": True} in lines
    assert lines[-1]["event"] == "result"
    assert lines[-1]["url"] == SITE_URL


def test_a_failed_deployment_names_what_failed_first(operator: Operator) -> None:
    operator.world.cloudformation.changes[APP] = [change("Add", "HttpFunction", "AWS::Lambda::Function")]
    operator.world.cloudformation.failure[APP] = ("HttpFunction", "the limit is 10")
    done = operator.type("deploy --yes")
    error = refused(done)
    assert isinstance(error, DeployError)
    assert (error.stack, error.resource) == (APP, "HttpFunction")
    assert "app: HttpFunction could not be created: the limit is 10" in done.output


def test_status_and_open_show_what_is_deployed(operator: Operator) -> None:
    assert "imchat deploy --stage test" in refused(operator.type("status")).message
    assert "imchat deploy --stage test" in refused(operator.type("open")).message
    operator.type("deploy --yes")
    shown = operator.type("status --outputs").output
    assert SITE_URL in shown
    assert "✓  state" in shown
    assert "TableName  the-TableName" in shown
    assert json.loads(operator.type("status --json").output)["url"] == SITE_URL


def test_a_teardown_keeps_the_data_and_says_so(operator: Operator) -> None:
    operator.type("deploy --yes")
    done = operator.type("teardown", given="y\n")
    assert done.exit_code == 0, done.output
    assert "Kept" in done.output
    assert operator.world.statuses() == {STATE: "CREATE_COMPLETE"}


def test_data_is_deleted_only_when_the_stages_name_is_typed(operator: Operator) -> None:
    operator.type("deploy --yes")
    for typed in ("y\n", "prod\n", "\n", ""):
        assert operator.type("teardown --delete-data", given=typed).exit_code != 0
    assert set(operator.world.statuses()) == {STATE, APP, SITE}


class Terminal:
    """A real process in a pseudo-terminal of 80 columns, where `imchat deploy` runs and AWS takes its time."""

    def __init__(self, folder: Path) -> None:
        self._ours, theirs = os.openpty()
        termios.tcsetwinsize(theirs, (30, 80))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.cli_program", "deploy", "--yes", "--stage", "test"],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=ROOT,
            env={**os.environ, "TERM": "xterm-256color", "IMCHAT_CONFIG": str(folder / "none.toml")},
        )
        os.close(theirs)
        self.shown = ""

    def read_until(self, words: str | None) -> None:
        """Take in what is shown until these words stand there, or all of it."""
        while words is None or words not in self.shown:
            assert select.select([self._ours], [], [], 60)[0], self.shown
            try:
                more = os.read(self._ours, 65536)
            except OSError:  # the other end is closed
                more = b""
            if not more:
                assert words is None, self.shown
                return
            self.shown += more.decode(errors="replace")


def test_ctrl_c_leaves_a_clean_screen_and_says_how_to_go_on(tmp_path: Path) -> None:
    (tmp_path / "none.toml").touch()
    terminal = Terminal(tmp_path)
    terminal.read_until("creating")
    terminal.process.send_signal(signal.SIGINT)
    terminal.read_until(None)

    assert terminal.process.wait(timeout=30) == 130
    assert "Traceback" not in terminal.shown
    assert terminal.shown.rindex("\x1b[?25h") > terminal.shown.rindex("\x1b[?25l"), "the cursor is hidden"
    last = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.shown.rpartition("Stopped.")[2])
    assert last.rstrip().endswith("imchat deploy` goes on where this one stopped")
    assert last.endswith("\n")
