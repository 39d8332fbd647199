"""Streams of lines, both ways.

    {"model", "created_at", "message": {"role", "content", "thinking"?, "tool_calls"?}, "done": false}
    {…, "done": true, "done_reason", "prompt_eval_count", "eval_count", "total_duration", …}

`/api/generate` says `response` in place of the message. Calls come whole. A line `{"error": "words"}` ends a
stream; one that ends without `done: true` was cut.
"""

from gateway.canonical.content import Part, Refusal, Text, Thinking, ToolCall
from gateway.canonical.events import Close, Delta, End, Event, Open, Start
from gateway.canonical.json import JsonObject, JsonValue
from gateway.canonical.usage import Usage
from gateway.errors import BadUpstreamReply, GatewayError
from gateway.protocols.blocks import Blocks
from gateway.protocols.call_ids import reply_id
from gateway.protocols.codec import Asked, Losses, Sent
from gateway.protocols.ollama.errors import error_payload, error_within
from gateway.protocols.ollama.media import NAME
from gateway.protocols.ollama.reply import (
    decode_extras,
    decode_stop,
    decode_usage,
    described,
    end,
    line,
    render,
)
from gateway.protocols.ollama.tools import arguments_text, call_said
from gateway.wire.fast_json import JsonError, dumps, dumps_for_line_splitters, loads
from gateway.wire.frames import Frame

_PARAGRAPH = "\n\n"


class LineDecoder:
    """The state of one upstream stream."""

    __slots__ = ("_blocks", "_calls", "_done", "_seed", "_seen", "_sent", "_started", "payload")

    def __init__(self, sent: Sent) -> None:
        self.payload: JsonValue = None
        self._sent = sent
        self._blocks = Blocks()
        self._started = False
        self._done = False
        self._seed = ""
        self._seen: set[str] = set()
        self._calls = 0

    def decode(self, frame: Frame) -> list[Event]:
        """The events that one line says."""
        self.payload = None
        if self._done:
            return []
        try:
            payload: JsonValue = loads(frame.data)
        except JsonError as error:
            raise BadUpstreamReply(f"a line of the upstream's stream is not JSON: {error}") from error
        self.payload = payload
        error_said = error_within(payload, frame.data)
        if error_said is not None:
            raise error_said
        return self.take(payload) if isinstance(payload, dict) else []

    @property
    def finished(self) -> bool:
        """Whether the line came that says so."""
        return self._done

    def close(self) -> list[Event]:
        """The bytes have ended: nothing may be missing."""
        if not self._done:
            raise BadUpstreamReply("the upstream's stream ended without a line that says it is done")
        return []

    def take(self, payload: JsonObject) -> list[Event]:
        """The events of one line, which may be all of a reply: reasoning, words, calls, the end.

        Raises:
            BadUpstreamReply: it is all of a reply, and has neither a message nor a response.
        """
        if not (self._started or "message" in payload or "response" in payload or not payload.get("done")):
            raise BadUpstreamReply("the upstream's reply has no message")
        events: list[Event] = [] if self._started else [self._start(payload)]
        message = payload.get("message")
        said = message if isinstance(message, dict) else {**payload, "content": payload.get("response")}
        thinking, content, calls = said.get("thinking"), said.get("content"), said.get("tool_calls")
        if isinstance(thinking, str) and thinking:
            events += self._blocks.thinking(thinking)
        if isinstance(content, str) and content:
            events += self._blocks.text(content)
        for call in calls if isinstance(calls, list) else ():
            events += self._call(call)
        logprobs = payload.get("logprobs")
        if isinstance(logprobs, list) and logprobs:
            events.append(Delta(0, "logprobs", logprobs))
        return events + self._end(payload) if payload.get("done") is True else events

    def _start(self, payload: JsonObject) -> Start:
        self._started = True
        model, messages = payload.get("model"), self._sent.body.get("messages")
        # The reply has no id; its time and the length of the history tell it from the others.
        self._seed = f"{payload.get('created_at')}|{len(messages) if isinstance(messages, list) else 0}"
        return Start(model=model if isinstance(model, str) else "")

    def _call(self, call: JsonValue) -> list[Event]:
        function = call.get("function") if isinstance(call, dict) else None
        name = function.get("name") if isinstance(function, dict) else None
        if not isinstance(call, dict) or not isinstance(function, dict) or not isinstance(name, str):
            return []
        arguments, call_id = function.get("arguments"), call.get("id")
        # Servers repeat calls in later lines; only what tells a call from its like can show it.
        known = call_id or (None if function.get("index") is None else dumps(function).decode())
        if isinstance(known, str):
            if known in self._seen:
                return []
            self._seen.add(known)
        self._calls += 1
        id_ = call_id if isinstance(call_id, str) and call_id else reply_id(self._seed, self._calls)
        return self._blocks.whole(self._made(id_, name, arguments))

    def _made(self, id_: str, name: str, arguments: JsonValue) -> ToolCall:
        if name in self._sent.custom_tools:
            text = arguments.get("input") if isinstance(arguments, dict) else None
            said = text if isinstance(text, str) else arguments_text(arguments)
            return ToolCall(id_, name, said, kind="custom")
        # Some servers send the text of the arguments in place of the object.
        said = arguments if isinstance(arguments, str) else arguments_text(arguments)
        return ToolCall(id_, self._sent.tool_names.get(name, name), said)

    def _end(self, payload: JsonObject) -> list[Event]:
        self._done = True
        raw = payload.get("done_reason")
        events = self._blocks.close()
        stop = decode_stop(raw if isinstance(raw, str) else "", called=self._blocks.called)
        return [*events, End([stop], decode_usage(payload), decode_extras(payload))]


class LineEncoder:
    """The state of one stream to a client."""

    __slots__ = ("_asked", "_calls", "_extras", "_losses", "_said", "_usage")

    def __init__(self, asked: Asked, losses: Losses) -> None:
        self._asked = asked
        self._losses = losses
        self._usage: Usage | None = None
        self._extras: JsonObject = {}
        self._said = 0
        self._calls = 0

    def encode(self, event: Event) -> list[Frame]:
        """The lines that say `event`; of several answers only the first can be said."""
        match event:
            case Start():
                self._extras = event.extras.get(NAME, {})
                self._count(event.usage)
                return []
            case Delta(value=Usage() as usage):
                self._count(usage)
                return []
            case End():
                self._count(event.usage)
                for number in range(1, len(event.stops)):
                    self._losses.drop(f"choices[{number}]")
                beside = {**self._extras, **event.extras.get(NAME, {})}
                return [self._frame({}, {**beside, **end(event.stops[0], self._usage, self._asked)})]
            case Open(choice=0) | Delta(choice=0) | Close(choice=0):
                return [self._frame(*said) for said in self._say(event)]
            case _:
                return []

    def fail(self, error: GatewayError) -> list[Frame]:
        """An error line; without `done`, nobody takes the stream for complete."""
        return [Frame(dumps_for_line_splitters(error_payload(error)))]

    def ping(self) -> bytes:
        """A line that says nothing: blank ones and comments break clients."""
        return self._frame({}).data + b"\n"

    def _count(self, usage: Usage | None) -> None:
        if usage is not None:
            self._usage = self._usage or Usage()
            self._usage.update(usage)

    def _frame(self, said: JsonObject, beside: JsonObject | None = None) -> Frame:
        return Frame(dumps_for_line_splitters({**line(self._asked, said), "done": False, **(beside or {})}))

    def _say(self, event: Open | Delta | Close) -> list[tuple[JsonObject, JsonObject]]:
        match event:
            case Open(_, part):
                self._said = 0
                return [(said, {}) for said in self._open(part)]
            case Delta(value=list() as logprobs):
                return [({}, {"logprobs": logprobs})]
            case Delta(kind="text", value=str() as text):
                return [({"content": text}, {})]
            case Delta(kind="thinking" | "summary" as kind, value=str() as text):
                gap = _PARAGRAPH if kind == "summary" and self._said else ""
                self._said += len(text)
                return [({"thinking": gap + text}, {})]
            case Close(_, part):
                return [(said, {}) for said in self._close(part)]
            case _:
                # Calls go out whole when they close.
                return []

    def _open(self, part: Part) -> list[JsonObject]:
        if isinstance(part, (Text, Thinking, ToolCall)):
            return []
        if isinstance(part, Refusal):
            self._losses.repair("refusal", "said as text")
            return []
        self._losses.drop(described(part))
        words = render(part)
        return [{"content": words}] if words else []

    def _close(self, part: Part) -> list[JsonObject]:
        note_unsaid(part, self._losses)
        if not isinstance(part, ToolCall):
            return []
        self._calls += 1
        return [{"tool_calls": [call_said(part, part.name, self._calls - 1)]}]


def note_unsaid(part: Part, losses: Losses) -> None:
    """Note what `part` of a reply says that this protocol has no field for.

    Signatures are no words to a client: none of this protocol could read one or send it back.
    """
    if isinstance(part, Text) and part.citations:
        losses.drop("content.citations")


class LineMender:
    """Mends the lines of a stream that passes through: nothing follows the one that says it is done, and none
    is without the words, if only empty ones, that SDKs find in all.
    """

    __slots__ = ("_asked", "_done")

    def __init__(self, asked: Asked, _: bool) -> None:  # noqa: FBT001 - the codec's interface
        self._asked = asked
        self._done = False

    def mend(self, frame: Frame, payload: JsonValue) -> Frame | None:
        """The line to send for `frame`."""
        if self._done:
            return None
        if not isinstance(payload, dict):
            return frame
        self._done = payload.get("done") is True
        if isinstance(payload.get("message"), dict) or isinstance(payload.get("response"), str):
            return frame
        if not self._done:
            return None
        said = {name: value for name, value in payload.items() if value is not None}
        return Frame(dumps_for_line_splitters({**line(self._asked, {}), **said}))

    def finish(self) -> list[Frame]:
        """Nothing: a stream that ended well has said that it is done."""
        return []
