"""Whatever goes wrong outside a handler's care is told in the client's own protocol."""

from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from gateway import errors
from gateway.server.http import Server, request_id_of

log = structlog.stdlib.get_logger()


def errors_in_the_clients_words(server: Server) -> Middleware:
    """Unknown routes, wrong methods and our own bugs, each as an error of the client's protocol."""

    @web.middleware
    async def middleware(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as error:
            told = _told(error, request)
            response = server.told(told, server.voice(request), request_id_of(request))
            if isinstance(error, web.HTTPMethodNotAllowed):
                response.headers["allow"] = ", ".join(sorted(error.allowed_methods))
            return response
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
            return errors.InvalidRequest(error.reason)


async def anonymous(_: web.Request, response: web.StreamResponse) -> None:
    """Versions of the server and its libraries are nobody's business (a response signal)."""
    response.headers["server"] = "gateway"
