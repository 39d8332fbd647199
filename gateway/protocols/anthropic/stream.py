"""Streams of the Messages API, both ways.

    stream := message_start block* message_delta+ message_stop        ping anywhere, error ends it
    block  := content_block_start content_block_delta* content_block_stop

What is read may be careless: blocks that overlap, gaps in their numbers, missing starts and stops, unknown
events. What is written is the grammar, to the letter, because SDKs index by number and fail without `usage`.
https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from gateway.canonical.content import (
    Citation,
    Opaque,
    Part,
    Refusal,
    ServerToolResult,
    ServerToolUse,
    Signature,
    Text,
    Thinking,
    ToolCall,
)
from gateway.canonical.events import Close, Delta, DeltaKind, End, Event, Open, Start, hollow, pieces
from gateway.canonical.json import JsonObject, JsonValue
from gateway.canonical.usage import Stop, StopReason, Usage
from gateway.errors import GatewayError, InvalidRequest
from gateway.protocols import carry
from gateway.protocols.anthropic.blocks import encode_citations, is_carrier
from gateway.protocols.anthropic.errors import bad_reply, decode_told, error_object
from gateway.protocols.anthropic.media import FAMILY
from gateway.protocols.anthropic.response import (
    call_carrier,
    decode_stop,
    decode_usage,
    encode_stop,
    encode_thinking,
    encode_usage,
    envelope,
    note_tier,
    rendered,
    restored,
    tool_use,
)
from gateway.protocols.anthropic.streamed import JsonScalar, StreamedBlock, number_of, object_of, taken_apart
from gateway.protocols.codec import Asked, Losses, Sent
from gateway.protocols.fields import Fields
from gateway.wire import fast_json
from gateway.wire.frames import Frame
from gateway.wire.sse import SSE

_BLOCK_OF_DELTA: Mapping[str, str] = {"text_delta": "text", "thinking_delta": "thinking"}
_TOLD_AS: Mapping[str, DeltaKind] = {"text": "text", "thinking": "thinking"}

_GRAMMAR = frozenset({
    "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop"
})  # fmt: skip
_ENVELOPE = ("type", "role", "content", "stop_reason", "stop_sequence", "stop_details")

_TEXT_DELTA = b'{"type":"content_block_delta","index":%d,"delta":{"type":"text_delta","text":%b}}'

_EMPTY: Mapping[str, JsonObject] = {"text": {}, "thinking": {"signature": ""}}


class MessageDecoder:
    """The state of one stream from an upstream.

    Blocks are told one after the other: what comes of a later one waits until the earlier one is closed.
    """

    __slots__ = (
        "_called", "_carrier", "_done", "_ending", "_id", "_index", "_open", "_queue", "_sent", "_started",
        "_usage", "payload",
    )  # fmt: skip

    def __init__(self, sent: Sent) -> None:
        self.payload: JsonValue = None
        self._sent = sent
        self._id: JsonValue = None
        self._started = False
        self._done = False
        self._called = False
        self._index = 0
        self._open: dict[JsonScalar, StreamedBlock] = {}
        self._queue: list[StreamedBlock] = []
        self._carrier: Thinking | None = None
        self._usage: JsonObject = {}
        self._ending: JsonObject = {}

    def decode(self, frame: Frame) -> list[Event]:
        """The events that `frame` says; pings, unknown events and what follows the end say nothing."""
        self.payload = None
        if self._done or frame.data.strip() in (b"", b"[DONE]"):
            return []
        try:
            payload: JsonValue = fast_json.loads(frame.data)
        except fast_json.JsonError as error:
            raise bad_reply("an event is not JSON") from error
        if not isinstance(payload, dict):
            raise bad_reply("an event is no object")
        self.payload = payload
        return _well_formed(self._events(payload, frame.event))

    @property
    def finished(self) -> bool:
        """Whether a reason to stop was given."""
        return "stop_reason" in self._ending

    def close(self) -> list[Event]:
        """The bytes have ended; that is well once a reason to stop was given, with or without
        message_stop.
        """
        if self._done:
            return []
        if not self.finished:
            raise bad_reply("the stream broke off before its end")
        return _well_formed(self._finish())

    def _events(self, payload: JsonObject, event: str) -> Iterator[Event]:
        kind = payload.get("type") or event
        if kind == "error" or isinstance(payload.get("error"), dict):
            raise decode_told(payload)
        if kind == "message_start" or (kind in _GRAMMAR and not self._started):
            yield from self._start(payload)
        match kind:
            case "content_block_start":
                self._open_block(number_of(payload), object_of(payload, "content_block"))
            case "content_block_delta" if payload.get("delta") is not None:
                self._add(number_of(payload), object_of(payload, "delta"))
            case "content_block_stop":
                self._close_block(number_of(payload))
            case "message_delta":
                self._note_ending(payload)
            case "message_stop":
                yield from self._finish()
            case _:
                pass
        yield from self._told()

    def _start(self, payload: JsonObject) -> Iterator[Event]:
        message = payload.get("message")
        fields = Fields(message if isinstance(message, dict) else {}, "message")
        reply_id, usage = fields.text("id"), fields.object("usage")
        if self._started:
            if reply_id not in (None, self._id):
                raise bad_reply("a second message begins")
            return
        self._started, self._id = True, reply_id
        self._merge(usage or {})
        model = fields.text("model") or ""
        for name in _ENVELOPE:
            fields.any(name)
        said = None if usage is None else decode_usage(usage)
        yield Start(reply_id or "", model, usage=said, extras=fields.rest(FAMILY))

    def _open_block(self, number: JsonScalar, raw: JsonObject) -> StreamedBlock:
        self._close_block(number)
        block = StreamedBlock(dict(raw), str(raw.get("type")))
        block.told_as = self._told_as(block)
        begun = raw.get(block.kind) if block.kind in ("text", "thinking") else None
        if isinstance(begun, str) and begun:
            block.raw[block.kind] = ""
            block.add({block.kind: begun})
        cited = block.raw.pop("citations", None)
        for citation in cited if isinstance(cited, list) else ():
            block.add({"citation": citation})
        self._open[number] = block
        self._queue.append(block)
        return block

    def _told_as(self, block: StreamedBlock) -> DeltaKind | None:
        """How the pieces of a block are told; None if they can be told only together."""
        name = block.raw.get("name")
        if block.kind != "tool_use":
            return _TOLD_AS.get(block.kind)
        if name == self._sent.json_tool:
            return "text"
        return None if name in self._sent.custom_tools else "arguments"

    def _add(self, number: JsonScalar, delta: JsonObject) -> None:
        block = self._open.get(number)
        wanted = _BLOCK_OF_DELTA.get(str(delta.get("type")))
        # Some hosts put thinking into a text block, or never say that a block begins.
        if wanted is not None and (block is None or (block.kind in _TOLD_AS and block.kind != wanted)):
            block = self._open_block(number, {"type": wanted})
        if block is None:
            raise bad_reply("a delta belongs to no block")
        block.add(delta)

    def _close_block(self, number: JsonScalar) -> None:
        block = self._open.pop(number, None)
        if block is not None:
            block.closed = True

    def _note_ending(self, payload: JsonObject) -> None:
        fields = Fields(payload)
        fields.any("type")
        delta, usage = fields.object("delta"), fields.object("usage")
        rest = fields.rest(FAMILY).get(FAMILY, {})
        self._ending.update({name: value for name, value in (delta or {}).items() if value is not None})
        self._ending.update(rest)
        self._merge(usage or {})

    def _merge(self, usage: JsonObject) -> None:
        """Counts are cumulative and the last one said wins; null, or a zero after a number, says nothing."""
        self._usage.update(
            {name: value for name, value in usage.items() if value or self._usage.get(name) is None}
        )

    def _finish(self) -> Iterator[Event]:
        if "stop_reason" not in self._ending and not self._sent.finish_optional:
            raise bad_reply("it ends without a reason")
        for number in list(self._open):
            self._close_block(number)
        yield from self._told()
        yield from self._told_carrier()
        self._done = True
        fields = Fields(self._ending)
        stop = decode_stop(fields, called=self._called)
        usage = decode_usage(self._usage) if self._usage else None
        yield End([stop], usage, fields.rest(FAMILY))

    def _told(self) -> Iterator[Event]:
        """What can be told now: the pieces of the first block in the queue, and whole blocks before them."""
        while self._queue:
            block = self._queue[0]
            if not block.opened and block.is_tellable:
                yield from self._opening(block, hollow(self._part(block)))
            if block.opened:
                yield from (replace(delta, index=self._index) for delta in block.untold)
                block.untold.clear()
            if not block.closed:
                return
            del self._queue[0]
            yield from self._closing(block, self._part(block))

    def _part(self, block: StreamedBlock) -> Part:
        part = block.part(f"content[{self._index}]")
        if not isinstance(part, ToolCall):
            return part
        call = restored(part, self._sent)
        return replace(call, signature=block.signed) if isinstance(call, ToolCall) else call

    def _opening(self, block: StreamedBlock, part: Part) -> Iterator[Event]:
        if isinstance(part, ToolCall) and self._carrier is not None:
            block.signed, self._carrier = self._carrier.signature, None
        yield from self._told_carrier()
        block.opened = True
        yield Open(self._index, part)
        if block.signed is not None:
            yield Delta(self._index, "signature", block.signed)

    def _closing(self, block: StreamedBlock, part: Part) -> Iterator[Event]:
        if not block.opened:
            if isinstance(part, Text) and not part.text and not part.citations:
                return
            if isinstance(part, Thinking) and is_carrier(part):
                yield from self._told_carrier()
                self._carrier = part
                return
            yield from self._opening(block, hollow(part))
            part = self._part(block)
            yield from (
                Delta(self._index, kind, value) for kind, value in pieces(part) if kind != "signature"
            )
        elif isinstance(part, ToolCall) and not block.pieces:
            yield Delta(self._index, "arguments", part.arguments)
        if isinstance(part, Thinking) and not part.redacted and part.signature is not None:
            yield Delta(self._index, "signature", part.signature)
        self._called = self._called or isinstance(part, ToolCall)
        yield Close(self._index, part)
        self._index += 1

    def _told_carrier(self) -> Iterator[Event]:
        """Foreign state for a call that did not come: reasoning after all."""
        carrier, self._carrier = self._carrier, None
        if carrier is None or carrier.signature is None:
            return
        yield Open(self._index, hollow(carrier))
        yield Delta(self._index, "signature", carrier.signature)
        yield Close(self._index, carrier)
        self._index += 1


def _well_formed(events: Iterator[Event]) -> list[Event]:
    """All of `events`; a malformed field in them is the upstream's fault."""
    try:
        return list(events)
    except InvalidRequest as error:
        raise bad_reply(error.message) from error


class MessageEncoder:
    """The state of one stream to a client: strictly one block after the other, numbered without gaps."""

    __slots__ = ("_asked", "_begun", "_call", "_held", "_losses", "_next", "_open", "_start", "_usage")

    def __init__(self, asked: Asked, losses: Losses) -> None:
        self._asked = asked
        self._losses = losses
        self._start = Start()
        self._usage = Usage()
        self._begun = False
        self._open = False
        self._next = 0
        self._call: ToolCall | None = None
        self._held: list[str] = []

    def encode(self, event: Event) -> list[Frame]:
        """The frames that say `event`. The first one waits for the first block: until then a reply can still
        come from elsewhere.
        """
        match event:
            case Delta(kind="text", value=str(piece), choice=0) if piece and self._open:
                return [self._text(piece)]
            case Start():
                self._start = event
                self._count(event.usage)
                return []
            case End():
                return list(self._end(event))
            case Open() | Delta() | Close() if event.choice:
                return []
            case Open(part=part):
                self._call = part if isinstance(part, ToolCall) else None
                self._held = []
                return list(self._begin())
            case Delta():
                return list(self._delta(event))
            case _:
                return list(self._close(event.part))

    def fail(self, error: GatewayError) -> list[Frame]:
        """An `error` event; open blocks stay open, so that no client runs a half-built call."""
        return [Frame(fast_json.dumps_for_line_splitters(error_object(error)), "error")]

    def ping(self) -> bytes:
        """A `ping` event, which every client ignores."""
        return SSE.encode(_frame("ping"))

    def _count(self, usage: Usage | None) -> None:
        if usage is not None:
            self._usage.update(usage)

    def _begin(self) -> Iterator[Frame]:
        if self._begun:
            return
        self._begun = True
        if self._usage.input_tokens is None:
            self._usage.input_tokens = self._asked.input_tokens
        yield _frame(
            "message_start",
            message={
                **self._start.extras.get(FAMILY, {}),
                **envelope(self._start.id, self._start.model, self._asked),
                "content": [],
                "stop_reason": None,
                "stop_sequence": None,
                "usage": encode_usage(self._usage),
            },
        )

    def _delta(self, delta: Delta) -> Iterator[Frame]:
        value = delta.value
        if isinstance(value, Usage):
            self._count(value)
        elif isinstance(value, Signature):
            # The state of a call must stand before it. A free-text call waits for its end anyhow.
            if self._call is not None and not self._open and not self._is_custom():
                self._call = replace(self._call, signature=value)
                yield from self._start_call()
        elif isinstance(value, Citation):
            yield from self._cite(value)
        elif isinstance(value, str) and value:
            yield from self._piece(delta.kind, value)

    def _piece(self, kind: str, piece: str) -> Iterator[Frame]:
        match kind:
            case "text" | "thinking":
                yield from self._say(kind, piece)
            case "summary":
                yield from self._say("thinking", f"\n\n{piece}" if self._open else piece)
            case _:
                self._held.append(piece)
                # A call's signature must stand before it but may come after its arguments, where these come
                # in one piece. So the first piece waits; a second one says that this call really streams.
                if self._open or (len(self._held) > 1 and not self._is_custom()):
                    yield from self._start_call()

    def _is_custom(self) -> bool:
        return self._call is not None and self._call.kind == "custom"

    def _say(self, kind: str, piece: str) -> Iterator[Frame]:
        yield from self._open_block({"type": kind, kind: "", **_EMPTY[kind]})
        yield self._in_block({"type": f"{kind}_delta", kind: piece})

    def _cite(self, citation: Citation) -> Iterator[Frame]:
        own = encode_citations([citation])
        if not own:
            self._losses.drop("citations")
            return
        yield from self._open_block({"type": "text", "text": ""})
        yield self._in_block({"type": "citations_delta", "citation": own[0]})

    def _start_call(self) -> Iterator[Frame]:
        """The start of the call, unless it is out, and the arguments that waited for it."""
        if self._call is not None and not self._open:
            for block in call_carrier(self._call):
                yield from self._whole(block)
            yield from self._open_block(tool_use(self._call))
        for piece in self._held:
            yield self._in_block({"type": "input_json_delta", "partial_json": piece})
        self._held = []

    def _close(self, part: Part) -> Iterator[Frame]:
        match part:
            case Text():
                yield from self._stop_block()
            case Refusal(text):
                if text:
                    rendered(part, self._losses)
                yield from self._stop_block()
            case Thinking() if self._open:
                word = carry.wrap(part.signature, FAMILY)
                yield self._in_block({"type": "signature_delta", "signature": word})
                yield from self._stop_block()
            case Thinking():
                for block in encode_thinking(part):
                    yield from self._whole(block)
            case ToolCall():
                yield from self._close_call(part)
            case ServerToolUse() | ServerToolResult() | Opaque() if part.protocol == FAMILY:
                yield from self._whole(part.raw)
            case _:
                text = rendered(part, self._losses)
                if text:
                    yield from self._say("text", text)
                    yield from self._stop_block()

    def _close_call(self, call: ToolCall) -> Iterator[Frame]:
        if not self._open:
            self._call = call
            if call.kind == "custom":
                self._held = [fast_json.dumps({"input": call.arguments}).decode()]
            # A call without arguments is told by an empty piece: SDKs read it as {}.
            self._held = self._held or [call.arguments]
            yield from self._start_call()
        elif self._call is not None and call.signature != self._call.signature:
            # It came when the client had the beginning of the call already.
            self._losses.drop(f"{call.name}.signature")
        yield from self._stop_block()

    def _whole(self, raw: JsonObject) -> Iterator[Frame]:
        """A block that is complete: its start, its fields that come as deltas, its stop."""
        start, deltas = taken_apart(raw)
        yield from self._open_block(start)
        yield from (self._in_block(delta) for delta in deltas)
        yield from self._stop_block()

    def _open_block(self, start: JsonObject) -> Iterator[Frame]:
        if not self._open:
            self._open = True
            yield _frame("content_block_start", index=self._next, content_block=start)

    def _text(self, piece: str) -> Frame:
        """More text of the open block: what most of a stream is."""
        words = fast_json.dumps_for_line_splitters(piece)
        return Frame(_TEXT_DELTA % (self._next, words), "content_block_delta")

    def _in_block(self, delta: JsonObject) -> Frame:
        return _frame("content_block_delta", index=self._next, delta=delta)

    def _stop_block(self) -> Iterator[Frame]:
        if self._open:
            self._open = False
            yield _frame("content_block_stop", index=self._next)
            self._next += 1

    def _end(self, end: End) -> Iterator[Frame]:
        self._count(end.usage)
        note_tier(self._usage, self._losses)
        for number in range(1, len(end.stops)):
            self._losses.drop(f"choices[{number}]")
        yield from self._begin()
        if not self._next:
            yield from self._open_block({"type": "text", "text": ""})
            yield from self._stop_block()
        extras = dict(end.extras.get(FAMILY, {}))
        delta = encode_stop(end.stops[0] if end.stops else Stop(StopReason.END))
        if "container" in extras:
            delta["container"] = extras.pop("container")
        yield _frame("message_delta", **extras, delta=delta, usage=encode_usage(self._usage))
        yield _frame("message_stop")


def _frame(kind: str, **fields: JsonValue) -> Frame:
    return Frame(fast_json.dumps_for_line_splitters({"type": kind, **fields}), kind)
