"""mypy, run as a user of the library would, knows the types of calls and results, and reports wrong ones."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

GOOD = """
import asyncio

import imchat
from imchat import admin, conversations, errors, invites, members, messages, presence, read_cursors, users
from imchat.client import Client
from imchat.testing import Account, Server, start_server


def use(app: imchat.App, ada: imchat.UserId, bob: imchat.UserId) -> list[str]:
    profile: imchat.User = users.update_profile(app, ada, handle="ada", display_name="Ada")
    name: str | None = profile.display_name
    chat: imchat.Conversation = conversations.create_direct(app, ada, bob)
    where: imchat.ConversationId = chat.conversation_id
    new: bool = chat.new
    title: str | None = chat.head.title
    public: bool = chat.head.settings.public
    role: str = chat.me.role
    sent = messages.send(app, ada, where, client_message_id="1", body="Hello")
    seq: int = sent.event["seq"] if sent.event else 0
    page: imchat.EventPage = messages.read(app, bob, where, after=seq)
    more: bool = page.has_more
    unread: int = read_cursors.mark_read(app, bob, where, seq).unread
    token: str = invites.create(app, ada, where, max_uses=1).token
    cursor: imchat.UserId | None = members.list_members(app, ada, where).next_cursor
    online: list[bool] = [one.online for one in presence.get(app, ada, where, None)]
    entries: list[imchat.AuditEntry] = admin.audit_log(app).entries
    print(name, new, title, public, role, more, unread, token, cursor, online, entries, page.to_dict())
    return [event["message"]["body"] for event in page.events if event["type"] == "message.created"]


async def talk(server: Server, account: Account) -> None:
    async with server.sign_in(account) as me, Client.sign_in(server.url, account.email, "x") as other:
        async for where, event in me.events():
            if event["type"] == "message.created":
                body: str = event["message"]["body"]
                await other.send(where, body)


with imchat.open_app(":memory:") as app:
    try:
        use(app, imchat.UserId("ada"), imchat.UserId("bob"))
    except errors.Invalid as error:
        print(error.details["field"])
with start_server() as server:
    asyncio.run(talk(server, server.create_account("ada")))
"""
BAD = """
import imchat
from imchat import conversations, members, messages, testing, users
from imchat.client import Client


def use(app: imchat.App, ada: imchat.UserId, where: imchat.ConversationId) -> None:
    messages.send(app, where, ada, client_message_id="1", body="x")  # arg-type
    messages.send(app, ada, where, body="x")  # call-arg
    users.me(app, "ada")  # arg-type
    messages.read(app, ada, where).evnts  # attr-defined
    messages.read(app, ada, where)[0]  # index
    first, more = messages.read(app, ada, where)  # misc
    conversations.get(app, ada, where).head.titel  # attr-defined
    conversations.get(app, ada, where).me.role = "owner2"  # assignment
    messages.read(app, ada, where).has_more = True  # misc
    members.set_role(app, ada, where, ada, "boss")  # arg-type
    messages.read(app, ada, where).events[0]["mesage"]  # typeddict-item
    imchat.mesages  # attr-defined
    imchat.errors.Closd  # attr-defined
    print(testing.start_server().url)  # attr-defined


async def talk(me: Client) -> None:
    async for where, event in me.events():
        if event["type"] == "message.created":
            event["message"]["boddy"]  # typeddict-item
"""


def check(folder: Path, program: str) -> tuple[int, str]:
    (folder / "program.py").write_text(program)
    command = ("-m", "mypy", "--strict", "--config-file=", "--cache-dir", "cache", "program.py")
    done = subprocess.run([sys.executable, *command], cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_mypy_accepts_a_right_program(tmp_path: Path) -> None:
    assert check(tmp_path, GOOD) == (0, "Success: no issues found in 1 source file\n")


def test_mypy_reports_each_mistake_of_a_wrong_program(tmp_path: Path) -> None:
    status, output = check(tmp_path, BAD)
    expected = {
        (number, line.rpartition("# ")[2])
        for number, line in enumerate(BAD.splitlines(), start=1)
        if "  # " in line
    }
    reported = {
        (int(number), kind)
        for number, kind in re.findall(r":(\d+): error: .*\[([\w-]+)\]$", output, re.MULTILINE)
    }
    assert status == 1
    assert expected <= reported, output
    assert {number for number, _ in reported} == {number for number, _ in expected}, output
