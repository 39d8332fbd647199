"""Who calls: the key a request shows, its id, and the guesses of one address at keys."""

import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from ipaddress import IPv6Address, ip_address
from random import getrandbits

from aiohttp import web

from gateway.errors import InvalidRequest

_OF_PROXIES = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def presented_key(request: web.Request) -> str | None:
    """The key a client shows: `x-api-key`, else a Bearer token, else `x-goog-api-key`, else `?key=`.

    Raises:
        InvalidRequest: one of them stands there twice with different values.
    """
    return next(filter(None, _shown(request)), None)


def client_of(key: str | None) -> bytes:
    """Tells one client from another by the `key` that it shows, and tells nobody the key."""
    return sha256((key or "").encode("utf-8", "surrogateescape")).digest()


def _shown(request: web.Request) -> Iterator[str]:
    yield _once(request, "x-api-key")
    scheme, _, token = _once(request, "authorization").partition(" ")
    if scheme.lower() == "bearer":
        yield token.strip()
    yield _once(request, "x-goog-api-key")
    if "key=" in request.rel_url.raw_query_string:
        yield _same("?key=", request.query.getall("key", [""]))


def _once(request: web.Request, name: str) -> str:
    return _same(name, request.headers.getall(name)) if name in request.headers else ""


def _same(where: str, values: list[str]) -> str:
    if len(values) > 1 and len(set(values)) > 1:
        raise InvalidRequest(f"{where} is given twice with different values")
    return values[0]


def request_id_of(request: web.Request) -> str:
    """The client's own id for the request if it is a harmless one, else a new one."""
    said = request.headers.get("x-request-id", "")
    return said if _REQUEST_ID.fullmatch(said) else "req_" + new_id()


def new_id() -> str:
    """24 hexadecimal digits that nothing else has. They are no secret: to be different is enough."""
    return f"{getrandbits(96):024x}"


def is_local(remote: str | None, headers: Mapping[str, str]) -> bool:
    """Whether a program of this machine calls: its connection comes from here (`remote`), and no proxy says
    that it speaks for somebody else.
    """
    if any(name in headers for name in _OF_PROXIES):
        return False
    try:
        address = ip_address((remote or "").partition("%")[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def peer_of(request: web.Request) -> str:
    """The address a request comes from; of an IPv6 address the half that its owner cannot choose at will."""
    remote = (request.remote or "").partition("%")[0]
    if ":" not in remote:
        return remote
    address = ip_address(remote)
    assert isinstance(address, IPv6Address), "only these have colons"
    return str(address.ipv4_mapped) if address.ipv4_mapped else address.exploded[:19]
