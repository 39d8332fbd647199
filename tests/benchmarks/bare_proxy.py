"""The baseline: the least that a proxy on aiohttp does. `python -m tests.benchmarks.bare_proxy PORT
UPSTREAM`.
"""

import asyncio
import sys

import aiohttp
import uvloop
from aiohttp import web
from yarl import URL

_HEADERS = {"content-type": "application/json", "authorization": "Bearer sk-upstream"}
_PATH = "/v1/chat/completions"


def application(session: aiohttp.ClientSession, upstream: str) -> web.Application:
    """An application whose one route passes everything to `upstream`."""
    url = URL(upstream + _PATH)

    async def handle(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        async with session.post(url, data=body, headers=_HEADERS) as reply:
            content_type = reply.headers["content-type"]
            if not content_type.startswith("text/event-stream"):
                return web.Response(
                    body=await reply.read(), status=reply.status, headers={"content-type": content_type}
                )
            response = web.StreamResponse(headers={"content-type": content_type})
            await response.prepare(request)
            async for chunk in reply.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
            return response

    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_post(_PATH, handle)
    return app


async def _serve(port: int, upstream: str) -> None:
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None, sock_read=300),
    )
    async with session:
        runner = web.AppRunner(application(session, upstream), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.Runner(loop_factory=uvloop.new_event_loop).run(_serve(int(sys.argv[1]), sys.argv[2]))
