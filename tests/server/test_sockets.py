"""Sockets that share a port."""

import errno
import socket

import pytest

from gateway.server.sockets import close, sharing
from tests.gateways import free_port


def test_every_share_listens_on_the_same_port() -> None:
    port = free_port()
    shares = sharing("127.0.0.1", port, 3)
    try:
        assert [[one.getsockname() for one in share] for share in shares] == [[("127.0.0.1", port)]] * 3
        assert not any(one.getblocking() for share in shares for one in share)
        for _ in range(20):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
    finally:
        close(shares)


def test_a_name_with_several_addresses_is_listened_to_on_all_of_them() -> None:
    port = free_port()
    found = {address[0] for *_, address in socket.getaddrinfo("localhost", port, type=socket.SOCK_STREAM)}
    shares = sharing("localhost", port, 2)
    try:
        assert [{one.getsockname()[0] for one in share} for share in shares] == [found, found]
    finally:
        close(shares)


def test_a_port_that_is_shared_already_is_refused_to_a_second_gateway() -> None:
    port = free_port()
    shares = sharing("127.0.0.1", port, 2)
    try:
        with pytest.raises(OSError, match="in use") as refused:
            sharing("127.0.0.1", port, 2)
        assert refused.value.errno == errno.EADDRINUSE
    finally:
        close(shares)
    close(sharing("127.0.0.1", port, 2))


def test_a_system_that_cannot_share_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.delattr(socket, "SO_REUSEPORT")
    with pytest.raises(OSError, match="not supported"):
        sharing("127.0.0.1", port, 2)
    socket.create_server(("127.0.0.1", port)).close()
