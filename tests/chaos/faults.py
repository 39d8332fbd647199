"""Every fault, and how it ends for the client of a gateway that has nothing else to try.

What follows where another deployment could stand in is not written here: a refusal that is not the request's
own fault must then not be heard at all, and everything else must be as before.
"""

from collections.abc import Mapping
from dataclasses import replace

from tests.chaos.departures import DEPARTURES
from tests.chaos.endings import Broken, Kind, Refused, Torn, Whole
from tests.chaos.rows import (
    ANTHROPIC,
    ARRAY_CALL,
    BAD_CALL,
    CUT,
    EVENTS,
    GEMINI,
    GOOD,
    OLLAMA,
    OPENAI,
    SANE,
    SHORT,
    STALLING,
    TIMEOUT,
    UNREADABLE_CALL,
    UPSTREAM,
    WEATHER,
    Row,
    both,
    called,
    impatient,
    own,
    refused,
    said,
    streamed,
)

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
    *refused(Kind.QUOTA, "400-billing", "402-billing", "http-402", "429-spend-limit"),
    *refused(Kind.QUOTA, "429-quota", at=EVENTS),
    # These clients' protocols say both kinds alike.
    *both(Refused(Kind.QUOTA), "429-quota", at=(OLLAMA,), to=("gemini", "ollama")),
    *refused(Kind.UPSTREAM, "401-invalid-key", "403-html-waf", "403-permission", "http-401", "http-403"),
    *refused(Kind.NO_MODEL, "404-model", "http-404"),
    *refused(Kind.RATE_LIMIT, "429-retry-after", "429-retry-after-date", "429-retry-after-garbage"),
    *refused(Kind.RATE_LIMIT, "429-retry-after-huge", "429-retry-after-ms", "429-retry-after-negative"),
    *refused(Kind.RATE_LIMIT, "429-gemini-retryinfo", "http-429"),
    *refused(Kind.UPSTREAM, "200-error-json", "200-error-string", "500-empty", "500-error-stall"),
    *refused(Kind.UPSTREAM, "500-html", "500-huge", "502-html", "http-409", "http-425", "http-500"),
    *refused(Kind.UPSTREAM, "http-501", "http-502"),
    *refused(Kind.OVERLOADED, "503-no-retry", "503-retry-after", "529", "http-503"),
]

BODIES = [
    *both(GOOD, "bom", "charset-latin1", "nan", "no-content-type", "unknown-fields"),
    *both(GOOD, "wrong-content-type"),
    *both(UPSTREAM, "cl-too-long", "deep-json", "empty-200", "html-200", "huge-int", "huge-body~mb=33"),
    *both(UPSTREAM, "json-array", at=(OPENAI, ANTHROPIC, OLLAMA)),
    *both(UPSTREAM, "json-null", "truncated-json", "utf16"),
    # Of two the last one counts, as every parser has it.
    *both(Whole(usage=(999999, 999999)), "dup-keys", at=(OPENAI, ANTHROPIC)),
    *both(GOOD, "dup-keys", at=(GEMINI, OLLAMA)),
    *both(SANE, "usage-string", at=(OPENAI, GEMINI, OLLAMA)),
    *both(SANE, "usage-missing", at=(OPENAI, GEMINI)),
    *both(SANE, "usage-null", at=(GEMINI,)),
    *streamed(SANE, "usage-missing", "usage-null", "usage-string", at=(ANTHROPIC,)),
    *both(SANE, "usage-float", at=(GEMINI,), to=("openai", "anthropic", "ollama")),
    *both(SANE, "usage-float", at=(OLLAMA,), to=("openai", "anthropic", "gemini")),
    *both(Whole("", "content_filter"), "blocked-prompt", at=(OPENAI, ANTHROPIC)),
    *both(Whole("", "content_filter", usage=(11, 0)), "blocked-prompt", at=(GEMINI,)),
    # This protocol has no word for it.
    *both(Whole(""), "blocked-prompt", at=(OLLAMA,)),
    *both(Whole(""), "empty-text"),
    *both(Whole(""), "null-content", at=(OPENAI, OLLAMA)),
    *both(Whole("", "content_filter"), "null-content", at=(GEMINI,)),
    *both(Whole("Hello from \ufffd\ufffd\ufffd( chaos upstream"), "invalid-utf8"),
    *both(UPSTREAM, "no-choices", at=(OPENAI, GEMINI, OLLAMA)),
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
    *both(UPSTREAM, "enc-gzip-corrupt", "enc-gzip-truncated"),
]

MIB = 1024 * 1024

STREAMS = [
    *both(GOOD, "byte-by-byte~ms=0", "coalesced", "late-first-token~s=0.5"),
    *both(GOOD, "slow-drip~ms=50", "stream-as-json"),
    # Nobody who asks for a whole reply asks for the usage of a stream.
    Row("json-as-stream", SANE, GOOD, (OPENAI,)),
    Row("json-as-stream", GOOD, GOOD, (ANTHROPIC, GEMINI, OLLAMA)),
    *streamed(GOOD, "sse-blank-lines", "sse-crlf", "sse-lf"),
    *streamed(GOOD, "sse-comments", "sse-cr", "sse-fields", "sse-multiline", "sse-no-space", at=EVENTS),
    *streamed(GOOD, "cut-no-terminator", "null-deltas", "unknown-event", "done-no-close"),
    *streamed(GOOD, "stall-before-done"),
    *streamed(GOOD, "dup-done", "no-done", at=(OPENAI, ANTHROPIC)),
    *streamed(GOOD, "data-after-done", "dup-finish", "usage-twice", at=(OPENAI, ANTHROPIC, OLLAMA)),
    *streamed(GOOD, "empty-choices", "usage-every-chunk", at=(OPENAI, GEMINI)),
    *streamed(GOOD, "model-mismatch", at=(OPENAI, ANTHROPIC, OLLAMA)),
    *streamed(CUT, "cut-clean", "cut-mid-event", "cut-mid-event-clean", "no-finish", "rst-mid-stream"),
    *streamed(Torn(Kind.UPSTREAM), "bad-chunk-mid-stream"),
    *streamed(CUT, "bad-json-event", at=(OPENAI, GEMINI, OLLAMA)),
    # Here the third event comes before the first word.
    *streamed(UPSTREAM, "bad-json-event", at=(ANTHROPIC,)),
    *streamed(Broken(Kind.OVERLOADED), "error-mid-stream", "error-then-hang", at=EVENTS),
    *streamed(Refused(Kind.OVERLOADED), "error-first-event", at=EVENTS),
    # A line that says there was an error has no word for its kind.
    *streamed(Broken(Kind.UPSTREAM), "error-mid-stream", "error-then-hang", at=(OLLAMA,)),
    *streamed(UPSTREAM, "error-first-event", at=(OLLAMA,)),
    *both(UPSTREAM, "empty-stream", "giant-line~mb=33", "rst-after-headers", "whitespace-stream"),
    *impatient(TIMEOUT, TIMEOUT, "stall-after-first-byte", "stall-after-headers"),
    Row("stall-mid-stream", TIMEOUT, Broken(Kind.TIMEOUT), timeouts=STALLING),
    *impatient(None, TIMEOUT, "ping-only"),
    Row("split-utf8", GOOD, Whole("é中\U0001f600" * 4)),
    Row("giant-event", Whole("x" * 2 * MIB), Whole("x" * 2 * MIB + "end")),
    *streamed(Broken(Kind.UPSTREAM, "y" * 3 * MIB), "flood~mb=2", at=(OPENAI, ANTHROPIC, OLLAMA)),
    Row("infinite", None, Broken(Kind.TIMEOUT, "Hello" * 1000), timeouts=SHORT),
    *streamed(Whole(" from the chaos upstreamHello", usage=None), "event-order", at=(OPENAI,)),
    Row("event-order", None, GOOD, (ANTHROPIC,), to=("openai", "gemini", "ollama")),
    # In the last two only the words change places.
    *streamed(Whole("Hello chaos the from upstream"), "event-order", at=(GEMINI,)),
    *streamed(Whole("Hello upstream the chaos from"), "event-order", at=(OLLAMA,)),
]

TOOLS = [
    *called("tool-ok", (WEATHER, {"city": "Paris"})),
    *called("tool-split-args", (WEATHER, {"city": "Zürich", "n": [1, 2]})),
    *called("tool-parallel", ("a", {"x": 1}), ("b", {"y": 2})),
    *called("tool-empty-args", ("now", {}), at=(ANTHROPIC, GEMINI, OLLAMA)),
    *called("tool-no-id", (WEATHER, {"city": "Paris"})),
    *called("tool-dup-id", ("a", {"x": 1}), ("b", {"y": 2})),
    *called("tool-huge-args", ("write", {"content": "x" * (MIB // 2)})),
    Row("tool-bad-args", BAD_CALL, BAD_CALL, (OPENAI,), to=("openai",)),
    Row("tool-bad-args", None, BAD_CALL, (ANTHROPIC,), to=("openai",)),
    *both(BAD_CALL, "tool-bad-args", at=(GEMINI, OLLAMA), to=("openai",)),
    # As text it reaches the SDK, which finds it as unreadable as it would the real service's.
    Row("tool-bad-args", BAD_CALL, UNREADABLE_CALL, (OPENAI, GEMINI, OLLAMA), to=("anthropic",)),
    Row("tool-bad-args", None, UNREADABLE_CALL, (ANTHROPIC,), to=("anthropic",)),
    *both(ARRAY_CALL, "tool-array-args", at=(OPENAI,)),
    *both(ARRAY_CALL, "tool-array-args", at=(GEMINI,), to=("openai", "anthropic", "ollama")),
    *both(ARRAY_CALL, "tool-array-args", at=(OLLAMA,), to=("openai", "anthropic", "gemini")),
    Row("tool-array-args", None, ARRAY_CALL, (ANTHROPIC,)),
    *streamed(Broken(Kind.UPSTREAM, ""), "tool-cut", at=(OPENAI, ANTHROPIC), to=("openai", "anthropic")),
    # A call goes to these clients when it is whole: nothing was said yet.
    *streamed(UPSTREAM, "tool-cut", at=(OPENAI,), to=("gemini", "ollama")),
    # Its block was closed, but what it holds has a word in one of the two only.
    *streamed(UPSTREAM, "tool-cut", at=(ANTHROPIC,), to=("gemini",)),
    *streamed(Broken(Kind.UPSTREAM, ""), "tool-cut", at=(ANTHROPIC,), to=("ollama",)),
    *streamed(Broken(Kind.UPSTREAM, ""), "tool-cut", at=(GEMINI,), to=("openai", "anthropic", "ollama")),
    *streamed(Broken(Kind.UPSTREAM, ""), "tool-cut", at=(OLLAMA,), to=("openai", "anthropic")),
    # Half a call has no word there, so that nothing was said either.
    *streamed(UPSTREAM, "tool-cut", at=(OLLAMA,), to=("gemini",)),
]

ROWS = [
    *CONNECTIONS,
    *STATUSES,
    *BODIES,
    *ENCODINGS,
    *STREAMS,
    *TOOLS,
    *(replace(row, instead=departure.wants) for departure in DEPARTURES for row in departure.rows),
]


NOT_THERE: Mapping[str, frozenset[str]] = {
    OPENAI: frozenset(),
    # Its usage has places of its own, and there are no choices.
    ANTHROPIC: frozenset({"empty-choices", "usage-every-chunk"}),
    # It has no terminator, and says no model in its records.
    GEMINI: frozenset({"dup-done", "model-mismatch", "no-done"}),
    # It has lines in place of events, and the last one is finish, usage and terminator in one.
    OLLAMA: frozenset({
        "dup-done", "empty-choices", "no-done", "sse-comments", "sse-cr", "sse-fields", "sse-multiline",
        "sse-no-space", "usage-every-chunk",
    }),
}  # fmt: skip
"""Faults that an upstream of each provider cannot have, because its format has no such thing."""


def rows(provider: str, protocol: str) -> list[Row]:
    """What can happen at an upstream of `provider`, for a client of `protocol`."""
    return [row for row in ROWS if provider in row.at and (not row.to or protocol in row.to)]
