"""What is answered, as a stream of events; a whole response is those events collected.

    stream := Start (Open Delta* Close)* End

The grammar holds for each choice; choices may interleave, blocks of one choice never overlap, and their
indices are dense from 0. *Open announces, Delta streams, Close settles*: `Close.part` is the finished block,
so that a protocol that sends blocks whole needs no buffer of its own. A `usage` delta may come at any time
after Start.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias, TypeVar, assert_never

from gateway.canonical.content import (
    Citation,
    Media,
    Opaque,
    Part,
    Refusal,
    ServerToolResult,
    ServerToolUse,
    Signature,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from gateway.canonical.json import Extras, JsonValue
from gateway.canonical.usage import Stop, StopReason, Usage

_T = TypeVar("_T")


@dataclass(slots=True)
class Start:
    """A reply begins. `usage` is what the upstream said this early, usually the input count."""

    id: str = ""
    model: str = ""
    created: int | None = None
    usage: Usage | None = None
    extras: Extras = field(default_factory=dict)


@dataclass(slots=True)
class Open:
    """A block begins; `part` is its empty form (id and name of a call are known, its arguments are not).

    A part that does not come in pieces (media, a server tool's result, an opaque part) is already whole here.
    """

    index: int
    part: Part
    choice: int = 0


DeltaKind: TypeAlias = Literal[
    "text", "thinking", "summary", "arguments", "citation", "signature", "usage", "logprobs"
]


@dataclass(slots=True)
class Delta:
    """A piece of the open block, or (`usage`, `logprobs`) of the reply, where `index` means nothing.

    `text`, `thinking`, `summary` (a whole paragraph) and `arguments` carry a string; `citation` a Citation;
    `signature` a Signature; `usage` a Usage (cumulative); `logprobs` a list of token entries in OpenAI's
    form.
    """

    index: int
    kind: DeltaKind
    value: str | Citation | Signature | Usage | list[JsonValue]
    choice: int = 0


@dataclass(slots=True)
class Close:
    """The open block is finished, and this is all of it."""

    index: int
    part: Part
    choice: int = 0


@dataclass(slots=True)
class End:
    """The reply is complete: why each choice stopped, and what it cost in all."""

    stops: list[Stop]
    usage: Usage | None = None
    extras: Extras = field(default_factory=dict)


Event: TypeAlias = Start | Open | Delta | Close | End


@dataclass(slots=True)
class Choice:
    """One of the answers."""

    parts: list[Part]
    stop: Stop
    logprobs: list[JsonValue] | None = None


@dataclass(slots=True)
class Response:
    """A whole reply. Almost always with one choice."""

    choices: list[Choice]
    id: str = ""
    model: str = ""
    created: int | None = None
    usage: Usage | None = None
    extras: Extras = field(default_factory=dict)

    @property
    def parts(self) -> list[Part]:
        """The parts of the first choice."""
        return self.choices[0].parts

    @property
    def stop(self) -> Stop:
        """Why the first choice ended."""
        return self.choices[0].stop


class GrammarError(ValueError):
    """A sequence of events that is not a stream: a decoder's bug, never a client's or an upstream's fault."""


class Collector:
    """Folds events into a `Response` and checks that they keep the grammar. Costs a few attribute reads an
    event.
    """

    __slots__ = ("_choices", "_counted", "_end", "_logprobs", "_open", "_start", "usage")

    def __init__(self) -> None:
        self.usage = Usage()
        self._counted = False
        self._start: Start | None = None
        self._end: End | None = None
        self._choices: dict[int, list[Part]] = {}
        self._open: dict[int, int] = {}
        self._logprobs: dict[int, list[JsonValue]] = {}

    def feed(self, event: Event) -> None:
        """Take the next event.

        Raises:
            GrammarError: the event may not stand here.
        """
        if self._end is not None:
            raise GrammarError(f"{event} after End")
        if self._start is None:
            self._begin(event)
            return
        match event:
            case Delta():
                self._delta(event)
            case Open(index, _, choice):
                parts = self._choices.setdefault(choice, [])
                if choice in self._open or index != len(parts):
                    raise GrammarError(f"{event} while {self._open} with {len(parts)} blocks closed")
                self._open[choice] = index
            case Close(index, part, choice):
                if self._open.pop(choice, None) != index:
                    raise GrammarError(f"{event} closes what is not open")
                self._choices[choice].append(part)
            case End():
                self._finish(event)
            case Start():
                raise GrammarError("a second Start")
            case _:
                assert_never(event)

    def _begin(self, event: Event) -> None:
        if not isinstance(event, Start):
            raise GrammarError(f"{event} before Start")
        self._start = event
        if event.usage is not None:
            self._count(event.usage)

    def _delta(self, event: Delta) -> None:
        if isinstance(event.value, Usage):
            self._count(event.value)
        elif isinstance(event.value, list):
            self._logprobs.setdefault(event.choice, []).extend(event.value)
        elif self._open.get(event.choice) != event.index:
            raise GrammarError(f"{event} outside its block")

    def _finish(self, event: End) -> None:
        if self._open:
            raise GrammarError(f"End while {self._open} are open")
        if any(choice >= len(event.stops) for choice in self._choices):
            raise GrammarError(f"End without a stop for every choice of {sorted(self._choices)}")
        if event.usage is not None:
            self._count(event.usage)
        self._end = event

    def _count(self, usage: Usage) -> None:
        self.usage.update(usage)
        self._counted = True

    @property
    def started(self) -> bool:
        """Whether the reply has begun."""
        return self._start is not None

    @property
    def complete(self) -> bool:
        """Whether End has come: the only sign that a reply is whole."""
        return self._end is not None

    @property
    def stop(self) -> Stop | None:
        """Why the first choice ended, once it has."""
        return self._end.stops[0] if self._end is not None and self._end.stops else None

    def response(self) -> Response:
        """The whole reply.

        Raises:
            GrammarError: End has not come.
        """
        if self._start is None or self._end is None:
            raise GrammarError("the stream is not complete")
        start, end = self._start, self._end
        return Response(
            choices=[
                Choice(self._choices.get(i, []), stop, self._logprobs.get(i))
                for i, stop in enumerate(end.stops)
            ],
            id=start.id,
            model=start.model,
            created=start.created,
            usage=self.usage if self._counted else None,
            extras={
                owner: {**start.extras.get(owner, {}), **end.extras.get(owner, {})}
                for owner in (*start.extras, *end.extras)
            },
        )


def collect(events: Iterable[Event]) -> Response:
    """The response that `events` tell.

    Raises:
        GrammarError: they are not a whole stream.
    """
    collector = Collector()
    for event in events:
        collector.feed(event)
    return collector.response()


def explode(response: Response) -> Iterator[Event]:
    """The events that tell `response`; `collect` is its inverse."""
    yield Start(response.id, response.model, response.created, extras=response.extras)
    for number, choice in enumerate(response.choices):
        for index, part in enumerate(choice.parts):
            yield Open(index, hollow(part), number)
            yield from (Delta(index, kind, value, number) for kind, value in pieces(part))
            yield Close(index, part, number)
        if choice.logprobs is not None:
            yield Delta(0, "logprobs", choice.logprobs, number)
    yield End([choice.stop for choice in response.choices], response.usage)


def hollow(part: Part) -> Part:
    """The empty form of a part that comes in pieces; any other part as it is."""
    match part:
        case Text():
            return replace(part, text="", citations=[])
        case Refusal():
            return replace(part, text="")
        case Thinking():
            # A redacted block is nothing but its signature, so it is announced with it.
            return part if part.redacted else replace(part, text="", summary=[], signature=None)
        case ToolCall():
            return replace(part, arguments="", signature=None)
        case Media() | ToolResult() | ServerToolUse() | ServerToolResult() | Opaque():
            return part
        case _:
            assert_never(part)


def pieces(part: Part) -> Iterator[tuple[DeltaKind, str | Citation | Signature]]:
    """What the deltas of a finished part say, in order; nothing for a part that does not come in pieces."""
    match part:
        case Text():
            yield from (("text", piece) for piece in _said(part.text))
            yield from (("citation", citation) for citation in part.citations)
        case Refusal():
            yield from (("text", piece) for piece in _said(part.text))
        case Thinking(redacted=False):
            yield from (("thinking", piece) for piece in _said(part.text))
            yield from (("summary", paragraph) for paragraph in part.summary)
            yield from (("signature", signature) for signature in _said(part.signature))
        case ToolCall():
            yield from (("arguments", piece) for piece in _said(part.arguments))
            yield from (("signature", signature) for signature in _said(part.signature))
        case _:
            pass


def _said(value: _T | None) -> tuple[_T, ...]:
    return (value,) if value else ()


def complete_stop(reason: StopReason, raw: str, *, called: bool) -> Stop:
    """The stop of a reply, with the one correction every protocol needs.

    An ordinary end with calls in the reply is a tool call (Gemini, Ollama and many OpenAI-alikes say `stop`),
    and a tool call without calls is an ordinary end. Running into the length limit stays what it is: the last
    call may be cut off.
    """
    if called and reason is StopReason.END:
        reason = StopReason.TOOL_CALL
    elif not called and reason is StopReason.TOOL_CALL:
        reason = StopReason.END
    return Stop(reason, raw)
