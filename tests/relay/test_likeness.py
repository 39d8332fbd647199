"""Records that pass, or are translated, without being read: only as a reader would have done just so."""

from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.canonical.content import Part
from gateway.canonical.events import Delta, DeltaKind, Event, Start
from gateway.errors import BrokenOff
from gateway.protocols import CODECS
from gateway.protocols.codec import Asked, Losses, Sent
from gateway.relay import lanes
from gateway.relay.lanes import Ends, EventsLane, PassingLane, Piece
from gateway.relay.likeness import Likeness
from gateway.wire.frames import Frame


def record(words: str, rest: str = '"index":0') -> bytes:
    return f'data: {{"delta":{{"content":"{words}"}},{rest}}}\n\n'.encode()


def said(words: str, kind: DeltaKind = "text") -> list[Event]:
    return [Delta(0, kind, words)]


def taught(words: str = "Hello", events: Sequence[Event] | None = None) -> Likeness:
    likeness = Likeness()
    likeness.learn(framed(record(words)), said(words) if events is None else events)
    return likeness


def framed(raw: bytes) -> Frame:
    return Frame(raw[6:-2], "", raw, clean=True)


@pytest.mark.parametrize("words", ["Hello", "x", " wor ld", "a\\nb", "\\\\", '\\"', "{[,:]}"])
def test_a_record_with_other_words_is_like_the_one_before(words: str) -> None:
    assert taught().words(record(words)) == [words.encode()]


@pytest.mark.parametrize(
    "other",
    [
        record("Hello", '"index":1'),
        record("Hello", '"finish_reason":"stop","index":0'),
        record('Hello","more":"'),
        record("Hello\\"),
        record("\\u0041"),
        record("\\ud800"),
        record("\\x"),
        record("a\\/b"),
        record("naïve"),
        record("a\tb"),
        record(""),
        record("Hello")[:-1],
        b"event: x\n" + record("Hello"),
        b"data: [DONE]\n\n",
        b"",
    ],
    ids=repr,
)
def test_a_record_that_differs_elsewhere_or_may_be_unreadable_is_not(other: bytes) -> None:
    assert taught().words(other) == []


def test_several_records_with_other_words_are_like_the_one_before() -> None:
    assert taught().words(record("a") + record('\\"') + record("c")) == [b"a", b'\\"', b"c"]


@pytest.mark.parametrize(
    "other",
    [record(""), record("b\\"), record("\\u0041"), record("b", '"index":1'), b": ping\n\n", b"\n"],
    ids=repr,
)
def test_several_records_of_which_one_differs_are_not(other: bytes) -> None:
    assert taught().words(record("a") + other + record("c")) == []
    assert taught().words(record("a") + other) == []
    assert taught().words(other + record("c")) == []


def test_nothing_is_like_a_record_before_one_was_read() -> None:
    assert Likeness().words(record("Hello")) == []
    assert Likeness().words(b"") == []


@pytest.mark.parametrize(
    "events",
    [
        [],
        [Start(), *said("Hello")],
        said("Hello", "arguments"),
        [Delta(0, "logprobs", [])],
        said("elsewhere"),
    ],
    ids=["nothing", "two events", "arguments", "no text", "other words"],
)
def test_a_record_that_said_something_else_than_text_teaches_nothing(events: list[Event]) -> None:
    assert taught(events=events).words(record("Hello")) == []


@pytest.mark.parametrize(
    "rest",
    ['"model":"Hello"', '"model":"a\\nb"', '"model":"é"'],
    ids=["words twice", "escapes", "more than ASCII"],
)
def test_a_record_in_which_the_words_have_no_certain_place_teaches_nothing(rest: str) -> None:
    likeness, raw = Likeness(), record("Hello", rest)
    likeness.learn(framed(raw), said("Hello"))
    assert likeness.words(raw) == []


def test_reading_another_record_makes_the_one_before_forgotten() -> None:
    likeness = taught()
    likeness.learn(framed(b"data: [DONE]\n\n"), [])
    assert likeness.words(record("Hello")) == []


def test_a_record_that_was_put_together_of_several_lines_teaches_nothing() -> None:
    likeness, raw = Likeness(), b'data: {"content":\ndata: "Hello"}\n\n'
    likeness.learn(Frame(b'{"content":\n"Hello"}', "", raw), said("Hello"))
    assert likeness.words(raw) == []


def test_a_run_of_records_ends_at_the_first_that_differs() -> None:
    others = [record("c", '"index":1'), record(""), record("é"), record("\\u0041"), record("d\\")]
    for other in others:
        frames = [framed(raw) for raw in (record("a"), record('\\"'), other, record("e"))]
        assert taught().run(frames, 0) == [b"a", b'\\"']
        assert taught().run(frames, 2) == []
        assert taught().run(frames, 3) == [b"e"]
        assert taught().run(frames, 4) == []
        assert Likeness().run(frames, 0) == []


def test_a_record_is_made_like_the_last_one() -> None:
    likeness, raw = Likeness(), b'event: delta\ndata: {"content":"Hello"}\n\n'
    likeness.learn(Frame(b'{"content":"Hello"}', "delta", raw, clean=True), said("Hello"))
    made = likeness.saying(b"b")
    assert (made.event, made.data) == ("delta", b'{"content":"b"}')
    assert made.raw == b'event: delta\ndata: {"content":"b"}\n\n'


class Careful(Likeness):
    """Has every record read."""

    __slots__ = ()

    def words(self, records: bytes) -> list[bytes]:  # noqa: ARG002 - it does not matter which
        return []

    def run(self, frames: Sequence[Frame], start: int) -> list[bytes]:  # noqa: ARG002 - likewise
        return []


_CHAT = [
    b'data: {"id":"c","choices":[{"index":%d,"delta":{%b},"finish_reason":%b}]%b}\n\n' % parts
    for parts in (
        (0, b'"role":"assistant","content":""', b"null", b""),
        (0, b'"content":"a"', b"null", b""),
        (0, b'"content":"b"', b"null", b""),
        (0, b'"content":"\\ud800"', b"null", b""),
        (0, b'"content":""', b"null", b""),
        (1, b'"content":"b"', b"null", b""),
        (0, b'"content":"b"', b'"stop"', b""),
        (0, b'"reasoning_content":"c"', b"null", b""),
        (0, b"", b'"stop"', b""),
        (0, b'"content":"a"', b"null", b',"usage":{"prompt_tokens":1}'),
        (0, b'"content":"a"', b"null", b',"error":{"message":"no"}'),
    )
] + [b"data: [DONE]\n\n", b": ping\n\n", b"data: {\n\n"]

_MESSAGES = [
    (
        b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":'
        b'{"type":"text","text":""}}\n\n'
    ),
    b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n',
    (
        b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":'
        b'{"output_tokens":1}}\n\n'
    ),
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    b'event: ping\ndata: {"type":"ping"}\n\n',
] + [
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":'
    b'{"type":"text_delta","text":"%b"}}\n\n' % words
    for words in (b"a", b"b", b"c\\n", b"")
]

_BEGIN = (
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":"message","role":'
    b'"assistant","model":"x","content":[],"usage":{"input_tokens":1,"output_tokens":1}}}\n\n'
)


def carried(protocol: str, records: Sequence[bytes], likeness: type[Likeness]) -> list[Piece]:
    """What a lane that passes `protocol` makes of `records`, one by one and to their end."""
    codec = CODECS[protocol]
    ends = Ends(codec, codec, Sent(), Asked("x", stream=True), Losses())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lanes, "Likeness", likeness)
        lane = PassingLane(ends, usage_is_ours=False)
    pieces: list[Piece] = []
    for one in records:
        pieces.append(lane.feed(one))
        if lane.complete or pieces[-1].error is not None:
            return pieces
    return [*pieces, lane.close()]


def told(pieces: Sequence[Piece]) -> list[tuple[bytes, bool, str]]:
    return [(piece.data, piece.content, str(piece.error)) for piece in pieces]


@given(st.lists(st.sampled_from(_CHAT), max_size=12))
def test_a_chat_stream_passes_as_if_every_record_had_been_read(records: list[bytes]) -> None:
    quick, careful = (carried("openai_chat", records, kind) for kind in (Likeness, Careful))
    assert told(quick) == told(careful)


@given(st.lists(st.sampled_from(_MESSAGES), max_size=12))
def test_a_stream_of_messages_passes_as_if_every_record_had_been_read(records: list[bytes]) -> None:
    quick, careful = (carried("anthropic", [_BEGIN, *records], kind) for kind in (Likeness, Careful))
    assert told(quick) == told(careful)


_WORDS = st.sampled_from(
    ["a", "b", "ab", "text", "delta", "x", " ", '\\"', "\\n", "\\\\", "\\/", "\\u0041", "é", ""]
)


def _said_by(protocol: str, words: str, field: str) -> bytes:
    """A record in which an upstream of `protocol` says `words`, as reasoning or as an answer."""
    thinks = field == "thinking"
    match protocol:
        case "openai_chat":
            name = "reasoning_content" if thinks else "content"
            return b'data: {"id":"c","choices":[{"index":0,"delta":{"%b":"%b"}}]}\n\n' % (
                name.encode(),
                words.encode(),
            )
        case "gemini":
            thought = b',"thought":true' if thinks else b""
            return b'data: {"candidates":[{"content":{"parts":[{"text":"%b"%b}]}}]}\n\n' % (
                words.encode(),
                thought,
            )
        case "ollama":
            name = "thinking" if thinks else "content"
            return b'{"model":"m","message":{"%b":"%b"},"done":false}\n' % (name.encode(), words.encode())
        case _:
            number, kind = (0, b"thinking") if thinks else (1, b"text")
            return (
                b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":'
                b'{"type":"%b_delta","%b":"%b"}}\n\n' % (number, kind, kind, words.encode())
            )


_LASTS = {
    "anthropic": _MESSAGES[2] + _MESSAGES[3],
    "gemini": b'data: {"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1}}\n\n',
    "ollama": b'{"model":"m","message":{"content":""},"done":true,"done_reason":"stop"}\n',
    "openai_chat": _CHAT[8] + _CHAT[-3],
}


class Translated(NamedTuple):
    """What became of a stream that was translated."""

    data: bytes
    content: bool
    errors: list[str]
    parts: list[Part]


_ENDS = st.tuples(*[st.sampled_from(sorted(CODECS))] * 2)
_SPEECH = st.lists(st.tuples(st.sampled_from(["thinking", "text"]), st.lists(_WORDS, max_size=8)), max_size=4)


@given(
    ends=_ENDS,
    said=_SPEECH,
    thoughts=st.booleans(),
    at_once=st.sampled_from([1, 2, 3, 100]),
    whole=st.booleans(),
)
def test_a_stream_is_translated_as_if_every_record_had_been_read(
    ends: tuple[str, str], said: list[tuple[str, list[str]]], *, thoughts: bool, at_once: int, whole: bool
) -> None:
    upstream, client = ends
    records = [_BEGIN] if upstream == "anthropic" else []
    records += [_said_by(upstream, words, field) for field, many in said for words in many]
    if whole:
        records.append(_LASTS[upstream])
    reads = [b"".join(records[at : at + at_once]) for at in range(0, len(records), at_once)]

    def told(chunks: list[bytes], likeness: type[Likeness]) -> Translated:
        asked = Asked("x", stream=True, reply_id="r", thoughts=thoughts)
        both = Ends(CODECS[upstream], CODECS[client], Sent(), asked, Losses())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(lanes, "Likeness", likeness)
            lane = EventsLane(both)
        pieces = [lane.feed(chunk) for chunk in chunks]
        if not lane.complete:
            pieces.append(lane.close())
        data = b"".join(piece.data for piece in pieces)
        errors = [str(piece.error) for piece in pieces if piece.error is not None]
        if errors:
            data += lane.fail(BrokenOff("it broke off"))
        parts = lane.collector.response().parts if lane.complete else []
        return Translated(data, any(piece.content for piece in pieces), errors, parts)

    assert told(reads, Likeness) == told(records, Careful)
