"""The listening socket and its connections: aiohttp's, with the limits it lacks and errors in our words.

aiohttp's own connections wait an hour for a header, answer what they cannot parse in plain text with an
excerpt of it, and call themselves by name and version.
"""

import asyncio
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong
from aiohttp.http_parser import HttpRequestParser, HttpRequestParserPy
from aiohttp.web_protocol import RequestHandler

from gateway import errors
from gateway.protocols.codec import HttpAnswer

MAX_HEADER_BYTES = 32 * 1024
_BACKLOG = 1024
_MAX_LINE_BYTES = 8190
_MAX_FIELD_BYTES = 16 * 1024
_MAX_HEADERS = 128
_KEEP_ALIVE_S = 75.0
_LINGERING_S = 2.0
"""How long an answer waits for a client that is still sending what nobody reads: a reset would lose it."""
_END_S = 1.0
_NOT_SENT_LIMIT: int | None = getattr(socket, "TCP_NOTSENT_LOWAT", None)
_MOST_NOT_SENT_BYTES = 32 * 1024
"""What the kernel takes for a client that does not read; without a limit it is megabytes, and the upstream
goes on talking to nobody. Not every system has it.
"""
_MOST_BUFFERED_BYTES = 16 * 1024
"""What the loop takes on top of it before a writer has to wait."""

log = structlog.stdlib.get_logger()


@dataclass(slots=True, frozen=True)
class Manners:
    """How connections behave: seconds for a request's header, and how an error is said to nobody in
    particular.
    """

    header_timeout_s: float
    say: Callable[[errors.GatewayError], HttpAnswer]


class Listener(web.AppRunner):
    """Runs an application on connections that behave."""

    __slots__ = ("_manners",)

    def __init__(self, app: web.Application, manners: Manners) -> None:
        super().__init__(app, access_log=None, shutdown_timeout=_END_S)
        self._manners = manners

    async def listen(self, host: str, port: int) -> None:
        """Open the port.

        Raises:
            OSError: it cannot be had.
        """
        await self._set_up()
        await web.TCPSite(self, host, port, backlog=_BACKLOG).start()

    async def listen_on(self, sockets: Iterable[socket.socket]) -> None:
        """Take connections from `sockets`, which are closed by `stop_listening`."""
        await self._set_up()
        for listening in sockets:
            await web.SockSite(self, listening, backlog=_BACKLOG).start()

    async def stop_listening(self) -> None:
        """Close the port; open connections stay."""
        for site in list(self.sites):
            await site.stop()

    @property
    def expecting(self) -> bool:
        """Whether somebody has connected who has yet to say what for."""
        open_ones = self.server.connections if self.server is not None else []
        return any(isinstance(one, Connection) and one.silent for one in open_ones)

    async def _set_up(self) -> None:
        await self.setup()
        if HttpRequestParser is HttpRequestParserPy:
            log.error("slow_and_lenient_http_parser", remedy="install aiohttp with its C extensions")

    async def _make_server(self) -> web.Server:
        plain = await super()._make_server()
        return _Connections(plain, self._manners)


class _Connections(web.Server):
    """Makes connections with all their limits, or none at all: aiohttp's own forgets limits in silence."""

    def __init__(self, plain: web.Server, manners: Manners) -> None:
        # Without cancellation a client that leaves is never noticed while its upstream is silent.
        super().__init__(
            plain.request_handler, request_factory=plain.request_factory, handler_cancellation=True
        )
        self._manners = manners

    def __call__(self) -> RequestHandler:
        return Connection(self, self._manners, self._loop)


class Connection(RequestHandler):
    """A client's connection that has seconds, and bytes, for the header of each request."""

    __slots__ = ("_deaf", "_header_bytes", "_header_timer", "_manners", "_seen")

    def __init__(self, manager: web.Server, manners: Manners, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            manager,
            loop=loop,
            access_log=None,  # type: ignore[arg-type] # as aiohttp's own runner passes it
            keepalive_timeout=_KEEP_ALIVE_S,
            lingering_time=_LINGERING_S,
            max_line_size=_MAX_LINE_BYTES,
            max_field_size=_MAX_FIELD_BYTES,
            max_headers=_MAX_HEADERS,
        )
        self._manners = manners
        self._deaf = False
        self._seen = 0
        self._header_bytes = 0
        self._header_timer: asyncio.TimerHandle | None = None

    @property
    def silent(self) -> bool:
        """Whether no request has come yet."""
        return not self._request_count

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the clock: somebody who connects has something to say."""
        super().connection_made(transport)
        if _NOT_SENT_LIMIT is not None:
            transport.get_extra_info("socket").setsockopt(
                socket.IPPROTO_TCP, _NOT_SENT_LIMIT, _MOST_NOT_SENT_BYTES
            )
        if self.transport is not None:
            self.transport.set_write_buffer_limits(high=_MOST_BUFFERED_BYTES)
        self._start_timer()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Stop the clock."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Watch a header grow: aiohttp limits each line of it, not the whole."""
        if self._deaf:
            return
        super().data_received(data)
        if self._request_count != self._seen:
            self._seen, self._header_bytes = self._request_count, 0
            self._stop_timer()
        elif self._is_waiting():
            self._header_bytes += len(data)
            if self._header_bytes > MAX_HEADER_BYTES:
                self._refuse(431, headers_too_large())
            elif self._header_timer is None:
                self._start_timer()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer. What is still to come of a compressed body is no longer listened to: aiohttp would
        unpack it all, in one go, to throw it away.
        """
        self._deaf = "content-encoding" in request.headers and not request.content.is_eof()
        return await super().finish_response(request, resp, start_time)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - aiohttp's own words, which quote what was sent
    ) -> web.StreamResponse:
        """What is said where no handler could: to bytes that are no request, and to bugs outside of them."""
        if request.writer.output_size > 0:
            raise ConnectionError("a reply has begun; another one cannot be told")
        error: errors.GatewayError
        if isinstance(exc, HttpProcessingError):
            log.debug("malformed_request", kind=type(exc).__name__)
            status, error = _judged(exc)
        else:
            log.error("unexpected_error", exc_info=exc)
            error = errors.GatewayError("internal error")
        answer = self._manners.say(error)
        response = web.Response(status=status, body=answer.body, headers=_headers(answer))
        response.force_close()
        return response

    def _is_waiting(self) -> bool:
        """Whether no request is being handled: what arrives is a header."""
        if self.silent:
            # uvloop brings the first bytes before the task that handles requests has begun to wait.
            return True
        return self._waiter is not None and not self._waiter.done()

    def _start_timer(self) -> None:
        self._header_timer = self._loop.call_later(self._manners.header_timeout_s, self._too_slow)

    def _stop_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _too_slow(self) -> None:
        self._header_timer = None
        if not self._is_waiting():
            return
        if self._header_bytes:
            self._refuse(408, errors.RequestTimeout("the request's header did not arrive in time"))
        else:
            self.force_close()

    def _refuse(self, status: int, error: errors.GatewayError) -> None:
        """Answer what has not become a request, and hang up."""
        answer = self._manners.say(error)
        said = {**_headers(answer), "content-length": str(len(answer.body)), "connection": "close"}
        head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
        lines = "".join(f"{name}: {value}\r\n" for name, value in said.items())
        if self.transport is not None:
            self.transport.write(f"{head}{lines}\r\n".encode() + answer.body)
        self.force_close()


def headers_too_large() -> errors.TooLarge:
    """The error for a header block over its limit."""
    return errors.TooLarge(f"the request's headers are larger than {MAX_HEADER_BYTES} bytes")


def _judged(error: HttpProcessingError) -> tuple[int, errors.GatewayError]:
    if isinstance(error, LineTooLong):
        return 431, errors.TooLarge("a line of the request's header is too long")
    return 400, errors.InvalidRequest("this is not a well-formed HTTP request")


def _headers(answer: HttpAnswer) -> dict[str, str]:
    return {"server": "gateway", "content-type": answer.content_type, **answer.headers}
