"""A client's connection as a `Sink`: whole answers, streams, and the heartbeats between their words."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from gateway.protocols.codec import HttpAnswer
from gateway.relay.sink import Said
from gateway.server.background import Background

STREAM_HEADERS = {"cache-control": "no-cache", "x-accel-buffering": "no"}
"""No cache and no proxy may hold a stream back."""


class WebSink:
    """A `Sink` over one aiohttp request. `headers` go with every answer."""

    def __init__(
        self, request: web.Request, headers: Mapping[str, str], heartbeat_s: float, background: Background
    ) -> None:
        self._request = request
        self._background = background
        self._headers = headers
        self._heartbeat_s = heartbeat_s
        self._loop = asyncio.get_running_loop()
        self._protocol = request.protocol
        self._writer: AbstractStreamWriter | None = None
        self._opening: asyncio.Lock | None = None
        self._promised: tuple[str, Callable[[], Mapping[str, str]]] | None = None
        self._ping: Callable[[], bytes] = bytes
        self._written = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._beat: asyncio.Task[None] | None = None
        self.said = Said.NOTHING
        self.response: web.StreamResponse | None = None

    async def answer(self, answer: HttpAnswer) -> None:
        """Keep the answer for the handler to return."""
        self._stop()
        self.response = web.Response(
            status=answer.status,
            body=answer.body,
            headers={**self._headers, **answer.headers},
            content_type=answer.content_type,
        )
        self.said = Said.DONE

    def keep_alive(
        self, content_type: str, headers: Callable[[], Mapping[str, str]], ping: Callable[[], bytes]
    ) -> None:
        """Promise a stream: from now on a silent client is sent a `ping` at every heartbeat."""
        self._promised, self._ping = (content_type, headers), ping
        if self._timer is None:
            self._written = self._loop.time()
            self._timer = self._loop.call_later(self._heartbeat_s, self._tick)

    async def write(self, data: bytes) -> None:
        """Send a piece of the stream; waits while the client is slow."""
        writer = self._writer or await self._open()
        self.said = Said.CONTENT
        self._written = self._loop.time()
        await writer.write(data)
        if self._protocol.writing_paused:
            # By itself aiohttp waits at every 64 KiB only.
            await writer.drain()

    async def close(self) -> None:
        """End the stream as complete."""
        if self._writer is None:
            await self._open()
        self._stop()
        self.said = Said.DONE
        assert self.response is not None, "it is open"
        await self.response.write_eof()

    async def break_off(self, data: bytes) -> None:
        """Send `data`, then FIN without the terminating chunk: what all SDKs notice. Never RST, which loses
        data.
        """
        await self.write(data)
        self._stop()
        self.said = Said.DONE
        if self._request.transport is not None:
            self._request.transport.close()

    def abandon(self) -> None:
        """The client is gone, or the handler has failed: no more heartbeats."""
        self._stop()

    async def _open(self) -> AbstractStreamWriter:
        # The first word and the first heartbeat may come at once.
        self._opening = self._opening or asyncio.Lock()
        async with self._opening:
            if self._writer is None:
                assert self._promised is not None, "keep_alive comes before the first write"
                content_type, headers = self._promised
                stream = web.StreamResponse(headers={**STREAM_HEADERS, **self._headers, **headers()})
                stream.content_type = content_type
                self._writer = await stream.prepare(self._request)
                assert self._writer is not None, "it was not prepared before"
                self.response = stream
                self.said = max(self.said, Said.STATUS)
        return self._writer

    def _tick(self) -> None:
        due = self._written + self._heartbeat_s
        if self._loop.time() >= due:
            # A loop timer costs a stream nothing while words flow; a task exists only while a ping is sent.
            self._beat = self._background.run("heartbeat", self._send_ping())
            due = self._loop.time() + self._heartbeat_s
        self._timer = self._loop.call_at(due, self._tick)

    async def _send_ping(self) -> None:
        # A client that has gone is noticed by the request's own task.
        with suppress(ConnectionError):
            writer = self._writer or await self._open()
            if self.said is not Said.DONE:
                self._written = self._loop.time()
                await writer.write(self._ping())

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._beat is not None:
            self._beat.cancel()
            self._beat = None
