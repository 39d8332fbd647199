"""Answers in JSON of the gateway's own, for questions that are nobody's protocol. Errors are told in the
words of the mother tongue.
"""

from collections.abc import Awaitable, Callable
from typing import TypeAlias, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from gateway import errors
from gateway.canonical.json import JsonObject
from gateway.protocols.codec import Call
from gateway.server import body
from gateway.server.caller import request_id_of
from gateway.server.http import Handler, Server
from gateway.wire import fast_json

Act: TypeAlias = Callable[[web.Request], Awaitable[JsonObject]]


class Question(BaseModel):
    """What is asked. Unknown names are errors, and errors do not show what was written."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


QuestionT = TypeVar("QuestionT", bound=Question)


def answering(server: Server, act: Act) -> Handler:
    """What `act` gives, or its error, as a response."""

    async def handle(request: web.Request) -> web.Response:
        request_id = request_id_of(request)
        try:
            answer = await act(request)
        except errors.GatewayError as error:
            return server.told(error, server.mother_tongue, request_id)
        return web.Response(
            body=fast_json.dumps(answer),
            content_type="application/json",
            headers={"x-request-id": request_id, "cache-control": "no-store"},
        )

    return handle


async def asked(server: Server, request: web.Request, question: type[QuestionT], limit: int) -> QuestionT:
    """The `question` in the body of `request`, of at most `limit` bytes.

    Raises:
        InvalidRequest: there is none; names the field.
        TooLarge, RequestTimeout, Unavailable: as for every body.
    """
    share = server.memory.share()
    try:
        document = await body.read_json(request, limit, server.limits.body_timeout_s, share)
        return question.model_validate(Call(document).payload)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        path = ".".join(map(str, first["loc"]))
        raise errors.InvalidRequest(f"{path}: {first['msg']}", param=path) from None
    finally:
        share.release()
