"""The routes, made from the codecs' endpoints, and the one handler behind them all."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from secrets import token_hex
from time import perf_counter, time
from typing import TypeAlias

import structlog
from aiohttp import web

from gateway import errors
from gateway.access.keys import ClientKeys
from gateway.canonical.tokens import estimate
from gateway.protocols.codec import Call, Codec, Endpoint, HttpAnswer, Operation
from gateway.relay.count_tokens import TokenCounter
from gateway.relay.exchange import Exchange, Record
from gateway.relay.generate import Generator
from gateway.relay.route import Router
from gateway.relay.sink import Said
from gateway.server.background import Background
from gateway.server.record import log_request
from gateway.server.sink import WebSink
from gateway.wire import fast_json

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

log = structlog.stdlib.get_logger()


@dataclass(slots=True, frozen=True, kw_only=True)
class Limits:
    """What a client may ask of the listener: bytes of body, seconds to send it, seconds between
    heartbeats.
    """

    body_bytes: int
    body_timeout_s: float
    heartbeat_s: float
    expose_headers: bool


@dataclass(slots=True, frozen=True, kw_only=True)
class Server:
    """Everything a request needs on its way in. `mother_tongue` is spoken where no codec is nearer."""

    codecs: Mapping[str, Codec]
    mother_tongue: Codec
    keys: ClientKeys
    generator: Generator
    counter: TokenCounter
    router: Router
    limits: Limits
    background: Background

    def routes(self) -> list[web.RouteDef]:
        """A route for every path of every codec; on a shared path the endpoints' header conditions decide."""
        shared: dict[tuple[str, str], list[tuple[Endpoint, Codec]]] = {}
        for codec in self.codecs.values():
            for endpoint in codec.endpoints:
                shared.setdefault((endpoint.method, endpoint.path), []).append((endpoint, codec))
        return [
            web.route(method, path, self._handler(sorted(choices, key=lambda choice: choice[0].when is None)))
            for (method, path), choices in shared.items()
        ]

    def voice(self, request: web.Request) -> Codec:
        """The codec in which to speak to a client that is on no route of ours.

        The one whose own header it sends, else the one whose paths are nearest, else the mother tongue.
        """

        def nearness(codec: Codec) -> tuple[bool, int, bool]:
            marked = any(point.when in request.headers for point in codec.endpoints if point.when)
            shared = max(_common(request.path, point.path) for point in codec.endpoints)
            return marked, shared, codec is self.mother_tongue

        return max(self.codecs.values(), key=nearness)

    def _handler(self, choices: list[tuple[Endpoint, Codec]]) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            endpoint, codec = next(
                (endpoint, codec)
                for endpoint, codec in choices
                if endpoint.when is None or endpoint.when in request.headers
            )
            return await self._serve(request, codec, endpoint.operation)

        return handle

    async def _serve(self, request: web.Request, codec: Codec, operation: Operation) -> web.StreamResponse:
        request_id = request_id_of(request)
        try:
            self._admit(request)
            match operation:
                case Operation.GENERATE:
                    return await self._generate(request, codec, request_id)
                case Operation.COUNT_TOKENS:
                    call = await self._call(request)
                    answer = await self.counter.count(codec, call, codec.asked(call))
                    return self._web(answer, codec, request_id)
                case Operation.LIST_MODELS:
                    return self._web(
                        HttpAnswer(200, codec.encode_models(self.router.models())), codec, request_id
                    )
                case Operation.SHOW_MODEL:
                    card = self.router.model(request.match_info["id"])
                    return self._web(HttpAnswer(200, codec.encode_model(card)), codec, request_id)
        except errors.GatewayError as error:
            return self.told(error, codec, request_id)

    async def _generate(self, request: web.Request, codec: Codec, request_id: str) -> web.StreamResponse:
        started, record = perf_counter(), Record(exposed=self.limits.expose_headers)
        sink = WebSink(request, _ids(codec, request_id), self.limits.heartbeat_s, self.background)
        call = await self._call(request)
        asked = codec.asked(call)
        asked.reply_id, asked.created = token_hex(12), int(time())
        exchange = Exchange(codec, call, asked, sink, request_id, record)
        asked.estimate = lambda: estimate(exchange.request)
        try:
            await self.generator.generate(exchange)
            record.outcome = (
                "broken" if record.failed and sink.said is Said.DONE and not record.stop else "ok"
            )
        except errors.GatewayError as error:
            record.outcome = error.kind
            await sink.answer(self._answer(error, codec, request_id, record))
        except (asyncio.CancelledError, ConnectionError):
            record.outcome = "cancelled"
            raise
        finally:
            sink.abandon()
            log_request(exchange, perf_counter() - started)
        assert sink.response is not None
        return sink.response

    def _admit(self, request: web.Request) -> None:
        if not self.keys.admits(presented_key(request)):
            raise errors.Unauthenticated(
                "invalid or missing API key: send the gateway's key as `Authorization: Bearer`, `x-api-key`"
                " or `x-goog-api-key`"
            )

    async def _call(self, request: web.Request) -> Call:
        """The request's body, read within the limits and parsed.

        Raises:
            TooLarge, RequestTimeout, InvalidRequest: it is too big, comes too slowly, or is no JSON object.
        """
        limit = self.limits.body_bytes
        if (request.content_length or 0) > limit:
            raise errors.TooLarge(f"the request body is larger than {limit} bytes")
        try:
            async with asyncio.timeout(self.limits.body_timeout_s):
                body = await request.read()
        except TimeoutError as error:
            raise errors.RequestTimeout("the request body did not arrive in time") from error
        except web.HTTPRequestEntityTooLarge as error:
            raise errors.TooLarge(f"the request body is larger than {limit} bytes") from error
        try:
            payload = fast_json.loads_strict(body)
        except fast_json.JsonError as error:
            raise errors.InvalidRequest(f"the request body is not valid JSON: {error}") from error
        if not isinstance(payload, dict):
            raise errors.InvalidRequest("the request body must be a JSON object")
        return Call(payload, body, request.headers, request.match_info)

    def told(self, error: errors.GatewayError, codec: Codec, request_id: str) -> web.Response:
        """`error` as a response in the words of `codec`."""
        return self._web(self._answer(error, codec, request_id, Record()), codec, request_id)

    def _answer(
        self, error: errors.GatewayError, codec: Codec, request_id: str, record: Record
    ) -> HttpAnswer:
        if isinstance(error, errors.RequestRefused) and error.verbatim and error.upstream_body is not None:
            return HttpAnswer(error.upstream_status or error.status, error.upstream_body, record.headers())
        answer = codec.encode_error(error, request_id)
        return HttpAnswer(answer.status, answer.body, {**record.headers(), **answer.headers})

    def _web(self, answer: HttpAnswer, codec: Codec, request_id: str) -> web.Response:
        hidden = () if self.limits.expose_headers else ("x-gateway-token-count",)
        told = {name: value for name, value in answer.headers.items() if name not in hidden}
        return web.Response(
            status=answer.status,
            body=answer.body,
            headers={**_ids(codec, request_id), **told},
            content_type=answer.content_type,
        )


def presented_key(request: web.Request) -> str | None:
    """The key a client shows: `x-api-key`, else a Bearer token, else `x-goog-api-key`, else `?key=`."""
    headers = request.headers
    if key := headers.get("x-api-key"):
        return key
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return headers.get("x-goog-api-key") or request.query.get("key")


def request_id_of(request: web.Request) -> str:
    """The client's own id for the request if it is a harmless one, else a new one."""
    said = request.headers.get("x-request-id", "")
    return said if _REQUEST_ID.fullmatch(said) else "req_" + token_hex(12)


def _ids(codec: Codec, request_id: str) -> dict[str, str]:
    return dict.fromkeys(codec.id_headers, request_id)


def _common(path: str, template: str) -> int:
    """How many segments two paths share in front."""
    count = 0
    for one, other in zip(path.split("/"), template.split("/"), strict=False):
        if one != other and not other.startswith("{"):
            break
        count += 1
    return count
