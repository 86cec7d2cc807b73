"""The live view of a deployment: one row per step, and the active resources of the running step."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from rich import live
from rich.console import Console, Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from imchat.console import base, formatting
from imchat.deploy import progress

if TYPE_CHECKING:
    from imchat.deploy.plan import Plan

_MAX_RESOURCES: Final = 8
_MAX_WIDTH: Final = 100
_ICONS: Final = {
    "waiting": ("·", "dim"),
    "done": ("✓", "green"),
    "unchanged": ("✓", "dim"),
    "failed": ("✗", "red"),
    "interrupted": ("-", "yellow"),
}
_PAST: Final = {"create": "created", "update": "updated", "delete": "deleted", "": "done"}
_PRESENT: Final = {"create": "creating", "update": "updating", "delete": "deleting", "": ""}
State = Literal["waiting", "running", "done", "unchanged", "failed", "interrupted"]


@dataclass(slots=True)
class _Resource:
    type: str
    started_s: float
    state: State = "running"
    reason: str | None = None


@dataclass(slots=True)
class _Step:
    title: str
    state: State = "waiting"
    note: str = ""
    action: str = ""
    started_s: float | None = None
    ended_s: float | None = None
    resources: dict[str, _Resource] = field(default_factory=dict)
    done: int = 0
    total: int = 0

    @property
    def failed(self) -> bool:
        """Whether a resource of this step failed."""
        return any(resource.state == "failed" for resource in self.resources.values())


class LiveView:
    """A view that rich repaints a few times a second; `stop` leaves its last state on the screen."""

    def __init__(
        self, activity: str, console: Console | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start the view. `activity` is shown until the first step starts."""
        self._clock = clock
        self._steps: dict[str, _Step] = {}
        self._console = console or base.get_console()
        self._spinner = Spinner("dots", style="cyan")
        self._activity = activity
        self._live = live.Live(
            get_renderable=self.render, console=self._console, refresh_per_second=8, transient=False
        )
        self._live.start()

    def planned(self, plan: Plan) -> None:
        """Show every planned step."""
        self._activity = ""
        artifacts = [artifact for artifact in plan.artifacts if artifact.upload]
        for stack in plan.stacks:
            if stack.kind == "app" and artifacts:
                self._steps["upload"] = _Step("upload", total=len(artifacts))
            self._steps[stack.kind] = _Step(stack.kind, total=len(stack.changes))
        if plan.files.upload or plan.files.remove:
            self._steps["files"] = _Step("files", total=len(plan.files.upload))
        self._live.start(refresh=True)

    def event(self, event: progress.Event) -> None:  # noqa: C901, PLR0912 - one or two lines per case, read as a list
        """Update the view with one event."""
        match event:
            case progress.StackStarted(stack, action):
                name = formatting.stack_kind(stack)
                if (
                    name in self._steps and self._steps[name].action
                ):  # a failed stack was deleted and is created again
                    self._steps[name] = _Step(name, total=self._steps[name].total)
                step = self._ensure_running(name)
                step.action, step.note = action, _PRESENT[action]
            case progress.StackBusy(stack, status):
                self._ensure_running(
                    formatting.stack_kind(stack)
                ).note = f"waiting for another operation ({formatting.stack_status(status)})"
            case progress.ResourceProgress():
                self._update_resource(event)
            case progress.StackFinished(stack, changed):
                step = self._ensure_running(formatting.stack_kind(stack))
                many = formatting.count(step.done, "resource")
                note = f"{_PAST[step.action]}, {many}" if changed and step.done else _PAST[step.action]
                self._end(step, "done" if changed else "unchanged", note if changed else "unchanged")
            case progress.LayerStep(step_name):
                self._ensure_running("upload").note = f"{step_name} packages"
            case progress.ArtifactUploaded(kind, _, size_bytes, uploaded):
                if uploaded:
                    self._count("upload", f"{kind} {formatting.size(size_bytes)}", append=True)
            case progress.FileUploaded(path, _, number, of):
                self._count("files", path, number=number, total=of)
            case progress.ConfigWritten():
                step = self._ensure_running("files")
                step.note = f"{step.note} and config.json" if step.note else "config.json"
            case progress.FileRemoved(path):
                self._ensure_running("files").note = f"{path} removed"
            case progress.SmokeTested(url, status):
                step = self._ensure_running("check")
                note = url if status else f"{url} does not respond yet"
                self._end(step, "done" if status else "failed", note)
            case progress.BucketEmptied(bucket, objects):
                self._ensure_running("data").note = f"{bucket}: {formatting.count(objects, 'object')} deleted"
            case progress.ResourceDeleted(kind, resource):
                self._ensure_running("data").note = f"{formatting.resource_type(kind)} {resource} deleted"
            case progress.Invalidated() | progress.Interrupted():
                pass

    def stop(self) -> None:
        """Stop repainting and set the final state of the running steps."""
        self._activity = ""
        for step in self._steps.values():
            if step.state == "running":
                finished = not step.action and step.done >= step.total
                state: State = "failed" if step.failed else "done" if finished else "interrupted"
                self._end(step, state, "failed" if step.failed else step.note)
        if self._live.is_started:
            self._live.stop()

    def render(self) -> RenderableType:
        """Return the current view."""
        if self._activity:
            return Group(Text(), _labelled_icon(self._spinner, self._activity))
        table = Table.grid(padding=(0, 1), expand=True)
        table.width = min(self._console.width, _MAX_WIDTH)
        table.add_column(width=3, justify="right")
        table.add_column(width=8)
        table.add_column(ratio=1)
        table.add_column(width=8, justify="right", style="dim")
        for step in self._steps.values():
            self._add_step(table, step)
        return Group(table, Text()) if self._steps else Text()

    def _add_step(self, table: Table, step: _Step) -> None:
        time_taken = ""
        if step.started_s is not None and step.state != "unchanged":
            until = self._clock() if step.ended_s is None else step.ended_s
            time_taken = formatting.elapsed(until - step.started_s)
        title = Text(step.title, "dim" if step.state in {"waiting", "unchanged"} else "bold")
        table.add_row(self._icon(step.state), title, self._note(step), time_taken)
        if step.state not in {"running", "failed", "interrupted"}:
            return
        state: State = "failed" if step.failed else "running"
        shown = [item for item in step.resources.items() if item[1].state == state][: self._max_shown()]
        longest = max((len(name) for name, _ in shown), default=0)
        for name, resource in shown:
            failed = step.failed
            text = Text.assemble((f"{name:<{longest}}  ", "red" if failed else ""))
            text.append(
                (failed and resource.reason) or formatting.resource_type(resource.type),
                "" if failed else "dim",
            )
            running = not failed and step.state == "running"
            duration = formatting.elapsed(self._clock() - resource.started_s) if running else ""
            table.add_row("", "", text, duration)

    def _note(self, step: _Step) -> RenderableType:
        if step.state != "running" or not step.total:
            style = "dim" if step.state in {"waiting", "unchanged"} else ""
            return Text(step.note, style, no_wrap=True, overflow="ellipsis")
        bar = ProgressBar(
            total=step.total,
            completed=min(step.done, step.total),
            width=24,
            style="bright_black",
            complete_style="cyan",
            finished_style="cyan",
        )
        row = Table.grid(padding=(0, 2))
        row.add_row(bar, Text(f"{min(step.done, step.total)} of {step.total}", "dim"), Text(step.note))
        return row

    def _icon(self, state: State) -> RenderableType:
        return self._spinner if state == "running" else Text(*_ICONS[state])

    def _max_shown(self) -> int:
        return max(2, min(_MAX_RESOURCES, self._console.height - len(self._steps) - 4))

    def _ensure_running(self, name: str) -> _Step:
        self._activity = ""
        step = self._steps.setdefault(name, _Step(name))
        if step.state == "waiting":
            for other in self._steps.values():
                if other.state == "running" and not other.action:
                    self._end(other, "done", other.note)
            step.state, step.started_s = "running", self._clock()
        return step

    def _end(self, step: _Step, state: State, note: str) -> None:
        step.state, step.note, step.ended_s = state, note, self._clock()

    def _count(
        self,
        name: str,
        note: str,
        *,
        number: int | None = None,
        total: int | None = None,
        append: bool = False,
    ) -> None:
        step = self._ensure_running(name)
        step.note = f"{step.note}, {note}" if append and step.done else note
        step.done = step.done + 1 if number is None else number
        step.total = total or step.total
        if step.done >= step.total and number is not None:
            step.note = formatting.count(step.total, "file")

    def _update_resource(self, event: progress.ResourceProgress) -> None:
        step = self._ensure_running(formatting.stack_kind(event.stack))
        if event.resource == event.stack:
            return
        resource = step.resources.setdefault(event.resource, _Resource(event.type, self._clock()))
        if event.status.endswith("FAILED"):
            if step.failed:  # later failures are cancellations caused by the first
                resource.state = "interrupted"
                return
            resource.state, resource.reason = "failed", event.reason
        elif event.status.endswith(("COMPLETE", "SKIPPED")) and resource.state == "running":
            resource.state = "done"
            step.done += 1


def _labelled_icon(icon: RenderableType, label: str) -> Table:
    row = Table.grid(padding=(0, 1))
    row.add_column(width=3, justify="right")
    row.add_row(icon, Text(label, "dim"))
    return row
