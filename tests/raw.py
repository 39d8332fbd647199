"""HTTP as bytes, without a library that would put it right."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import orjson


@dataclass
class RawReply:
    """All that came back over one connection."""

    data: bytes
    closed: bool

    @property
    def status(self) -> int:
        """Of the first reply, 0 if there was none."""
        return int(self.data[9:12]) if self.data.startswith(b"HTTP/1.") else 0

    @property
    def count(self) -> int:
        """How many replies there were."""
        return self.data.count(b"HTTP/1.")

    @property
    def head(self) -> str:
        """Of the first reply, in lower case."""
        return self.data.partition(b"\r\n\r\n")[0].decode("latin-1").lower()

    @property
    def json(self) -> Any:
        """The body of the first reply, parsed."""
        length = next((line for line in self.head.split("\r\n") if line.startswith("content-length:")), "")
        body = self.data.partition(b"\r\n\r\n")[2]
        return orjson.loads(body[: int(length.partition(":")[2])] if length else body)


@asynccontextmanager
async def connected(gateway: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to `gateway`; leaving the block hangs up."""
    host, _, port = gateway.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield reader, writer
    finally:
        writer.close()


async def said_to(gateway: str, *pieces: bytes, patience_s: float = 5.0) -> RawReply:
    """What `gateway` says to `pieces`: until it hangs up, or one whole reply has come."""
    data = b""
    async with connected(gateway) as (reader, writer):
        try:
            async with asyncio.timeout(patience_s):
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                while not is_whole(data):
                    got = await reader.read(65536)
                    if not got:
                        return RawReply(data, closed=True)
                    data += got
            return RawReply(data, closed=False)
        except ConnectionError:
            return RawReply(data, closed=True)


async def until_hung_up(gateway: str, *pieces: bytes, patience_s: float = 5.0) -> RawReply:
    """What `gateway` says to `pieces` until it hangs up.

    Raises:
        TimeoutError: it does not.
    """
    data = b""
    with suppress(ConnectionError):
        async with connected(gateway) as (reader, writer), asyncio.timeout(patience_s):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            while got := await reader.read(65536):
                data += got
    return RawReply(data, closed=True)


def is_whole(data: bytes) -> bool:
    """Whether `data` hold one reply to its end."""
    head, _, body = data.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n").partition(b"\r\n\r\n")
    if b"\r\ntransfer-encoding: chunked" in head.lower():
        return body.endswith(b"\r\n0\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(body) >= int(line.partition(b":")[2])
    return False
