"""Two-step sign-in with the Python client at `imchat local`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from tests.support.authenticator import Authenticator
from tests.support.client_site import PASSWORD, Site, running_site

from imchat.client import Client
from imchat.client.two_step import setup_uri
from imchat.errors import CodeRequired, Conflict, Invalid, Unauthenticated

EMAIL = "ada@example.com"
NEW_PASSWORD = "battery staple"


def run(folder: Path, test: Callable[[Site], Awaitable[None]]) -> None:
    async def body() -> None:
        async with asyncio.timeout(60), running_site(folder) as site:
            await Client.sign_up(site.url, EMAIL, PASSWORD)
            await test(site)

    asyncio.run(body())


async def turn_on(site: Site) -> Authenticator:
    """Turn codes on with the code of the step before, so that the one of now can be used."""
    async with Client.sign_in(site.url, EMAIL, PASSWORD) as me:
        app = Authenticator((await me.set_up_two_step()).secret)
        await me.turn_on_two_step(app.code(steps_from_now=-1))
    return app


def test_an_account_with_two_step_sign_in_signs_in_with_a_code(tmp_path: Path) -> None:
    async def test(site: Site) -> None:
        app = await turn_on(site)
        with pytest.raises(CodeRequired, match="sign in with `code`") as required:
            async with Client.sign_in(site.url, EMAIL, PASSWORD):
                pass
        assert required.value.details["reason"] == "code_required"
        code = app.code()
        spaced = f" {code[:3]} {code[3:]}\n"
        async with Client.sign_in(site.url, EMAIL, PASSWORD, code=spaced) as me:
            assert await me.two_step_is_on()
        with pytest.raises(Invalid, match="used already; wait") as used:
            async with Client.sign_in(site.url, EMAIL, PASSWORD, code=code):
                pass
        assert used.value.details["field"] == "code"
        with pytest.raises(Unauthenticated, match="password is wrong"):
            async with Client.sign_in(site.url, EMAIL, "another one", code=app.code(steps_from_now=1)):
                pass

    run(tmp_path, test)


def test_a_function_is_called_again_after_a_refused_code(tmp_path: Path) -> None:
    async def test(site: Site) -> None:
        app = await turn_on(site)
        codes = [app.wrong_code(), "no code", app.code()]
        errors: list[str | None] = []

        async def ask(refused: Invalid | None) -> str:
            errors.append(refused.message if refused else None)
            return codes[len(errors) - 1]

        async with Client.sign_in(site.url, EMAIL, PASSWORD, code=ask) as me:
            assert me.user_id
        wrong = "the code is wrong; enter the code that your authenticator app shows now"
        assert errors == [None, wrong, wrong]

        calls = 0

        async def guess(_refused: Invalid | None) -> str:
            nonlocal calls
            calls += 1
            return app.wrong_code()

        with pytest.raises(Invalid, match="code is wrong"):
            async with Client.sign_in(site.url, EMAIL, PASSWORD, code=guess):
                pass
        assert calls == 3

    run(tmp_path, test)


def test_a_code_is_not_asked_for_without_two_step_sign_in(tmp_path: Path) -> None:
    async def ask(_refused: Invalid | None) -> str:
        raise AssertionError

    async def test(site: Site) -> None:
        async with Client.sign_in(site.url, EMAIL, PASSWORD, code=ask) as me:
            assert not await me.two_step_is_on()

    run(tmp_path, test)


def test_setting_up_changes_nothing_until_a_code_is_given(tmp_path: Path) -> None:
    async def test(site: Site) -> None:
        async with Client.sign_in(site.url, EMAIL, PASSWORD) as me:
            with pytest.raises(Conflict, match="call set_up_two_step first"):
                await me.turn_on_two_step("123456")
            setup = await me.set_up_two_step()
            for code in (Authenticator(setup.secret).wrong_code(), "12345"):
                with pytest.raises(Invalid, match="code is wrong") as wrong:
                    await me.turn_on_two_step(code)
                assert wrong.value.details["field"] == "code"
            assert not await me.two_step_is_on()
        async with Client.sign_in(site.url, EMAIL, PASSWORD) as me:
            assert me.user_id

    run(tmp_path, test)


def test_turning_codes_off_needs_no_code_any_more(tmp_path: Path) -> None:
    async def test(site: Site) -> None:
        app = await turn_on(site)
        async with Client.sign_in(site.url, EMAIL, PASSWORD, code=app.code()) as me:
            await me.turn_off_two_step()
            assert not await me.two_step_is_on()
        async with Client.sign_in(site.url, EMAIL, PASSWORD) as me:
            assert me.user_id

    run(tmp_path, test)


def test_an_administrator_lets_in_a_user_who_lost_the_app(tmp_path: Path) -> None:
    async def test(site: Site) -> None:
        await turn_on(site)
        off = {"Enabled": False, "PreferredMfa": False}
        await asyncio.to_thread(
            site.administer, "admin_set_user_mfa_preference", EMAIL, SoftwareTokenMfaSettings=off
        )
        async with Client.sign_in(site.url, EMAIL, PASSWORD) as me:
            assert not await me.two_step_is_on()

    run(tmp_path, test)


def test_a_temporary_password_and_a_code_are_given_in_one_sign_in(tmp_path: Path) -> None:
    async def test(site: Site) -> None:
        app = await turn_on(site)
        await asyncio.to_thread(
            site.administer, "admin_set_user_password", EMAIL, Password="temporary 1", Permanent=False
        )
        signing_in = Client.sign_in(
            site.url, EMAIL, "temporary 1", new_password=NEW_PASSWORD, code=app.code()
        )
        async with signing_in as me:
            assert await me.two_step_is_on()

    run(tmp_path, test)


@pytest.mark.parametrize("email", ["ada@example.com", "a+b&c=d/é@example.com"])
def test_the_uri_names_the_site_and_the_account(email: str) -> None:
    uri = urlsplit(setup_uri("https://chat.example.org:8443/", email, "GEZDGNBV"))
    assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
    assert unquote(uri.path) == f"/imchat chat.example.org:{email}"
    assert parse_qs(uri.query) == {"secret": ["GEZDGNBV"], "issuer": ["imchat chat.example.org"]}
    assert " " not in uri.geturl()
    assert "+" not in uri.query  # some apps show it as it is
    assert unquote(urlsplit(setup_uri("http://[::1]:8484", email, "GEZDGNBV")).path) == f"/imchat --1:{email}"
