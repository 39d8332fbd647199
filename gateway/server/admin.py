"""What operators ask and order below `/api/`: how deployments stand, what would become of a request, and
changes that last until the next start.

Whoever has the admin key may; where there is none, programs of this machine. Errors are told in the words of
the mother tongue.
"""

import asyncio
import platform
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from os import getpid, sysconf
from pathlib import Path
from time import perf_counter, time
from typing import TypeAlias

import structlog
from aiohttp import web
from pydantic import Field
from pydantic import JsonValue as AnyJson

from gateway import __version__, errors
from gateway.access.keys import ClientKeys
from gateway.canonical.json import JsonObject, JsonValue
from gateway.pool.deployment import Deployment
from gateway.pool.pool import Pool
from gateway.pool.pools import Pools
from gateway.protocols.codec import Call
from gateway.relay.explain import Explainer
from gateway.server import body
from gateway.server.answers import Act, Question, answering, asked
from gateway.server.browsers import Browsers
from gateway.server.caller import client_of, is_local, peer_of, presented_key
from gateway.server.http import Handler, Server
from gateway.server.paths import Paths
from gateway.wire.document import Document

_AT_ONCE = 100
"""How many deployments are told before others get a turn."""

_STATM = Path("/proc/self/statm")

Check: TypeAlias = Callable[[Deployment], Awaitable[errors.UpstreamError | None]]

log = structlog.stdlib.get_logger()


class WouldBe(Question):
    """A request as a client would make it: the `body` that is sent to `path`, with `headers`."""

    path: str
    body: dict[str, AnyJson]
    headers: dict[str, str] = Field(default_factory=dict)


@dataclass(slots=True, frozen=True, kw_only=True)
class Admin:
    """The routes below `/api/`. `keys` open them; without any, they are for programs of this machine, which
    `browsers` tells from pages. `check` asks a deployment for a sign of life. `started` is a time of the
    reporter's clock. `absent` are deployments that the configuration itself switches off, by id.
    """

    server: Server
    keys: ClientKeys
    browsers: Browsers
    explainer: Explainer
    check: Check
    started: float
    absent: Mapping[str, JsonObject] = field(default_factory=dict)

    def routes(self) -> list[web.RouteDef]:
        """All of them."""
        one = "/api/providers/{id:.+}"
        return [
            web.post("/api/explain", self._guarded(self._explain), expect_handler=body.expect),
            web.get("/api/providers", self._guarded(self._providers)),
            web.get("/api/system-info", self._guarded(self._system_info)),
            web.post(f"{one}/test", self._guarded(self._test)),
            web.post(f"{one}/reset", self._guarded(self._reset)),
            web.post(f"{one}/enable", self._guarded(self._enable)),
            web.post(f"{one}/disable", self._guarded(self._disable)),
            web.post("/api/admin/reset-all", self._guarded(self._reset_all)),
        ]

    def _guarded(self, act: Act) -> Handler:
        """`act` for those who may."""

        async def guarded(request: web.Request) -> JsonObject:
            self._admit(request)
            return await act(request)

        return answering(self.server, guarded)

    def _admit(self, request: web.Request) -> None:
        """Let nobody pass who is not the operator.

        Raises:
            Forbidden: there is no admin key, and this is no program of this machine.
            Unauthenticated, TooManyRequests: there is one, but it was not shown.
        """
        if self.keys.open:
            self.browsers.check_host(request)
            if not is_local(request.remote, request.headers):
                raise errors.Forbidden(
                    "without an admin key (ADMIN_KEY, or admin.key) /api/ is for programs of this machine"
                )
            return
        key = presented_key(request)
        if self.keys.admits(key):
            return
        if key and (wait := self.server.guesses.wrong(peer_of(request))):
            raise errors.TooManyRequests("too many wrong keys from this address", retry_after_s=wait)
        raise errors.Unauthenticated(
            "invalid or missing admin key: send it as `Authorization: Bearer` or `x-api-key`"
        )

    async def _explain(self, request: web.Request) -> JsonObject:
        said = await asked(self.server, request, WouldBe, self.server.limits.body_bytes)
        place = Paths(self.server.codecs.values()).place(said.path)
        headers = {name.lower(): value for name, value in said.headers.items()}
        body = Document.of({**said.body})
        call = Call(body, headers, place.params, place.query, place.endpoint, int(time()))
        if place.codec.answer(call) is not None:
            return {"protocol": place.codec.name, "answered_by": "the gateway itself"}
        client = client_of(_key_in(headers))
        return self.explainer.explain(place.codec, call, client, place.params.get("pool"))

    async def _providers(self, request: web.Request) -> JsonObject:
        wanted = request.query.get("pool")
        if wanted is not None and wanted not in self._pools:
            raise errors.NotFound("there is no pool of this name")
        told: list[JsonValue] = []
        members = (member for pool in self._pools if wanted in (None, pool.name) for member in pool.members)
        for number, member in enumerate(members):
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)
            told.append(self._told(member))
        told += [each for each in self.absent.values() if wanted in (None, each["pool"])]
        return {"providers": told}

    async def _system_info(self, _: web.Request) -> JsonObject:
        at = self.explainer.reporter.moment()
        return {
            "version": __version__,
            "python": platform.python_version(),
            "pid": getpid(),
            "started": at.date(self.started),
            "uptime_s": round(at.now - self.started, 3),
            "requests_in_flight": self.server.traffic.in_flight,
            "bodies_held_bytes": self.server.memory.held,
            "memory_bytes": _resident_bytes(),
            "pools": [self._summary(pool, at.now) for pool in self._pools],
        }

    async def _test(self, request: web.Request) -> JsonObject:
        tested: list[JsonValue] = []
        for member in self._called(request):
            began = perf_counter()
            error = await self.check(member)
            took_ms = round((perf_counter() - began) * 1000, 1)
            result: JsonObject = {"live": error is None, "took_ms": took_ms, "error": None}
            if error is not None:
                result["error"] = type(error).__name__
                result["upstream_status"] = error.upstream_status
                result["message"] = self.server.hide(error.message)
            tested.append({**self._told(member), "test": result})
        return {"providers": tested}

    async def _reset(self, request: web.Request) -> JsonObject:
        return self._changed(request, "reset", self._pools.reset)

    async def _enable(self, request: web.Request) -> JsonObject:
        return self._changed(request, "enabled", lambda member: self._pools.switch(member, on=True))

    async def _disable(self, request: web.Request) -> JsonObject:
        return self._changed(request, "disabled", lambda member: self._pools.switch(member, on=False))

    async def _reset_all(self, _: web.Request) -> JsonObject:
        members = [member for pool in self._pools for member in pool.members]
        for member in members:
            self._pools.reset(member)
        log.warning("all_reset", deployments=len(members))
        return {"reset": len(members)}

    def _changed(self, request: web.Request, what: str, change: Callable[[Deployment], None]) -> JsonObject:
        members = self._called(request)
        for member in members:
            change(member)
            log.warning(what, deployment=member.id, pool=member.pool)
        return {"providers": [self._told(member) for member in members]}

    def _called(self, request: web.Request) -> list[Deployment]:
        """The deployment of the id in the path, or all that one entry of the configuration has become.

        Raises:
            NotFound: there is none.
            InvalidRequest: the configuration has switched it off.
        """
        name = request.match_info["id"]
        everybody = [member for pool in self._pools for member in pool.members]
        found = [member for member in everybody if member.id == name]
        found = found or [member for member in everybody if member.entry == name]
        if name in self.absent:
            raise errors.InvalidRequest("its entry says `enabled: false`; change the configuration")
        if not found:
            raise errors.NotFound("there is no deployment of this id; GET /api/providers has them all")
        return found

    def _told(self, member: Deployment) -> JsonObject:
        return self.explainer.reporter.deployment(member)

    def _summary(self, pool: Pool, now: float) -> JsonObject:
        health = [pool.health(member) for member in pool.members]
        return {
            "name": pool.name,
            "deployments": len(health),
            "enabled": sum(map(pool.is_on, pool.members)),
            "resting": sum(each.account.whole.until > now for each in health),
            "in_flight": sum(each.in_flight for each in health),
        }

    @property
    def _pools(self) -> Pools:
        return self.server.generator.pools


def _key_in(headers: dict[str, str]) -> str | None:
    """The key that a request with `headers` would show: whose conversations it goes on with."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    return headers.get("x-api-key") or bearer or headers.get("x-goog-api-key")


def _resident_bytes() -> int | None:
    """What the process takes of the machine's memory; None where the system does not say it in this way."""
    try:
        pages = int(_STATM.read_text(encoding="ascii").split()[1])
    except OSError:
        return None
    return pages * sysconf("SC_PAGE_SIZE")
