"""`imchat deploy`, `teardown`, `status` and `open`: what they do, ask and print."""

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
from tests.support.cli_program import connector_for
from tests.support.fake_aws import APP, REGION, SITE, STATE, World, change

from imchat.cli import cli
from imchat.errors import DeployError, ImchatError

ROOT = Path(__file__).parents[2]
SITE_URL = "the-SiteUrl"


class Operator:
    """Runs commands for stage `test` of one account."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._connector = connector_for(world)

    def run(self, line: str, stdin: str = "") -> Result:
        arguments = [*line.split(), "--stage", "test"]
        return CliRunner().invoke(cli, arguments, input=stdin, obj=self._connector)


@pytest.fixture
def operator(aws: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Operator:
    monkeypatch.chdir(tmp_path)
    return Operator(aws)


def error_of(result: Result) -> ImchatError:
    assert isinstance(result.exception, ImchatError), result.output
    return result.exception


def json_lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.output.splitlines()]


def test_a_first_deployment_shows_the_plan_asks_and_prints_the_url(operator: Operator) -> None:
    result = operator.run("deploy", stdin="y\n")
    assert result.exit_code == 0, result.output
    assert f"test    {REGION}, version " in result.output
    assert "Deploy these changes? [y/N]: y" in result.output
    assert f"Open   {SITE_URL}" in result.output
    assert "imchat user create you@example.com --admin --stage test" in result.output
    assert operator.world.statuses() == dict.fromkeys((STATE, APP, SITE), "CREATE_COMPLETE")


def test_answering_no_changes_nothing(operator: Operator) -> None:
    result = operator.run("deploy", stdin="n\n")
    assert result.exit_code == 1
    assert operator.world.statuses() == {}


def test_without_input_it_asks_for_the_yes_option_and_changes_nothing(operator: Operator) -> None:
    result = operator.run("deploy")
    assert result.exit_code == 2
    assert "--yes" in result.output
    assert operator.world.statuses() == {}


def test_plan_lists_every_change_and_makes_none(operator: Operator) -> None:
    result = operator.run("deploy --plan")
    assert result.exit_code == 0
    assert "+    Table" in result.output
    assert "DynamoDB table" in result.output
    assert operator.world.statuses() == {}
    planned = json.loads(operator.run("deploy --plan --json").output)
    assert planned["empty"] is False
    assert [stack["action"] for stack in planned["stacks"]] == ["create"] * 3


def test_deploying_again_says_that_the_stage_is_up_to_date(operator: Operator) -> None:
    operator.run("deploy --yes")
    result = operator.run("deploy")
    assert result.exit_code == 0
    assert "test is up to date" in result.output
    assert SITE_URL in result.output


def test_json_prints_a_line_for_each_event_and_the_result(operator: Operator) -> None:
    lines = json_lines(operator.run("deploy --yes --json"))
    assert {"event": "stack_finished", "stack": APP, "changed": True} in lines
    assert lines[-1]["event"] == "result"
    assert lines[-1]["url"] == SITE_URL


def test_a_failed_deployment_names_the_first_resource_that_failed(operator: Operator) -> None:
    operator.world.cloudformation.changes[APP] = [change("Add", "HttpFunction", "AWS::Lambda::Function")]
    operator.world.cloudformation.failure[APP] = ("HttpFunction", "the limit is 10")
    result = operator.run("deploy --yes")
    error = error_of(result)
    assert isinstance(error, DeployError)
    assert (error.stack, error.resource) == (APP, "HttpFunction")
    assert "app: HttpFunction creation failed: the limit is 10" in result.output


def test_status_and_open_show_what_is_deployed(operator: Operator) -> None:
    assert "imchat deploy --stage test" in error_of(operator.run("status")).message
    assert "imchat deploy --stage test" in error_of(operator.run("open")).message
    operator.run("deploy --yes")
    shown = operator.run("status --outputs").output
    assert SITE_URL in shown
    assert "✓  state" in shown
    assert "TableName  the-TableName" in shown
    assert json.loads(operator.run("status --json").output)["url"] == SITE_URL


def test_a_teardown_keeps_the_data_and_lists_it(operator: Operator) -> None:
    operator.run("deploy --yes")
    result = operator.run("teardown", stdin="y\n")
    assert result.exit_code == 0, result.output
    assert "Kept" in result.output
    assert operator.world.statuses() == {STATE: "CREATE_COMPLETE"}


def test_data_is_deleted_only_when_the_stages_name_is_typed(operator: Operator) -> None:
    operator.run("deploy --yes")
    for typed in ("y\n", "prod\n", "\n", ""):
        assert operator.run("teardown --delete-data", stdin=typed).exit_code != 0
    assert set(operator.world.statuses()) == {STATE, APP, SITE}


class Terminal:
    """`imchat deploy` as a process in a pseudo-terminal of 80 columns, against an AWS that is slow."""

    def __init__(self, folder: Path) -> None:
        self._master, slave = os.openpty()
        termios.tcsetwinsize(slave, (30, 80))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.cli_program", "deploy", "--yes", "--stage", "test"],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=ROOT,
            env={**os.environ, "TERM": "xterm-256color", "IMCHAT_CONFIG": str(folder / "none.toml")},
        )
        os.close(slave)
        self.output = ""

    def read_until(self, words: str | None) -> None:
        """Read output until it contains `words`; None: until its end."""
        while words is None or words not in self.output:
            assert select.select([self._master], [], [], 60)[0], self.output
            try:
                more = os.read(self._master, 65536)
            except OSError:  # the process closed its end
                more = b""
            if not more:
                assert words is None, self.output
                return
            self.output += more.decode(errors="replace")


def test_ctrl_c_leaves_a_clean_screen_and_says_how_to_continue(tmp_path: Path) -> None:
    (tmp_path / "none.toml").touch()
    terminal = Terminal(tmp_path)
    terminal.read_until("creating")
    terminal.process.send_signal(signal.SIGINT)
    terminal.read_until(None)

    assert terminal.process.wait(timeout=30) == 130
    assert "Traceback" not in terminal.output
    assert terminal.output.rindex("\x1b[?25h") > terminal.output.rindex("\x1b[?25l"), "the cursor is hidden"
    last = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.output.rpartition("Stopped.")[2])
    assert last.rstrip().endswith("imchat deploy --stage test` continues from here")
    assert last.endswith("\n")
