from typing import Any

import pytest

from gateway.errors import BadUpstreamReply
from gateway.protocols.anthropic import CODEC
from gateway.protocols.codec import Asked
from gateway.wire import fast_json
from gateway.wire.frames import Frame
from tests.protocols.anthropic.streams import DELTA, START, STOP, text


def mended(*payloads: Any) -> list[Any]:
    mender = CODEC.mender(Asked("m", estimate=lambda: 7), False)
    frames = [mender.mend(Frame(fast_json.dumps(payload)), payload) for payload in payloads]
    kept = [*(frame for frame in frames if frame is not None), *mender.finish()]
    assert all(frame.event for frame in kept)
    return [fast_json.loads(frame.data) for frame in kept]


def test_mending_fills_usage_and_adds_the_terminator() -> None:
    bare = {"type": "message_start", "message": {"id": "1"}}
    start, delta, stop = mended(bare, {"type": "message_delta", "delta": {"stop_reason": "end_turn"}})
    assert start["message"]["usage"]["input_tokens"] == 7
    assert delta["usage"] == {"output_tokens": 0}
    assert stop == STOP


def test_mending_leaves_out_a_second_finish_and_what_follows_the_end() -> None:
    assert [event["type"] for event in mended(DELTA, DELTA, STOP, DELTA)] == ["message_delta", "message_stop"]


def test_a_stream_that_broke_off_is_not_mended_into_a_whole_one() -> None:
    assert mended(*text(0, "hi")) == text(0, "hi")


def test_a_record_that_lacks_nothing_passes_as_it_is() -> None:
    mender = CODEC.mender(Asked("m"), False)
    start = {**START, "message": {"id": "1", "usage": {"input_tokens": 10, "output_tokens": 1}}}
    for payload in (start, *text(0, "hi"), DELTA, STOP):
        frame = Frame(fast_json.dumps(payload), payload["type"])
        assert mender.mend(frame, payload) is frame


@pytest.mark.parametrize("payload", [None, [1], {"type": "message_start", "message": "odd"}, {"novel": 1}])
def test_a_record_that_nobody_knows_passes_as_it_is(payload: Any) -> None:
    frame = Frame(fast_json.dumps(payload), "novel")
    assert CODEC.mender(Asked("m"), False).mend(frame, payload) is frame


def test_mending_leaves_out_a_second_start() -> None:
    kinds = [event["type"] for event in mended(START, START, *text(0, "hi"), DELTA, STOP)]
    assert kinds.count("message_start") == 1


def test_a_delta_that_says_nothing_is_left_out() -> None:
    assert mended({"type": "content_block_delta", "index": 0, "delta": None}, STOP) == [STOP]


def test_a_delta_that_belongs_to_no_block_would_kill_the_client_and_is_refused() -> None:
    with pytest.raises(BadUpstreamReply, match="belongs to no block"):
        mended({"type": "content_block_delta", "index": 3, "delta": {"type": "text_delta", "text": "x"}})
