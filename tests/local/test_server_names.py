"""Who may reach the server under which name: `Host`, `Origin` and the public URL."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.support.browser_harness import IMCHAT
from tests.support.local_server import RunningServer, run, running_server

from imchat.console import base
from imchat.errors import ConfigError
from imchat.local.data_dir import DataDir
from imchat.local.refusal_log import RefusalLog
from imchat.local.run import Started, serve
from imchat.local.server import Options
from imchat.local.server_names import PublicUrl, ServerNames

PUBLIC = PublicUrl.parse("https://chat.example.org")


def on_machine(tmp_path: Path, test: Callable[[RunningServer], Awaitable[None]], **options: Any) -> None:
    async def body() -> None:
        async with running_server(tmp_path, **options) as made:
            await test(made)

    run(body())


async def status_for(m: RunningServer, host_lines: str, *, path: str = "/", version: str = "1.1") -> int:
    reader, writer = await asyncio.open_connection(*m.url.removeprefix("http://").split(":"))
    writer.write(f"GET {path} HTTP/{version}\r\n{host_lines}Connection: close\r\n\r\n".encode())
    response = await reader.read()
    writer.close()
    return int(response.split(b" ")[1])


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LocalHost:8484",
        "localhost.",
        "chat.localhost",
        "127.0.0.1:1",
        "192.0.2.7",
        "[::1]:8484",
        socket.gethostname(),
        f"{socket.gethostname().partition('.')[0]}.local",
        "chat.example.org",
        "Chat.Example.org:443",
    ],
)
def test_a_name_of_this_server_is_served(tmp_path: Path, host: str) -> None:
    async def test(m: RunningServer) -> None:
        assert await status_for(m, f"Host: {host}\r\n") == 200

    on_machine(tmp_path, test, public_url=PUBLIC)


@pytest.mark.parametrize(
    "path", ["/", "/api/health", "/config.json", "/ws", "/local_Pool/.well-known/jwks.json"]
)
@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:80",
        "localhost.evil.example",
        "evil-localhost",
        "127.0.0.1.evil.example",
        "x@localhost",
        "你好",
        "[x]",
        "a b",
    ],
)
def test_any_other_name_is_misdirected(tmp_path: Path, host: str, path: str) -> None:
    async def test(m: RunningServer) -> None:
        assert await status_for(m, f"Host: {host}\r\n", path=path) == 421

    on_machine(tmp_path, test)


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize(
    "lines",
    [
        "",
        "Host:\r\n",
        "Host: localhost\r\nHost: localhost\r\n",
        "Host: evil.example\r\nHost: localhost\r\n",
        "Host: localhost,localhost\r\n",
    ],
)
def test_a_request_must_have_one_host(tmp_path: Path, lines: str, version: str) -> None:
    async def test(m: RunningServer) -> None:
        assert await status_for(m, lines, version=version) == 400

    on_machine(tmp_path, test)


def test_the_host_of_an_absolute_target_counts_too(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        assert await status_for(m, "Host: localhost\r\n", path="http://evil.example/") == 421
        assert await status_for(m, "Host: localhost\r\n", path="http://localhost/") == 200

    on_machine(tmp_path, test)


def test_a_refused_name_is_logged_once_with_the_fix(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def test(m: RunningServer) -> None:
        for _ in range(3):
            await status_for(m, "Host: chat.example.com\r\n")
        for number in range(100):
            await status_for(m, f"Host: {number}.example.com\r\n")

    on_machine(tmp_path, test)
    assert caplog.text.count("refused requests for the host 'chat.example.com'") == 1
    assert "start with --url" in caplog.text
    assert caplog.text.count("refused requests") == 20


@pytest.mark.parametrize(
    ("origin", "host", "forwarded"),
    [
        ("https://chat.example.org", "127.0.0.1:8484", None),  # nginx, plain `proxy_pass`
        ("https://chat.example.org:443", "127.0.0.1:8484", None),
        ("https://Chat.Example.org", "127.0.0.1:8484", None),
        ("http://localhost", "localhost:80", None),
        ("https://localhost", "LOCALHOST", None),
        ("https://inner.example.com", "127.0.0.1", "chat.example.com, inner.example.com"),
        ("https://chat.example.com", "127.0.0.1", "chat.example.com, inner.example.com"),
    ],
)
def test_our_own_pages_can_connect(tmp_path: Path, origin: str, host: str, forwarded: str | None) -> None:
    async def test(m: RunningServer) -> None:
        headers = {"Host": host} | ({} if forwarded is None else {"X-Forwarded-Host": forwarded})
        ws = await m.connect(origin=origin, headers=headers)
        await ws.close()

    on_machine(tmp_path, test, public_url=PUBLIC)


@pytest.mark.parametrize(
    "origin",
    [
        "http://chat.example.org",
        "https://chat.example.org:8443",
        "https://chat.example.org.evil.example",
        "ftp://127.0.0.1",
        "null",
        "127.0.0.1",
        "://",
    ],
)
def test_pages_of_other_sites_cannot_connect_and_are_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, origin: str
) -> None:
    async def test(m: RunningServer) -> None:
        for _ in range(2):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await m.connect(origin=origin)
            assert refused.value.status == 403

    on_machine(tmp_path, test, public_url=PUBLIC)
    assert caplog.text.count(f"refused WebSocket connections of pages at '{origin}'") == 1


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://chat.example.org/", "https://chat.example.org"),
        ("HTTPS://Chat.Example.org:443", "https://chat.example.org"),
        ("http://chat.example.org:8080", "http://chat.example.org:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
    ],
)
def test_a_public_url_is_normalised(text: str, url: str) -> None:
    assert str(PublicUrl.parse(text)) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "chat.example.org",
        "ftp://chat.example.org",
        "https://",
        "https://user@chat.example.org",
        "https://chat.example.org:99999",
        "https://chat.example.org/chat",
        "https://chat.example.org?x",
        "https://[x",
        "https://a b",
        "https://" + "x" * 300,
    ],
)
def test_a_public_url_that_cannot_work_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"such as https://chat\.example\.org"):
        PublicUrl.parse(text)


def test_the_name_to_listen_on_is_served() -> None:
    assert ServerNames("Chat.example.com").serves("chat.example.com:8484")


@pytest.mark.parametrize("url", ["https://chat.example.org/chat", "chat.example.org", "https://"])
def test_a_url_that_cannot_work_is_refused_at_the_start_with_one_line(tmp_path: Path, url: str) -> None:
    command = [*IMCHAT, "--data-dir", str(tmp_path / "data"), "--url", url]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert re.fullmatch(r"Error: .*such as https://chat\.example\.org\n", ended.stderr)
    assert not (tmp_path / "data").exists()


def test_the_start_shows_the_public_url_and_that_anyone_can_sign_up_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base.print_server_started(Started(str(PUBLIC), tmp_path, reachable_by_others=True), open_browser=False)
    shown = capsys.readouterr().out
    assert "Open  https://chat.example.org\n" in shown
    assert "Anyone who can connect can create an account" in shown
    assert "without HTTPS" not in shown


@pytest.mark.parametrize(("url", "reachable"), [(PUBLIC, True), (None, False)])
def test_a_server_with_a_public_url_can_be_reached_by_others(
    tmp_path: Path, url: PublicUrl | None, *, reachable: bool
) -> None:
    async def test() -> None:
        options = Options(public_url=url)
        async with serve(DataDir.open(tmp_path), deliver=lambda *_: None, options=options) as started:
            assert started.reachable_by_others is reachable

    run(test())


def test_a_flood_of_one_reason_is_logged_20_times_a_day_and_hides_no_other_reason(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now_s = [0.0]
    refusals = RefusalLog(lambda: now_s[0])
    server_names = ServerNames("127.0.0.1", None, refusals)

    def refuse(number: int) -> None:
        server_names.serves(f"{number}.example.com")
        server_names.is_same_origin("https://chat.example.org", "127.0.0.1:8484", "")

    for number in range(1000):
        refuse(number)
    assert len(caplog.messages) == 21
    assert sum("'https://chat.example.org'" in message for message in caplog.messages) == 1
    now_s[0] = 24 * 3600
    refuse(0)
    assert len(caplog.messages) == 23


@pytest.mark.parametrize("host", ["a\x9b2J.example", "a\u2028Error: x", "a\u202eb", "x" * 10_000])
def test_a_logged_host_is_short_and_controls_no_terminal(caplog: pytest.LogCaptureFixture, host: str) -> None:
    server_names = ServerNames("127.0.0.1")
    assert not server_names.serves(host)
    assert not server_names.is_same_origin(f"https://{host}", "localhost", "")
    for message in caplog.messages:
        assert message.isascii()
        assert message.isprintable()
        assert len(message) < 700
