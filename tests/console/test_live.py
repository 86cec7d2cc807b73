"""The output of a running deployment: live in a terminal, as plain lines, and as JSON."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pytest
from rich.console import Console

from imchat.console import deploy as console
from imchat.console import formatting
from imchat.console.live import LiveView
from imchat.deploy.packaging.bundle import Bundle
from imchat.deploy.packaging.release import Release
from imchat.deploy.packaging.site import PlannedFiles
from imchat.deploy.plan import Plan, PlannedArtifact, ResourceChange, StackPlan
from imchat.deploy.progress import (
    ArtifactUploaded,
    BucketEmptied,
    ConfigWritten,
    Event,
    FileUploaded,
    Interrupted,
    ResourceProgress,
    SmokeTested,
    StackBusy,
    StackFinished,
    StackStarted,
)

APP = "imchat-test-app"
CHANGES = (
    ResourceChange("add", "Api", "AWS::ApiGatewayV2::Api"),
    ResourceChange("add", "HttpFunction", "AWS::Lambda::Function"),
)
PLAN = Plan(
    stage="test",
    version="1.2.3",
    stacks=(StackPlan("state", "imchat-test-state", "none"), StackPlan("app", APP, "create", CHANGES)),
    artifacts=(PlannedArtifact("code", "code/1.zip", 142_000, upload=True),),
    files=PlannedFiles(upload=("index.html",)),
    release=Release({}, {}, Bundle("code/1.zip", "1", b""), "layer/1.zip", lambda _: b"", {}),
)


class Screen:
    """A live view as text, with a clock controlled by the test."""

    def __init__(self, width: int = 80) -> None:
        self.now = 0.0
        self._out = io.StringIO()
        self._console = Console(file=self._out, width=width, height=30)
        self.view = LiveView("Reading", self._console, clock=lambda: self.now)

    def send(self, *events: Event) -> None:
        for event in events:
            self.view.event(event)

    def lines(self) -> list[str]:
        self._out.truncate(0)
        self._console.print(self.view.render())
        return [line.rstrip() for line in self._out.getvalue().lstrip("\0").splitlines() if line.strip()]


@pytest.fixture
def screen() -> Iterator[Screen]:
    created = Screen()
    yield created
    created.view.stop()


def resource(name: str, status: str, reason: str | None = None) -> ResourceProgress:
    return ResourceProgress(APP, name, "AWS::Lambda::Function", status, reason, 0)


def test_before_the_plan_the_view_shows_the_current_activity(screen: Screen) -> None:
    assert screen.lines()[0].endswith(" Reading")


def test_planned_steps_are_shown_as_waiting_in_order(screen: Screen) -> None:
    screen.view.planned(PLAN)
    assert screen.lines() == ["  · state", "  · upload", "  · app", "  · files"]


def test_the_running_step_shows_its_resources_and_elapsed_time(screen: Screen) -> None:
    screen.view.planned(PLAN)
    screen.send(StackStarted(APP, "create"), resource("Api", "CREATE_IN_PROGRESS"))
    screen.now = 64
    screen.send(resource("HttpFunction", "CREATE_IN_PROGRESS"))
    screen.now = 70
    screen.send(resource("Api", "CREATE_COMPLETE"))
    _, _, app, function, _ = screen.lines()
    assert "1 of 2" in app
    assert app.endswith("1 m 10 s")
    assert function.split() == ["HttpFunction", "Lambda", "function", "6", "s"]


def test_a_finished_step_takes_one_line(screen: Screen) -> None:
    screen.view.planned(PLAN)
    screen.send(StackFinished("imchat-test-state", changed=False))
    screen.send(ArtifactUploaded("code", "code/1.zip", 142_000, uploaded=True))
    screen.send(StackStarted(APP, "create"), resource("Api", "CREATE_COMPLETE"))
    screen.send(StackFinished(APP, changed=True))
    screen.send(FileUploaded("index.html", 100, 1, 1), ConfigWritten("https://x/config.json"))
    screen.send(SmokeTested("https://x/api/health", 200))
    screen.view.stop()
    assert [" ".join(line.split()) for line in screen.lines()] == [
        "✓ state unchanged",
        "✓ upload code 142 KB 0 s",
        "✓ app created, 1 resource 0 s",
        "✓ files 1 file and config.json 0 s",
        "✓ check https://x/api/health 0 s",
    ]


def test_the_first_failure_is_shown_with_its_reason_and_without_the_cancelled_resources(
    screen: Screen,
) -> None:
    screen.view.planned(PLAN)
    screen.send(StackStarted(APP, "create"), resource("Api", "CREATE_IN_PROGRESS"))
    screen.send(resource("HttpFunction", "CREATE_FAILED", "the limit is 10"))
    screen.send(resource("Api", "CREATE_FAILED", "Resource creation cancelled"))
    screen.view.stop()
    shown = "\n".join(screen.lines())
    assert "✗ app      failed" in shown
    assert "HttpFunction  the limit is 10" in shown
    assert "cancelled" not in shown


def test_an_interrupted_step_keeps_its_last_state(screen: Screen) -> None:
    screen.send(StackStarted(APP, "create"), resource("Api", "CREATE_IN_PROGRESS"))
    screen.send(Interrupted(APP, "it continues"))
    screen.view.stop()
    assert screen.lines()[0].startswith("  - app      creating")


def test_a_stack_that_is_deleted_and_created_again_restarts_its_step(screen: Screen) -> None:
    screen.send(
        StackStarted(APP, "delete"), resource("Api", "DELETE_COMPLETE"), StackFinished(APP, changed=True)
    )
    assert screen.lines()[0].split()[:3] == ["✓", "app", "deleted,"]
    screen.send(StackStarted(APP, "create"))
    assert screen.lines()[0].split()[1:3] == ["app", "creating"]


def test_a_concurrent_deployment_is_shown(screen: Screen) -> None:
    screen.send(StackBusy(APP, "UPDATE_IN_PROGRESS"))
    assert "waiting for another operation (updating)" in screen.lines()[0]


def test_many_resources_do_not_fill_the_screen(screen: Screen) -> None:
    screen.send(StackStarted(APP, "create"))
    screen.send(*(resource(f"R{number}", "CREATE_IN_PROGRESS") for number in range(60)))
    assert len(screen.lines()) <= 9


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    screen = Screen(width)
    screen.send(StackStarted(APP, "create"), resource("HttpFunction", "CREATE_FAILED", "why " * 60))
    screen.view.stop()
    assert all(len(line) <= width for line in screen.lines())


def test_without_a_terminal_each_event_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with console.live_output("Reading", as_json=False) as view:
        view.event(StackStarted(APP, "create"))
        view.event(resource("Api", "CREATE_IN_PROGRESS"))
        view.event(resource("Api", "CREATE_COMPLETE"))
        view.event(BucketEmptied("bucket", 1200))
    assert capsys.readouterr().out == "app: creating\napp: Api created\nbucket: 1,200 objects deleted\n"


def test_with_json_each_event_is_one_line_with_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    with console.live_output("Reading", as_json=True) as view:
        view.event(StackFinished(APP, changed=True))
    assert json.loads(capsys.readouterr().out) == {"event": "stack_finished", "stack": APP, "changed": True}


def test_ctrl_c_exits_with_130_and_prints_how_to_continue(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def deploy() -> None:
        with console.live_output("Reading", as_json=False) as view:
            view.event(Interrupted(APP, "CloudFormation continues"))
            raise KeyboardInterrupt

    with pytest.raises(SystemExit) as exit_info:
        deploy()
    assert exit_info.value.code == 130
    assert capsys.readouterr().err == "Interrupted. CloudFormation continues\n"


@pytest.mark.parametrize(
    ("formatted", "expected"),
    [
        (formatting.size(900), "900 bytes"),
        (formatting.size(141_900), "142 KB"),
        (formatting.size(999_900), "1.0 MB"),
        (formatting.elapsed(59.9), "59 s"),
        (formatting.elapsed(3605), "60 m 05 s"),
        (formatting.count(1, "file"), "1 file"),
        (
            formatting.resource_type("AWS::CloudFront::OriginAccessControl"),
            "CloudFront origin access control",
        ),
        (formatting.resource_type("AWS::ApiGatewayV2::Api"), "API Gateway API"),
        (formatting.stack_status("CREATE_FAILED"), "creation failed"),
        (formatting.stack_status("SOMETHING_NEW"), "something new"),
    ],
)
def test_numbers_and_names_are_formatted(formatted: str, expected: str) -> None:
    assert formatted == expected
