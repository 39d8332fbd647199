"""Where the campaign expects another ending than the catalogue of faults, and why: the one list of them."""

from dataclasses import dataclass, replace

from tests.chaos.endings import FULL, UNTOLD, Broken, Ending, Kind, Refused, Unreadable, Whole
from tests.chaos.rows import (
    ANTHROPIC,
    ARRAY_CALL,
    BAD_CALL,
    GEMINI,
    GOOD,
    NO_ARGUMENTS,
    OLLAMA,
    OPENAI,
    SANE,
    UPSTREAM,
    Row,
    both,
)

NO_WORDS = Whole("", "tool_calls", (("now", ""),), usage=None)
MALFORMED = Whole("", "MALFORMED_FUNCTION_CALL", usage=None)
INVALID_CALL = Unreadable("valid dictionary")
INVALID_COUNT = Unreadable("valid integer")
AS_COUNTED = Whole(usage=None, own=Whole(usage=UNTOLD))
UNCOUNTED = ("usage-missing", "usage-null", "usage-string")
FLOOD = 4000 * 495
"""All that the flood says at an upstream whose every record is a finish."""


@dataclass(frozen=True)
class Departure:
    """What the catalogue's row `number` wants, why we think otherwise, and the rows that hold us to it."""

    number: int
    wants: Ending
    why: str
    rows: tuple[Row, ...]


DEPARTURES = (
    Departure(
        23,
        GOOD,
        "the length is all there is to go by, and the reply within it is cut",
        (*both(UPSTREAM, "cl-too-short"),),
    ),
    Departure(
        35,
        UPSTREAM,
        "its own word for it is the timeout that it is",
        (*both(Refused(Kind.TIMEOUT), "http-408"),),
    ),
    Departure(
        40,
        Refused(Kind.QUOTA),
        "Ollama's errors have no code, and words that say 'quota' are what Google says of every rate limit",
        (*both(Refused(Kind.RATE_LIMIT), "429-quota", at=(OLLAMA,), to=("openai", "anthropic")),),
    ),
    Departure(
        42,
        UPSTREAM,
        "its own word for it is the timeout that it is",
        (*both(Refused(Kind.TIMEOUT), "http-504"),),
    ),
    Departure(
        58,
        Whole(""),
        "the Messages API has no null there, and its SDK dies of one",
        (*both(UPSTREAM, "null-content", at=(ANTHROPIC,)),),
    ),
    Departure(
        58,
        UPSTREAM,
        "a message without a block is what the Messages API has for 'nothing more to say'",
        (*both(Whole(""), "no-choices", at=(ANTHROPIC,)),),
    ),
    Departure(
        58,
        UPSTREAM,
        "Gemini streams lists to those who do not ask for events, and a list of one reply says it all",
        (*both(GOOD, "json-array", at=(GEMINI,)),),
    ),
    Departure(
        60,
        GOOD,
        "to a client of its own protocol an upstream says it unchanged: the SDKs take any word for a finish",
        (
            *both(Whole(own=Whole(stop="quantum_stop")), "unknown-finish-reason", at=(OPENAI, ANTHROPIC)),
            *both(Whole(own=Whole(stop="QUANTUM")), "unknown-finish-reason", at=(GEMINI,)),
            *both(Whole(own=Whole(stop="quantum")), "unknown-finish-reason", at=(OLLAMA,)),
        ),
    ),
    Departure(
        61,
        SANE,
        "to a client of its own protocol an upstream counts as it counts: only what we record is mended",
        (
            *both(AS_COUNTED, "usage-huge", "usage-negative"),
            *both(AS_COUNTED, "usage-float", at=(OPENAI, ANTHROPIC)),
            *both(AS_COUNTED, "usage-null", at=(OPENAI, OLLAMA)),
            *both(AS_COUNTED, "usage-missing", at=(OLLAMA,)),
            *(Row(fault, AS_COUNTED, None, (ANTHROPIC,)) for fault in UNCOUNTED),
        ),
    ),
    Departure(
        61,
        SANE,
        "as above, and to the SDK as unreadable as it would be without us; no real one of these ever said so",
        (
            *both(INVALID_COUNT, "usage-float", at=(GEMINI,), to=("gemini",)),
            *both(INVALID_COUNT, "usage-float", at=(OLLAMA,), to=("ollama",)),
        ),
    ),
    Departure(
        64,
        UPSTREAM,
        "the label lies, but the reply is whole by every check there is",
        (*both(GOOD, "enc-unknown"),),
    ),
    Departure(
        80,
        GOOD,
        "Gemini has no terminator, and models of it say STOP in every record: words that follow one are part "
        "of the reply",
        (
            Row("data-after-done", None, Whole(f"{FULL}Hello"), (GEMINI,)),
            Row("dup-finish", None, Whole(f"{FULL} upstream"), (GEMINI,)),
        ),
    ),
    Departure(
        81,
        GOOD,
        "as above: the record that repeats the usage says a word too",
        (Row("usage-twice", None, Whole(f"{FULL} upstream"), (GEMINI,)),),
    ),
    Departure(
        89,
        Broken(Kind.UPSTREAM, "y" * FLOOD),
        "as above: every record of the flood is a finish, so that it is a whole reply",
        (Row("flood~mb=2", None, Whole("y" * FLOOD, usage=(11, 5)), (GEMINI,)),),
    ),
    Departure(
        90,
        GOOD,
        "what passes through unchanged in this order kills the SDK, so it does not pass",
        (Row("event-order", None, UPSTREAM, (ANTHROPIC,), to=("anthropic",)),),
    ),
    Departure(
        91,
        NO_ARGUMENTS,
        "OpenAI's own clients know that the arguments are text, and that no text may be one",
        (*both(replace(NO_ARGUMENTS, own=NO_WORDS), "tool-empty-args", at=(OPENAI,)),),
    ),
    Departure(
        91,
        ARRAY_CALL,
        "a whole message of the Messages API has an object there: arguments that are none are no reply of it",
        (Row("tool-array-args", UPSTREAM, None, (ANTHROPIC,)),),
    ),
    Departure(
        91,
        ARRAY_CALL,
        "what an upstream says to a client of its own protocol passes, and is as unreadable to the SDK as it "
        "would be without us: an error, and no reply that looks whole",
        (
            *both(INVALID_CALL, "tool-array-args", at=(GEMINI,), to=("gemini",)),
            *both(INVALID_CALL, "tool-array-args", at=(OLLAMA,), to=("ollama",)),
        ),
    ),
    Departure(
        92,
        BAD_CALL,
        "a whole message of the Messages API has an object there: arguments that are none are no reply of it",
        (Row("tool-bad-args", UPSTREAM, None, (ANTHROPIC,)),),
    ),
    Departure(
        92,
        UPSTREAM,
        "the call is complete and its words are there: Ollama's clients find them in an object made for "
        "them, Gemini's own word for a call that is no JSON says so to its clients",
        (
            *both(BAD_CALL, "tool-bad-args", at=(OPENAI, GEMINI), to=("ollama",)),
            Row("tool-bad-args", None, BAD_CALL, (ANTHROPIC,), to=("ollama",)),
            *both(MALFORMED, "tool-bad-args", at=(OPENAI, OLLAMA), to=("gemini",)),
            Row("tool-bad-args", None, MALFORMED, (ANTHROPIC,), to=("gemini",)),
        ),
    ),
    Departure(
        92,
        UPSTREAM,
        "as row 91: what the upstream of its own protocol says passes to a client that cannot read it",
        (
            *both(INVALID_CALL, "tool-bad-args", at=(GEMINI,), to=("gemini",)),
            *both(INVALID_CALL, "tool-bad-args", at=(OLLAMA,), to=("ollama",)),
        ),
    ),
    Departure(
        93,
        Broken(Kind.UPSTREAM, ""),
        "as row 91: half a call is nothing that the SDK can read, and the error behind it comes too late",
        (
            Row("tool-cut", None, INVALID_CALL, (GEMINI,), to=("gemini",)),
            Row("tool-cut", None, INVALID_CALL, (OLLAMA,), to=("ollama",)),
        ),
    ),
)
