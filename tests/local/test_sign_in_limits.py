"""Limits of sign-ins and sign-ups: requests of one client address, the queue, and addresses behind reverse proxies."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import pytest
from botocore.config import Config
from click.testing import CliRunner
from tests.support.local_server import FakeIdentity, run, running_server
from tests.support.user_pools import EMAIL, PASSWORD, UserPool, open_pool

from imchat.cli import cli
from imchat.errors import Busy, ConfigError
from imchat.local import address_limiter as address_limiter_module
from imchat.local import user_pool_queue as user_pool_queue_module
from imchat.local.address_limiter import LIMITS, AddressLimiter, OperationKind, RequestLimit, operation_kind
from imchat.local.http import Request
from imchat.local.identity import CognitoResponse
from imchat.local.identity.service import TARGET_PREFIX
from imchat.local.server_names import PublicUrl
from imchat.local.trusted_proxies import LOOPBACK, UNKNOWN, TrustedProxies, parse_proxy
from imchat.local.user_pool_queue import QueueFull, UserPoolQueue

ANN, BOB, EVE = "192.0.2.1", "192.0.2.2", "203.0.113.66"


def in_event_loop(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run a test that is a coroutine function."""

    @functools.wraps(test)
    def run_test(*arguments: Any, **options: Any) -> None:
        async def in_loop() -> None:
            await test(*arguments, **options)

        asyncio.run(in_loop())

    return run_test


class Clock:
    """A clock in ms that the test moves."""

    def __init__(self) -> None:
        self.ms = 1_000_000

    def __call__(self) -> int:
        return self.ms


def make_limiter(clock: Clock, **limits: RequestLimit) -> AddressLimiter:
    return AddressLimiter({OperationKind[name]: limit for name, limit in limits.items()}, clock)


# -- limits of one address --


def test_an_address_may_send_a_burst_and_then_so_many_a_minute() -> None:
    clock = Clock()
    limiter = make_limiter(clock, SIGN_UP=RequestLimit(5, 10))
    assert [limiter.count(OperationKind.SIGN_UP, EVE) for _ in range(6)] == [0] * 5 + [6000]
    clock.ms += 5999
    assert limiter.count(OperationKind.SIGN_UP, EVE) == 1
    clock.ms += 1
    assert [limiter.count(OperationKind.SIGN_UP, EVE) for _ in range(2)] == [0, 6000]
    clock.ms += 60_000
    assert [limiter.count(OperationKind.SIGN_UP, EVE) for _ in range(6)] == [0] * 5 + [6000]


def test_refused_requests_do_not_make_the_wait_longer() -> None:
    clock = Clock()
    limiter = make_limiter(clock, SIGN_UP=RequestLimit(1, 10))
    limiter.count(OperationKind.SIGN_UP, EVE)
    assert {limiter.count(OperationKind.SIGN_UP, EVE) for _ in range(100)} == {6000}


def test_addresses_and_kinds_of_operations_are_counted_separately() -> None:
    limiter = make_limiter(Clock(), SIGN_UP=RequestLimit(1, 10), SIGN_IN=RequestLimit(1, 10))
    assert limiter.count(OperationKind.SIGN_UP, EVE) == 0
    assert limiter.count(OperationKind.SIGN_UP, EVE) > 0
    assert limiter.count(OperationKind.SIGN_UP, ANN) == 0
    assert limiter.count(OperationKind.SIGN_IN, EVE) == 0


def test_many_addresses_take_a_bounded_number_of_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address_limiter_module, "MAX_ADDRESSES", 100)
    limiter = make_limiter(Clock(), SIGN_UP=RequestLimit(1, 10))
    limiter.count(OperationKind.SIGN_UP, ANN)
    for number in range(1000):
        limiter.count(OperationKind.SIGN_UP, f"2001:db8:0:{number:x}::/64")
        assert limiter.count(OperationKind.SIGN_UP, ANN) > 0, "an address that keeps trying is forgotten"
    assert len(limiter._counters[OperationKind.SIGN_UP]._next_ms) == 100


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("SignUp", OperationKind.SIGN_UP),
        ("InitiateAuth", OperationKind.SIGN_IN),
        ("ChangePassword", OperationKind.SIGN_IN),
        ("ForgotPassword", OperationKind.CODE),
        ("ConfirmForgotPassword", OperationKind.CODE),
        ("ResendConfirmationCode", OperationKind.CODE),
        ("ConfirmSignUp", OperationKind.CODE),
        ("GetTokensFromRefreshToken", OperationKind.OTHER),
        ("AnyOtherOperation", OperationKind.OTHER),
        ("AdminCreateUser", OperationKind.ADMINISTRATION),
        ("ListUsers", OperationKind.ADMINISTRATION),
    ],
)
def test_every_operation_of_clients_has_a_limit(operation: str, kind: OperationKind) -> None:
    assert operation_kind(operation) is kind
    assert (kind in LIMITS) is (kind is not OperationKind.ADMINISTRATION)


# -- addresses of clients --


def request_from(peer: str, forwarded_for: str | None = None, *more: str) -> Request:
    lines = [("X-Forwarded-For", value) for value in (forwarded_for, *more) if value is not None]
    return Request.build("POST", "/", [("Host", "localhost"), *lines], source_ip=peer)


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "expected"),
    [
        # Direct clients. Only a trusted proxy may state another address.
        (EVE, None, EVE),
        (EVE, ANN, EVE),
        ("127.0.0.1", ANN, ANN),
        ("127.0.0.1", None, "127.0.0.1"),
        ("10.1.2.3", ANN, ANN),
        ("10.2.0.1", ANN, "10.2.0.1"),
        # The last entry is the proxy's own; clients can send the others.
        ("127.0.0.1", f"{ANN}, {EVE}", EVE),
        ("127.0.0.1", f"{ANN},127.0.0.1,{EVE}", EVE),
        # Proxies in a row: each trusted one appends the address of the one before it.
        ("127.0.0.1", f"{ANN}, {EVE}, 10.1.0.9, 10.1.0.8", EVE),
        ("127.0.0.1", f"{EVE}, 10.2.0.9, 10.1.0.8", "10.2.0.9"),
        ("127.0.0.1", "10.1.0.9, 10.1.0.8", "10.1.0.9"),
        # Other forms of addresses.
        ("127.0.0.1", f" {ANN}:4711 ", ANN),
        ("127.0.0.1", f'"{ANN}"', ANN),
        ("127.0.0.1", "[2001:db8:1:2:3:4:5:6]:443", "2001:db8:1:2::/64"),
        ("127.0.0.1", "[2001:db8:1:2:3:4:5:6]", "2001:db8:1:2::/64"),
        ("::ffff:127.0.0.1", ANN, ANN),
        ("127.0.0.1", f"::ffff:{ANN}", ANN),
        ("::1", "2001:db8::1", "2001:db8::/64"),
        # Not an address: only the proxy is known.
        ("127.0.0.1", "unknown", "127.0.0.1"),
        ("127.0.0.1", f"{ANN}, _hidden", "127.0.0.1"),
        ("127.0.0.1", f"{ANN}, ", "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "1.2.3.4.5", "127.0.0.1"),
        ("127.0.0.1", "١٢٧.٠.٠.١", "127.0.0.1"),  # noqa: RUF001 - digits that are not ASCII
        ("127.0.0.1", ",".join(["127.0.0.1"] * 5000), "127.0.0.1"),
        # A client uses any address of its IPv6 network, and a Unix socket has none.
        ("2001:db8:1:2::7", None, "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::8", None, "2001:db8:1:2::/64"),
        ("2001:db8:1:3::7", None, "2001:db8:1:3::/64"),
        ("fe80::1%eth0", None, "fe80::/64"),
        ("::1", None, "::/64"),
        ("", ANN, UNKNOWN),
        ("/run/imchat.sock", ANN, UNKNOWN),
    ],
)
def test_a_client_is_counted_by_the_address_that_the_last_trusted_proxy_saw(
    peer: str, forwarded_for: str | None, expected: str
) -> None:
    proxies = TrustedProxies([*LOOPBACK, parse_proxy("10.1.0.0/16")])
    assert proxies.client_address(request_from(peer, forwarded_for)) == expected


def test_repeated_headers_are_one_list() -> None:
    assert TrustedProxies(LOOPBACK).client_address(request_from("127.0.0.1", ANN, EVE)) == EVE


def test_no_proxy_is_trusted_unless_it_is_named() -> None:
    assert TrustedProxies().client_address(request_from("127.0.0.1", ANN)) == "127.0.0.1"


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "advice"),
    [
        ("127.0.0.1", None, "it is a trusted proxy, but sends no X-Forwarded-For header"),
        ("10.0.0.5", ANN, "start with --trusted-proxy 10.0.0.5"),
        (EVE, None, None),
        ("8.8.8.8", ANN, None),
        ("127.0.0.1", ANN, None),
    ],
)
def test_the_operator_reads_once_that_a_proxy_is_counted_as_one_client(
    peer: str, forwarded_for: str | None, advice: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    proxies = TrustedProxies(LOOPBACK)
    for _ in range(3):
        proxies.log_shared_address(request_from(peer, forwarded_for))
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == (0 if advice is None else 1)
    assert advice is None or advice in messages[0]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("proxy.example.org", "'proxy.example.org' is not the address of a reverse proxy"),
        ("10.0.0.0/33", "such as 10.0.0.5 or 10.0.0.0/24"),
        ("10.0.0.5:80", "is not the address"),
        ("0.0.0.0/0", "would trust every client to state its own address"),
        ("::/0", "would trust every client"),
    ],
)
def test_a_trusted_proxy_that_is_no_address_is_refused_in_one_line(value: str, problem: str) -> None:
    result = CliRunner().invoke(cli, ["local", "--port", "0", "--trusted-proxy", value])
    assert isinstance(result.exception, ConfigError), result.output
    assert problem in result.exception.message
    assert len(result.exception.message.splitlines()) == 1


# -- the queue --


class Blocked:
    """Runs a queue whose thread is blocked until `release`, so that the order of what waits can be seen."""

    def __init__(self, queue: UserPoolQueue) -> None:
        self._queue = queue
        self._released = threading.Event()
        self.order: list[str] = []

    async def __aenter__(self) -> Self:
        started = threading.Event()

        def block() -> None:
            started.set()
            assert self._released.wait(10)

        self._blocking = asyncio.ensure_future(self._queue.run(block, address=None, urgent=True))
        await asyncio.to_thread(started.wait, 10)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.release()
        await self._blocking
        self._queue.close()

    def release(self) -> None:
        self._released.set()

    async def add(self, name: str, *, address: str, urgent: bool) -> asyncio.Future[None]:
        """Add work that records its name when it runs."""
        work = self._queue.run(lambda: self.order.append(name), address=address, urgent=urgent)
        task = asyncio.ensure_future(work)
        await asyncio.sleep(0)
        return task


@in_event_loop
async def test_addresses_take_turns_and_urgent_work_is_first() -> None:
    async with Blocked(UserPoolQueue()) as blocked:
        tasks = [await blocked.add(f"sign-up {n}", address=EVE, urgent=False) for n in range(3)]
        tasks += [await blocked.add("ann's sign-up", address=ANN, urgent=False)]
        tasks += [await blocked.add(f"sign-in {n}", address=EVE, urgent=True) for n in range(3)]
        tasks += [await blocked.add("ann's sign-in", address=ANN, urgent=True)]
        blocked.release()
        await asyncio.gather(*tasks)
    assert blocked.order == [
        *("sign-in 0", "ann's sign-in", "sign-in 1", "sign-in 2"),
        *("sign-up 0", "ann's sign-up", "sign-up 1", "sign-up 2"),
    ]


@in_event_loop
async def test_a_full_queue_drops_the_newest_request_of_the_address_with_the_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(user_pool_queue_module, "MAX_WAITING", 4)
    async with Blocked(UserPoolQueue()) as blocked:
        eves = [await blocked.add(f"eve {n}", address=EVE, urgent=True) for n in range(5)]
        with pytest.raises(QueueFull):
            await eves[4]
        ann = await blocked.add("ann", address=ANN, urgent=True)
        with pytest.raises(QueueFull):
            await eves[3]
        sign_up = await blocked.add("sign-up", address=EVE, urgent=False)  # it has a limit of its own
        blocked.release()
        await asyncio.gather(ann, sign_up, *eves[:3])
    assert blocked.order == ["eve 0", "ann", "eve 1", "eve 2", "sign-up"]


@in_event_loop
async def test_work_that_is_cancelled_while_it_waits_is_never_done() -> None:
    async with Blocked(UserPoolQueue()) as blocked:
        gone = await blocked.add("gone", address=EVE, urgent=True)
        kept = await blocked.add("kept", address=EVE, urgent=True)
        gone.cancel()
        await asyncio.sleep(0)
        blocked.release()
        await kept
    assert blocked.order == ["kept"]


@in_event_loop
async def test_requests_that_come_and_go_leave_nothing_behind() -> None:
    queue = UserPoolQueue()
    async with Blocked(queue) as blocked:
        for _ in range(200):
            gone = await blocked.add("gone", address=EVE, urgent=True)
            gone.cancel()
            await asyncio.sleep(0)
        assert queue._thread._work_queue.qsize() == 0
    assert blocked.order == []


@in_event_loop
async def test_work_that_waits_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_pool_queue_module, "MAX_WAIT_S", 0.01)
    async with Blocked(UserPoolQueue()) as blocked:
        late = await blocked.add("late", address=EVE, urgent=False)
        with pytest.raises(QueueFull):
            await late
    assert blocked.order == []


@in_event_loop
async def test_an_error_reaches_the_caller_and_the_queue_goes_on() -> None:
    queue = UserPoolQueue()
    with pytest.raises(ZeroDivisionError):
        await queue.run(lambda: 1 // 0, address=EVE, urgent=True)
    assert await queue.run(lambda: 7, address=EVE, urgent=True) == 7
    queue.close()


@in_event_loop
async def test_closing_the_queue_drops_what_waits() -> None:
    queue = UserPoolQueue()
    async with Blocked(queue) as blocked:
        waiting = await blocked.add("waiting", address=EVE, urgent=True)
        closing = asyncio.ensure_future(asyncio.to_thread(queue.close))
        await asyncio.sleep(0.05)
        blocked.release()
        await closing
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert blocked.order == []


# -- the server --


class SlowIdentity(FakeIdentity):
    """Records the users of requests in the order in which they are handled, after `allowed` is set."""

    def __init__(self) -> None:
        self.allowed = threading.Event()
        self.handled: list[str] = []

    def handle(
        self, target: str, body: bytes, headers: Mapping[str, str], *, endpoint: str, path: str
    ) -> CognitoResponse:
        assert self.allowed.wait(20)
        self.handled.append(json.loads(body)["Username"])
        return super().handle(target, body, headers, endpoint=endpoint, path=path)


def http_post(operation: str, name: str, forwarded_for: str = "") -> bytes:
    body = json.dumps({"Username": name}).encode()
    forwarded = f"X-Forwarded-For: {forwarded_for}\r\n" if forwarded_for else ""
    head = (
        f"POST /cognito HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: {TARGET_PREFIX}{operation}\r\n"
        f"{forwarded}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def status_of(reader: asyncio.StreamReader) -> int:
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
    return int(head.split()[1])


class SlowServer:
    """A server behind a proxy of this machine, with a `SlowIdentity`."""

    def __init__(self, url: str, identity: SlowIdentity) -> None:
        self._host, _, self._port = url.removeprefix("http://").rpartition(":")
        self._writers: list[asyncio.StreamWriter] = []
        self.identity = identity

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(self._host, int(self._port))
        self._writers.append(writer)
        return reader, writer

    def close(self) -> None:
        self.identity.allowed.set()
        for writer in self._writers:
            writer.close()


def running_slow_server(tmp_path: Path, test: Callable[[SlowServer], Awaitable[None]]) -> None:
    async def run_test() -> None:
        identity = SlowIdentity()
        options = {"public_url": PublicUrl.parse("https://chat.example.org")}
        async with running_server(tmp_path, sign_in=identity, **options) as server:
            slow = SlowServer(server.url, identity)
            try:
                await test(slow)
            finally:
                slow.close()

    run(run_test())


def test_a_sign_in_is_served_before_800_sign_ups(tmp_path: Path) -> None:
    async def flood(server: SlowServer) -> None:
        sign_ups = []
        for number in range(800):
            reader, writer = await server.connect()
            writer.write(http_post("SignUp", f"flood {number}", f"2001:db8:0:{number // 4:x}::{number:x}"))
            sign_ups.append((reader, writer))
        await asyncio.sleep(0.2)
        reader, writer = await server.connect()
        writer.write(http_post("InitiateAuth", "ann", ANN))
        await asyncio.sleep(0.2)
        server.identity.allowed.set()
        assert await status_of(reader) == 200
        statuses = await asyncio.gather(*(status_of(reader) for reader, _ in sign_ups))
        assert server.identity.handled.index("ann") <= 1, (
            "a sign-in waits for the request that is running, at most"
        )
        assert (
            statuses.count(200) == len(server.identity.handled) - 1 <= user_pool_queue_module.MAX_WAITING + 1
        )
        assert set(statuses) == {200, 400}

    running_slow_server(tmp_path, flood)


@pytest.mark.parametrize("closes_its_side_only", [False, True])
def test_the_work_of_a_client_that_has_gone_is_not_done(
    tmp_path: Path, *, closes_its_side_only: bool
) -> None:
    async def disconnect(server: SlowServer) -> None:
        first, gone, last = [await server.connect() for _ in range(3)]
        for name, (_, writer) in {"first": first, "gone": gone, "last": last}.items():
            writer.write(http_post("SignUp", name))
            await asyncio.sleep(0.05)
        if closes_its_side_only:  # as the system does when a program ends
            gone[1].write_eof()
            assert await asyncio.wait_for(gone[0].read(), 10) == b""
        else:
            gone[1].transport.abort()
        await asyncio.sleep(0.05)
        server.identity.allowed.set()
        assert (await status_of(first[0]), await status_of(last[0])) == (200, 200)
        assert server.identity.handled == ["first", "last"]

    running_slow_server(tmp_path, disconnect)


def test_a_server_for_tests_has_no_limits(tmp_path: Path) -> None:
    async def sign_up() -> None:
        async with running_server(tmp_path, sign_in_limits={}) as server:
            headers = {"X-Amz-Target": f"{TARGET_PREFIX}SignUp"}
            for _ in range(LIMITS[OperationKind.SIGN_UP].burst + 10):
                async with server.session.post(server.url, data=b"{}", headers=headers) as response:
                    assert response.status == 200

    run(sign_up())


def test_the_limit_applies_to_the_client_and_not_to_the_proxy(tmp_path: Path) -> None:
    async def sign_up(server: SlowServer) -> None:
        server.identity.allowed.set()
        reader, writer = await server.connect()

        async def post(operation: str, address: str) -> int:
            writer.write(http_post(operation, "x", address))
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:")
            )
            await reader.readexactly(length)
            return int(head.split()[1])

        burst = LIMITS[OperationKind.SIGN_UP].burst
        assert {await post("SignUp", EVE) for _ in range(burst)} == {200}
        assert await post("SignUp", f"{BOB}, {EVE}") == 400
        assert await post("InitiateAuth", EVE) == 200
        assert await post("SignUp", BOB) == 200
        assert await post("ListUsers", EVE) == 200

    running_slow_server(tmp_path, sign_up)


# -- what clients of Cognito read --


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[UserPool]:
    with open_pool(tmp_path) as opened:
        yield opened


def test_an_aws_client_gets_the_exception_that_cognito_sends(
    pool: UserPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool.sign_up()
    monkeypatch.setattr("imchat.local.address_limiter._Counter.count", lambda *_: 2500)
    with pytest.raises(pool.cognito.exceptions.TooManyRequestsException, match="Rate exceeded") as caught:
        pool.sign_in()
    metadata = caught.value.response["ResponseMetadata"]
    headers = {name.lower(): value for name, value in metadata["HTTPHeaders"].items()}
    assert metadata["HTTPStatusCode"] == 400
    assert headers["x-amzn-errortype"] == "TooManyRequestsException"
    assert (headers["retry-after"], headers["x-amz-retry-after"]) == ("3", "2500")


@pytest.mark.parametrize("mode", ["legacy", "standard"])
@pytest.mark.parametrize("method", ["get", "write"])
def test_aws_clients_retry_while_the_database_is_busy(
    pool: UserPool,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    mode: str,
    method: str,
) -> None:
    import boto3  # noqa: PLC0415 - slow to import

    pool.sign_up()
    table: Any = pool.identity._context.accounts._table
    original, calls = getattr(table, method), []

    def busy_at_first(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 1:
            raise Busy("the disk is full")
        return original(*arguments)

    monkeypatch.setattr(table, method, busy_at_first)
    client = boto3.client(
        "cognito-idp",
        endpoint_url=pool.url,
        region_name="local",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 2, "mode": mode}),
    )
    with caplog.at_level(logging.WARNING, logger="imchat"):
        response = client.initiate_auth(
            ClientId=pool.identity.client_id,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": EMAIL, "PASSWORD": PASSWORD},
        )
    assert response["AuthenticationResult"]["AccessToken"]
    assert "could not be stored: the disk is full" in caplog.text


def test_a_busy_database_is_not_an_internal_error(pool: UserPool, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: object) -> None:
        raise Busy("the disk is full")

    monkeypatch.setattr(pool.identity._context.accounts._table, "get", busy)
    body = json.dumps({"ClientId": pool.identity.client_id, "Username": EMAIL}).encode()
    response = pool.identity.handle(TARGET_PREFIX + "ForgotPassword", body, {}, endpoint=pool.url)
    assert (response.status, json.loads(response.body)["__type"]) == (503, "ServiceUnavailable")
    assert response.headers["Retry-After"] == "1"
