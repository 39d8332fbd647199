"""One growing JSON array: liberal reading, strict writing."""

import pytest

from gateway.wire import json_array
from gateway.wire.frames import Frame, FrameTooLargeError
from gateway.wire.json_array import JSON_ARRAY


def said(*chunks: bytes) -> list[bytes]:
    decoder = JSON_ARRAY.decoder()
    frames = [frame for chunk in chunks for frame in decoder.feed(chunk)]
    return [frame.data for frame in [*frames, *decoder.close()]]


def test_each_object_of_the_array_is_a_frame() -> None:
    assert said(b'[{"a":1}\n,\r\n{"b":[{}]}]') == [b'{"a":1}', b'{"b":[{}]}']


def test_brackets_and_escaped_quotes_in_strings_end_nothing() -> None:
    text = rb'{"a":"}]\"}","b":"\\"}'
    assert said(b"[" + text + b"]") == [text]
    assert said(*(bytes([byte]) for byte in b"[" + text + b"]")) == [text]


def test_an_object_without_an_array_is_a_frame_too() -> None:
    assert said(b' {"error":{"code":503}}\n') == [b'{"error":{"code":503}}']


def test_what_is_cut_off_is_no_frame() -> None:
    assert said(b'[{"a":1},{"b":') == [b'{"a":1}']


def test_what_is_no_object_is_passed_over() -> None:
    assert said(b'["{", 1, null]') == []


def test_an_object_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_array, "MAX_FRAME_BYTES", 8)
    with pytest.raises(FrameTooLargeError):
        JSON_ARRAY.decoder().feed(b'[{"a":"123456789')


def test_objects_are_written_with_what_separates_them() -> None:
    encoder = JSON_ARRAY.encoder()
    written = [encoder.encode(Frame(b'{"a":1}')), encoder.encode(Frame(b'{"b":2}')), encoder.close()]
    assert written == [b'[{"a":1}', b'\n,\n{"b":2}', b"]"]


def test_an_array_of_nothing_is_an_array() -> None:
    assert JSON_ARRAY.encoder().close() == b"[]"
