"""The Python client against real servers: what it hears has no gap and no double, what it sends is there once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import urllib3
from tests.support.browser_harness import PASSWORD, Server, sign_up

from imchat.client import Client, EventInConversation
from imchat.client.session import Session, SiteConfig
from imchat.errors import Busy, Conflict, Forbidden, NotFound, Unauthenticated

pytestmark = pytest.mark.slow


@asynccontextmanager
async def signed_in(url: str, *names: str) -> AsyncIterator[list[Client]]:
    async with AsyncExitStack() as stack:
        people = []
        for name in names:
            email = f"{name}@example.com"
            await asyncio.to_thread(sign_up, url, email)
            person = await stack.enter_async_context(Client.sign_in(url, email, PASSWORD))
            await person.update_profile(handle=name, display_name=name.title())
            people.append(person)
        yield people


def run(tmp_path: Path, test: Callable[[Server, Path], Awaitable[None]]) -> None:
    async def body() -> None:
        async with asyncio.timeout(60):
            with Server(tmp_path) as server:
                await test(server, tmp_path)

    asyncio.run(body())


async def hear(person: Client, count: int, heard: list[EventInConversation]) -> None:
    async for one in person.events():
        heard.append(one)
        if len(heard) == count:
            return


def bodies(heard: list[EventInConversation]) -> list[str]:
    return [one.event["message"]["body"] for one in heard if one.event["type"] == "message.created"]


def test_two_people_talk_and_a_conversation_begins_with_its_first_event(tmp_path: Path) -> None:
    async def test(server: Server, _folder: Path) -> None:
        async with signed_in(server.url, "ada", "bob") as (ada, bob):
            heard: list[EventInConversation] = []
            hearing = asyncio.create_task(hear(bob, 3, heard))
            [user] = await ada.find_users("bo")
            where = (await ada.create_direct(user["user_id"]))["conversation"]["conversation_id"]
            await ada.send(where, "one")
            await bob.send(where, "two")
            await hearing
            assert [one.event["seq"] for one in heard] == [1, 2, 3]
            assert bodies(heard) == ["one", "two"]
            assert {one.conversation_id for one in heard} == {where}

    run(tmp_path, test)


def test_what_one_sends_is_heard_once_and_in_order_though_it_is_pushed_to_ones_other_devices_only(
    tmp_path: Path,
) -> None:
    async def test(server: Server, _folder: Path) -> None:
        async with signed_in(server.url, "ada", "bob") as (ada, bob), AsyncExitStack() as stack:
            where = (await ada.create_direct(bob.user_id))["conversation"]["conversation_id"]
            tablet = await stack.enter_async_context(Client.sign_in(server.url, "ada@example.com", PASSWORD))
            heard: dict[str, list[EventInConversation]] = {"here": [], "tablet": []}
            hearing = [
                asyncio.create_task(hear(ada, 4, heard["here"])),
                asyncio.create_task(hear(tablet, 3, heard["tablet"])),
            ]
            while None in (ada._connection.connection_id, tablet._connection.connection_id):  # noqa: ASYNC110 - as below
                await asyncio.sleep(0.005)
            for sender, text in ((ada, "one"), (bob, "two"), (ada, "three")):
                await sender.send(where, text)
            await asyncio.gather(*hearing)
            for each in heard.values():
                assert bodies(each) == ["one", "two", "three"]

    run(tmp_path, test)


def test_a_server_killed_and_started_again_costs_no_event_and_doubles_none(tmp_path: Path) -> None:
    async def test(server: Server, folder: Path) -> None:
        async with signed_in(server.url, "ada", "bob") as (ada, bob):
            where = (await ada.create_direct(bob.user_id))["conversation"]["conversation_id"]
            heard: list[EventInConversation] = []
            texts = [f"message {number}" for number in range(30)]
            hearing = asyncio.create_task(hear(bob, len(texts) + 1, heard))

            async def write() -> None:
                for text in texts:
                    await ada.send(where, text)

            writing = asyncio.create_task(write())
            while len(heard) < 8:  # noqa: ASYNC110 - what is waited for happens in the server
                await asyncio.sleep(0.005)
            server.kill()
            await asyncio.sleep(0.2)
            with Server(folder, port=server.port):
                await writing
                await hearing
            assert bodies(heard) == texts
            seqs = [one.event["seq"] for one in heard]
            assert seqs == list(range(1, len(texts) + 2))

    run(tmp_path, test)


def test_one_message_is_there_once_however_often_it_is_sent(tmp_path: Path) -> None:
    async def test(server: Server, _folder: Path) -> None:
        async with signed_in(server.url, "ada", "bob") as (ada, bob):
            where = (await ada.create_direct(bob.user_id))["conversation"]["conversation_id"]
            first = await ada.send(where, "once", client_message_id="m1")
            assert await ada.send(where, "once", client_message_id="m1") == first
            events, more = await bob.read_events(where)
            assert [event["type"] for event in events] == ["conversation.created", "message.created"]
            assert not more

    run(tmp_path, test)


def test_a_sign_in_service_that_cannot_be_reached_may_be_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    nowhere = SiteConfig("", "", "http://127.0.0.1:1/", "eu-central-1", "eu-central-1_pool", "client")
    with urllib3.PoolManager() as pool, pytest.raises(Busy):
        asyncio.run(Session.sign_in(pool, nowhere, "ada@example.com", PASSWORD))


def test_what_the_server_refuses_is_the_error_that_it_names(tmp_path: Path) -> None:
    async def test(server: Server, _folder: Path) -> None:
        with pytest.raises(Unauthenticated):
            async with Client.sign_in(server.url, "ada@example.com", "a wrong one"):
                pass
        async with signed_in(server.url, "ada", "bob") as (ada, bob):
            where = (await ada.create_direct(bob.user_id))["conversation"]["conversation_id"]
            with pytest.raises(Conflict) as taken:
                await bob.update_profile(handle="ada")
            assert taken.value.details["reason"] == "taken"
            seq = (await ada.send(where, "mine"))["seq"]
            with pytest.raises(Forbidden):
                await bob.edit(where, seq, "yours")
            with pytest.raises(NotFound):
                await bob.send("unknown", "to nobody")

    run(tmp_path, test)


def test_changes_of_a_message_and_frames_that_are_no_events_are_heard_too(tmp_path: Path) -> None:
    async def test(server: Server, _folder: Path) -> None:
        async with signed_in(server.url, "ada", "bob") as (ada, bob):
            where = (await ada.create_direct(bob.user_id))["conversation"]["conversation_id"]
            kinds: list[str] = []

            async def note() -> None:
                async for found in ada.frames():
                    kinds.append(
                        found.event["type"] if isinstance(found, EventInConversation) else found["type"]
                    )
                    if "message.deleted" in kinds:
                        return

            noting = asyncio.create_task(note())
            talking = asyncio.create_task(hear(bob, 99, []))
            while "typing" not in kinds:  # lost until both are connected
                await bob.typing(where)
                await asyncio.sleep(0.05)
            seq = (await bob.send(where, "helo"))["seq"]
            await bob.edit(where, seq, "hello")
            await bob.react(where, seq, "👍")
            await ada.mark_read(where, seq)
            await bob.delete(where, seq)
            await noting
            talking.cancel()
            wanted = {"typing", "message.created", "message.edited", "reaction.added", "message.deleted"}
            assert wanted <= set(kinds)

    run(tmp_path, test)
