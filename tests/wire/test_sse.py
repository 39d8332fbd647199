"""Server-sent events: liberal reading, strict writing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire import sse
from gateway.wire.frames import Frame, FrameTooLargeError
from gateway.wire.sse import SSE, SseDecoder


def frames_of(*chunks: bytes) -> list[Frame]:
    decoder = SSE.decoder()
    frames = [frame for chunk in chunks for frame in decoder.feed(chunk)]
    return [*frames, *decoder.close()]


def said(*chunks: bytes) -> list[tuple[str, bytes]]:
    return [(frame.event, frame.data) for frame in frames_of(*chunks)]


def test_a_data_line_and_a_blank_line_are_a_clean_frame() -> None:
    assert frames_of(b'data: {"a":1}\n\n') == [Frame(b'{"a":1}', "", b'data: {"a":1}\n\n', clean=True)]


def test_records_that_a_chunk_brings_whole_are_clean_frames_too() -> None:
    first, second, third = b'data: {"a":1}\n\n', b'data: {"b":2}\n\n', b'data: {"c":3}\n\n'
    assert frames_of(first, second + third) == frames_of(first + second + third)
    assert [frame.raw for frame in frames_of(first, second + third) if frame.clean] == [first, second, third]


def test_an_event_line_names_the_frame() -> None:
    raw = b"event: ping\ndata: {}\n\n"
    assert frames_of(raw) == [Frame(b"{}", "ping", raw, clean=True)]


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_every_line_end_of_the_standard_is_read(line_end: bytes) -> None:
    stream = b"event: a\ndata: 1\n\ndata: 2\n\n".replace(b"\n", line_end)
    assert said(stream) == [("a", b"1"), ("", b"2")]


def test_carriage_returns_come_out_as_line_feeds_and_the_record_is_clean() -> None:
    assert frames_of(b"data: 1\r\n\r\n") == [Frame(b"1", "", b"data: 1\n\n", clean=True)]


def test_a_line_feed_that_comes_after_its_carriage_return_was_read_is_no_second_line_end() -> None:
    assert said(b"data: 1\r", b"", b"\ndata: 2\r\n\r", b"\ndata: 3\n\n") == [("", b"1\n2"), ("", b"3")]


@pytest.mark.parametrize(
    "record",
    [b"data:1\n\n", b": note\ndata: 1\n\n", b"id: 7\ndata: 1\n\n", b"retry: 5\ndata: 1\n\n", b"data: 1\n"],
)
def test_line_forms_that_some_sdk_breaks_on_are_read_but_not_clean(record: bytes) -> None:
    (frame,) = frames_of(record)
    assert (frame.data, frame.clean) == (b"1", False)


def test_several_data_lines_are_joined_with_line_feeds() -> None:
    (frame,) = frames_of(b"data: a\ndata:b\ndata: c\n\n")
    assert (frame.data, frame.clean) == (b"a\nb\nc", False)


def test_an_event_line_without_its_blank_is_read_but_not_clean() -> None:
    (frame,) = frames_of(b"event:x\ndata: 1\n\n")
    assert (frame.event, frame.clean) == ("x", False)


@pytest.mark.parametrize(
    "record", [b": ping\n\n", b"retry: 3000\n\n", b"event: x\n\n", b"data: \n\n", b"data\n\n"]
)
def test_a_record_without_data_says_nothing(record: bytes) -> None:
    assert said(record, b"data: 1\n\n") == [("", b"1")]


def test_blank_lines_between_records_are_not_part_of_them() -> None:
    assert frames_of(b"\n\n\ndata: 1\n\n\n\n\ndata: 2\n\n") == [
        Frame(b"1", "", b"data: 1\n\n", clean=True),
        Frame(b"2", "", b"data: 2\n\n", clean=True),
    ]


@pytest.mark.parametrize("cut", range(5))
def test_a_byte_order_mark_in_front_is_dropped_wherever_it_is_cut(cut: int) -> None:
    stream = b"\xef\xbb\xbfdata: 1\n\n"
    assert said(stream[:cut], stream[cut:]) == [("", b"1")]


def test_a_byte_order_mark_later_is_no_data_line() -> None:
    assert said(b"data: 1\n\n\xef\xbb\xbfdata: 2\n\n") == [("", b"1")]


def test_a_stream_of_nothing_but_half_a_byte_order_mark_is_empty() -> None:
    assert said(b"\xef\xbb") == []


def test_the_last_record_needs_no_blank_line() -> None:
    assert said(b"data: 1\n\ndata: 2") == [("", b"1"), ("", b"2")]


def test_a_carriage_return_at_the_very_end_ends_its_line() -> None:
    assert frames_of(b"data: 1\r\n\r") == [Frame(b"1", "", b"data: 1\n\n", clean=True)]


def test_an_event_name_in_broken_utf_8_is_still_a_name() -> None:
    assert said(b"event: \xff\ndata: 1\n\n") == [("\ufffd", b"1")]


def test_a_record_that_never_ends_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_FRAME_BYTES", 100)
    decoder = SseDecoder()
    with pytest.raises(FrameTooLargeError, match="100 bytes"):
        decoder.feed(b"data: " + b"x" * 100)


def test_encoding_puts_a_name_and_one_data_line() -> None:
    assert SSE.encode(Frame(b"{}", "done")) == b"event: done\ndata: {}\n\n"
    assert SSE.encode(Frame(b"{}")) == b"data: {}\n\n"


@given(st.text("ab{}\n\r", min_size=1), st.sampled_from(["", "x"]))
def test_what_is_encoded_is_read_back_with_line_feeds(text: str, event: str) -> None:
    expected = text.replace("\r\n", "\n").replace("\r", "\n")
    if expected.strip():
        assert said(SSE.encode(Frame(text.encode(), event))) == [(event, expected.encode())]


def test_the_media_type_has_no_parameters() -> None:
    assert SSE.content_type == "text/event-stream"
