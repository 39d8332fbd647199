"""Every fault, and how it ends for the client of a gateway that has nothing else to try.

One row per fault; `whole` and `stream` are the ending of a request for a whole reply and for a stream, None
where the fault does not occur. What follows where another deployment could stand in is not written here: a
refusal that is not the request's own fault must then not be heard at all, and everything else must be as
before.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tests.chaos.endings import Broken, Ending, Kind, Refused, Torn, Unreadable, Whole

OPENAI, ANTHROPIC = "openai-custom", "claude-custom"

PATIENT: Mapping[str, float] = {"first_content": 20, "idle": 20, "progress": 20, "non_stream": 20}
IMPATIENT: Mapping[str, float] = {"first_content": 1.5, "idle": 1, "progress": 1.5, "non_stream": 1.5}
SHORT: Mapping[str, float] = {**PATIENT, "total": 2}

GOOD = Whole()
UPSTREAM, TIMEOUT = Refused(Kind.UPSTREAM), Refused(Kind.TIMEOUT)
CUT = Broken(Kind.UPSTREAM)
SANE = Whole(usage=None)


@dataclass(frozen=True)
class Row:
    """A fault with its expectations. `only`: of all providers that one; `sdk`: of all clients that one."""

    fault: str
    whole: Ending | None
    stream: Ending | None
    only: str | None = None
    sdk: str | None = None
    timeouts: Mapping[str, float] = field(default_factory=lambda: PATIENT)


def both(ending: Ending, *faults: str) -> list[Row]:
    return [Row(fault, ending, ending) for fault in faults]


def streamed(ending: Ending, *faults: str) -> list[Row]:
    return [Row(fault, None, ending) for fault in faults]


def impatient(whole: Ending | None, stream: Ending | None, *faults: str) -> list[Row]:
    return [Row(fault, whole, stream, timeouts=IMPATIENT) for fault in faults]


def refused(kind: Kind, *faults: str) -> list[Row]:
    return both(Refused(kind), *faults)


def own(kind: Kind, status: int, *faults: str) -> list[Row]:
    """The request's own fault, told verbatim to a client that speaks the upstream's protocol."""
    return both(Refused(kind, own=status), *faults)


def said(fault: str, text: str) -> Row:
    """A reply with that text, said twice where it is streamed."""
    return Row(fault, Whole(text), Whole(text * 2))


def called(fault: str, *calls: tuple[str, object], own: tuple[str, object] | None = None) -> list[Row]:
    """A reply that calls tools."""
    ending = Whole("", "tool_calls", calls, usage=None)
    passed = None if own is None else replace(ending, calls=(own,))
    return [
        Row(fault, replace(ending, own=passed), replace(ending, own=passed), only=OPENAI),
        Row(fault, ending, ending, only=ANTHROPIC),
    ]


CONNECTIONS = [
    *both(GOOD, "close-delimited", "connection-close", "early-hints", "extra-bytes", "idle-rst"),
    *both(GOOD, "informational-flood", "secret-headers", "slow-headers~ms=2", "trailers"),
    *both(UPSTREAM, "bad-chunk-size", "cl-and-te", "dup-content-length", "fin-before-response"),
    *both(UPSTREAM, "garbage-response", "header-injection", "http-204", "http09", "huge-header"),
    *both(UPSTREAM, "many-headers", "redirect-302", "redirect-307", "redirect-loop", "rst-before-response"),
    *both(UPSTREAM, "rst-mid-headers", "status-999", "switching-101", "tls-on-plain"),
    *impatient(TIMEOUT, TIMEOUT, "stall-before-headers", "stall-mid-headers"),
]

STATUSES = [
    *own(Kind.INVALID, 400, "http-400"),
    *own(Kind.INVALID, 422, "http-422"),
    *own(Kind.TOO_LARGE, 413, "http-413"),
    *own(Kind.CONTEXT, 400, "400-context-length"),
    *own(Kind.POLICY, 400, "400-content-policy"),
    *refused(Kind.QUOTA, "400-billing", "402-billing", "http-402", "429-quota", "429-spend-limit"),
    *refused(Kind.UPSTREAM, "401-invalid-key", "403-html-waf", "403-permission", "http-401", "http-403"),
    *refused(Kind.NO_MODEL, "404-model", "http-404"),
    *refused(Kind.RATE_LIMIT, "429-retry-after", "429-retry-after-date", "429-retry-after-garbage"),
    *refused(Kind.RATE_LIMIT, "429-retry-after-huge", "429-retry-after-ms", "429-retry-after-negative"),
    *refused(Kind.RATE_LIMIT, "429-gemini-retryinfo", "http-429"),
    *refused(Kind.UPSTREAM, "200-error-json", "200-error-string", "500-empty", "500-error-stall"),
    *refused(Kind.UPSTREAM, "500-html", "500-huge", "502-html", "http-409", "http-425", "http-500"),
    *refused(Kind.UPSTREAM, "http-501", "http-502"),
    *refused(Kind.OVERLOADED, "503-no-retry", "503-retry-after", "529", "http-503"),
    # The catalogue has 504 among the failures; its own word for it is the timeout that it is.
    *refused(Kind.TIMEOUT, "http-408", "http-504"),
]

BODIES = [
    *both(GOOD, "bom", "charset-latin1", "nan", "no-content-type", "unknown-fields"),
    *both(GOOD, "wrong-content-type"),
    *both(Whole(own=Whole(stop="quantum_stop")), "unknown-finish-reason"),
    *both(
        UPSTREAM,
        "cl-too-long",
        "deep-json",
        "empty-200",
        "html-200",
        "huge-int",
        "huge-body~mb=33",
        "json-array",
    ),
    *both(UPSTREAM, "json-null", "truncated-json", "utf16"),
    # The catalogue calls it well. But the length is all there is to go by, and the reply within it is cut.
    *both(UPSTREAM, "cl-too-short"),
    # Of two the last one counts, as every parser has it.
    *both(Whole(usage=(999999, 999999)), "dup-keys"),
    *both(SANE, "usage-float", "usage-huge", "usage-missing", "usage-negative", "usage-null", "usage-string"),
    *both(Whole("", "content_filter"), "blocked-prompt"),
    *both(Whole(""), "empty-text"),
    Row("null-content", Whole(""), Whole(""), only=OPENAI),
    # This protocol has no null there, and its SDK dies of one.
    Row("null-content", UPSTREAM, UPSTREAM, only=ANTHROPIC),
    *both(Whole("Hello from \ufffd\ufffd\ufffd( chaos upstream"), "invalid-utf8"),
    Row("no-choices", UPSTREAM, UPSTREAM, only=OPENAI),
    # A message without a block is what this protocol has for "nothing more to say".
    Row("no-choices", Whole(""), Whole(""), only=ANTHROPIC),
    said("text-control", "".join(map(chr, range(1, 32))) + "\x7f\x85"),
    said("text-crlf", "a\r\nb\rc\nd"),
    said("text-ndjson-injection", '"}\n{"done":true}\n'),
    said("text-nul", "a\x00b"),
    said("text-sse-injection", 'x\n\ndata: [DONE]\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n'),
    said("text-u2028", "a\u2028b\u2029c\x85d\x0be\x0cf"),
    said("text-xss", "<img src=x onerror=alert(1)><script>alert(2)</script>"),
    Row("text-lone-surrogate", Whole("\ufffd"), Whole("\ufffdx")),
]

ENCODINGS = [
    *both(GOOD, "enc-br", "enc-deflate", "enc-gzip", "enc-gzip-flush", "enc-zstd"),
    *both(UPSTREAM, "enc-double", "enc-gzip-bomb~mb=96", "enc-lie"),
    # The catalogue would try elsewhere. The label lies, but the reply is whole by every check there is.
    *both(GOOD, "enc-unknown"),
    *both(UPSTREAM, "enc-gzip-corrupt", "enc-gzip-truncated"),
]

MIB = 1024 * 1024

STREAMS = [
    *both(GOOD, "byte-by-byte~ms=0", "coalesced", "late-first-token~s=0.5"),
    *both(GOOD, "slow-drip~ms=50", "stream-as-json"),
    # Nobody who asks for a whole reply asks for the usage of a stream.
    Row("json-as-stream", SANE, GOOD, only=OPENAI),
    Row("json-as-stream", GOOD, GOOD, only=ANTHROPIC),
    *streamed(GOOD, "sse-blank-lines", "sse-comments", "sse-cr", "sse-crlf", "sse-fields", "sse-lf"),
    *streamed(GOOD, "sse-multiline", "sse-no-space", "cut-no-terminator", "data-after-done", "dup-done"),
    *streamed(GOOD, "dup-finish", "empty-choices", "model-mismatch", "no-done", "null-deltas"),
    *streamed(GOOD, "unknown-event", "usage-every-chunk", "usage-twice", "done-no-close"),
    *streamed(GOOD, "stall-before-done"),
    *streamed(CUT, "cut-clean", "cut-mid-event", "cut-mid-event-clean", "no-finish", "rst-mid-stream"),
    *streamed(Torn(Kind.UPSTREAM), "bad-chunk-mid-stream"),
    Row("bad-json-event", None, CUT, only=OPENAI),
    # Here the third event comes before the first word.
    Row("bad-json-event", None, UPSTREAM, only=ANTHROPIC),
    *streamed(Broken(Kind.OVERLOADED), "error-mid-stream", "error-then-hang"),
    *streamed(Refused(Kind.OVERLOADED), "error-first-event"),
    *both(UPSTREAM, "empty-stream", "giant-line~mb=33", "rst-after-headers", "whitespace-stream"),
    *impatient(TIMEOUT, TIMEOUT, "stall-after-first-byte", "stall-after-headers"),
    *impatient(TIMEOUT, Broken(Kind.TIMEOUT), "stall-mid-stream"),
    *impatient(None, TIMEOUT, "ping-only"),
    Row("split-utf8", GOOD, Whole("é中\U0001f600" * 4)),
    Row("giant-event", Whole("x" * 2 * MIB), Whole("x" * 2 * MIB + "end")),
    Row("flood~mb=2", None, Broken(Kind.UPSTREAM, "y" * 3 * MIB)),
    Row("infinite", None, Broken(Kind.TIMEOUT, "Hello" * 1000), timeouts=SHORT),
    Row("event-order", None, Whole(" from the chaos upstreamHello", usage=None), only=OPENAI),
    Row("event-order", None, GOOD, only=ANTHROPIC, sdk="openai"),
    # What passes through unchanged in this order kills the SDK, so it does not pass.
    Row("event-order", None, UPSTREAM, only=ANTHROPIC, sdk="anthropic"),
]

WEATHER = "get_weather"
BAD_CALL = Whole("", "tool_calls", ((WEATHER, '{"city":Paris'),), usage=None)
ARRAY_CALL = Whole("", "tool_calls", (("a", [1, 2]),), usage=None)

TOOLS = [
    *called("tool-ok", (WEATHER, {"city": "Paris"})),
    *called("tool-split-args", (WEATHER, {"city": "Zürich", "n": [1, 2]})),
    *called("tool-parallel", ("a", {"x": 1}), ("b", {"y": 2})),
    *called("tool-empty-args", ("now", {}), own=("now", "")),
    *called("tool-no-id", (WEATHER, {"city": "Paris"})),
    *called("tool-dup-id", ("a", {"x": 1}), ("b", {"y": 2})),
    *called("tool-huge-args", ("write", {"content": "x" * (MIB // 2)})),
    Row("tool-bad-args", BAD_CALL, BAD_CALL, sdk="openai", only=OPENAI),
    Row("tool-bad-args", None, BAD_CALL, sdk="openai", only=ANTHROPIC),
    Row("tool-bad-args", BAD_CALL, Unreadable("tool parameter JSON"), sdk="anthropic", only=OPENAI),
    Row("tool-bad-args", None, Unreadable("tool parameter JSON"), sdk="anthropic", only=ANTHROPIC),
    Row("tool-array-args", ARRAY_CALL, ARRAY_CALL, only=OPENAI),
    # A whole message of this protocol has an object there: arguments that are none are no reply of it.
    Row("tool-bad-args", UPSTREAM, None, only=ANTHROPIC),
    Row("tool-array-args", UPSTREAM, ARRAY_CALL, only=ANTHROPIC),
    Row("tool-cut", None, Broken(Kind.UPSTREAM, "")),
]

ROWS = [*CONNECTIONS, *STATUSES, *BODIES, *ENCODINGS, *STREAMS, *TOOLS]


def rows(provider: str) -> list[Row]:
    """What can happen at an upstream of `provider`."""
    return [replace(row, only=provider) for row in ROWS if row.only in (None, provider)]
