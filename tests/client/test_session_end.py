"""A sign-in that the server ended raises SessionEnded from requests and from events(): the program can act on it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.browser_harness import cognito, sign_in
from tests.support.client_site import PASSWORD, Site, running_site

from imchat.client import Client, session, websocket
from imchat.client.http import HttpClient
from imchat.errors import Busy, SessionEnded, Unauthenticated

pytestmark = pytest.mark.slow

EMAIL = "ada@example.com"

Ending = Callable[[Site], None]


def sign_out_elsewhere(site: Site) -> None:
    token = sign_in(site.url, EMAIL)
    cognito(site.url, "GlobalSignOut", AccessToken=token)


def disable(site: Site) -> None:
    site.administer("admin_disable_user", EMAIL)


def delete(site: Site) -> None:
    site.administer("admin_delete_user", EMAIL)


def sign_out_by_administrator(site: Site) -> None:
    site.administer("admin_user_global_sign_out", EMAIL)


ENDINGS = pytest.mark.parametrize("end", [sign_out_elsewhere, disable, delete, sign_out_by_administrator])


def run(folder: Path, test: Callable[[Site, Client], Awaitable[None]]) -> None:
    async def body() -> None:
        async with asyncio.timeout(30), running_site(folder) as site:
            await Client.sign_up(site.url, EMAIL, PASSWORD)
            async with Client.sign_in(site.url, EMAIL, PASSWORD) as me:
                await test(site, me)

    asyncio.run(body())


async def receive_until_the_end(me: Client) -> None:
    async for _ in me.events():
        pass


async def until_connected(me: Client) -> None:
    while me._connection.connection_id is None:  # noqa: ASYNC110 - the connection has no event for it
        await asyncio.sleep(0.005)


@pytest.fixture
def tokens_expire_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Renew every access token as soon as it was issued, and check the connection often."""
    monkeypatch.setattr(session, "RENEW_EARLY_S", 3600.0)
    monkeypatch.setattr(websocket, "PING_INTERVAL_S", 0.05)


@ENDINGS
@pytest.mark.usefixtures("tokens_expire_at_once")
def test_an_open_events_loop_ends_once_the_server_ended_the_sign_in(tmp_path: Path, end: Ending) -> None:
    async def test(site: Site, me: Client) -> None:
        receiving = asyncio.create_task(receive_until_the_end(me))
        await until_connected(me)
        await asyncio.sleep(0.2)  # several checks that find nothing
        assert not receiving.done()
        await asyncio.to_thread(end, site)
        with pytest.raises(SessionEnded, match="sign in again"):
            await receiving
        with pytest.raises(SessionEnded, match="sign in again"):
            await receive_until_the_end(me)

    run(tmp_path, test)


@ENDINGS
@pytest.mark.usefixtures("tokens_expire_at_once")
def test_a_request_raises_once_the_server_ended_the_sign_in(tmp_path: Path, end: Ending) -> None:
    async def test(site: Site, me: Client) -> None:
        assert (await me.me())["user_id"] == me.user_id
        await asyncio.to_thread(end, site)
        with pytest.raises(SessionEnded):
            await me.me()
        with pytest.raises(SessionEnded):
            await me.send("c1", "hello")

    run(tmp_path, test)


def test_a_client_whose_refresh_token_was_revoked_and_who_was_signed_out_ends(tmp_path: Path) -> None:
    async def test(site: Site, me: Client) -> None:
        receiving = asyncio.create_task(receive_until_the_end(me))
        await until_connected(me)
        await me._http.request("POST", "/me/sign-out")  # as another process with the same sign-in
        with pytest.raises(SessionEnded):
            await receiving

    run(tmp_path, test)


@pytest.mark.usefixtures("tokens_expire_at_once")
def test_an_unreachable_sign_in_service_does_not_end_the_session(tmp_path: Path) -> None:
    async def test(site: Site, me: Client) -> None:
        async def unreachable() -> None:
            raise Busy("the sign-in service cannot be reached")

        me._connection._keep_alive = unreachable
        receiving = asyncio.create_task(receive_until_the_end(me))
        await until_connected(me)
        await asyncio.sleep(0.3)
        assert not receiving.done()
        receiving.cancel()

    run(tmp_path, test)


def test_session_ended_is_an_unauthenticated_that_is_not_retried() -> None:
    calls: list[bool] = []

    async def token(new: bool) -> str:  # noqa: FBT001 - HttpClient's signature
        calls.append(new)
        raise SessionEnded("ended")

    http: Any = HttpClient(None, "http://127.0.0.1:1", token)  # type: ignore[arg-type]  # no request is sent
    with pytest.raises(Unauthenticated):
        asyncio.run(http.request("GET", "/me"))
    assert calls == [False]
