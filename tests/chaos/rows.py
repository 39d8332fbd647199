"""A fault and how it must end: the words in which the tables of the campaign are written."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.chaos.endings import Broken, Ending, Kind, Refused, Unreadable, Whole

OPENAI, ANTHROPIC, GEMINI, OLLAMA = "openai-custom", "claude-custom", "gemini", "ollama"
EVERYWHERE = (OPENAI, ANTHROPIC, GEMINI, OLLAMA)
EVENTS = (OPENAI, ANTHROPIC, GEMINI)
"""The upstreams that stream server-sent events."""

PATIENT: Mapping[str, float] = dict.fromkeys(
    ("connect", "first_content", "idle", "progress", "non_stream"), 20
)
IMPATIENT: Mapping[str, float] = {"first_content": 1.5, "idle": 1, "progress": 1.5, "non_stream": 1.5}
SHORT: Mapping[str, float] = {**PATIENT, "total": 5}
"""Only the end comes soon: a busy machine has time to begin."""
STALLING: Mapping[str, float] = {**PATIENT, "idle": 1, "non_stream": 1.5}

GOOD = Whole()
UPSTREAM, TIMEOUT = Refused(Kind.UPSTREAM), Refused(Kind.TIMEOUT)
CUT = Broken(Kind.UPSTREAM)
SANE = Whole(usage=None)

WEATHER = "get_weather"
BAD_CALL = Whole("", "tool_calls", ((WEATHER, '{"city":Paris'),), usage=None)
ARRAY_CALL = Whole("", "tool_calls", (("a", [1, 2]),), usage=None)
NO_ARGUMENTS = Whole("", "tool_calls", (("now", {}),), usage=None)
UNREADABLE_CALL = Unreadable("tool parameter JSON")


@dataclass(frozen=True)
class Row:
    """A fault with its expectations, of a request for a whole reply and for a stream; None where it does not
    occur.

    `at`: the providers where it ends so; `to`: the protocols of the clients for whom it does, all if empty;
    `instead`: what the catalogue wants, where that is not the same.
    """

    fault: str
    whole: Ending | None
    stream: Ending | None
    at: tuple[str, ...] = EVERYWHERE
    to: tuple[str, ...] = ()
    timeouts: Mapping[str, float] = field(default_factory=lambda: PATIENT)
    instead: Ending | None = None


def both(
    ending: Ending, *faults: str, at: tuple[str, ...] = EVERYWHERE, to: tuple[str, ...] = ()
) -> list[Row]:
    """Faults that end alike however they are asked for."""
    return [Row(fault, ending, ending, at, to) for fault in faults]


def streamed(
    ending: Ending, *faults: str, at: tuple[str, ...] = EVERYWHERE, to: tuple[str, ...] = ()
) -> list[Row]:
    """Faults that only a stream can have."""
    return [Row(fault, None, ending, at, to) for fault in faults]


def impatient(whole: Ending | None, stream: Ending | None, *faults: str) -> list[Row]:
    """Faults that only time ends."""
    return [Row(fault, whole, stream, timeouts=IMPATIENT) for fault in faults]


def refused(kind: Kind, *faults: str, at: tuple[str, ...] = EVERYWHERE) -> list[Row]:
    """An error status, however the reply was asked for."""
    return both(Refused(kind), *faults, at=at)


def own(kind: Kind, status: int, *faults: str) -> list[Row]:
    """The request's own fault, told verbatim to a client that speaks the upstream's protocol."""
    return both(Refused(kind, own=status), *faults)


def said(fault: str, text: str) -> Row:
    """A reply with that text, said twice where it is streamed."""
    return Row(fault, Whole(text), Whole(text * 2))


def called(fault: str, *calls: tuple[str, object], at: tuple[str, ...] = EVERYWHERE) -> list[Row]:
    """A reply that calls tools."""
    return both(Whole("", "tool_calls", calls, usage=None), fault, at=at)
