"""Many streams that are open at once: what each of them holds, and how long a word is on its way."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from statistics import quantiles
from time import perf_counter_ns

from tests.benchmarks.contenders import Contender
from tests.benchmarks.upstream import STREAM_HEAD, Writer, chunk
from tests.benchmarks.works import SMALL_STREAM

_INTERVAL_S = 0.5
_LISTENING_S = 5.0
_OPENING_S = 120.0
_OPENED_AT_ONCE = 50
_STAMP = re.compile(rb"@(\d+)@")
_END_OF_HEADER = b"\r\n\r\n"


@dataclass
class Stamper:
    """An upstream whose streams never end, and say twice a second what time it is."""

    streams: set[Writer] = field(default_factory=set)

    @asynccontextmanager
    async def listening(self, port: int) -> AsyncIterator[None]:
        """Open the port."""
        loop = asyncio.get_running_loop()
        async with await loop.create_server(lambda: _Stream(self), "127.0.0.1", port):
            yield


class _Stream(asyncio.Protocol):
    def __init__(self, upstream: Stamper) -> None:
        self._upstream = upstream
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, Writer), "what a stream's protocol is given can write"
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the way it is called
        self._upstream.streams.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        if _END_OF_HEADER in data:
            self._upstream.streams.add(self._transport)
            self._transport.write(STREAM_HEAD)
            self._tick()

    def _tick(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(chunk(f"@{perf_counter_ns()}@"))
            self._loop.call_later(_INTERVAL_S, self._tick)


class _Listener(asyncio.Protocol):
    """A client that notes how old each stamp is that it hears."""

    def __init__(self, request: bytes, note: Callable[[float], None]) -> None:
        self._request = request
        self._note = note
        self.began: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, Writer), "what a stream's protocol is given can write"
        self.transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now = perf_counter_ns()
        for stamp in _STAMP.findall(data):
            self._note((now - int(stamp)) / 1e6)
            if not self.began.done():
                self.began.set_result(None)


@dataclass(frozen=True)
class Held:
    """What open streams cost: memory for each, and the delay in ms that 99 of 100 words did not exceed."""

    kb_each: float
    p99_ms: float


def _itself(listener: _Listener) -> _Listener:
    return listener


async def held(contender: Contender, count: int) -> Held:
    """Open `count` streams through `contender` and listen to them for a while."""
    loop, delays = asyncio.get_running_loop(), list[float]()
    before = contender.rss_kb()
    listeners: list[_Listener] = []
    async with asyncio.timeout(_OPENING_S):
        while len(listeners) < count:
            batch = [
                _Listener(SMALL_STREAM[contender.dialect], delays.append) for _ in range(_OPENED_AT_ONCE)
            ]
            for listener in batch:
                await loop.create_connection(partial(_itself, listener), "127.0.0.1", contender.port)
            await asyncio.gather(*(listener.began for listener in batch))
            listeners += batch
    # How long it took to open them all is not the question.
    await asyncio.sleep(2 * _INTERVAL_S)
    delays.clear()
    await asyncio.sleep(_LISTENING_S)
    after = contender.rss_kb()
    for listener in listeners:
        listener.transport.close()
    await asyncio.sleep(2 * _INTERVAL_S)
    return Held((after - before) / len(listeners), quantiles(delays, n=100)[98])
