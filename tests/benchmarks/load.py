"""The load: connections that ask again as soon as they are answered, and check what they got."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.benchmarks.upstream import EVENTS, WORD, Writer

_END_OF_HEADER = b"\r\n\r\n"
_END_OF_CHUNKS = b"\r\n0\r\n\r\n"
_LENGTH = b"content-length: "


@dataclass
class Load:
    """`connections` that send `request` to `port` for some seconds. `streaming`: the replies are streams."""

    port: int
    request: bytes
    connections: int
    streaming: bool
    replies: int = 0
    until: float = 0.0
    ended: list[asyncio.Future[None]] = field(default_factory=list)

    async def run(self, seconds: float) -> int:
        """How many replies came; those that were asked for in time are waited for.

        Raises:
            AssertionError: a reply was no success, or lacked an event.
        """
        loop = asyncio.get_running_loop()
        self.until = loop.time() + seconds
        for _ in range(self.connections):
            await loop.create_connection(lambda: _Connection(self), "127.0.0.1", self.port)
        await asyncio.gather(*self.ended)
        return self.replies


class _Connection(asyncio.Protocol):
    def __init__(self, load: Load) -> None:
        self._load = load
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self._wanted = 0
        self._ended: asyncio.Future[None] = self._loop.create_future()
        load.ended.append(self._ended)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, Writer), "what a stream's protocol is given can write"
        self._transport = transport
        transport.write(self._load.request)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._ended.done():
            self._ended.set_exception(AssertionError(f"the server hung up: {exc}"))

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._load.streaming:
            whole = self._received.endswith(_END_OF_CHUNKS)
        else:
            self._wanted = self._wanted or _size(self._received)
            whole = 0 < self._wanted <= len(self._received)
        if whole:
            self._take(bytes(self._received))

    def _take(self, reply: bytes) -> None:
        self._received.clear()
        self._wanted = 0
        self._load.replies += 1
        fault = _fault(reply, streaming=self._load.streaming)
        if fault is None and self._loop.time() < self._load.until:
            self._transport.write(self._load.request)
            return
        if fault is None:
            self._ended.set_result(None)
        else:
            self._ended.set_exception(AssertionError(fault))
        self._transport.close()


def _size(received: bytearray) -> int:
    header, found, _ = received.partition(_END_OF_HEADER)
    if not found:
        return 0
    length = header.lower().partition(_LENGTH)[2].split(b"\r\n", 1)[0]
    return len(header) + len(_END_OF_HEADER) + int(length)


def _fault(reply: bytes, *, streaming: bool) -> str | None:
    """What is wrong with a reply. Events that were merged to save work would be missing here."""
    if not reply.startswith(b"HTTP/1.1 200"):
        return reply[:300].decode("ascii", "replace")
    body = reply.partition(_END_OF_HEADER)[2]
    expected = EVENTS if streaming else 1
    words = _joined(body) if streaming else body
    if words.count(WORD) != expected or (streaming and words.count(b"data: {") < expected):
        return f"{words.count(WORD)} events of {expected}"
    return None


def _joined(body: bytes) -> bytes:
    """A chunked body without its chunks."""
    pieces: list[bytes] = []
    start = 0
    while size := int(body[start : (end := body.index(b"\r\n", start))], 16):
        pieces.append(body[end + 2 : end + 2 + size])
        start = end + 2 + size + 2
    return b"".join(pieces)


def http(path: str, body: bytes, headers: Sequence[str] = ()) -> bytes:
    """A request as bytes."""
    said = ["host: 127.0.0.1", "content-type: application/json", f"content-length: {len(body)}", *headers]
    return "\r\n".join([f"POST {path} HTTP/1.1", *said, "", ""]).encode() + body
