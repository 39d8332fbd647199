"""The way to real upstreams: the only module that knows aiohttp's client.

Its errors are translated here, once, with `from`; nothing above sees an aiohttp exception.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Self

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http import RawResponseMessage, StreamWriter
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.tracing import Trace
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from gateway import errors
from gateway.wire.http import HttpReply, HttpRequest

_PIECE = 16 * 1024
"""Bytes of a reply that are taken at once: on their way to a slow client all of them exist several times."""

_READ = 16 * 1024
"""Bytes that one read of the socket brings at most: they cannot be sent back when the reader is full."""

_KEEP_ALIVE_S = 60.0
_REMEMBERED = 1024
"""URLs whose parts are remembered at most: the names of models in them may come from clients."""

_STALE = 2
"""How many connections that waited in the pool a request may find dead before that counts as a failure."""

_CONTINUE, _SWITCHING = 100, 101
"""Statuses from the one to 199 only announce a reply, but for the other."""


class AiohttpTransport:
    """A `Transport` over the connections of `connector`.

    It speaks through aiohttp's connector, writer and parser, and not through its session, which costs as much
    again for what an upstream has no use for: cookies, redirects, forms, a task to write each body.
    """

    def __init__(self, connector: "Connector") -> None:
        self._connector = connector
        self._way = lru_cache(maxsize=_REMEMBERED)(_way_to)
        self._patience = lru_cache(maxsize=_REMEMBERED)(_patience)

    def send(self, request: HttpRequest) -> AbstractAsyncContextManager[HttpReply]:
        """Send `request`. Redirects are never followed: a key goes to the configured origin and no other."""
        connect_s = request.connect_timeout_s
        patience = self._patience(self._connector.connect_s if connect_s is None else connect_s)
        return _Exchange(self._connector, request, self._way, patience)


@dataclass(slots=True, frozen=True)
class _Way:
    """What a URL says of where a request goes: for the connector, for the request line, for people."""

    place: aiohttp.ClientRequest
    target: str
    host: str


def _way_to(url: str) -> _Way:
    """Parsing costs more than all else that is done to a request here, and is done once.

    Raises:
        ValueError: it is no URL of a host.
    """
    parsed = URL(url)
    return _Way(aiohttp.ClientRequest("GET", parsed), parsed.raw_path_qs, parsed.host or "the upstream")


def _patience(connect_s: float) -> aiohttp.ClientTimeout:
    """No timers but that for connecting; whoever reads has better ones."""
    return aiohttp.ClientTimeout(total=None, sock_connect=connect_s)


class Connector(aiohttp.TCPConnector):
    """Connections to upstreams, as many as are asked for (deployments have their own limits), each made
    within `connect_s`.

    It never hands out one on which something waits already: that would be taken for the answer to the next
    request. All of them read through the same bytes.
    """

    def __init__(self, connect_s: float) -> None:
        super().__init__(limit=0, keepalive_timeout=_KEEP_ALIVE_S)
        self.connect_s = connect_s
        self._read = memoryview(bytearray(_READ))
        self._made: ResponseHandler | None = None

    async def __aenter__(self) -> Self:
        return self

    async def linked(self, way: "_Way", patience: aiohttp.ClientTimeout) -> tuple[Connection, bool]:
        """A connection, and whether it is new: made for this request, not taken from the pool."""
        while True:
            self._made = None
            connection = await self.connect(way.place, [], patience)
            # Nothing waits between here and the end of `_create_connection`, so it is this one's.
            protocol = connection.protocol
            if protocol is None or not protocol.should_close:
                return connection, protocol is self._made
            connection.close()

    async def _create_connection(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - its signature
    ) -> ResponseHandler:
        """A new connection for `req`."""
        handler = await super()._create_connection(req, traces, timeout)
        if handler.transport is not None:
            handler.transport.set_protocol(_Sips(handler, self._read))
        self._made = handler
        return handler


class _Sips(asyncio.BufferedProtocol):
    """Feeds `handler` through `buffer`, so that the loop cannot read more at once (its own idea is 256 KB)
    for a client that does not.
    """

    def __init__(self, handler: ResponseHandler, buffer: memoryview) -> None:
        self._handler = handler
        self._buffer = buffer
        self.connection_lost = handler.connection_lost  # type: ignore[method-assign] # nothing to add
        self.eof_received = handler.eof_received  # type: ignore[method-assign] # nothing to add
        self.pause_writing = handler.pause_writing  # type: ignore[method-assign] # nothing to add
        self.resume_writing = handler.resume_writing  # type: ignore[method-assign] # nothing to add

    def get_buffer(self, _hint: int) -> memoryview:
        """Where the next bytes go; they are copied from there before anybody else reads."""
        return self._buffer

    def buffer_updated(self, size: int) -> None:
        """Bytes have come."""
        self._handler.data_received(bytes(self._buffer[:size]))


class _Exchange:
    """One request and its reply; lighter than a generator's context."""

    __slots__ = ("_connection", "_connector", "_content", "_find", "_patience", "_request", "_watched")

    def __init__(
        self,
        connector: Connector,
        request: HttpRequest,
        find: Callable[[str], _Way],
        patience: aiohttp.ClientTimeout,
    ) -> None:
        self._connector = connector
        self._request = request
        self._find = find
        self._patience = patience
        self._connection: Connection | None = None
        self._content: aiohttp.StreamReader | None = None
        self._watched: asyncio.Future[None] | None = None

    async def __aenter__(self) -> HttpReply:
        host = "the upstream"
        try:
            way = self._find(self._request.url)
            host = way.host
            connection, head, content = await self._answered(way)
        except (aiohttp.ClientError, HttpProcessingError, OSError, ValueError) as error:
            raise _translated(error, host) from error
        self._connection, self._content = connection, content
        if not content.is_eof() and connection.protocol is not None:
            self._watched = connection.protocol.closed
        if self._watched is not None:
            self._watched.add_done_callback(self._tear)
        return HttpReply(head.code, _dated(head.code, head.headers), _Chunks(content, host), content.at_eof)

    async def __aexit__(self, *_: object) -> None:
        if self._watched is not None:
            self._watched.remove_done_callback(self._tear)
            # How the connection ends while it waits in the pool is nobody's loss; once is enough to say so.
            self._watched.remove_done_callback(_noted)
            self._watched.add_done_callback(_noted)
        connection = self._connection
        if connection is None:
            return
        if connection.transport is not None and connection.transport.get_write_buffer_size():
            # The answer came before the whole question: no other may be asked behind the rest of it.
            connection.close()
        else:
            # One that was read to its end goes back to the pool, and any other is closed.
            connection.release()

    async def _answered(self, way: _Way) -> tuple[Connection, RawResponseMessage, aiohttp.StreamReader]:
        """The head of the reply. A server may hang up on a connection in the very moment we reuse it, and
        then has not seen the request: it is sent once more, which is not an attempt.
        """
        stale = 0
        while True:
            connection, is_new = await self._connector.linked(way, self._patience)
            try:
                return connection, *await self._spoken(connection, way)
            except aiohttp.ClientConnectionError:
                connection.close()
                stale += 1
                if is_new or stale > _STALE:
                    raise
            except BaseException:
                connection.close()
                raise

    async def _spoken(
        self, connection: Connection, way: _Way
    ) -> tuple[RawResponseMessage, aiohttp.StreamReader]:
        """Say the request, and hear the head of the reply. The body is written without waiting: it is in
        memory as it is, and whoever refuses it may never read it.
        """
        request, protocol = self._request, connection.protocol
        assert protocol is not None, "it is ours until we give it back"
        protocol.set_response_params(read_until_eof=True, read_bufsize=_PIECE)
        headers = CIMultiDict(request.headers)
        headers["host"] = way.place.headers["host"]
        writer = StreamWriter(protocol, asyncio.get_running_loop())
        if request.body or request.method == "POST":
            headers["content-length"] = str(len(request.body))
        await writer.write_headers(f"{request.method} {way.target} HTTP/1.1", headers)
        if request.body:
            await writer.write(request.body, drain=False)
        else:
            writer.set_eof()
        while True:
            head, content = await protocol.read()
            if not _CONTINUE <= head.code < HTTPStatus.OK or head.code == _SWITCHING:
                return head, content

    def _tear(self, closed: asyncio.Future[None]) -> None:
        """The connection is gone. Behind a chunk that is none the library tells nobody who waits for more."""
        content = self._content
        _noted(closed)
        if content is not None and not content.is_eof() and content.exception() is None:
            content.set_exception(aiohttp.ClientPayloadError("the connection closed within the body"))


def _dated(status: int, headers: CIMultiDictProxy[str]) -> Mapping[str, str]:
    """The headers. A refusal may say until when it holds, and counts that from its own date; where it has
    none, the time at which it came stands for it (RFC 9110, 6.6.1).
    """
    if status == HTTPStatus.OK or "date" in headers:
        return headers
    dated = headers.copy()
    dated["date"] = formatdate(usegmt=True)
    return dated


def _noted(closed: asyncio.Future[None]) -> None:
    """Otherwise asyncio complains of an error that nobody has looked at."""
    if not closed.cancelled():
        closed.exception()


class _Chunks:
    """The body of a reply, read by read; lighter than a generator, and nothing to close."""

    __slots__ = ("_content", "_host")

    def __init__(self, content: aiohttp.StreamReader, host: str) -> None:
        self._content = content
        self._host = host

    def __aiter__(self) -> "_Chunks":
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await self._content.read(_PIECE)
        except (aiohttp.ClientError, HttpProcessingError, OSError) as error:
            raise _translated(error, self._host) from error
        if not chunk:
            raise StopAsyncIteration
        return chunk


def _translated(error: Exception, host: str) -> errors.UpstreamError:
    """The error to tell: the host is named, never the path or query, which may hold a key."""
    match error:
        case aiohttp.ServerTimeoutError() | asyncio.TimeoutError():
            return errors.UpstreamTimeout(f"connecting to {host} took too long")
        case aiohttp.ClientConnectorDNSError():
            return errors.Unreachable(f"{host} has no address")
        case aiohttp.ClientSSLError() | aiohttp.ServerFingerprintMismatch():
            return errors.Unreachable(f"no secure connection to {host}")
        case aiohttp.ClientConnectorError():
            return errors.Unreachable(f"{host} refuses connections")
        case aiohttp.ClientResponseError() | HttpProcessingError():
            return errors.BadUpstreamReply(f"{host} did not answer in HTTP")
        case aiohttp.ClientPayloadError():
            return errors.BrokenOff(f"the answer of {host} broke off")
        case aiohttp.ServerConnectionError() | OSError():
            return errors.Unreachable(f"{host} closed the connection")
        case _:
            return errors.Unreachable(f"no connection to {host}")
