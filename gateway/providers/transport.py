"""The way to real upstreams: the only module that knows aiohttp's client.

Its errors are translated here, once, with `from`; nothing above sees an aiohttp exception.
"""

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.tracing import Trace
from yarl import URL

from gateway import errors
from gateway.wire.http import HttpReply, HttpRequest

_PIECE = 16 * 1024
"""Bytes of a reply that are taken at once: on their way to a slow client all of them exist several times."""

_READ = 16 * 1024
"""Bytes that one read of the socket brings at most: they cannot be sent back when the reader is full."""

_STALE = 2
"""How many connections that waited in the pool a request may find dead before that counts as a failure."""

_QUIET = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


class AiohttpTransport:
    """A `Transport` over one session."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._patience: dict[float | None, aiohttp.ClientTimeout] = {None: session.timeout}

    def send(self, request: HttpRequest) -> AbstractAsyncContextManager[HttpReply]:
        """Send `request`. Redirects are never followed: a key goes to the configured origin and no other."""
        return _Exchange(self._session, request, self._timeout(request.connect_timeout_s))

    def _timeout(self, connect_s: float | None) -> aiohttp.ClientTimeout:
        """Made once for each figure that the configuration holds."""
        if connect_s not in self._patience:
            self._patience[connect_s] = aiohttp.ClientTimeout(total=None, sock_connect=connect_s)
        return self._patience[connect_s]


def new_session(connect_timeout_s: float) -> aiohttp.ClientSession:
    """A session for upstreams: no pool limit (deployments have their own), no cookies, no timers but
    connecting.
    """
    return aiohttp.ClientSession(
        connector=_Connector(),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect_timeout_s),
        read_bufsize=_PIECE,
        requote_redirect_url=False,
        skip_auto_headers=_QUIET,
    )


class _Connector(aiohttp.TCPConnector):
    """A pool that never hands out a connection on which something waits already: it would be taken for the
    answer to the next request. All of its connections read through the same bytes.
    """

    def __init__(self) -> None:
        super().__init__(limit=0, keepalive_timeout=60)
        self._read = memoryview(bytearray(_READ))

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - its signature
    ) -> Connection:
        """A connection for `req`, from the pool or new."""
        while True:
            connection = await super().connect(req, traces, timeout)
            if connection.protocol is None or not connection.protocol.should_close:
                return connection
            connection.close()

    async def _create_connection(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - its signature
    ) -> ResponseHandler:
        """A new connection for `req`."""
        _REUSED.set(False)
        handler = await super()._create_connection(req, traces, timeout)
        if handler.transport is not None:
            handler.transport.set_protocol(_Sips(handler, self._read))
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


_REUSED: ContextVar[bool] = ContextVar("reused")
"""Whether the request that this task sends travels over a connection that had waited in the pool. (Traces
could tell it too, at a tenth of what the whole request costs.)
"""


@lru_cache(maxsize=1024)
def _parsed(url: str) -> URL:
    """Parsing costs more than all else that is done to a request here."""
    return URL(url)


class _Exchange:
    """One request and its reply; lighter than a generator's context."""

    __slots__ = ("_request", "_response", "_session", "_timeout", "_watched")

    def __init__(
        self, session: aiohttp.ClientSession, request: HttpRequest, timeout: aiohttp.ClientTimeout
    ) -> None:
        self._session = session
        self._request = request
        self._timeout = timeout
        self._response: aiohttp.ClientResponse | None = None
        self._watched: asyncio.Future[None] | None = None

    async def __aenter__(self) -> HttpReply:
        url = _parsed(self._request.url)
        try:
            response = await self._sent(url)
        except (aiohttp.ClientError, HttpProcessingError, OSError, ValueError) as error:
            raise _translated(error, url) from error
        self._response = response
        if response.connection is not None and response.connection.protocol is not None:
            self._watched = response.connection.protocol.closed
        if self._watched is not None:
            self._watched.add_done_callback(self._tear)
        return HttpReply(response.status, _dated(response), _Chunks(response, url), response.content.at_eof)

    async def __aexit__(self, *_: object) -> None:
        if self._watched is not None:
            self._watched.remove_done_callback(self._tear)
            # How the connection ends while it waits in the pool is nobody's loss; once is enough to say so.
            self._watched.remove_done_callback(_noted)
            self._watched.add_done_callback(_noted)
        # Gives a connection that was read to its end back to the pool and closes any other.
        if self._response is not None:
            self._response.release()

    async def _sent(self, url: URL) -> aiohttp.ClientResponse:
        """The head of the reply. A server may hang up on a connection in the very moment we reuse it, and
        then has not seen the request: it is sent once more, which is not an attempt.
        """
        request, stale = self._request, 0
        while True:
            _REUSED.set(True)
            try:
                return await self._session.request(
                    request.method,
                    url,
                    data=request.body or None,
                    headers=request.headers,
                    allow_redirects=False,
                    timeout=self._timeout,
                )
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                stale += 1
                if not _REUSED.get() or stale > _STALE:
                    raise

    def _tear(self, closed: asyncio.Future[None]) -> None:
        """The connection is gone. Behind a chunk that is none the library tells nobody who waits for more."""
        content = self._response.content if self._response is not None else None
        _noted(closed)
        if content is not None and not content.is_eof() and content.exception() is None:
            content.set_exception(aiohttp.ClientPayloadError("the connection closed within the body"))


def _dated(response: aiohttp.ClientResponse) -> Mapping[str, str]:
    """The headers. A refusal may say until when it holds, and counts that from its own date; where it has
    none, the time at which it came stands for it (RFC 9110, 6.6.1).
    """
    if response.status == HTTPStatus.OK or "date" in response.headers:
        return response.headers
    headers = response.headers.copy()
    headers["date"] = formatdate(usegmt=True)
    return headers


def _noted(closed: asyncio.Future[None]) -> None:
    """Otherwise asyncio complains of an error that nobody has looked at."""
    if not closed.cancelled():
        closed.exception()


class _Chunks:
    """The body of a reply, read by read; lighter than a generator, and nothing to close."""

    __slots__ = ("_content", "_url")

    def __init__(self, response: aiohttp.ClientResponse, url: URL) -> None:
        self._content = response.content
        self._url = url

    def __aiter__(self) -> "_Chunks":
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await self._content.read(_PIECE)
        except (aiohttp.ClientError, HttpProcessingError, OSError) as error:
            raise _translated(error, self._url) from error
        if not chunk:
            raise StopAsyncIteration
        return chunk


def _translated(error: Exception, url: URL) -> errors.UpstreamError:
    """The error to tell: the host is named, never the path or query, which may hold a key."""
    host = url.host or "the upstream"
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
