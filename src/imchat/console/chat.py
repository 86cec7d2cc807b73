"""A conversation in the terminal: what was said, what comes, and the line that is being typed below it."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import click

from imchat.client import Client, Heard
from imchat.console import terminal
from imchat.errors import ImchatError, NotFound

if TYPE_CHECKING:
    from imchat.client.api import Entry

_HISTORY: Final = 20
_CHOICES: Final = 20
_PROMPT: Final = "> "
_HINT: Final = "Enter sends, /quit ends."
_COLOURS: Final = ("cyan", "magenta", "yellow", "green", "blue", "bright_red")
_TYPING_S: Final = 5.0
_CHANGES: Final = {
    "message.deleted": "deleted a message",
    "member.added": "let somebody in",
    "member.removed": "took somebody out, or left",
    "conversation.updated": "changed the group",
}


async def chat(url: str, email: str, password: str, handle: str | None) -> None:
    """Talk until the person has enough. Raises: ImchatError."""
    async with Client.sign_in(url, email, password) as me:
        entry = await (_choose(me) if handle is None else _with(me, handle))
        await _Screen(me, entry).run()
    farewell()


def farewell() -> None:
    """The last line."""
    click.secho("See you.", dim=True)


async def _with(me: Client, handle: str) -> Entry:
    wanted = handle.removeprefix("@").lower()
    for user in await me.find_users(wanted):
        if user["handle"] == wanted:
            return await me.create_direct(user["user_id"])
    raise NotFound(f"nobody has the handle {wanted}; look it up in the web client, or ask them")


async def _choose(me: Client) -> Entry:
    entries = sorted([entry async for entry in me.inbox()], key=_newest_ms, reverse=True)[:_CHOICES]
    if not entries:
        raise NotFound("you have no conversations yet; start one by --with HANDLE")
    titles = await _titles(me, entries)
    click.echo()
    for number, (entry, title) in enumerate(zip(entries, titles, strict=True), start=1):
        unread = click.style(f"  {entry['unread']} new", fg="green") if entry["unread"] else ""
        click.echo(f" {click.style(f'{number:>3}', dim=True)}  {title}{unread}")
    click.echo()
    number = await asyncio.to_thread(
        click.prompt, "Which one", type=click.IntRange(1, len(entries)), default=1
    )
    return await me.conversation(entries[number - 1]["conversation"]["conversation_id"])


async def _titles(me: Client, entries: Sequence[Entry]) -> list[str]:
    others = {
        member["user_id"]
        for entry in entries
        for member in entry["conversation"].get("members", ())
        if member["user_id"] != me.user_id
    }
    names = (
        {user["user_id"]: _name(user) for user in await me.users_by_id(sorted(others)[:100])}
        if others
        else {}
    )
    return [_title(entry, names, me.user_id) for entry in entries]


def _title(entry: Entry, names: dict[str, str], own_id: str) -> str:
    conversation = entry["conversation"]
    if conversation["kind"] == "group":
        return _plain(conversation["title"] or "Group")
    others = [member["user_id"] for member in conversation.get("members", ()) if member["user_id"] != own_id]
    return names.get(others[0], "Somebody") if others else "Somebody"


class _Screen:
    """One open conversation."""

    def __init__(self, me: Client, entry: Entry) -> None:
        self._me = me
        self._entry = entry
        self._where: str = entry["conversation"]["conversation_id"]
        self._names = {user["user_id"]: _name(user) for user in entry.get("users", ())}
        self._shown = 0
        self._typed_s = 0.0
        self._asking = False
        self._held: list[str] | None = None
        self._sending = ""
        self._interactive = sys.stdin.isatty() and sys.stdout.isatty()

    async def run(self) -> None:
        """Show, listen and send until the person ends it."""
        title = _title(self._entry, self._names, self._me.user_id)
        click.secho(f"\n{title}", bold=True)
        if self._interactive:
            click.secho(_HINT, dim=True)
        events, _ = await self._me.read(self._where, limit=_HISTORY)
        for event in events:
            await self._show(event)
        hearing = asyncio.create_task(self._hear())
        try:
            while (line := await self._line(hearing)) is not None:
                if line.strip() == "/quit":
                    break
                if _is_command(line):
                    self._print(click.style(f"  {line.strip()} is no command. {_HINT}", dim=True))
                elif line.strip():
                    await self._send(line)
        finally:
            hearing.cancel()

    async def _send(self, body: str) -> None:
        """Send it. It shows when it is heard, in its place among what others say meanwhile."""
        self._sending = body
        self._print()
        try:
            await self._me.send(self._where, body)
        except ImchatError as error:
            self._print(f"  {_plain(body)}\n{click.style(f'  not sent: {error.message}', fg='red')}")
        finally:
            self._sending = ""

    async def _hear(self) -> None:
        async for found in self._me.frames():
            if isinstance(found, Heard):
                if found.conversation_id == self._where:
                    await self._show(found.event)
                    await self._seen(found.event["seq"])
            elif found["type"] == "typing" and found["conversation_id"] == self._where:
                await self._show_typing(found["user_id"])

    async def _seen(self, seq: int) -> None:
        try:
            await self._me.mark_read(self._where, seq)
        except ImchatError:
            return  # the next message moves the cursor as well

    async def _show(self, event: dict[str, Any]) -> None:
        if event["seq"] <= self._shown:
            return
        self._shown = event["seq"]
        text = self._text(event, await self._who(event["actor_id"]))
        if text is not None:
            at = time.strftime("%H:%M", time.localtime(event["at_ms"] / 1000))
            self._print(f"{click.style(at, dim=True)}  {text}")

    def _text(self, event: dict[str, Any], who: str) -> str | None:
        message = event.get("message", {})
        match event["type"]:
            case "message.created" if "deleted_at_ms" in message:
                said = click.style("(deleted)", dim=True)
            case "message.created":
                said = _plain(message["body"])
            case "message.edited":
                said = f"{click.style('now says:', dim=True)} {_plain(message.get('body', ''))}"
            case "reaction.added":
                said = f"{click.style('reacted', dim=True)} {event['emoji']}"
            case kind if kind in _CHANGES:
                said = click.style(_CHANGES[kind], dim=True)
            case _:
                return None
        return f"{who} {said}"

    async def _show_typing(self, user_id: str) -> None:
        if time.monotonic() - self._typed_s > _TYPING_S:
            self._typed_s = time.monotonic()
            self._print(f"{await self._who(user_id)} {click.style('is typing …', dim=True)}")

    async def _who(self, user_id: str) -> str:
        if user_id == self._me.user_id:
            return click.style("you", bold=True)
        if user_id not in self._names:
            for user in await self._me.users_by_id([user_id]):
                self._names[user_id] = _name(user)
        colour = _COLOURS[sum(user_id.encode()) % len(_COLOURS)]
        return click.style(self._names.get(user_id, "Somebody"), fg=colour, bold=True)

    def _print(self, text: str = "") -> None:
        """A line above the one that is being typed or sent."""
        if self._held is not None:
            self._held.append(text)
        elif self._interactive:
            above = f"{text}\n" if text else ""
            click.echo(f"\r\x1b[2K{above}{self._bottom()}", nl=False)
        elif text:
            click.echo(text)

    def _bottom(self) -> str:
        """What stands in the last line of the screen."""
        if self._asking:
            return f"{_PROMPT}{terminal.typed()}"
        cut = _plain(self._sending)[: terminal.columns() // 2]  # some characters are two columns wide
        return click.style(cut, dim=True)

    async def _line(self, hearing: asyncio.Task[None]) -> str | None:
        """The next line, gone from the screen; None at the end of what is typed.

        Raises: what ended the hearing, if that comes first: nobody shall talk on and hear nothing.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[str | None] = loop.create_future()

        def read() -> None:
            try:
                line: str | None = input(_PROMPT if self._interactive else "")
            except (EOFError, ValueError):
                line = None
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(_settle, answer, line)

        self._print()
        # Readline writes its prompt by itself: what came before that would stand among its pieces.
        self._held = []
        if not (self._interactive and terminal.call_when_asked(lambda: loop.call_soon_threadsafe(self._ask))):
            self._ask()
        # A thread of the pool would keep the process from ending while it waits for a line.
        threading.Thread(target=read, daemon=True).start()
        either: list[asyncio.Future[Any]] = [answer, hearing]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        self._ask()
        if hearing.done():
            hearing.result()
        line = await answer
        self._asking = False
        if self._interactive:
            rows = 0 if line is None else terminal.rows(_PROMPT + line)
            click.echo("\r\x1b[2K" + "\x1b[1A\x1b[2K" * rows, nl=False)
        return line

    def _ask(self) -> None:
        """The prompt stands there: show above it what came meanwhile."""
        self._asking = True
        held, self._held = self._held or [], None
        for text in held:
            self._print(text)


def _is_command(line: str) -> bool:
    """Whether it looks like a command of a chat program, which nobody means to say aloud."""
    return line.startswith("/") and line.strip()[1:].isalpha()


def _settle(answer: asyncio.Future[str | None], line: str | None) -> None:
    if not answer.done():
        answer.set_result(line)


def _name(user: dict[str, Any]) -> str:
    return _plain(user["display_name"] or user["handle"] or "Somebody")


def _plain(text: str) -> str:
    """`text` without what would steer a terminal: other people wrote it."""
    return "".join(char if char.isprintable() or char in "\n\t" else "\ufffd" for char in text)


def _newest_ms(entry: Entry) -> int:
    last = entry.get("last_message")
    return int(last["at_ms"] if last else entry["conversation"]["created_at_ms"])
