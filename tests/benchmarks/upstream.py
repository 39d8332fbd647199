"""An upstream that costs next to nothing: prepared replies in OpenAI's form, whole, in a burst or paced."""

import asyncio
import random
from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import orjson

EVENTS = 100
"""Events with words in a streamed reply."""

WORD = b"a token of "
"""What each of them says, and nothing else in a reply."""

_END_OF_HEADER = b"\r\n\r\n"
_LENGTH = b"content-length:"


def _chunk(choices: list[object], usage: object = None) -> bytes:
    payload = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_760_000_000,
        "model": "fake",
        "system_fingerprint": "fp_1",
        "choices": choices,
        "usage": usage,
    }
    return _framed(orjson.dumps(payload))


def chunk(words: str) -> bytes:
    """A record that says `words`, as a chunk of a streamed body."""
    return _chunk([{"index": 0, "delta": {"content": words}, "logprobs": None, "finish_reason": None}])


def _framed(data: bytes) -> bytes:
    record = b"data: %b\n\n" % data
    return b"%x\r\n%b\r\n" % (len(record), record)


def _records() -> Iterator[bytes]:
    def said(delta: dict[str, object], finish: str | None = None) -> bytes:
        return _chunk([{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}])

    yield said({"role": "assistant", "content": "", "refusal": None})
    yield from [said({"content": WORD.decode()})] * EVENTS
    yield said({}, "stop")
    yield _chunk([], _USAGE)
    yield _framed(b"[DONE]") + b"0\r\n\r\n"


_USAGE = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_RECORDS = list(_records())
_BURST = STREAM_HEAD + b"".join(_RECORDS)
_BODY = orjson.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_760_000_000,
        "model": "fake",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": WORD.decode(), "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": _USAGE,
    }
)
_WHOLE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
    len(_BODY),
    _BODY,
)


@runtime_checkable
class Writer(Protocol):
    """A transport, by what is asked of it: uvloop's have no base class."""

    def write(self, data: bytes) -> None:
        """Send `data`."""

    def close(self) -> None:
        """Hang up."""

    def is_closing(self) -> bool:
        """Whether it has hung up."""


class Upstream:
    """Answers on one port. `interval_s` stands between the records of a stream; 0: all come at once."""

    def __init__(self) -> None:
        self.interval_s = 0.0

    async def listen(self, port: int) -> asyncio.Server:
        """Open the port."""
        return await asyncio.get_running_loop().create_server(lambda: _Connection(self), "127.0.0.1", port)


class _Connection(asyncio.Protocol):
    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self._wanted = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, Writer), "what a stream's protocol is given can write"
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._wanted:
            header, found, _ = self._received.partition(_END_OF_HEADER)
            if not found:
                return
            length = header.lower().partition(_LENGTH)[2].split(b"\r\n", 1)[0]
            self._wanted = len(header) + len(_END_OF_HEADER) + int(length)
        if len(self._received) >= self._wanted:
            streaming = b'"stream":true' in self._received
            self._received.clear()
            self._wanted = 0
            self._answer(streaming=streaming)

    def _answer(self, *, streaming: bool) -> None:
        interval_s = self._upstream.interval_s
        if not streaming:
            self._transport.write(_WHOLE)
        elif not interval_s:
            self._transport.write(_BURST)
        else:
            self._transport.write(STREAM_HEAD)
            # Streams that tick in step would be read in batches.
            self._loop.call_later(random.random() * interval_s, self._tick, iter(_RECORDS), interval_s)

    def _tick(self, records: Iterator[bytes], interval_s: float) -> None:
        record = next(records, None)
        if record is not None and not self._transport.is_closing():
            self._transport.write(record)
            self._loop.call_later(interval_s, self._tick, records, interval_s)
