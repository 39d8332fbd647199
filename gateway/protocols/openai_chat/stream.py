"""Streams of the Chat Completions form, both ways, and mended on their way through.

    chunk(role) chunk(delta)* chunk(finish_reason) [chunk(choices: [], usage)] "[DONE]"

A stream is complete when every choice that began has a finish reason; at `[DONE]` one of them is enough (a
proxy may keep back the others), or none where the upstream is known to leave finish reasons out.
"""

from collections import Counter
from typing import Any

from gateway.canonical.content import (
    Base64,
    Citation,
    Media,
    Part,
    Refusal,
    Signature,
    Text,
    Thinking,
    ToolCall,
)
from gateway.canonical.events import Close, Delta, End, Event, Open, Start
from gateway.canonical.json import JsonObject, JsonValue
from gateway.canonical.usage import Stop, StopReason, Usage
from gateway.errors import BadUpstreamReply, GatewayError
from gateway.protocols.codec import Asked, Losses, Sent
from gateway.protocols.openai_chat.choice import ChoiceDecoder
from gateway.protocols.openai_chat.errors import error_payload, error_within
from gateway.protocols.openai_chat.media import NAME
from gateway.protocols.openai_chat.reasoning import encode_details
from gateway.protocols.openai_chat.reply import (
    decode_usage,
    described,
    encode_citation,
    encode_stop,
    encode_usage,
    render,
)
from gateway.protocols.openai_chat.response import decode_start, encode_audio, seed_of
from gateway.protocols.openai_chat.tools import encode_signature
from gateway.wire.fast_json import JsonError, dumps, loads
from gateway.wire.frames import Frame

_DONE = b"[DONE]"
_MOST_CHOICES = 128


class ChatStreamDecoder:
    """The state of one upstream stream."""

    __slots__ = ("_choices", "_ended", "_seed", "_sent", "_started", "_usage", "payload")

    def __init__(self, sent: Sent) -> None:
        self.payload: JsonValue = None
        self._sent = sent
        self._seed = ""
        self._started = False
        self._ended = False
        self._choices: dict[int, ChoiceDecoder] = {}
        self._usage: Usage | None = None

    def decode(self, frame: Frame) -> list[Event]:
        """The events that one record says."""
        self.payload = None
        if self._ended:
            return []
        if frame.data.strip() == _DONE:
            return self._end(at_terminator=True)
        try:
            payload = loads(frame.data)
        except JsonError as error:
            raise BadUpstreamReply(f"a record of the upstream's stream is not JSON: {error}") from error
        self.payload = payload
        # An error behind the finish (OpenRouter says once more why the length ended it) takes nothing back.
        error_said = error_within(payload, frame.data)
        if error_said is not None and not self.finished:
            raise error_said
        return self._take(payload) if isinstance(payload, dict) else []

    def close(self) -> list[Event]:
        """The bytes have ended."""
        return [] if self._ended else self._end(at_terminator=False)

    @property
    def finished(self) -> bool:
        """Whether every choice that began has a finish reason."""
        for choice in self._choices.values():
            if not choice.finish:
                return False
        return bool(self._choices)

    def _take(self, payload: dict[str, Any]) -> list[Event]:
        choices = payload.get("choices")
        usage = decode_usage(payload)
        events: list[Event] = []
        if not self._started and (choices or usage is not None):
            start = decode_start(payload)
            self._seed = seed_of(start, self._sent)
            self._started = True
            events.append(start)
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict):
                events += self._choice(choice)
        if usage is not None:
            self._usage = self._usage or Usage()
            self._usage.update(usage)
            events.append(Delta(0, "usage", usage))
        return events

    def _choice(self, choice: dict[str, Any]) -> list[Event]:
        number = choice.get("index")
        if not isinstance(number, int) or not 0 <= number < _MOST_CHOICES:
            number = 0
        decoder = self._choices.get(number)
        if decoder is None:
            decoder = self._choices[number] = ChoiceDecoder(number, self._sent, self._seed)
        return decoder.take(choice, ("delta", "message"))

    def _end(self, *, at_terminator: bool) -> list[Event]:
        if not (self.finished or (at_terminator and self._may_end)):
            raise BadUpstreamReply("the upstream's stream ended without a finish reason")
        self._ended = True
        events = [event for choice in self._choices.values() for event in choice.close()]
        # A choice that never spoke has no decoder; its place must not be taken by the next one.
        silent = Stop(StopReason.END)
        stops = [
            self._choices[number].stop() if number in self._choices else silent
            for number in range(max(self._choices) + 1)
        ]
        return [*events, End(stops, self._usage)]

    @property
    def _may_end(self) -> bool:
        """Whether the terminator alone may end the stream here."""
        choices = self._choices.values()
        return any(choice.finish or (choice.said and self._sent.finish_optional) for choice in choices)


class ChatStreamEncoder:
    """The state of one stream to a client."""

    def __init__(self, asked: Asked, losses: Losses) -> None:
        self._asked = asked
        self._losses = losses
        self._head: JsonObject = {}
        self._usage: Usage | None = None
        self._speakers: dict[int, _Speaker] = {}

    def encode(self, event: Event) -> list[Frame]:
        """The chunks that say `event`."""
        match event:
            case Start():
                self._begin(event)
                return [self._chunk(*piece) for piece in self._speaker(0)[1]]
            case Open(_, part, choice):
                speaker, pieces = self._speaker(choice)
                pieces += [(choice, delta) for delta in speaker.open(part)]
                return [self._chunk(*piece) for piece in pieces]
            case Delta(value=Usage() as usage):
                self._count(usage)
                return []
            case Delta(value=list() as logprobs, choice=choice):
                return [self._chunk(choice, {}, logprobs=logprobs)]
            case Delta():
                speaker = self._speakers[event.choice]
                return [self._chunk(event.choice, delta) for delta in speaker.say(event)]
            case Close(_, part, choice):
                speaker = self._speakers[choice]
                return [self._chunk(choice, delta) for delta in speaker.close(part)]
            case _:
                return self._end(event)

    def fail(self, error: GatewayError) -> list[Frame]:
        """An error record; without `[DONE]`, nobody takes the stream for complete."""
        return [Frame(dumps(error_payload(error)))]

    def ping(self) -> bytes:
        """A comment."""
        return b": ping\n\n"

    def _begin(self, start: Start) -> None:
        self._head = {
            **start.extras.get(NAME, {}),
            "id": start.id or f"chatcmpl-{self._asked.reply_id}",
            "object": "chat.completion.chunk",
            "created": start.created if start.created is not None else self._asked.created,
            "model": self._asked.model or start.model,
        }
        if start.usage is not None:
            self._count(start.usage)

    def _count(self, usage: Usage) -> None:
        self._usage = self._usage or Usage()
        self._usage.update(usage)

    def _speaker(self, choice: int) -> "tuple[_Speaker, list[tuple[int, JsonObject]]]":
        """The state of a choice, and the chunk that opens it if it is new."""
        speaker = self._speakers.get(choice)
        if speaker is not None:
            return speaker, []
        speaker = self._speakers[choice] = _Speaker(self._asked, self._losses)
        return speaker, [(choice, {"role": "assistant", "content": "", "refusal": None})]

    def _chunk(
        self,
        choice: int,
        delta: JsonObject,
        *,
        finish: str | None = None,
        logprobs: list[JsonValue] | None = None,
    ) -> Frame:
        said: JsonObject = {
            "index": choice,
            "delta": delta,
            "logprobs": None if logprobs is None else {"content": logprobs, "refusal": None},
            "finish_reason": finish,
        }
        chunk: JsonObject = {**self._head, "choices": [said]}
        if self._asked.include_usage:
            chunk["usage"] = None
        return Frame(dumps(chunk))

    def _end(self, end: End) -> list[Frame]:
        frames: list[Frame] = []
        for choice, stop in enumerate(end.stops):
            frames += [self._chunk(*piece) for piece in self._speaker(choice)[1]]
            frames.append(self._chunk(choice, {}, finish=encode_stop(stop)))
        if end.usage is not None:
            self._count(end.usage)
        if self._asked.include_usage:
            usage = encode_usage(self._usage, self._asked)
            frames.append(Frame(dumps({**self._head, "choices": [], "usage": usage})))
        return [*frames, Frame(_DONE)]


class _Speaker:
    """One choice on its way out: which block is open, how many calls and code points it has said."""

    __slots__ = ("_asked", "_calls", "_length", "_losses", "_numbers", "_part", "_said", "_sounded")

    def __init__(self, asked: Asked, losses: Losses) -> None:
        self._asked = asked
        self._losses = losses
        self._part: Part | None = None
        self._calls = 0
        self._length = 0
        self._said = 0
        self._sounded = False
        self._numbers: Counter[str] = Counter()

    def open(self, part: Part) -> list[JsonObject]:
        """The deltas that announce a block."""
        self._part = part
        self._said = 0
        match part:
            case ToolCall():
                word = "input" if part.kind == "custom" else "arguments"
                inner: JsonObject = {"name": part.name, word: ""}
                self._calls += 1
                return [self._call({"id": part.id, "type": part.kind, part.kind: inner})]
            case Text() | Refusal() | Thinking():
                return []
            case Media(kind="audio", source=Base64()) if not self._sounded:
                self._sounded = True
                return [{"audio": encode_audio(part, self._asked)}]
            case _:
                self._losses.drop(described(part))
                return self._words(render(part))

    def say(self, event: Delta) -> list[JsonObject]:
        """The deltas that say a piece of the open block."""
        value = event.value
        match self._part:
            case Text() if isinstance(value, str):
                return self._words(value)
            case Refusal() if isinstance(value, str):
                return [{"refusal": value}]
            case Thinking() if isinstance(value, str):
                gap = "\n\n" if event.kind == "summary" and self._said else ""
                self._said += len(value)
                return [{"reasoning_content": gap + value}]
            case ToolCall(kind=kind) if isinstance(value, str):
                self._said += len(value)
                return [self._call({kind: {"input" if kind == "custom" else "arguments": value}})]
            case ToolCall(kind=kind) if isinstance(value, Signature):
                # An SDK asserts that every piece of a call has the object that holds its arguments.
                word = "input" if kind == "custom" else "arguments"
                return [self._call({kind: {word: ""}, **encode_signature(value)})]
            case _:
                # Signatures of reasoning and citations go out when the block closes: they speak of all of it.
                return []

    def close(self, part: Part) -> list[JsonObject]:
        """The deltas that a finished block still owes."""
        self._part = None
        match part:
            case Text():
                return [delta for citation in part.citations for delta in self._cite(citation)]
            case Thinking():
                return self._listed("reasoning_details", encode_details(part))
            case ToolCall(kind="function") if not self._said:
                return [self._call({"function": {"arguments": part.arguments or "{}"}})]
            case _:
                return []

    def _call(self, fields: JsonObject) -> JsonObject:
        return {"tool_calls": [{"index": self._calls - 1, **fields}]}

    def _words(self, text: str) -> list[JsonObject]:
        self._length += len(text)
        self._said += len(text)
        return [{"content": text}] if text else []

    def _cite(self, citation: Citation) -> list[JsonObject]:
        annotation = encode_citation(citation, self._length - self._said, self._said)
        if annotation is None:
            self._losses.drop("content.citations")
            return []
        return self._listed("annotations", [annotation])

    def _listed(self, name: str, entries: list[JsonObject]) -> list[JsonObject]:
        """Entries of a list that grows, numbered: by these numbers SDKs put it together again."""
        numbered: list[JsonValue] = []
        for entry in entries:
            numbered.append({**entry, "index": self._numbers[name]})
            self._numbers[name] += 1
        return [{name: numbered}] if numbered else []


class ChatMender:
    """Mends the records of a stream that passes through: a closed list of edits.

    A usage record that only the gateway asked for is swallowed; of a second finish only its usage stays;
    nothing follows `[DONE]`, which is added where it is missing; where a delta is null or a message stands in
    its place, there is one.
    """

    __slots__ = ("_done", "_finished", "_usage_is_ours")

    def __init__(self, _: Asked, usage_is_ours: bool) -> None:  # noqa: FBT001 - the codec's interface
        self._usage_is_ours = usage_is_ours
        self._finished: set[int] = set()
        self._done = False

    def mend(self, frame: Frame, payload: JsonValue) -> Frame | None:
        """The record to send for `frame`."""
        if self._done:
            return None
        if frame.data.strip() == _DONE:
            self._done = True
            return frame
        if not isinstance(payload, dict):
            return frame
        choices = payload.get("choices")
        counted = payload.get("usage") is not None
        if not choices:
            return None if self._usage_is_ours and counted and choices == [] else frame
        if not self._again(choices):
            return (
                frame if _has_deltas(choices) else Frame(dumps({**payload, "choices": _with_deltas(choices)}))
            )
        return Frame(dumps({**payload, "choices": []})) if counted and not self._usage_is_ours else None

    def finish(self) -> list[Frame]:
        """The terminator, if the upstream left it out."""
        return [] if self._done else [Frame(_DONE)]

    def _again(self, choices: JsonValue) -> bool:
        """Whether all of `choices` only say that they are finished, once more."""
        again = True
        for choice in choices if isinstance(choices, list) else ():
            index = choice.get("index") if isinstance(choice, dict) else None
            finish = choice.get("finish_reason") if isinstance(choice, dict) else None
            number = index if isinstance(index, int) else 0
            again = again and bool(finish) and number in self._finished
            if finish:
                self._finished.add(number)
        return again


def _has_deltas(choices: JsonValue) -> bool:
    return not isinstance(choices, list) or not any(map(_lacks_delta, choices))


def _lacks_delta(choice: JsonValue) -> bool:
    """Whether `choice` has something else in the delta's place. One that says nothing at all (Azure ends its
    streams with such) is known to every client.
    """
    if not isinstance(choice, dict) or isinstance(choice.get("delta"), dict):
        return False
    return "delta" in choice or "message" in choice


def _with_deltas(choices: JsonValue) -> JsonValue:
    """`choices` with an empty delta, or what stands for one, where there is none."""
    return [
        {**choice, "delta": choice.get("message") or {}}
        if isinstance(choice, dict) and _lacks_delta(choice)
        else choice
        for choice in (choices if isinstance(choices, list) else ())
    ]
