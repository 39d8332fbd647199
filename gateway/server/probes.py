"""Probes: each means one thing, none calls an upstream, none needs a key."""

from dataclasses import dataclass

from aiohttp import web


@dataclass(slots=True)
class Readiness:
    """Whether new work is welcome; false from the moment the server is told to stop."""

    draining: bool = False


def routes(readiness: Readiness) -> list[web.RouteDef]:
    """`/livez` (the loop turns), `/readyz` (not draining), `/health` (the same in words), `HEAD /`."""

    async def livez(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readyz(_: web.Request) -> web.Response:
        status = "draining" if readiness.draining else "ok"
        return web.json_response({"status": status}, status=503 if readiness.draining else 200)

    async def root(_: web.Request) -> web.Response:
        return web.Response(text="gateway\n")

    return [
        web.get("/livez", livez),
        web.get("/readyz", readyz),
        web.get("/health", readyz),
        web.get("/", root),
    ]
