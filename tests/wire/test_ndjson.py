"""Newline-delimited JSON."""

import pytest

from gateway.wire.frames import MAX_FRAME_BYTES, Frame, FrameTooLargeError
from gateway.wire.ndjson import NDJSON


def lines(*chunks: bytes) -> list[bytes]:
    decoder = NDJSON.decoder()
    return [frame.data for chunk in chunks for frame in decoder.feed(chunk)] + [
        frame.data for frame in decoder.close()
    ]


def test_every_line_is_a_frame_with_its_bytes() -> None:
    (frame,) = NDJSON.decoder().feed(b'{"a":1}\n')
    assert frame == Frame(b'{"a":1}', "", b'{"a":1}\n', clean=True)


@pytest.mark.parametrize(
    "stream", [b"1\n2\n", b"1\r\n2\r\n", b"\n1\n\n \r\n2", b"\xef\xbb\xbf1\n2\n", b" 1\t\n2\n"]
)
def test_line_ends_blanks_and_a_mark_in_front_are_no_part_of_a_line(stream: bytes) -> None:
    assert lines(stream) == [b"1", b"2"]
    assert lines(*(stream[at : at + 1] for at in range(len(stream)))) == [b"1", b"2"]


def test_a_decoder_that_was_closed_has_nothing_left() -> None:
    decoder = NDJSON.decoder()
    decoder.feed(b"1\n2")
    assert [frame.data for frame in decoder.close()] == [b"2"]
    assert decoder.close() == []


@pytest.mark.parametrize("sign", ["\u0085", "\u2028", "\u2029"])
def test_what_clients_take_for_a_line_end_is_escaped(sign: str) -> None:
    (frame,) = NDJSON.decoder().feed(f'"a{sign}b"\n'.encode())
    assert not frame.clean
    assert NDJSON.encoder().encode(frame) == b'"a\\u%04x' % ord(sign) + b'b"\n'


@pytest.mark.parametrize("data", [b"", b" \n"])
def test_a_blank_line_is_never_written(data: bytes) -> None:
    assert NDJSON.encoder().encode(Frame(data)) == b""


def test_a_document_on_several_lines_is_written_on_one() -> None:
    assert NDJSON.encoder().encode(Frame(b'{\r\n "a": 1\n}')) == b'{  "a": 1 }\n'
    assert NDJSON.encoder().close() == b""


def test_a_line_that_never_ends_is_too_large() -> None:
    decoder = NDJSON.decoder()
    with pytest.raises(FrameTooLargeError):
        decoder.feed(b"x" * (MAX_FRAME_BYTES + 1))
