"""The way to real upstreams: the only module that knows aiohttp's client.

Its errors are translated here, once, with `from`; nothing above sees an aiohttp exception.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from gateway import errors
from gateway.wire.http import HttpReply, HttpRequest

_QUIET = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


class AiohttpTransport:
    """A `Transport` over one session."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._patience: dict[float | None, aiohttp.ClientTimeout] = {None: session.timeout}

    def send(self, request: HttpRequest) -> AbstractAsyncContextManager[HttpReply]:
        """Send `request`. Redirects are never followed: a key goes to the configured origin and no other."""
        return self._exchange(request)

    @asynccontextmanager
    async def _exchange(self, request: HttpRequest) -> AsyncIterator[HttpReply]:
        url = URL(request.url)
        try:
            response = await self._session.request(
                request.method,
                url,
                data=request.body or None,
                headers=request.headers,
                allow_redirects=False,
                skip_auto_headers=_QUIET,
                timeout=self._timeout(request.connect_timeout_s),
            )
        except (aiohttp.ClientError, HttpProcessingError, OSError, ValueError) as error:
            raise _translated(error, url) from error
        try:
            yield HttpReply(response.status, response.headers, _Chunks(response, url))
        finally:
            # Gives a connection that was read to its end back to the pool and closes any other.
            response.release()

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
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect_timeout_s),
        requote_redirect_url=False,
    )


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
            chunk = await self._content.readany()
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
            return errors.BadUpstreamReply(f"the answer of {host} broke off")
        case aiohttp.ServerConnectionError() | OSError():
            return errors.Unreachable(f"{host} closed the connection")
        case _:
            return errors.Unreachable(f"no connection to {host}")
