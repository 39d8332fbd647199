"""One attempt: the request bound for one deployment, sent, and its reply delivered."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from gateway import errors
from gateway.canonical.events import Collector, Response
from gateway.pool.deployment import Deployment
from gateway.pool.tuning import Tuning, tuned
from gateway.protocols.codec import HttpAnswer, Losses, Operation, Sent, foreign_fields
from gateway.protocols.target import Target
from gateway.relay.emptiness import empty_reply, says_nothing
from gateway.relay.exchange import Exchange
from gateway.relay.lanes import (
    MAX_REPLY_BYTES,
    Ends,
    EventsLane,
    Lane,
    PassingLane,
    Piece,
    WholeReplyLane,
)
from gateway.relay.memory import Memory
from gateway.relay.sink import Said
from gateway.relay.timers import Watch
from gateway.relay.veil import unveiled, veiled
from gateway.wire import fast_json
from gateway.wire.http import HttpReply, HttpRequest

MAX_REFUSAL_BYTES = 64 * 1024
"""How much of an error status's body is read, and in how many seconds: `REFUSAL_S`."""

REFUSAL_S = 5.0

_DRAIN_S = 1.0
_FINISH_S = 2.0
"""How long a reply that is finished may go on without a sign that it is whole; while it has not said what it
cost, `_USAGE_S`.
"""

_USAGE_S = 5.0

_EVENT_STREAM = "text/event-stream"


class Attempt:
    """An exchange tried at one deployment.

    Building one raises Unsayable where the upstream's protocol has no word for a part of the request.
    """

    def __init__(
        self,
        exchange: Exchange,
        deployment: Deployment,
        target: Target,
        memory: Memory,
        *,
        tunings: Sequence[Tuning] = (),
    ) -> None:
        self._exchange = exchange
        self._memory = memory
        self._deployment = deployment
        self._upstream = deployment.provider.codec
        self._tunings = tunings
        # What is to be changed of a request is changed in the common form.
        self._passes = self._upstream is exchange.codec and not tunings
        self._usage_is_ours = False
        self._held: list[bytes] = []
        self._losses = Losses()
        self._sent, self._request = self._passed(target) if self._passes else self._translated(target)
        record = exchange.record
        record.losses = self._losses
        record.pool, record.deployment = deployment.pool, deployment.id
        record.provider, record.upstream_model = deployment.provider.name, target.model
        record.lane = self._lane_name()

    async def run(self, until: float) -> None:
        """Send the request and deliver the reply, before the loop's time is `until`.

        Raises:
            UpstreamError: it failed; the sink knows whether the client has heard anything.
        """
        exchange, deployment = self._exchange, self._deployment
        exchange.record.attempts += 1
        if not exchange.asked.stream:
            # The beginning of a stream may want to know how much was asked.
            exchange.meaning.forget()
        with Watch(deployment.timeouts, until, streaming=exchange.asked.stream) as watch:
            async with deployment.transport.send(self._request) as reply:
                await self._take(reply, watch)

    async def _take(self, reply: HttpReply, watch: Watch) -> None:
        record, headers = self._exchange.record, reply.headers
        record.upstream_request_id = headers.get("x-request-id") or headers.get("request-id") or ""
        for observer in self._deployment.observers:
            observer.hear(record.upstream_model, reply.status, headers)
        if reply.status != 200:
            raise await self._refusal(reply)
        if self._exchange.asked.stream:
            await self._deliver_stream(reply, watch)
        else:
            await self._deliver_whole(reply)

    def _lane_name(self) -> str:
        if not self._passes:
            return "events"
        return "bytes" if self._exchange.asked.framing is None else "frames"

    def _passed(self, target: Target) -> tuple[Sent, HttpRequest]:
        """The client's own bytes, with a closed list of edits and an allow-list of its headers."""
        call, provider = self._exchange.call, self._deployment.provider
        body, self._usage_is_ours = self._upstream.redirect(call, target, self._losses)
        headers = self._forwarded(provider.forward)
        sent = Sent(finish_optional=target.capabilities.finish_optional)
        return sent, self._bound(target, body, headers)

    def _translated(self, target: Target) -> tuple[Sent, HttpRequest]:
        request, client = self._exchange.request, self._exchange.client
        messages = self._memory.recalled(client, unveiled(request.messages), self._upstream.name)
        if messages is not request.messages:
            request = replace(request, messages=messages)
        request = tuned(request, self._tunings, self._upstream.name, self._losses)
        sent = self._upstream.encode_request(request, target, self._losses)
        for path in foreign_fields(request, self._upstream.name):
            self._losses.drop(path)
        headers: dict[str, str] = {}
        if self._upstream is self._exchange.codec:
            # Fields of its own protocol stay in the body, and so does what switches them on; but the version
            # is the one in which we speak.
            provider = self._deployment.provider
            headers = self._forwarded(provider.forward - provider.headers.keys())
        bound = self._bound(target, fast_json.dumps(sent.body), {**headers, **sent.headers})
        sent.body = {}
        return sent, bound

    def _forwarded(self, names: frozenset[str]) -> dict[str, str]:
        """Those of the client's headers that go up."""
        said = self._exchange.call.headers
        return {name: said[name] for name in names if name in said}

    def _bound(self, target: Target, body: bytes, headers: dict[str, str]) -> HttpRequest:
        deployment = self._deployment
        provider = deployment.provider
        url = provider.url(self._operation(), deployment.base_url, target.model)
        if url is None:
            raise errors.ModelUnavailable(f"{provider.name} answers no generation requests")
        said = {
            "content-type": "application/json",
            "accept": self._upstream.framing.content_type
            if self._exchange.asked.stream
            else "application/json",
            **provider.headers,
            **headers,
        }
        return deployment.credential.sign(HttpRequest("POST", url, said, body, deployment.timeouts.connect))

    def _operation(self) -> Operation:
        """Which of an upstream's paths for replies is meant."""
        endpoint, paths = self._exchange.call.endpoint, self._deployment.provider.paths
        if self._passes and endpoint is not None and endpoint.operation is Operation.COMPLETE:
            return Operation.COMPLETE
        streams = self._exchange.asked.stream and Operation.STREAM in paths
        return Operation.STREAM if streams else Operation.GENERATE

    async def _refusal(self, reply: HttpReply) -> errors.UpstreamError:
        """What the upstream's error status means.

        A refusal of the request itself passes through verbatim where the protocol is the same: same words.
        """
        error = self._upstream.decode_error(reply.status, reply.headers, await _read_refusal(reply))
        if self._passes and isinstance(error, errors.RequestRefused):
            error.verbatim = True
        return error

    async def _deliver_whole(self, reply: HttpReply) -> None:
        body, exchange = await read_whole(reply), self._exchange
        translate = not self._passes
        try:
            if self._upstream.framing.content_type in reply.headers.get("content-type", ""):
                response, translate = self._collected(body), True
            else:
                response = self._upstream.decode_response(body, self._sent)
            # A list of one reply says it all, but no client of the protocol expects one.
            translate = translate or body.startswith(b"[")
            if not translate:
                body = fast_json.repaired(body)
        except fast_json.JsonError as error:
            raise errors.BadUpstreamReply("the upstream's reply is not JSON") from error
        exchange.record.usage = response.usage
        exchange.record.stop = response.stop.reason if response.choices else ""
        if translate:
            self._remember(response)
            shown = response if exchange.asked.thoughts else veiled(response, exchange.codec.name)
            body = exchange.codec.encode_response(shown, exchange.asked, self._losses)
        answer = HttpAnswer(200, body, exchange.record.headers())
        if response.choices and all(says_nothing(choice.parts, choice.stop) for choice in response.choices):
            raise empty_reply(partial(exchange.sink.answer, answer))
        await exchange.sink.answer(answer)

    def _collected(self, body: bytes) -> Response:
        """The whole reply of an upstream that streams although it was not asked to."""
        frames = self._upstream.framing.decoder()
        decoder, collector = self._upstream.stream_decoder(self._sent), Collector()
        for frame in [*frames.feed(body), *frames.close()]:
            for event in decoder.decode(frame):
                collector.feed(event)
        for event in decoder.close():
            collector.feed(event)
        return collector.response()

    async def _deliver_stream(self, reply: HttpReply, watch: Watch) -> None:
        exchange, sink = self._exchange, self._exchange.sink
        lane = self._lane(reply)
        exchange.record.usage = lane.collector.usage
        exchange.fail = lane.fail
        chunks = aiter(reply.chunks)
        try:
            await self._carry(chunks, lane, watch)
        except (errors.BrokenOff, errors.Unreachable):
            # What breaks behind the last word takes nothing away.
            if not lane.finished:
                raise
        if not lane.complete:
            piece = lane.close()
            self._note(lane)
            await self._pass_on(piece, watch)
        exchange.record.stop = lane.collector.stop.reason if lane.collector.stop else ""
        if sink.said is not Said.CONTENT:
            raise empty_reply(self._deliver_held)
        await sink.close()
        if not reply.has_ended():
            await _drain(chunks)

    async def _deliver_held(self) -> None:
        await self._exchange.sink.write(b"".join(self._held))
        await self._exchange.sink.close()

    async def _carry(self, chunks: AsyncIterator[bytes], lane: Lane, watch: Watch) -> None:
        """Pass on what comes until the reply is whole or no more of it comes."""
        sink = self._exchange.sink
        async for chunk in chunks:
            piece = self._fed(lane, chunk, watch)
            if sink.said is Said.CONTENT and piece.data and piece.error is None:
                await sink.write(piece.data)
            else:
                await self._pass_on(piece, watch)
            if lane.finished:
                break
        while not lane.complete and (chunk := await _more(chunks, lane)):
            await self._pass_on(self._fed(lane, chunk, watch), watch)

    def _fed(self, lane: Lane, chunk: bytes, watch: Watch) -> Piece:
        """What `chunk` leads to."""
        piece = lane.feed(chunk)
        if lane.finished:
            self._note(lane)
        watch.heard(content=piece.content)
        return piece

    def _note(self, lane: Lane) -> None:
        """Remember a reply once it is whole, before its client can answer it."""
        if lane.complete:
            self._remember(lane.collector.response())

    def _remember(self, response: Response) -> None:
        if response.choices and not self._passes:
            exchange = self._exchange
            family = self._upstream.name
            self._memory.keep(exchange.client, lambda: exchange.request.messages, response.parts, family)

    async def _pass_on(self, piece: Piece, watch: Watch) -> None:
        """Send `piece`, but nothing before the first content."""
        sink = self._exchange.sink
        data = piece.data if sink.said is Said.CONTENT else self._released(piece, watch)
        if data:
            await sink.write(data)
        if piece.error is not None:
            raise piece.taken()

    def _released(self, piece: Piece, watch: Watch) -> bytes:
        """Hold `piece` back; with the first content comes all that was held."""
        self._held.append(piece.data)
        if not piece.content:
            return b""
        data = b"".join(self._held)
        if data:
            self._held.clear()
            self._exchange.meaning.forget()
            self._exchange.record.first_content_s = watch.elapsed_s
            if self._exchange.answers is not None:
                self._exchange.answers()
        return data

    def _lane(self, reply: HttpReply) -> Lane:
        """The way back. An upstream that answers a request for a stream with plain JSON is told as a
        stream.
        """
        exchange = self._exchange
        ends = Ends(self._upstream, exchange.codec, self._sent, exchange.asked, self._losses)
        streams = "json" not in reply.headers.get("content-type", "")
        if not streams and self._upstream.framing.content_type == _EVENT_STREAM:
            return WholeReplyLane(ends)
        return PassingLane(ends, usage_is_ours=self._usage_is_ours) if self._passes else EventsLane(ends)


async def _more(chunks: AsyncIterator[bytes], lane: Lane) -> bytes:
    """What comes next; nothing at the end of the bytes, or where a finished reply gets no sign in time that
    it is whole. Only the upstream has so little time: a client may read as slowly as it likes.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(_grace_s(lane) if lane.finished else None):
            return await anext(chunks, b"")
    return b""


def _grace_s(lane: Lane) -> float:
    return _FINISH_S if lane.collector.usage.output_tokens is not None else _USAGE_S


async def read_whole(reply: HttpReply) -> bytes:
    """All of a reply's body.

    Raises:
        BadUpstreamReply: it is larger than `MAX_REPLY_BYTES`.
    """
    parts: list[bytes] = []
    size = 0
    async for chunk in reply.chunks:
        size += len(chunk)
        if size > MAX_REPLY_BYTES:
            raise errors.BadUpstreamReply(f"the upstream's reply is larger than {MAX_REPLY_BYTES} bytes")
        parts.append(chunk)
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def _read_refusal(reply: HttpReply) -> bytes:
    """The beginning of an error status's body: what matters comes first, and the status alone says enough."""
    body = bytearray()
    with suppress(errors.UpstreamError, TimeoutError):
        async with asyncio.timeout(REFUSAL_S):
            await _fill(body, reply.chunks)
    return bytes(body[:MAX_REFUSAL_BYTES])


async def _fill(body: bytearray, chunks: AsyncIterator[bytes]) -> None:
    async for chunk in chunks:
        body += chunk
        if len(body) > MAX_REFUSAL_BYTES:
            return


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    """Read what follows a complete reply, usually nothing, so that the connection can be used again."""
    with suppress(errors.UpstreamError, TimeoutError):
        async with asyncio.timeout(_DRAIN_S):
            async for _ in chunks:
                pass
