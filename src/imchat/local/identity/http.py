"""The HTTP routes of an `Identity`, and a server with nothing else for when `imchat local` is not running."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from aiohttp import web

from imchat.local.identity.service import Identity


def routes(identity: Identity) -> list[web.RouteDef]:
    """`POST /` and the pool's two `.well-known` documents, for a server's route table.

    The work runs on one thread of its own: a password check takes tens of milliseconds, and a crowd signing in must
    neither stop the event loop nor take the threads that other work waits for.
    """
    worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="identity")

    async def operate(request: web.Request) -> web.Response:
        body = await request.read()
        answer = await asyncio.get_running_loop().run_in_executor(
            worker,
            lambda: identity.handle(
                request.headers.get("X-Amz-Target", ""),
                body,
                request.headers,
                endpoint=_endpoint(request),
                path=request.rel_url.raw_path,
            ),
        )
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body)

    async def jwks(_request: web.Request) -> web.Response:
        return web.json_response(identity.jwks())

    async def openid_configuration(request: web.Request) -> web.Response:
        return web.json_response(identity.openid_configuration(_endpoint(request)))

    well_known = f"/{identity.pool_id}/.well-known"
    return [
        web.post("/", operate),
        web.get(f"{well_known}/jwks.json", jwks),
        web.get(f"{well_known}/openid-configuration", openid_configuration),
    ]


@contextlib.contextmanager
def serve_identity(identity: Identity) -> Iterator[str]:
    """Serve `identity` on a free port of this machine, from a thread; yields the URL and stops at the end."""
    loop = asyncio.new_event_loop()
    application = web.Application()
    application.add_routes(routes(identity))
    runner = web.AppRunner(application, access_log=None)

    async def start() -> str:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    thread = threading.Thread(target=loop.run_forever, name="identity-server", daemon=True)
    thread.start()
    try:
        yield asyncio.run_coroutine_threadsafe(start(), loop).result()
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _endpoint(request: web.Request) -> str:
    scheme = request.headers.get("X-Forwarded-Proto", request.scheme)
    return f"{scheme}://{request.host}"
