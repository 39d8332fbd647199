"""Listening sockets that are made before there is a loop, for processes that share a port."""

import errno
import os
import socket
from typing import TypeAlias

_BACKLOG = 1024
_Address: TypeAlias = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]


def sharing(host: str, port: int, shares: int) -> list[list[socket.socket]]:
    """For each of `shares` a set of sockets, one an address of `host`; the kernel spreads connections evenly
    over the sets. They are listening: who connects waits until somebody accepts.

    Raises:
        OSError: the port cannot be had; somebody who shares it already, an older gateway perhaps, counts too.
    """
    addresses = _addresses(host, port)
    for family, address in addresses:
        # Among sockets that share a port the newcomer is not refused; one that does not share is.
        _bound(family, address, shared=False).close()
    made: list[list[socket.socket]] = []
    try:
        for _ in range(shares):
            made.append([])
            made[-1].extend(_bound(family, address, shared=True) for family, address in addresses)
        for listening in (one for share in made for one in share):
            listening.listen(_BACKLOG)
    except OSError:
        close(made)
        raise
    return made


def close(shares: list[list[socket.socket]]) -> None:
    """Let go of them; who inherited them goes on listening."""
    for listening in (one for share in shares for one in share):
        listening.close()


def _addresses(host: str, port: int) -> list[tuple[int, _Address]]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


def _bound(family: int, address: _Address, *, shared: bool) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if shared:
            _share(made)
        made.setblocking(False)
        made.bind(address)
    except OSError:
        made.close()
        raise
    return made


def _share(made: socket.socket) -> None:
    if not hasattr(socket, "SO_REUSEPORT"):
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
