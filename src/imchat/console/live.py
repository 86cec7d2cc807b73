"""The live view of a deployment: one row a step, below the step under way the resources that it works on."""

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

_MOST_RESOURCES: Final = 8
_WIDEST: Final = 100
_ICONS: Final = {
    "waiting": ("·", "dim"),
    "done": ("✓", "green"),
    "same": ("✓", "dim"),
    "failed": ("✗", "red"),
    "left": ("-", "yellow"),
}
_DONE: Final = {"create": "created", "update": "updated", "delete": "deleted", "": "done"}
_DOING: Final = {"create": "creating", "update": "updating", "delete": "deleting", "": ""}
State = Literal["waiting", "working", "done", "same", "failed", "left"]


@dataclass(slots=True)
class _Resource:
    type: str
    began: float
    state: State = "working"
    reason: str | None = None


@dataclass(slots=True)
class _Step:
    title: str
    state: State = "waiting"
    note: str = ""
    action: str = ""
    began: float | None = None
    ended: float | None = None
    resources: dict[str, _Resource] = field(default_factory=dict)
    done: int = 0
    of: int = 0

    @property
    def broken(self) -> bool:
        """Something in it failed."""
        return any(resource.state == "failed" for resource in self.resources.values())


class Live:
    """The view; rich repaints it a few times a second, and `stop` leaves its last state on the screen."""

    def __init__(
        self, doing: str, console: Console | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`doing`: what is under way until the first step begins."""
        self._clock = clock
        self._steps: dict[str, _Step] = {}
        self._console = console or base.console()
        self._spinner = Spinner("dots", style="cyan")
        self._doing = doing
        self._live = live.Live(
            get_renderable=self.render, console=self._console, refresh_per_second=8, transient=False
        )
        self._live.start()

    def planned(self, plan: Plan) -> None:
        """Show every step that is to come."""
        self._doing = ""
        artifacts = [one for one in plan.artifacts if one.upload]
        for stack in plan.stacks:
            if stack.kind == "app" and artifacts:
                self._steps["upload"] = _Step("upload", of=len(artifacts))
            self._steps[stack.kind] = _Step(stack.kind, of=len(stack.changes))
        if plan.files.upload or plan.files.remove:
            self._steps["files"] = _Step("files", of=len(plan.files.upload))
        self._live.start(refresh=True)

    def event(self, event: progress.Event) -> None:  # noqa: C901, PLR0912 - one line or two a case, read as a list
        """Take in one thing that happened."""
        match event:
            case progress.StackStarted(stack, action):
                name = formatting.stack(stack)
                if name in self._steps and self._steps[name].action:  # what failed to be made is made anew
                    self._steps[name] = _Step(name, of=self._steps[name].of)
                step = self._working(name)
                step.action, step.note = action, _DOING[action]
            case progress.StackBusy(stack, status):
                self._working(
                    formatting.stack(stack)
                ).note = f"waiting: somebody is changing it ({formatting.status(status)})"
            case progress.ResourceProgress():
                self._resource(event)
            case progress.StackFinished(stack, changed):
                step = self._working(formatting.stack(stack))
                many = formatting.count(step.done, "resource")
                note = f"{_DONE[step.action]}, {many}" if changed and step.done else _DONE[step.action]
                self._end(step, "done" if changed else "same", note if changed else "unchanged")
            case progress.LayerStep(step_name):
                self._working("upload").note = f"{step_name} packages"
            case progress.ArtifactUploaded(kind, _, size_bytes, uploaded):
                if uploaded:
                    self._counted("upload", f"{kind} {formatting.size(size_bytes)}", add=True)
            case progress.FileUploaded(path, _, number, of):
                self._counted("files", path, number=number, of=of)
            case progress.ConfigWritten():
                step = self._working("files")
                step.note = f"{step.note} and config.json" if step.note else "config.json"
            case progress.FileRemoved(path):
                self._working("files").note = f"{path} removed"
            case progress.SmokeTested(url, status):
                step = self._working("check")
                note = url if status else f"no answer yet from {url}"
                self._end(step, "done" if status else "failed", note)
            case progress.BucketEmptied(bucket, objects):
                self._working("data").note = f"{bucket}: {formatting.count(objects, 'object')} deleted"
            case progress.ResourceDeleted(kind, resource):
                self._working("data").note = f"{formatting.kind(kind)} {resource} deleted"
            case progress.Invalidated() | progress.Interrupted():
                pass

    def stop(self) -> None:
        """Leave what is there on the screen; steps under way end as what they came to."""
        self._doing = ""
        for step in self._steps.values():
            if step.state == "working":
                finished = not step.action and step.done >= step.of
                state: State = "failed" if step.broken else "done" if finished else "left"
                self._end(step, state, "failed" if step.broken else step.note)
        if self._live.is_started:
            self._live.stop()

    def render(self) -> RenderableType:
        """The view as it is now."""
        if self._doing:
            return Group(Text(), _pair(self._spinner, self._doing))
        table = Table.grid(padding=(0, 1), expand=True)
        table.width = min(self._console.width, _WIDEST)
        table.add_column(width=3, justify="right")
        table.add_column(width=8)
        table.add_column(ratio=1)
        table.add_column(width=8, justify="right", style="dim")
        for step in self._steps.values():
            self._rows(table, step)
        return Group(table, Text()) if self._steps else Text()

    def _rows(self, table: Table, step: _Step) -> None:
        time_taken = ""
        if step.began is not None and step.state != "same":
            until = self._clock() if step.ended is None else step.ended
            time_taken = formatting.elapsed(until - step.began)
        title = Text(step.title, "dim" if step.state in {"waiting", "same"} else "bold")
        table.add_row(self._icon(step.state), title, self._note(step), time_taken)
        if step.state not in {"working", "failed", "left"}:
            return
        wanted: State = "failed" if step.broken else "working"
        shown = [(name, one) for name, one in step.resources.items() if one.state == wanted][: self._room()]
        longest = max((len(name) for name, _ in shown), default=0)
        for name, resource in shown:
            failed = step.broken
            words = Text.assemble((f"{name:<{longest}}  ", "red" if failed else ""))
            words.append(
                (failed and resource.reason) or formatting.kind(resource.type), "" if failed else "dim"
            )
            working = not failed and step.state == "working"
            taken = formatting.elapsed(self._clock() - resource.began) if working else ""
            table.add_row("", "", words, taken)

    def _note(self, step: _Step) -> RenderableType:
        if step.state != "working" or not step.of:
            style = "dim" if step.state in {"waiting", "same"} else ""
            return Text(step.note, style, no_wrap=True, overflow="ellipsis")
        bar = ProgressBar(
            total=step.of,
            completed=min(step.done, step.of),
            width=24,
            style="bright_black",
            complete_style="cyan",
            finished_style="cyan",
        )
        row = Table.grid(padding=(0, 2))
        row.add_row(bar, Text(f"{min(step.done, step.of)} of {step.of}", "dim"), Text(step.note))
        return row

    def _icon(self, state: State) -> RenderableType:
        return self._spinner if state == "working" else Text(*_ICONS[state])

    def _room(self) -> int:
        return max(2, min(_MOST_RESOURCES, self._console.height - len(self._steps) - 4))

    def _working(self, name: str) -> _Step:
        self._doing = ""
        step = self._steps.setdefault(name, _Step(name))
        if step.state == "waiting":
            for other in self._steps.values():
                if other.state == "working" and not other.action:
                    self._end(other, "done", other.note)
            step.state, step.began = "working", self._clock()
        return step

    def _end(self, step: _Step, state: State, note: str) -> None:
        step.state, step.note, step.ended = state, note, self._clock()

    def _counted(
        self, name: str, note: str, *, number: int | None = None, of: int | None = None, add: bool = False
    ) -> None:
        step = self._working(name)
        step.note = f"{step.note}, {note}" if add and step.done else note
        step.done = step.done + 1 if number is None else number
        step.of = of or step.of
        if step.done >= step.of and number is not None:
            step.note = formatting.count(step.of, "file")

    def _resource(self, event: progress.ResourceProgress) -> None:
        step = self._working(formatting.stack(event.stack))
        if event.resource == event.stack:
            return
        resource = step.resources.setdefault(event.resource, _Resource(event.type, self._clock()))
        if event.status.endswith("FAILED"):
            if step.broken:  # what was cancelled because of the first says nothing
                resource.state = "left"
                return
            resource.state, resource.reason = "failed", event.reason
        elif event.status.endswith(("COMPLETE", "SKIPPED")) and resource.state == "working":
            resource.state = "done"
            step.done += 1


def _pair(icon: RenderableType, words: str) -> Table:
    row = Table.grid(padding=(0, 1))
    row.add_column(width=3, justify="right")
    row.add_row(icon, Text(words, "dim"))
    return row
