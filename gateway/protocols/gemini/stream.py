"""Streams of the Gemini API, both ways, and mended on their way through.

Every record is a reply of its own whose text is an increment and whose calls are whole. There is no
terminator: a stream is complete when it has ended and every candidate has a finish reason.
"""

from gateway.canonical.content import Part, Refusal, Text, Thinking
from gateway.canonical.events import Close, Delta, End, Event, Open, Start
from gateway.canonical.json import JsonObject, JsonValue
from gateway.canonical.usage import Usage
from gateway.errors import BadUpstreamReply, GatewayError
from gateway.protocols.codec import Asked, Losses, Sent
from gateway.protocols.gemini.candidate import ReplyDecoder
from gateway.protocols.gemini.errors import error_payload, error_within
from gateway.protocols.gemini.reply import encode_usage
from gateway.protocols.gemini.response import Told, encode_part, encode_thinking, own_fields
from gateway.protocols.gemini.spelling import listed
from gateway.wire.fast_json import JsonError, dumps_for_line_splitters, loads
from gateway.wire.frames import Frame

_DONE = b"[DONE]"
"""Some hosts end this protocol's streams with another one's terminator."""


class GeminiStreamDecoder:
    """The state of one upstream stream."""

    __slots__ = ("_ended", "_reply", "payload")

    def __init__(self, sent: Sent) -> None:
        self.payload: JsonValue = None
        self._reply = ReplyDecoder(sent)
        self._ended = False

    @property
    def finished(self) -> bool:
        """Whether every candidate that began has a finish reason."""
        return self._reply.finished

    def decode(self, frame: Frame) -> list[Event]:
        """The events that one record says."""
        self.payload = None
        if self._ended or frame.data.strip() == _DONE:
            return []
        try:
            payload = loads(frame.data)
        except JsonError as error:
            raise BadUpstreamReply(f"a record of the upstream's stream is not JSON: {error}") from error
        self.payload = payload
        said = error_within(payload)
        if said is not None:
            raise said
        return self._reply.take(payload) if isinstance(payload, dict) else []

    def close(self) -> list[Event]:
        """The bytes have ended, which is this protocol's only terminator."""
        if self._ended:
            return []
        self._ended = True
        return self._reply.close()


class GeminiStreamEncoder:
    """The state of one stream to a client."""

    def __init__(self, asked: Asked, losses: Losses) -> None:
        self._asked = asked
        self._losses = losses
        self._own: JsonObject = {}
        self._beside: list[JsonValue] = []
        self._head: JsonObject = {}
        self._usage: Usage | None = None
        self._answers: dict[int, _Answer] = {}

    def encode(self, event: Event) -> list[Frame]:
        """The records that say `event`. Calls and media go out whole, when they close."""
        match event:
            case Start():
                self._begin(event)
                return []
            case Open(_, part, choice):
                self._answer(choice).open(part)
                return []
            case Delta(value=Usage() as usage):
                self._count(usage)
                return []
            case Delta(value=list() as logprobs, choice=choice):
                self._answer(choice).told.logprobs += logprobs
                return []
            case Delta(choice=choice):
                return self._frames(choice, self._answer(choice).say(event))
            case Close(_, part, choice):
                return self._frames(choice, self._answer(choice).close(part, self._losses))
            case _:
                return [self._end(event)]

    def fail(self, error: GatewayError) -> list[Frame]:
        """An error record, from which every SDK raises."""
        return [Frame(dumps_for_line_splitters(error_payload(error)))]

    def ping(self) -> bytes:
        """A bare line end: a comment breaks the Python SDK."""
        return b"\n"

    def _begin(self, start: Start) -> None:
        self._own, self._beside = own_fields(start.extras)
        self._head = {
            "modelVersion": self._asked.model or start.model,
            "responseId": start.id or self._asked.reply_id,
        }
        if start.usage is not None:
            self._count(start.usage)

    def _count(self, usage: Usage) -> None:
        self._usage = self._usage or Usage()
        self._usage.update(usage)

    def _answer(self, choice: int) -> "_Answer":
        return self._answers.setdefault(choice, _Answer())

    def _frames(self, choice: int, parts: list[JsonObject]) -> list[Frame]:
        return [
            self._frame([{"content": {"role": "model", "parts": [part]}, "index": choice}]) for part in parts
        ]

    def _frame(self, candidates: list[JsonValue], **more: JsonValue) -> Frame:
        payload: JsonObject = {**self._own, "candidates": candidates, **more, **self._head}
        return Frame(dumps_for_line_splitters(payload))

    def _end(self, end: End) -> Frame:
        """The record that finishes all answers, with what they cost: said once, because some clients add."""
        if end.usage is not None:
            self._count(end.usage)
        own, beside = own_fields(end.extras)
        self._own |= own
        candidates: list[JsonValue] = []
        for number, stop in enumerate(end.stops):
            answer = self._answer(number)
            fields = answer.told.ending(number, stop, beside or self._beside)
            candidates.append({"content": {"role": "model", "parts": [{"text": ""}]}, **fields})
        return self._frame(candidates, usageMetadata=encode_usage(self._usage, self._asked))


class _Answer:
    """One candidate on its way out."""

    __slots__ = ("_part", "_said", "told")

    def __init__(self) -> None:
        self.told = Told()
        self._part: Part | None = None
        self._said = False

    def open(self, part: Part) -> None:
        """A block begins."""
        self._part = part
        self._said = False

    def say(self, event: Delta) -> list[JsonObject]:
        """What a piece of the open block says: words at once, all else when the block closes."""
        value = event.value
        if not isinstance(value, str) or not value:
            return []
        match self._part:
            case Text() | Refusal():
                self._said = True
                return [{"text": value}]
            case Thinking():
                gap = "\n\n" if event.kind == "summary" and self._said else ""
                self._said = True
                return [{"text": gap + value, "thought": True}]
            case _:
                return []

    def close(self, part: Part, losses: Losses) -> list[JsonObject]:
        """What a finished block still owes."""
        self._part = None
        match part:
            case Text() | Refusal() if self._said:
                wire: list[JsonObject] = []
            case Thinking():
                wire = encode_thinking(part, losses, said=self._said)
            case _:
                wire = encode_part(part, losses)
        self.told.note(part, wire, losses)
        return wire


class GeminiMender:
    """Mends the records of a stream that passes through: a closed list of edits.

    Event names and other protocols' terminators, which break SDKs, are taken away; of a second finish only
    its usage stays.
    """

    __slots__ = ("_finished",)

    def __init__(self, _: Asked, usage_is_ours: bool) -> None:  # noqa: ARG002, FBT001 - the codec's interface
        self._finished: dict[int, JsonValue] = {}

    def mend(self, frame: Frame, payload: JsonValue) -> Frame | None:
        """The record to send for `frame`."""
        if frame.data.strip() == _DONE:
            return None
        if frame.event:
            frame = Frame(frame.data)
        if not isinstance(payload, dict) or not self._again(payload):
            return frame
        if payload.get("usageMetadata") is None:
            return None
        return Frame(dumps_for_line_splitters({**payload, "candidates": []}))

    def finish(self) -> list[Frame]:
        """Nothing: the protocol has no terminator."""
        return []

    def _again(self, payload: JsonObject) -> bool:
        """Whether a record only says that its candidates are finished, once more and for the same reason."""
        candidates = [one for one in listed(payload.get("candidates")) if isinstance(one, dict)]
        again = bool(candidates)
        for candidate in candidates:
            index, finish = candidate.get("index"), candidate.get("finishReason")
            number = index if isinstance(index, int) else 0
            said = bool(finish) and self._finished.get(number) == finish
            again = again and said and not candidate.get("content")
            if finish:
                self._finished[number] = finish
        return again
