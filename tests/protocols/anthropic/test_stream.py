from typing import Any

import pytest
from anthropic.types import Message as SdkMessage

from gateway.canonical.content import Opaque, Part, Refusal, Signature, Text, Thinking, ToolCall
from gateway.canonical.events import Choice, Close, Event, Open, Response, collect, explode
from gateway.canonical.usage import Stop, StopReason, Usage
from gateway.errors import BadUpstreamReply, Overloaded
from gateway.protocols.anthropic import CODEC
from gateway.protocols.codec import Asked, Losses, Sent
from gateway.wire import fast_json
from gateway.wire.frames import Frame
from gateway.wire.sse import SSE

START = {"type": "message_start", "message": {"id": "msg_1", "model": "m", "usage": {"input_tokens": 10}}}
DELTA = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}}
STOP = {"type": "message_stop"}
CALL = ToolCall("toolu_1", "run", '{"a":1}')


def block(index: int, start: dict[str, Any], *deltas: dict[str, Any], stop: bool = True) -> list[Any]:
    events: list[Any] = [{"type": "content_block_start", "index": index, "content_block": start}]
    events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
    return [*events, *([{"type": "content_block_stop", "index": index}] if stop else [])]


def text(index: int, words: str, *, stop: bool = True) -> list[Any]:
    return block(index, {"type": "text", "text": ""}, {"type": "text_delta", "text": words}, stop=stop)


def use(index: int, *pieces: str, name: str = "run", stop: bool = True) -> list[Any]:
    start = {"type": "tool_use", "id": f"toolu_{index}", "name": name, "input": {}}
    deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
    return block(index, start, *deltas, stop=stop)


def events_of(*payloads: Any, sent: Sent | None = None) -> list[Event]:
    decoder = CODEC.stream_decoder(sent or Sent())
    frames = [Frame(fast_json.dumps(payload)) for payload in payloads]
    return [*(event for frame in frames for event in decoder.decode(frame)), *decoder.close()]


def decoded(*payloads: Any, sent: Sent | None = None) -> Response:
    return collect(events_of(*payloads, sent=sent))


def written(*parts: Part, stop: StopReason = StopReason.END, **reply: Any) -> list[Any]:
    response = Response([Choice(list(parts), Stop(stop))], "msg_1", "m", **reply)
    encoder = CODEC.stream_encoder(Asked("m", estimate=lambda: 7), Losses())
    return [fast_json.loads(frame.data) for event in explode(response) for frame in encoder.encode(event)]


def test_a_missing_message_stop_is_no_harm_once_a_reason_was_given() -> None:
    assert decoded(START, *text(0, "hi"), DELTA).parts == [Text("hi")]


@pytest.mark.parametrize("payloads", [[], [START], [START, *text(0, "hi")], [START, *text(0, "hi"), STOP]])
def test_a_stream_without_a_reason_to_stop_never_passes_for_whole(payloads: list[Any]) -> None:
    with pytest.raises(BadUpstreamReply):
        decoded(*payloads)


def test_blocks_that_overlap_are_told_one_after_the_other() -> None:
    first, second = use(3, '{"a"', ":1}"), use(7, "{}")
    mixed = [first[0], second[0], first[1], second[1], first[2], second[2], first[3]]
    reply = decoded(START, *mixed, DELTA, STOP)
    assert [part.arguments for part in reply.parts if isinstance(part, ToolCall)] == ['{"a":1}', "{}"]
    assert reply.stop.reason is StopReason.TOOL_CALL


def test_a_call_without_arguments_has_an_empty_object() -> None:
    assert decoded(START, *use(0, ""), DELTA, STOP).parts == [ToolCall("toolu_0", "run", "{}")]


def test_thinking_inside_a_text_block_becomes_a_block_of_its_own() -> None:
    wild = [{"type": "thinking_delta", "thinking": "hm"}, {"type": "text_delta", "text": "hi"}]
    assert decoded(START, *block(0, {"type": "text", "text": ""}, *wild), DELTA).parts == [
        Thinking("hm"), Text("hi")
    ]  # fmt: skip


def test_counts_are_cumulative_and_cached_tokens_belong_to_the_input() -> None:
    start = {**START, "message": {"id": "1", "usage": {"input_tokens": 10, "cache_read_input_tokens": 90}}}
    delta = {**DELTA, "usage": {"input_tokens": None, "cache_read_input_tokens": 0, "output_tokens": 5}}
    usage = decoded(start, *text(0, "hi"), delta, STOP).usage
    assert usage is not None
    assert (usage.input_tokens, usage.cache_read, usage.output_tokens) == (100, 90, 5)


def test_a_second_start_is_ignored_unless_it_begins_another_message() -> None:
    assert decoded(START, START, *text(0, "hi"), DELTA, STOP).id == "msg_1"
    with pytest.raises(BadUpstreamReply):
        decoded(START, {"type": "message_start", "message": {"id": "msg_2"}})


def test_an_error_event_is_the_error_its_type_says() -> None:
    with pytest.raises(Overloaded):
        decoded(START, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})


def test_calls_come_back_under_the_clients_names_and_in_its_forms() -> None:
    sent = Sent(tool_names={"run_1": "run.1"}, custom_tools=frozenset({"patch"}), json_tool="json_output")
    reply = decoded(
        START, *use(0, "{}", name="run_1"), *use(1, '{"inp', 'ut":"*** x"}', name="patch"),
        *use(2, '{"a"', ":1}", name="json_output"), DELTA, STOP, sent=sent,
    )  # fmt: skip
    assert reply.parts == [
        ToolCall("toolu_0", "run.1", "{}"), ToolCall("toolu_1", "patch", "*** x", "custom"), Text('{"a":1}')
    ]  # fmt: skip


def test_the_start_waits_for_the_first_block() -> None:
    encoder = CODEC.stream_encoder(Asked("m"), Losses())
    start, opened, *_ = explode(Response([Choice([Text("hi")], Stop(StopReason.END))]))
    assert encoder.encode(start) == []
    assert [frame.event for frame in encoder.encode(opened)] == ["message_start"]


def test_a_reply_without_parts_has_one_empty_text() -> None:
    kinds = [event["type"] for event in written()]
    assert kinds == [
        "message_start",
        "content_block_start",
        "content_block_stop",
        "message_delta",
        STOP["type"],
    ]


def test_the_input_is_counted_at_the_start_and_at_the_end() -> None:
    events = written(Text("hi"), usage=Usage(input_tokens=100, cache_read=90, output_tokens=2))
    assert events[0]["message"]["usage"]["input_tokens"] == 7
    assert events[-2]["usage"]["input_tokens"] == 10
    assert events[-2]["usage"]["cache_read_input_tokens"] == 90


def test_a_calls_foreign_state_stands_in_front_of_it_and_comes_back() -> None:
    call = ToolCall("toolu_1", "run", '{"a":1}', signature=Signature("gemini", "c2ln"))
    events = written(call, stop=StopReason.TOOL_CALL)
    starts = [event["content_block"]["type"] for event in events if event["type"] == "content_block_start"]
    assert starts == ["thinking", "tool_use"]
    assert decoded(*events).parts == [call]


def test_thinking_ends_with_a_signature_even_if_nobody_signed_it() -> None:
    events = written(Thinking("hm"), Text("hi"))
    deltas = [event["delta"]["type"] for event in events if event["type"] == "content_block_delta"]
    assert deltas == ["thinking_delta", "signature_delta", "text_delta"]
    assert decoded(*events).parts == [Thinking("hm"), Text("hi")]


def test_foreign_parts_are_rendered_and_noted() -> None:
    losses = Losses()
    encoder = CODEC.stream_encoder(Asked("m"), losses)
    parts: list[Part] = [Refusal("no"), Opaque("gemini", {}, "shown")]
    told = explode(Response([Choice(parts, Stop(StopReason.REFUSAL))]))
    frames = [frame for event in told for frame in encoder.encode(event)]
    assert decoded(*(fast_json.loads(frame.data) for frame in frames)).parts == [Text("no"), Text("shown")]
    assert losses.dropped == ["part ->text"]
    assert losses.repaired == ["refusal said as text"]


def test_a_failure_is_one_error_event_and_closes_nothing() -> None:
    encoder = CODEC.stream_encoder(Asked("m"), Losses())
    (frame,) = encoder.fail(Overloaded("busy"))
    assert frame.event == "error"
    assert fast_json.loads(frame.data)["error"]["type"] == "overloaded_error"


def test_a_ping_is_an_event_of_its_own() -> None:
    ping = CODEC.stream_encoder(Asked("m"), Losses()).ping()
    assert ping == b'event: ping\ndata: {"type":"ping"}\n\n'
    assert SSE.decoder().feed(ping)[0].clean


def test_the_vendors_sdk_reads_what_is_written() -> None:
    response = Response(
        [Choice([Thinking("hm"), Text("hi"), CALL], Stop(StopReason.TOOL_CALL))], "msg_1", "m", usage=Usage(3)
    )
    body = CODEC.encode_response(response, Asked("m"), Losses())
    message = SdkMessage.model_validate_json(body, strict=True)
    assert [part.type for part in message.content] == ["thinking", "text", "tool_use"]
    assert message.stop_reason == "tool_use"


def test_whole_blocks_are_opened_whole() -> None:
    search = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}}
    piece = {"type": "input_json_delta", "partial_json": '{"query":"x"}'}
    opened, closed = events_of(START, *block(0, search, piece), DELTA, STOP)[1:3]
    assert isinstance(opened, Open)
    assert isinstance(closed, Close)
    assert opened.part == closed.part


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
