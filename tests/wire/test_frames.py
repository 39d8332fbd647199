"""What all framings have in common."""

import pytest

from gateway.wire.frames import Framing
from gateway.wire.json_array import JSON_ARRAY
from gateway.wire.ndjson import NDJSON
from gateway.wire.sse import SSE


@pytest.mark.parametrize(
    ("framing", "record"),
    [
        (SSE, b'data: {"a":"b"}\n\n'),
        (SSE, b'data: {"a":"b"}\r\n\r\n'),
        (SSE, b": ping\n\n"),
        (NDJSON, b'{"a":"b"}\n'),
        (JSON_ARRAY, b'[{"a":"b"}'),
        (JSON_ARRAY, b',\n{"a":"b"}'),
    ],
)
def test_a_decoder_is_idle_between_records_and_nowhere_else(framing: Framing, record: bytes) -> None:
    for cut in range(1, len(record)):
        decoder = framing.decoder()
        decoder.feed(record[:cut])
        begun = record[:cut].strip(b"[,\n") != b""
        assert decoder.idle is not begun
        decoder.feed(record[cut:])
        assert decoder.idle
