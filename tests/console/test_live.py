"""What an operator sees of a deployment while it runs: in a terminal, line by line, and as JSON."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pytest
from rich.console import Console

from imchat.console import deploy as console
from imchat.console import formatting
from imchat.console.live import Live
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
    """The live view under a clock that the test turns, as text."""

    def __init__(self, width: int = 80) -> None:
        self.now = 0.0
        self._out = io.StringIO()
        self._console = Console(file=self._out, width=width, height=30)
        self.live = Live("Looking", self._console, clock=lambda: self.now)

    def tell(self, *events: Event) -> None:
        for event in events:
            self.live.event(event)

    def lines(self) -> list[str]:
        self._out.truncate(0)
        self._console.print(self.live.render())
        return [line.rstrip() for line in self._out.getvalue().lstrip("\0").splitlines() if line.strip()]


@pytest.fixture
def screen() -> Iterator[Screen]:
    made = Screen()
    yield made
    made.live.stop()


def resource(name: str, status: str, reason: str | None = None) -> ResourceProgress:
    return ResourceProgress(APP, name, "AWS::Lambda::Function", status, reason, 0)


def test_until_the_plan_is_there_the_view_says_what_is_going_on(screen: Screen) -> None:
    assert screen.lines()[0].endswith(" Looking")


def test_the_planned_steps_wait_in_their_order(screen: Screen) -> None:
    screen.live.planned(PLAN)
    assert screen.lines() == ["  · state", "  · upload", "  · app", "  · files"]


def test_the_step_under_way_shows_what_it_works_on_and_for_how_long(screen: Screen) -> None:
    screen.live.planned(PLAN)
    screen.tell(StackStarted(APP, "create"), resource("Api", "CREATE_IN_PROGRESS"))
    screen.now = 64
    screen.tell(resource("HttpFunction", "CREATE_IN_PROGRESS"))
    screen.now = 70
    screen.tell(resource("Api", "CREATE_COMPLETE"))
    _, _, app, function, _ = screen.lines()
    assert "1 of 2" in app
    assert app.endswith("1 m 10 s")
    assert function.split() == ["HttpFunction", "Lambda", "function", "6", "s"]


def test_a_finished_step_shrinks_to_one_line(screen: Screen) -> None:
    screen.live.planned(PLAN)
    screen.tell(StackFinished("imchat-test-state", changed=False))
    screen.tell(ArtifactUploaded("code", "code/1.zip", 142_000, uploaded=True))
    screen.tell(StackStarted(APP, "create"), resource("Api", "CREATE_COMPLETE"))
    screen.tell(StackFinished(APP, changed=True))
    screen.tell(FileUploaded("index.html", 100, 1, 1), ConfigWritten("https://x/config.json"))
    screen.tell(SmokeTested("https://x/api/health", 200))
    screen.live.stop()
    assert [" ".join(line.split()) for line in screen.lines()] == [
        "✓ state unchanged",
        "✓ upload code 142 KB 0 s",
        "✓ app created, 1 resource 0 s",
        "✓ files 1 file and config.json 0 s",
        "✓ check https://x/api/health 0 s",
    ]


def test_the_first_failure_stays_with_its_reason_and_what_it_cancelled_is_left_out(screen: Screen) -> None:
    screen.live.planned(PLAN)
    screen.tell(StackStarted(APP, "create"), resource("Api", "CREATE_IN_PROGRESS"))
    screen.tell(resource("HttpFunction", "CREATE_FAILED", "the limit is 10"))
    screen.tell(resource("Api", "CREATE_FAILED", "Resource creation cancelled"))
    screen.live.stop()
    shown = "\n".join(screen.lines())
    assert "✗ app      failed" in shown
    assert "HttpFunction  the limit is 10" in shown
    assert "cancelled" not in shown


def test_a_step_that_was_interrupted_is_left_as_it_is(screen: Screen) -> None:
    screen.tell(StackStarted(APP, "create"), resource("Api", "CREATE_IN_PROGRESS"))
    screen.tell(Interrupted(APP, "it goes on"))
    screen.live.stop()
    assert screen.lines()[0].startswith("  - app      creating")


def test_a_stack_that_is_deleted_and_made_anew_starts_over(screen: Screen) -> None:
    screen.tell(
        StackStarted(APP, "delete"), resource("Api", "DELETE_COMPLETE"), StackFinished(APP, changed=True)
    )
    assert screen.lines()[0].split()[:3] == ["✓", "app", "deleted,"]
    screen.tell(StackStarted(APP, "create"))
    assert screen.lines()[0].split()[1:3] == ["app", "creating"]


def test_another_deployment_under_way_is_named(screen: Screen) -> None:
    screen.tell(StackBusy(APP, "UPDATE_IN_PROGRESS"))
    assert "waiting: somebody is changing it (being updated)" in screen.lines()[0]


def test_many_resources_leave_the_screen_room(screen: Screen) -> None:
    screen.tell(StackStarted(APP, "create"))
    screen.tell(*(resource(f"R{number}", "CREATE_IN_PROGRESS") for number in range(60)))
    assert len(screen.lines()) <= 9


@pytest.mark.parametrize("width", [60, 80, 120])
def test_nothing_runs_past_the_terminals_edge(width: int) -> None:
    screen = Screen(width)
    screen.tell(StackStarted(APP, "create"), resource("HttpFunction", "CREATE_FAILED", "why " * 60))
    screen.live.stop()
    assert all(len(line) <= width for line in screen.lines())


def test_without_a_terminal_each_thing_done_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with console.showing("Looking", as_json=False) as show:
        show.event(StackStarted(APP, "create"))
        show.event(resource("Api", "CREATE_IN_PROGRESS"))
        show.event(resource("Api", "CREATE_COMPLETE"))
        show.event(BucketEmptied("bucket", 1200))
    assert capsys.readouterr().out == "app: creating\napp: Api created\nbucket: 1,200 objects deleted\n"


def test_as_json_each_event_is_one_line_with_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    with console.showing("Looking", as_json=True) as show:
        show.event(StackFinished(APP, changed=True))
    assert json.loads(capsys.readouterr().out) == {"event": "stack_finished", "stack": APP, "changed": True}


def test_ctrl_c_ends_with_130_and_the_engines_word_on_how_to_go_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def deploy() -> None:
        with console.showing("Looking", as_json=False) as show:
            show.event(Interrupted(APP, "CloudFormation goes on"))
            raise KeyboardInterrupt

    with pytest.raises(SystemExit) as ended:
        deploy()
    assert ended.value.code == 130
    assert capsys.readouterr().err == "Stopped. CloudFormation goes on\n"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (formatting.size(900), "900 bytes"),
        (formatting.size(141_900), "142 KB"),
        (formatting.size(999_900), "1.0 MB"),
        (formatting.elapsed(59.9), "59 s"),
        (formatting.elapsed(3605), "60 m 05 s"),
        (formatting.count(1, "file"), "1 file"),
        (formatting.kind("AWS::CloudFront::OriginAccessControl"), "CloudFront origin access control"),
        (formatting.kind("AWS::ApiGatewayV2::Api"), "API Gateway API"),
        (formatting.status("CREATE_FAILED"), "could not be created"),
        (formatting.status("SOMETHING_NEW"), "something new"),
    ],
)
def test_numbers_and_names_read_well(said: str, words: str) -> None:
    assert said == words
