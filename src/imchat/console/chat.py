"""A conversation in the terminal: its messages, with the input line below."""

from __future__ import annotations

import asyncio
import io
import re
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from unicodedata import category

import click

from imchat.client import Client, EventInConversation
from imchat.console import formatting, terminal, two_step
from imchat.domain.message_text import visible_text
from imchat.errors import ImchatError, Invalid, NotFound

if TYPE_CHECKING:
    from imchat.client.api import Entry
    from imchat.client.protocol import Event, Message

_HISTORY_EVENTS: Final = 20
_MAX_CHOICES: Final = 20
_PROMPT: Final = "> "
_HINT: Final = "Press Enter to send, /quit to quit."
_SLASH_HINT: Final = "Type // to send it as a message."
_INDENT: Final = " " * 7
"""The width of the time before a message. The further lines and rows of a message begin with it, so that they look like
no other message."""
_CHOICE_INDENT: Final = 6
"""The width of the number before a title."""
_BIDI_CONTROLS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They reverse the text that follows, also that of other messages."""
_REPLACED_CATEGORIES: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
_UNDECODABLE: Final = re.compile("[\ud800-\udfff]")
_COLOURS: Final = ("cyan", "magenta", "yellow", "green", "blue", "bright_red")
_TYPING_INTERVAL_S: Final = 5.0
_STYLES: Final = {
    "strong": ("\x1b[1m", "\x1b[22m"),
    "emphasis": ("\x1b[3m", "\x1b[23m"),
    "strike": ("\x1b[9m", "\x1b[29m"),
    "code": ("\x1b[33m", "\x1b[39m"),
}
"""The codes that begin and end a style. `click.style` ends all styles at once, also those around it."""
_NOTICES: Final = {
    "message.deleted": "deleted a message",
    "member.added": "added a member",
    "member.removed": "removed a member, or left",
    "conversation.updated": "changed the group",
}


async def chat(url: str, email: str, password: str, *, code: str | None, handle: str | None) -> None:
    """Run the chat until the user quits. Raises: ImchatError."""
    async with Client.sign_in(url, email, password, code=two_step.code_source(code)) as me:
        entry = await (_choose_conversation(me) if handle is None else _direct_conversation(me, handle))
        unsent = await _Screen(me, entry).run()
    print_goodbye()
    if unsent:
        raise Invalid(f"{formatting.count(unsent, 'line')} of the input could not be sent; see above")


def print_goodbye() -> None:
    """Print the last line."""
    click.secho("Goodbye.", dim=True)


async def _direct_conversation(me: Client, handle: str) -> Entry:
    wanted = handle.removeprefix("@").lower()
    for user in await me.find_users(wanted):
        if user["handle"] == wanted:
            return await me.create_direct(user["user_id"])
    raise NotFound(f"no user has the handle {wanted}; search for it in the web client")


async def _choose_conversation(me: Client) -> Entry:
    entries = sorted([entry async for entry in me.inbox()], key=_newest_ms, reverse=True)[:_MAX_CHOICES]
    if not entries:
        raise NotFound("you have no conversations yet; start one with --with HANDLE")
    titles = await _titles(me, entries)
    click.echo()
    for number, (entry, title) in enumerate(zip(entries, titles, strict=True), start=1):
        unread = click.style(f"  {entry['unread']} new", fg="green") if entry["unread"] else ""
        line = f" {click.style(f'{number:>3}', dim=True)}  {title}{unread}"
        click.echo(terminal.wrap(line, _CHOICE_INDENT))
    click.echo()
    number = await asyncio.to_thread(
        click.prompt, "Conversation", type=click.IntRange(1, len(entries)), default=1
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
        return _one_line(conversation["title"] or "Group")
    others = [member["user_id"] for member in conversation.get("members", ()) if member["user_id"] != own_id]
    return names.get(others[0], "Unknown user") if others else "Unknown user"


class _Screen:
    """The screen of one conversation."""

    def __init__(self, me: Client, entry: Entry) -> None:
        self._me = me
        self._entry = entry
        self._conversation_id: str = entry["conversation"]["conversation_id"]
        self._names = {user["user_id"]: _name(user) for user in entry.get("users", ())}
        self._shown_seq = 0
        self._typing_shown_s = 0.0
        self._prompt_shown = False
        self._pending_lines: list[str] | None = None
        self._sending = ""
        self._unsent = 0
        self._interactive = sys.stdin.isatty() and sys.stdout.isatty()

    async def run(self) -> int:
        """Show and send messages until the user quits. Returns how many lines of a file or pipe could not be sent."""
        if isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(errors="surrogateescape")  # a line that is no text must not end the chat
        title = _title(self._entry, self._names, self._me.user_id)
        click.secho(terminal.wrap(f"\n{title}", len(_INDENT)), bold=True)
        if self._interactive:
            click.secho(_HINT, dim=True)
        events, _ = await self._me.read_events(self._conversation_id, limit=_HISTORY_EVENTS)
        for event in events:
            await self._show(event)
        receiving = asyncio.create_task(self._receive())
        try:
            while (line := await self._read_line(receiving)) is not None:
                if line.strip() == "/quit":
                    break
                if _UNDECODABLE.search(line):
                    self._refuse(f"not text in the encoding {sys.stdin.encoding}")
                elif _is_command(line):
                    self._refuse(f"{line.split()[0]} is not a command. {_SLASH_HINT} {_HINT}")
                elif line.strip():
                    await self._send(line.removeprefix("/") if line.startswith("//") else line)
        finally:
            receiving.cancel()
        return 0 if self._interactive else self._unsent

    def _refuse(self, reason: str) -> None:
        self._unsent += 1
        self._print(click.style(f"  not sent: {reason}", dim=True))

    async def _send(self, body: str) -> None:
        """Send a message. It is shown when its event arrives, in order with the messages of others."""
        self._sending = body
        self._print()
        try:
            await self._me.send(self._conversation_id, body)
        except ImchatError as error:
            self._unsent += 1
            reason = _one_line(error.message)
            self._print(f"  {_printable(body)}\n{click.style(f'  not sent: {reason}', fg='red')}")
        finally:
            self._sending = ""

    async def _receive(self) -> None:
        async for found in self._me.frames():
            if isinstance(found, EventInConversation):
                if found.conversation_id == self._conversation_id:
                    await self._show(found.event)
                    await self._mark_read(found.event["seq"])
            elif found["type"] == "typing" and found["conversation_id"] == self._conversation_id:
                await self._show_typing(found["user_id"])

    async def _mark_read(self, seq: int) -> None:
        try:
            await self._me.mark_read(self._conversation_id, seq)
        except ImchatError:
            return  # the next message moves the read cursor, too

    async def _show(self, event: Event) -> None:
        if event["seq"] <= self._shown_seq:
            return
        self._shown_seq = event["seq"]
        text = self._format(event, await self._user_name(event["actor_id"]))
        if text is not None:
            at = time.strftime("%H:%M", time.localtime(event["at_ms"] / 1000))
            self._print(f"{click.style(at, dim=True)}  {text}")

    def _format(self, event: Event, user: str) -> str | None:
        if event["type"] == "message.created":
            text = _body(event["message"])
        elif event["type"] == "message.edited":
            body = _formatted(event["message"]["body"]) if "message" in event else ""
            text = f"{click.style('edited:', dim=True)} {body}"
        elif event["type"] == "reaction.added":
            text = f"{click.style('reacted with', dim=True)} {_one_line(event['emoji'])}"
        elif event["type"] in _NOTICES:
            text = click.style(_NOTICES[event["type"]], dim=True)
        else:
            return None
        return f"{user} {text}"

    async def _show_typing(self, user_id: str) -> None:
        if time.monotonic() - self._typing_shown_s > _TYPING_INTERVAL_S:
            self._typing_shown_s = time.monotonic()
            self._print(f"{await self._user_name(user_id)} {click.style('is typing …', dim=True)}")

    async def _user_name(self, user_id: str) -> str:
        if user_id == self._me.user_id:
            return click.style("you", bold=True)
        if user_id not in self._names:
            for user in await self._me.users_by_id([user_id]):
                self._names[user_id] = _name(user)
        colour = _COLOURS[sum(user_id.encode()) % len(_COLOURS)]
        return click.style(self._names.get(user_id, "Unknown user"), fg=colour, bold=True)

    def _print(self, text: str = "") -> None:
        """Print a line above the input line."""
        text = terminal.wrap(text, len(_INDENT))
        if self._pending_lines is not None:
            self._pending_lines.append(text)
        elif self._interactive:
            above = f"{text}\n" if text else ""
            click.echo(f"\r\x1b[2K{above}{self._bottom_line()}", nl=False)
        elif text:
            click.echo(text)

    def _bottom_line(self) -> str:
        """Return the last line of the screen: the input, or the message being sent."""
        if self._prompt_shown:
            return f"{_PROMPT}{terminal.current_input()}"
        cut = _printable(self._sending)[: terminal.columns() // 2]  # some characters are two columns wide
        return click.style(cut, dim=True)

    async def _read_line(self, receiving: asyncio.Task[None]) -> str | None:
        """Read the next line and erase it from the screen; None at the end of the input.

        Raises: the error that stopped `receiving`, if it stops first: sending without receiving would mislead the user.
        """
        loop = asyncio.get_running_loop()
        line_read: asyncio.Future[str | None] = loop.create_future()

        def read() -> None:
            try:
                line: str | None = input(_PROMPT if self._interactive else "")
            except (EOFError, ValueError):
                line = None
            with suppress(RuntimeError):  # the loop has already ended
                loop.call_soon_threadsafe(_set_result, line_read, line)

        self._print()
        # Readline prints its prompt itself: a line printed before that would be mixed with it.
        self._pending_lines = []
        if not (self._interactive and terminal.on_prompt(lambda: loop.call_soon_threadsafe(self._on_prompt))):
            self._on_prompt()
        # A pool thread would keep the process alive while it waits for a line.
        threading.Thread(target=read, daemon=True).start()
        futures: list[asyncio.Future[Any]] = [line_read, receiving]
        await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
        self._on_prompt()
        if receiving.done():
            receiving.result()
        line = await line_read
        self._prompt_shown = False
        if self._interactive:
            rows = 0 if line is None else terminal.rows(_PROMPT + line)
            click.echo("\r\x1b[2K" + "\x1b[1A\x1b[2K" * rows, nl=False)
        return line

    def _on_prompt(self) -> None:
        """Print the lines that arrived before the prompt was shown."""
        self._prompt_shown = True
        lines, self._pending_lines = self._pending_lines or [], None
        for text in lines:
            self._print(text)


def _is_command(line: str) -> bool:
    """Return whether the line begins like a chat command, such as `/me waves`, which is not meant as a message."""
    words = line.split(maxsplit=1)
    return line.startswith("/") and words[0][1:].isalpha()


def _set_result(future: asyncio.Future[str | None], line: str | None) -> None:
    if not future.done():
        future.set_result(line)


def _body(message: Message) -> str:
    return click.style("(deleted)", dim=True) if "deleted_at_ms" in message else _formatted(message["body"])


def _formatted(body: str) -> str:
    """Return a body with its formats as styles of the terminal, and spoilers hidden."""
    return _indented(visible_text(_harmless(body), _STYLES, _labelled_link))


def _labelled_link(label: str, address: str) -> str:
    return f"{label} ({address})"


def _name(user: dict[str, Any]) -> str:
    return _one_line(user["display_name"] or user["handle"] or "Unknown user")


def _printable(text: str) -> str:
    """Return a text that other users wrote: without what controls a terminal, and with its further lines indented.

    Spaces and the invisible characters that join emoji and letters stay.
    """
    return _indented(_harmless(text))


def _harmless(text: str) -> str:
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join("".join(map(_printable_char, line)) for line in lines)


def _indented(text: str) -> str:
    return text.replace("\n", f"\n{_INDENT}")


def _one_line(text: str) -> str:
    """Return a name, a title or a reason on one line."""
    return _printable(" ".join(text.splitlines()))


def _printable_char(char: str) -> str:
    if char.isprintable() or char == "\t":
        return char
    return "\ufffd" if char in _BIDI_CONTROLS or category(char) in _REPLACED_CATEGORIES else char


def _newest_ms(entry: Entry) -> int:
    last = entry.get("last_message")
    return int(last["at_ms"] if last else entry["conversation"]["created_at_ms"])
