"""The one middleware: who may not come in at all, and errors outside a handler's care in the client's own
protocol.
"""

from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from gateway import errors
from gateway.server.browsers import Browsers
from gateway.server.caller import request_id_of
from gateway.server.http import Handler, Server
from gateway.server.listener import MAX_HEADER_BYTES, headers_too_large
from gateway.server.probes import Readiness

_PER_HEADER = len(b": \r\n")

log = structlog.stdlib.get_logger()


def at_the_door(server: Server, browsers: Browsers) -> Middleware:
    """Pages and host names that may not use the gateway, headers over their limit, unknown routes, wrong
    methods and our own bugs: each as an error of the client's protocol.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            browsers.check(request)
            if _is_oversized(request):
                return _said(server, headers_too_large(), request, status=431)
            return browsers.preflight(request) or await handler(request)
        except web.HTTPException as error:
            response = _said(server, _told(error, request), request)
            if isinstance(error, web.HTTPMethodNotAllowed):
                response.headers["allow"] = ", ".join(sorted(error.allowed_methods))
            return response
        except errors.GatewayError as error:
            return _said(server, error, request)
        except ConnectionError:
            # The client left while it was being written to; there is nobody to tell.
            raise
        except Exception:
            # One of three places that may catch everything: a bug of ours must not show the client a
            # traceback.
            request_id = request_id_of(request)
            log.exception("unexpected_error", request_id=request_id, path=request.path)
            bug = errors.GatewayError(f"internal error; the log has it under request id {request_id}")
            return server.told(bug, server.voice(request), request_id)

    return middleware


def _said(
    server: Server, error: errors.GatewayError, request: web.Request, status: int | None = None
) -> web.Response:
    response = server.told(error, server.voice(request), request_id_of(request))
    if status is not None:
        response.set_status(status)
    return response


def _is_oversized(request: web.Request) -> bool:
    size = sum(len(name) + len(value) + _PER_HEADER for name, value in request.raw_headers)
    return size > MAX_HEADER_BYTES


def _told(error: web.HTTPException, request: web.Request) -> errors.GatewayError:
    match error:
        case web.HTTPMethodNotAllowed():
            allowed = ", ".join(sorted(error.allowed_methods))
            return errors.MethodNotAllowed(f"{request.path} takes {allowed}, not {request.method}")
        case web.HTTPNotFound():
            return errors.NotFound(f"there is nothing at {request.method} {request.path}")
        case web.HTTPRequestEntityTooLarge():
            return errors.TooLarge("the request body is too large")
        case _:
            return errors.InvalidRequest(error.text or error.reason)


def signature(
    browsers: Browsers, readiness: Readiness
) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """A response signal: what every response says in its headers, and when the connection ends with it."""

    async def sign(request: web.Request, response: web.StreamResponse) -> None:
        # Versions of the server and its libraries are nobody's business.
        response.headers["server"] = "gateway"
        browsers.admit(request, response)
        if readiness.draining:
            # The client's next request belongs to another instance.
            response.force_close()
            response.headers["connection"] = "close"

    return sign
