"""The Python client against real servers: it receives every event once and sends every message once."""

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
from imchat.client.sign_in import Credentials
from imchat.client.websocket import MAX_INJECTED
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


async def receive(person: Client, count: int, received: list[EventInConversation]) -> None:
    async for event in person.events():
        received.append(event)
        if len(received) == count:
            return


def bodies(received: list[EventInConversation]) -> list[str]:
    return [item.event["message"]["body"] for item in received if item.event["type"] == "message.created"]


def test_two_users_chat_and_a_conversation_starts_with_its_first_event(tmp_path: Path) -> None:
    async def test(server: Server, _folder: Path) -> None:
        async with signed_in(server.url, "ada", "bob") as (ada, bob):
            received: list[EventInConversation] = []
            receiving = asyncio.create_task(receive(bob, 3, received))
            [user] = await ada.find_users("bo")
            where = (await ada.create_direct(user["user_id"]))["conversation"]["conversation_id"]
            await ada.send(where, "one")
            await bob.send(where, "two")
            await receiving
            assert [item.event["seq"] for item in received] == [1, 2, 3]
            assert bodies(received) == ["one", "two"]
            assert {item.conversation_id for item in received} == {where}

    run(tmp_path, test)


def test_a_new_conversation_is_received_before_anyone_writes_in_it(tmp_path: Path) -> None:
    async def test(server: Server, _folder: Path) -> None:
        async with signed_in(server.url, "ada", "bob", "eve") as (ada, bob, eve):
            received: list[EventInConversation] = []
            receiving = asyncio.create_task(receive(bob, 3, received))
            first = await ada.create_direct(bob.user_id)
            await ada.send(first["conversation"]["conversation_id"], "bob is connected after this")
            while len(received) < 2:  # noqa: ASYNC110 - filled by another task
                await asyncio.sleep(0.01)
            group = (await eve.create_group([bob.user_id], title="Team"))["conversation"]["conversation_id"]
            async with asyncio.timeout(5):
                await receiving
            assert (received[2].conversation_id, received[2].event["type"]) == (group, "conversation.created")

    run(tmp_path, test)


def test_sent_messages_are_received_once_and_in_order_on_all_devices_of_the_sender(
    tmp_path: Path,
) -> None:
    async def test(server: Server, _folder: Path) -> None:
        async with signed_in(server.url, "ada", "bob") as (ada, bob), AsyncExitStack() as stack:
            where = (await ada.create_direct(bob.user_id))["conversation"]["conversation_id"]
            tablet = await stack.enter_async_context(Client.sign_in(server.url, "ada@example.com", PASSWORD))
            received: dict[str, list[EventInConversation]] = {"here": [], "tablet": []}
            receiving = [
                asyncio.create_task(receive(ada, 4, received["here"])),
                asyncio.create_task(receive(tablet, 3, received["tablet"])),
            ]
            while None in (ada._connection.connection_id, tablet._connection.connection_id):  # noqa: ASYNC110 - as below
                await asyncio.sleep(0.005)
            for sender, text in ((ada, "one"), (bob, "two"), (ada, "three")):
                await sender.send(where, text)
            await asyncio.gather(*receiving)
            for each in received.values():
                assert bodies(each) == ["one", "two", "three"]

    run(tmp_path, test)


def test_a_server_restart_loses_no_event_and_duplicates_none(tmp_path: Path) -> None:
    async def test(server: Server, folder: Path) -> None:
        async with signed_in(server.url, "ada", "bob") as (ada, bob):
            where = (await ada.create_direct(bob.user_id))["conversation"]["conversation_id"]
            received: list[EventInConversation] = []
            texts = [f"message {number}" for number in range(30)]
            receiving = asyncio.create_task(receive(bob, len(texts) + 1, received))

            async def write() -> None:
                for text in texts:
                    await ada.send(where, text)

            writing = asyncio.create_task(write())
            while len(received) < 8:  # noqa: ASYNC110 - the server makes progress meanwhile
                await asyncio.sleep(0.005)
            server.kill()
            await asyncio.sleep(0.2)
            with Server(folder, port=server.port):
                await writing
                await receiving
            assert bodies(received) == texts
            seqs = [item.event["seq"] for item in received]
            assert seqs == list(range(1, len(texts) + 2))

    run(tmp_path, test)


def test_messages_sent_without_a_loop_or_to_a_paused_one_are_received_once_and_in_order(
    tmp_path: Path,
) -> None:
    async def test(server: Server, _folder: Path) -> None:
        async with signed_in(server.url, "ada", "bob") as (ada, bob):
            where = (await ada.create_direct(bob.user_id))["conversation"]["conversation_id"]
            texts = [f"message {number}" for number in range(3 * MAX_INJECTED)]
            for text in texts[:5]:
                await ada.send(where, text)
            stream = ada.events()
            received = [await anext(stream) for _ in range(6)]
            waiting = asyncio.ensure_future(anext(stream))
            while ada._connection.connection_id is None:  # noqa: ASYNC110 - as below
                await asyncio.sleep(0.005)
            for text in texts[5:]:  # while the loop does something else
                await ada.send(where, text)
                assert len(ada._connection._injected) <= MAX_INJECTED
            received.append(await waiting)
            while len(received) < len(texts) + 1:
                received.append(await anext(stream))
            await stream.aclose()
            assert bodies(received) == texts

    run(tmp_path, test)


def test_a_message_sent_twice_is_stored_once(tmp_path: Path) -> None:
    async def test(server: Server, _folder: Path) -> None:
        async with signed_in(server.url, "ada", "bob") as (ada, bob):
            where = (await ada.create_direct(bob.user_id))["conversation"]["conversation_id"]
            first = await ada.send(where, "once", client_message_id="m1")
            assert await ada.send(where, "once", client_message_id="m1") == first
            events, more = await bob.read_events(where)
            assert [event["type"] for event in events] == ["conversation.created", "message.created"]
            assert not more

    run(tmp_path, test)


def test_an_unreachable_sign_in_service_is_a_retryable_error() -> None:
    unreachable = SiteConfig("", "", "http://127.0.0.1:1/", "eu-central-1", "eu-central-1_pool", "client")
    with urllib3.PoolManager() as pool, pytest.raises(Busy):
        asyncio.run(Session.sign_in(pool, unreachable, Credentials("ada@example.com", PASSWORD)))


def test_a_rejected_request_raises_the_error_of_the_server(tmp_path: Path) -> None:
    async def test(server: Server, _folder: Path) -> None:
        with pytest.raises(Unauthenticated):
            async with Client.sign_in(server.url, "ada@example.com", "a wrong password"):
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


def test_message_changes_and_other_frames_are_received(tmp_path: Path) -> None:
    async def test(server: Server, _folder: Path) -> None:
        async with signed_in(server.url, "ada", "bob") as (ada, bob):
            where = (await ada.create_direct(bob.user_id))["conversation"]["conversation_id"]
            kinds: list[str] = []

            async def collect() -> None:
                async for found in ada.frames():
                    kinds.append(
                        found.event["type"] if isinstance(found, EventInConversation) else found["type"]
                    )
                    if "message.deleted" in kinds:
                        return

            collecting = asyncio.create_task(collect())
            receiving = asyncio.create_task(receive(bob, 99, []))
            while "typing" not in kinds:  # lost until both are connected
                await bob.typing(where)
                await asyncio.sleep(0.05)
            seq = (await bob.send(where, "helo"))["seq"]
            await bob.edit(where, seq, "hello")
            await bob.react(where, seq, "👍")
            await ada.mark_read(where, seq)
            await bob.delete(where, seq)
            await collecting
            receiving.cancel()
            expected = {"typing", "message.created", "message.edited", "reaction.added", "message.deleted"}
            assert expected <= set(kinds)

    run(tmp_path, test)
