"""Pages in somebody's browser: none may use the gateway behind their reader's back.

A page can send requests to this machine (cross-site requests), and can give its own name this machine's
address (DNS rebinding). The first shows in `Origin` and `Sec-Fetch-Site`, the second in `Host`.
"""

import re
from dataclasses import dataclass, field

from aiohttp import web

from gateway.config.checks import is_loopback
from gateway.errors import Forbidden

_NAMES = re.compile(r"[A-Za-z0-9_-]+(?:, ?[A-Za-z0-9_-]+)*")
_LONGEST_NAMES = 1024
_SHOWN = "retry-after, x-request-id, request-id"


@dataclass(slots=True, frozen=True, kw_only=True)
class Browsers:
    """What pages may do. `origins` may call; `local`: only this machine can reach us, so that a request must
    call us by a name of this machine or one of `hosts`.
    """

    local: bool
    hosts: frozenset[str] = field(default_factory=frozenset)
    origins: frozenset[str] = field(default_factory=frozenset)

    def check(self, request: web.Request) -> None:
        """Let everything pass that is not a page's doing.

        Raises:
            Forbidden: it is, and the page's origin is not allowed.
        """
        headers = request.headers
        if self.local:
            self.check_host(request)
        origin = headers.get("origin")
        if origin is None:
            if headers.get("sec-fetch-site") == "cross-site":
                raise Forbidden("requests from other sites' pages are refused")
        elif origin not in self.origins and not _same_origin(origin, headers.get("host", "")):
            raise Forbidden(
                "requests from this page's origin are refused; those that may call go to the setting"
                " server.cors_origins"
            )

    def check_host(self, request: web.Request) -> None:
        """Let everything pass that calls us by a name of this machine.

        Raises:
            Forbidden: it calls us by another.
        """
        if not self._is_ours(request.headers.getall("host", [])):
            raise Forbidden(
                "the Host header does not name this machine; other names go to the setting"
                " server.allowed_hosts"
            )

    def preflight(self, request: web.Request) -> web.Response | None:
        """The answer to a browser that asks whether an allowed page may send what it wants to send."""
        headers = request.headers
        if request.method != "OPTIONS" or "access-control-request-method" not in headers:
            return None
        wanted = headers.get("access-control-request-headers", "")
        named = len(wanted) <= _LONGEST_NAMES and _NAMES.fullmatch(wanted)
        return web.Response(
            status=204,
            headers={
                "access-control-allow-methods": "GET, POST",
                "access-control-allow-headers": wanted if named else "content-type",
                "access-control-max-age": "600",
            },
        )

    def admit(self, request: web.Request, response: web.StreamResponse) -> None:
        """Let an allowed page read `response`."""
        if not self.origins:
            return
        response.headers.add("vary", "Origin")
        origin = request.headers.get("origin")
        if origin in self.origins:
            response.headers["access-control-allow-origin"] = origin
            response.headers["access-control-expose-headers"] = _SHOWN

    def _is_ours(self, hosts: list[str]) -> bool:
        if len(hosts) != 1:
            return False
        host = _without_port(hosts[0].lower())
        return host in self.hosts or host.endswith(".localhost") or is_loopback(host)


def _without_port(host: str) -> str:
    """`[::1]:80` → `::1`, `localhost:80` → `localhost`; what is neither stays, and names nothing."""
    if host.startswith("["):
        address, bracket, port = host[1:].partition("]")
        return address if bracket and (not port or port.startswith(":")) else host
    name, colon, port = host.partition(":")
    return name if not colon or port.isdecimal() else host


def _same_origin(origin: str, host: str) -> bool:
    return origin in (f"http://{host}", f"https://{host}")
