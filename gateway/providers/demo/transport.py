"""The demo model as an upstream: Chat Completions without a network."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from secrets import token_hex

from gateway.canonical.events import Delta
from gateway.canonical.tokens import estimate
from gateway.errors import GatewayError, InvalidRequest, NotFound
from gateway.protocols.codec import Call, HttpAnswer, Losses, ModelCard
from gateway.protocols.openai_chat import CODEC
from gateway.providers.demo.answer import answer, check, spoken
from gateway.wire.document import Document, NoObjectError
from gateway.wire.fast_json import JsonError
from gateway.wire.http import HttpReply, HttpRequest

BASE_URL = "http://demo.invalid/v1"
MODEL = "demo"
PAUSE_S = 0.02
"""Between two words of a stream: about as fast as people read."""


class DemoTransport:
    """A `Transport` to a model of one's own. Knows `…/chat/completions` and `…/models`, and takes any model
    name.

    `pause` waits between the words of a stream; it is given the seconds.
    """

    def __init__(self, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._pause = pause

    def send(self, request: HttpRequest) -> AbstractAsyncContextManager[HttpReply]:
        """Answer `request`. What is wrong with it is told as OpenAI would; nothing is ever raised."""
        return self._exchange(request)

    @asynccontextmanager
    async def _exchange(self, request: HttpRequest) -> AsyncIterator[HttpReply]:
        request_id = f"req_demo{token_hex(12)}"
        try:
            reply = self._reply(request)
        except GatewayError as error:
            reply = _whole(CODEC.encode_error(error, request_id))
        reply.headers = {**reply.headers, "x-request-id": request_id}
        yield reply

    def _reply(self, request: HttpRequest) -> HttpReply:
        path = request.url.partition("?")[0]
        if request.method == "POST" and path.endswith("/chat/completions"):
            return self._generate(_call(request))
        if request.method == "GET" and path.endswith("/models"):
            return _whole(HttpAnswer(200, CODEC.encode_models([ModelCard(MODEL)])))
        raise NotFound(f"the demo model has no {request.method} {path.rpartition('/v1')[2]}")

    def _generate(self, call: Call) -> HttpReply:
        request = CODEC.decode_request(call)
        check(request)
        response = replace(answer(request, estimate(request)), model=request.model)
        asked = replace(CODEC.asked(call), reply_id=token_hex(12), created=int(time.time()))
        if not request.stream:
            return _whole(HttpAnswer(200, CODEC.encode_response(response, asked, Losses())))
        encoder = CODEC.stream_encoder(asked, Losses())
        pieces = (
            (isinstance(event, Delta), b"".join(map(CODEC.framing.encoder().encode, encoder.encode(event))))
            for event in spoken(response)
        )
        return HttpReply(200, {"content-type": CODEC.framing.content_type}, self._speak(pieces))

    async def _speak(self, pieces: Iterator[tuple[bool, bytes]]) -> AsyncIterator[bytes]:
        for is_word, piece in pieces:
            if is_word:
                await self._pause(PAUSE_S)
            if piece:
                yield piece


def _call(request: HttpRequest) -> Call:
    try:
        document = Document(request.body)
    except NoObjectError as error:
        raise InvalidRequest("body: an object is required") from error
    except JsonError as error:
        raise InvalidRequest(f"body: {error}") from error
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Call(document, headers)


def _whole(reply: HttpAnswer) -> HttpReply:
    return HttpReply(reply.status, {**reply.headers, "content-type": reply.content_type}, _once(reply.body))


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body
