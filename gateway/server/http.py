"""The routes, made from the codecs' endpoints, and the one handler behind them all."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from time import perf_counter, time
from typing import TypeAlias

from aiohttp import web

from gateway import errors
from gateway.access.complaints import Answer, Complaints
from gateway.access.guesses import Guesses
from gateway.access.keys import ClientKeys
from gateway.protocols.codec import Call, Codec, Endpoint, HttpAnswer, Operation
from gateway.relay.count_tokens import TokenCounter
from gateway.relay.exchange import Exchange, Record
from gateway.relay.generate import Generator
from gateway.relay.route import Router
from gateway.relay.sink import Said
from gateway.server import body
from gateway.server.background import Background
from gateway.server.budget import Budget, Share
from gateway.server.caller import client_of, new_id, peer_of, presented_key, request_id_of
from gateway.server.record import log_request
from gateway.server.sink import WebSink
from gateway.server.traffic import Traffic
from gateway.wire.document import Document

_PATTERN = re.compile(r":[^{}]+}")
"""What a variable of a path must look like, behind its name."""

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


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
    """Everything a request needs on its way in.

    `mother_tongue` is spoken where no codec is nearer. `hide` takes secrets out of what an upstream says of a
    failure.
    """

    codecs: Mapping[str, Codec]
    mother_tongue: Codec
    keys: ClientKeys
    guesses: Guesses
    complaints: Complaints
    traffic: Traffic
    memory: Budget
    generator: Generator
    counter: TokenCounter
    router: Router
    limits: Limits
    background: Background
    hide: Callable[[str], str]

    def routes(self) -> list[web.RouteDef]:
        """A route for every path of every codec, on its own and below the name of a pool; on a shared path
        the endpoints' header conditions decide.
        """
        shared: dict[tuple[str, str], list[tuple[Endpoint, Codec]]] = {}
        for codec in self.codecs.values():
            for endpoint in mounted(codec):
                shared.setdefault((endpoint.method, endpoint.path), []).append((endpoint, codec))
        return [
            web.route(
                method,
                path,
                self._handler(sorted(choices, key=lambda choice: not choice[0].conditional)),
                expect_handler=body.expect,
            )
            for (method, path), choices in shared.items()
        ]

    def voice(self, request: web.Request) -> Codec:
        """The codec in which to speak to a client that is on no route of ours.

        The one whose own header it sends, else the one whose paths are nearest, else the mother tongue.
        """

        def nearness(codec: Codec) -> tuple[bool, int, bool]:
            marked = any(point.when in request.headers for point in codec.endpoints if point.when)
            shared = max(_nearness(request.path, point.path) for point in mounted(codec))
            return marked, shared, codec is self.mother_tongue

        return max(self.codecs.values(), key=nearness)

    def _handler(self, choices: list[tuple[Endpoint, Codec]]) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            endpoint, codec = choices[-1]
            if len(choices) > 1:
                endpoint, codec = next(
                    choice for choice in choices if choice[0].meant(request.headers, request.query)
                )
            return await self._serve(request, codec, endpoint)

        return handle

    async def _serve(self, request: web.Request, codec: Codec, endpoint: Endpoint) -> web.StreamResponse:
        request_id = request_id_of(request)
        try:
            self.traffic.enter()
        except errors.Unavailable as error:
            return self.told(error, codec, request_id)
        share = self.memory.share()
        try:
            client = client_of(self.admitted(request))
            if endpoint.operation is Operation.ABSENT:
                raise _absent(request, codec)
            call = await self._call(request, endpoint, share)
            if (answer := codec.answer(call)) is not None:
                return self._web(answer, codec, request_id)
            if endpoint.operation in {Operation.GENERATE, Operation.COMPLETE}:
                return await self._generate(request, codec, call, client=client, request_id=request_id)
            answer = await self._looked_up(call, codec, endpoint.operation)
            return self._web(answer, codec, request_id)
        except errors.GatewayError as error:
            return self.told(error, codec, request_id)
        finally:
            share.release()
            self.traffic.leave()

    async def _looked_up(self, call: Call, codec: Codec, operation: Operation) -> HttpAnswer:
        pool = call.params.get("pool")
        match operation:
            case Operation.LIST_MODELS:
                return HttpAnswer(200, codec.encode_models(self.router.models(pool)))
            case Operation.SHOW_MODEL:
                card = self.router.model(call.params.get("id") or codec.asked(call).model, pool)
                return HttpAnswer(200, codec.encode_model(card))
            case Operation.COUNT_TOKENS:
                return await self.counter.count(codec, call, codec.asked(call), pool)
            case _:
                raise errors.NotFound("there is nothing here")

    async def _generate(
        self, request: web.Request, codec: Codec, call: Call, *, client: bytes, request_id: str
    ) -> web.StreamResponse:
        started, record = perf_counter(), Record(exposed=self.limits.expose_headers)
        sink = WebSink(request, _ids(codec, request_id), self.limits.heartbeat_s, self.background)
        asked = codec.asked(call)
        asked.reply_id, asked.created = new_id(), call.received
        exchange = Exchange(codec, call, asked, sink, request_id, record)
        exchange.pool, exchange.client = call.params.get("pool"), client
        try:
            with self.traffic.interruptible():
                await self.generator.generate(exchange)
            record.outcome = "ok"
            answer = Answer(record.pool, record.deployment, record.upstream_model)
            self.complaints.answered(client, request_id, answer)
        except errors.GatewayError as error:
            record.outcome = error.kind if sink.said is Said.NOTHING else "broken"
            await self._tell(exchange, error)
        except (asyncio.CancelledError, ConnectionError):
            record.outcome = "cancelled"
            raise
        finally:
            sink.abandon()
            log_request(exchange, perf_counter() - started)
            # An error holds the frames it passed, and they hold the record: all that a failed request has in
            # memory would wait for the collector.
            record.failed.clear()
        assert sink.response is not None
        return sink.response

    async def _tell(self, exchange: Exchange, error: errors.GatewayError) -> None:
        """Tell the client of a failure: as the answer, or in the stream once its status is out."""
        if exchange.sink.said is Said.NOTHING:
            answer = self._answer(error, exchange.codec, exchange.request_id, exchange.record)
            await exchange.sink.answer(answer)
        elif exchange.sink.said is not Said.DONE:
            error.message = self.hide(error.message)
            await exchange.sink.break_off(exchange.last_words(error))

    def admitted(self, request: web.Request) -> str | None:
        """The key of a client that is let in, which may have none where none is needed.

        Raises:
            Unauthenticated, TooManyRequests: it has none, or a wrong one, and perhaps not the first.
        """
        key = presented_key(request)
        if self.keys.admits(key):
            return key
        if key and (wait := self.guesses.wrong(peer_of(request))):
            raise errors.TooManyRequests("too many wrong API keys from this address", retry_after_s=wait)
        raise errors.Unauthenticated(
            "invalid or missing API key: send the gateway's key as `Authorization: Bearer`, `x-api-key`"
            " or `x-goog-api-key`"
        )

    async def _call(self, request: web.Request, endpoint: Endpoint, share: Share) -> Call:
        """The request, its body read within the limits and held by `share`; a GET has none.

        Raises:
            TooLarge, RequestTimeout, InvalidRequest: it is too big, comes too slowly, or is no JSON object.
            Unavailable: it is not, but too much is held for other requests.
        """
        call = Call(Document(), request.headers, request.match_info, request.query, endpoint, int(time()))
        if endpoint.method not in {"GET", "HEAD"}:
            limits = self.limits
            call.document = await body.read_json(request, limits.body_bytes, limits.body_timeout_s, share)
        return call

    def told(self, error: errors.GatewayError, codec: Codec, request_id: str) -> web.Response:
        """`error` as a response in the words of `codec`."""
        return self._web(self._answer(error, codec, request_id, Record()), codec, request_id)

    def said_to_anybody(self, error: errors.GatewayError) -> HttpAnswer:
        """`error` as said to a client of whom nothing is known."""
        return self.mother_tongue.encode_error(error, "req_" + new_id())

    def _answer(
        self, error: errors.GatewayError, codec: Codec, request_id: str, record: Record
    ) -> HttpAnswer:
        if isinstance(error, errors.RequestRefused) and error.verbatim and error.upstream_body is not None:
            said = self.hide(error.upstream_body.decode(errors="surrogateescape"))
            refusal = said.encode(errors="surrogateescape")
            return HttpAnswer(error.upstream_status or error.status, refusal, record.headers())
        error.message = self.hide(error.message)
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


def mounted(codec: Codec) -> Iterator[Endpoint]:
    """The endpoints of `codec` at all their places: below its own mounts nobody else can be meant."""
    for endpoint in codec.endpoints:
        yield from (
            replace(
                endpoint,
                path=mount + endpoint.path,
                when=None if mount else endpoint.when,
                when_query=None if mount else endpoint.when_query,
            )
            for mount in codec.mounts
        )
        yield replace(endpoint, path="/{pool}" + endpoint.path)


def _absent(request: web.Request, codec: Codec) -> errors.NotServed:
    """That what a client looks for is not here, and what is."""
    served = ", ".join(
        f"{point.method} {codec.mounts[0]}{_PATTERN.sub('}', point.path)}"
        for point in codec.endpoints
        if point.operation is not Operation.ABSENT and point.method != "HEAD"
    )
    return errors.NotServed(f"{request.method} {request.path} is not served here; what is: {served}")


def _ids(codec: Codec, request_id: str) -> dict[str, str]:
    return dict.fromkeys(codec.id_headers, request_id)


def _nearness(path: str, template: str) -> int:
    """How much two paths share in front; a segment that is the same counts more than one that may be any."""
    score = 0
    for one, other in zip(path.split("/"), template.split("/"), strict=False):
        if one != other and not other.startswith("{"):
            break
        score += 2 if one == other else 1
    return score
