"""Orders to stop, as they reach a gateway by itself and a worker."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.server.orders import HURRY, READY, Channel, Signals


@asynccontextmanager
async def worker() -> AsyncIterator[tuple[Channel, socket.socket, asyncio.Event]]:
    """A worker's channel, the supervisor's end of it, and what an order to stop sets."""
    supervisor, end = socket.socketpair()
    with supervisor, end:
        supervisor.setblocking(False)
        channel, stop = Channel(end), asyncio.Event()
        channel.on_stop(stop.set)
        yield channel, supervisor, stop


async def said(supervisor: socket.socket) -> bytes:
    async with asyncio.timeout(2):
        return await asyncio.get_running_loop().sock_recv(supervisor, 9)


async def happened(event: asyncio.Event) -> None:
    async with asyncio.timeout(2):
        await event.wait()


async def test_a_worker_says_that_it_serves() -> None:
    async with worker() as (channel, supervisor, stop):
        channel.ready()
        assert await said(supervisor) == READY
        assert not stop.is_set()


async def test_a_worker_whose_supervisor_is_gone_cannot_say_so_but_is_relieved() -> None:
    async with worker() as (channel, supervisor, stop):
        supervisor.close()
        channel.ready()
        await happened(stop)
        assert channel.relieved


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, HURRY])
async def test_a_worker_that_is_told_to_stop_by_a_signal_says_no_more(number: signal.Signals) -> None:
    async with worker() as (channel, supervisor, stop):
        os.kill(os.getpid(), number)
        await happened(stop)
        assert await said(supervisor) == b""
        assert not channel.relieved


async def test_only_its_own_signal_hurries_a_worker() -> None:
    async with worker() as (channel, _, stop):
        hurry = asyncio.Event()
        os.kill(os.getpid(), signal.SIGTERM)
        await happened(stop)
        channel.on_hurry(hurry.set)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(os.getpid(), number)
        await asyncio.sleep(0.05)
        assert not hurry.is_set()
        os.kill(os.getpid(), HURRY)
        await happened(hurry)


async def test_a_gateway_by_itself_stops_at_the_first_signal_and_hurries_at_the_second() -> None:
    stop, hurry = asyncio.Event(), asyncio.Event()
    orders = Signals()
    orders.on_stop(stop.set)
    os.kill(os.getpid(), signal.SIGTERM)
    await happened(stop)
    orders.on_hurry(hurry.set)
    os.kill(os.getpid(), signal.SIGINT)
    await happened(hurry)
    assert not orders.relieved
