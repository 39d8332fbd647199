"""Records that pass without being read: only those that a reader would have passed on just so."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.canonical.events import Delta, DeltaKind, Event, Start
from gateway.protocols import CODECS
from gateway.protocols.codec import Asked, Losses, Sent
from gateway.relay import lanes
from gateway.relay.lanes import Ends, PassingLane, Piece
from gateway.relay.likeness import Likeness
from gateway.wire.frames import Frame


def record(words: str, rest: str = '"index":0') -> bytes:
    return f'data: {{"delta":{{"content":"{words}"}},{rest}}}\n\n'.encode()


def said(words: str, kind: DeltaKind = "text") -> list[Event]:
    return [Delta(0, kind, words)]


def taught(words: str = "Hello", events: Sequence[Event] | None = None) -> Likeness:
    likeness = Likeness()
    raw = record(words)
    likeness.learn(Frame(raw[6:-2], "", raw, clean=True), said(words) if events is None else events)
    return likeness


@pytest.mark.parametrize("words", ["Hello", "x", " wor ld", "a\\nb", "\\\\", '\\"', "{[,:]}"])
def test_a_record_with_other_words_is_like_the_one_before(words: str) -> None:
    assert taught().matches(record(words))


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
    assert not taught().matches(other)


def test_several_records_with_other_words_are_like_the_one_before() -> None:
    assert taught().matches(record("a") + record('\\"') + record("c"))


@pytest.mark.parametrize(
    "other",
    [record(""), record("b\\"), record("\\u0041"), record("b", '"index":1'), b": ping\n\n", b"\n"],
    ids=repr,
)
def test_several_records_of_which_one_differs_are_not(other: bytes) -> None:
    assert not taught().matches(record("a") + other + record("c"))
    assert not taught().matches(record("a") + other)
    assert not taught().matches(other + record("c"))


def test_nothing_is_like_a_record_before_one_was_read() -> None:
    assert not Likeness().matches(record("Hello"))
    assert not Likeness().matches(b"")


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
    assert not taught(events=events).matches(record("Hello"))


@pytest.mark.parametrize(
    "rest",
    ['"model":"Hello"', '"model":"a\\nb"', '"model":"é"'],
    ids=["words twice", "escapes", "more than ASCII"],
)
def test_a_record_in_which_the_words_have_no_certain_place_teaches_nothing(rest: str) -> None:
    likeness, raw = Likeness(), record("Hello", rest)
    likeness.learn(Frame(raw[6:-2], "", raw, clean=True), said("Hello"))
    assert not likeness.matches(raw)


def test_reading_another_record_makes_the_one_before_forgotten() -> None:
    likeness = taught()
    likeness.learn(Frame(b"[DONE]", "", b"data: [DONE]\n\n", clean=True), [])
    assert not likeness.matches(record("Hello"))


class Careful(Likeness):
    """Has every record read."""

    __slots__ = ()

    def matches(self, record: bytes) -> bool:  # noqa: ARG002 - it does not matter which
        return False


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
