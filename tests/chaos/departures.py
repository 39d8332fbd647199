"""Where the campaign expects another ending than the catalogue of faults, and why: the one list of them."""

from dataclasses import dataclass

from tests.chaos.endings import FULL, Kind, Refused, Unreadable, Whole
from tests.chaos.rows import (
    ANTHROPIC,
    ARRAY_CALL,
    BAD_CALL,
    GEMINI,
    GOOD,
    OLLAMA,
    OPENAI,
    SANE,
    UNREADABLE_CALL,
    UPSTREAM,
    Row,
    both,
)

MALFORMED = Whole("", "MALFORMED_FUNCTION_CALL", usage=None)
FLOOD = 4000 * 495
"""All that the flood says at an upstream whose every record is a finish."""


@dataclass(frozen=True)
class Departure:
    """What the catalogue wants, why we think otherwise, and the rows that hold us to it."""

    catalogue: str
    why: str
    rows: tuple[Row, ...]


DEPARTURES = (
    Departure(
        "408 and 504 are failures of the upstream: 502",
        "its own word for them is the timeout that they are: 504",
        (*both(Refused(Kind.TIMEOUT), "http-408", "http-504"),),
    ),
    Departure(
        "a reply that is longer than its Content-Length is well",
        "the length is all there is to go by, and the reply within it is cut",
        (*both(UPSTREAM, "cl-too-short"),),
    ),
    Departure(
        "an encoding that nobody knows is tried elsewhere",
        "the label lies, but the reply is whole by every check there is",
        (*both(GOOD, "enc-unknown"),),
    ),
    Departure(
        "null content is an empty text",
        "the Messages API has no null there, and its SDK dies of one",
        (*both(UPSTREAM, "null-content", at=(ANTHROPIC,)),),
    ),
    Departure(
        "a reply without choices is tried elsewhere",
        "a message without a block is what the Messages API has for 'nothing more to say'",
        (*both(Whole(""), "no-choices", at=(ANTHROPIC,)),),
    ),
    Departure(
        "events out of order are put in order",
        "what passes through unchanged in this order kills the SDK, so it does not pass",
        (Row("event-order", None, UPSTREAM, (ANTHROPIC,), to=("anthropic",)),),
    ),
    Departure(
        "tool arguments that are no object pass",
        "a whole message of the Messages API has an object there: arguments that are none are no reply of it",
        (
            Row("tool-bad-args", UPSTREAM, None, (ANTHROPIC,)),
            Row("tool-array-args", UPSTREAM, None, (ANTHROPIC,)),
        ),
    ),
    Departure(
        "a client whose protocol needs an object is told of an upstream that failed",
        "the call is complete and its words are there: Ollama's and Anthropic's clients find them in an "
        "object made for them, Gemini's own word for a call that is no JSON says so to its clients",
        (
            Row("tool-bad-args", BAD_CALL, BAD_CALL, (OPENAI,), to=("ollama",)),
            Row("tool-bad-args", None, BAD_CALL, (ANTHROPIC,), to=("ollama",)),
            Row("tool-bad-args", MALFORMED, MALFORMED, (OPENAI,), to=("gemini",)),
            Row("tool-bad-args", None, MALFORMED, (ANTHROPIC,), to=("gemini",)),
            *both(BAD_CALL, "tool-bad-args", at=(GEMINI,), to=("openai", "ollama")),
            *both(BAD_CALL, "tool-bad-args", at=(OLLAMA,), to=("openai",)),
            Row("tool-bad-args", BAD_CALL, UNREADABLE_CALL, (GEMINI, OLLAMA), to=("anthropic",)),
            *both(MALFORMED, "tool-bad-args", at=(OLLAMA,), to=("gemini",)),
            *both(ARRAY_CALL, "tool-array-args", at=(GEMINI,), to=("openai", "anthropic", "ollama")),
            *both(ARRAY_CALL, "tool-array-args", at=(OLLAMA,), to=("openai", "anthropic", "gemini")),
        ),
    ),
    Departure(
        "tool arguments that are no object fail, and so does a call that was cut",
        "what an upstream says to a client of its own protocol passes, and is as unreadable to the SDK as it "
        "would be without us: an error, and no reply that looks whole",
        (
            *both(Unreadable("valid dictionary"), "tool-bad-args", at=(GEMINI,), to=("gemini",)),
            *both(Unreadable("valid dictionary"), "tool-array-args", at=(GEMINI,), to=("gemini",)),
            *both(Unreadable("valid dictionary"), "tool-bad-args", at=(OLLAMA,), to=("ollama",)),
            *both(Unreadable("valid dictionary"), "tool-array-args", at=(OLLAMA,), to=("ollama",)),
            Row("tool-cut", None, Unreadable("valid dictionary"), (GEMINI,), to=("gemini",)),
            Row("tool-cut", None, Unreadable("valid dictionary"), (OLLAMA,), to=("ollama",)),
        ),
    ),
    Departure(
        "counts that are no whole numbers are estimated",
        "as above: what passes is the upstream's own word, which no real one of these ever said",
        (
            *both(Unreadable("valid integer"), "usage-float", at=(GEMINI,), to=("gemini",)),
            *both(Unreadable("valid integer"), "usage-float", at=(OLLAMA,), to=("ollama",)),
            *both(SANE, "usage-float", at=(GEMINI,), to=("openai", "anthropic", "ollama")),
            *both(SANE, "usage-float", at=(OLLAMA,), to=("openai", "anthropic", "gemini")),
        ),
    ),
    Departure(
        "a 429 that waiting cannot cure is known by its code",
        "Ollama's errors have no code, and words that say 'quota' are what Google says of every rate limit",
        (*both(Refused(Kind.RATE_LIMIT), "429-quota", at=(OLLAMA,)),),
    ),
    Departure(
        "exactly one finish is heard, and nothing after it",
        "Gemini has no terminator, and models of it say STOP in every record: words that follow one are part "
        "of the reply",
        (
            Row("data-after-done", None, Whole(f"{FULL}Hello"), (GEMINI,)),
            Row("dup-finish", None, Whole(f"{FULL} upstream"), (GEMINI,)),
            Row("usage-twice", None, Whole(f"{FULL} upstream"), (GEMINI,)),
            Row("flood~mb=2", None, Whole("y" * FLOOD, usage=(11, 5)), (GEMINI,)),
        ),
    ),
    Departure(
        "a list as a reply is tried elsewhere",
        "Gemini streams lists to those who do not ask for events, and a list of one reply says it all",
        (*both(GOOD, "json-array", at=(GEMINI,)),),
    ),
)
