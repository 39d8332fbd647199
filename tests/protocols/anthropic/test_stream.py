from typing import Any

import pytest

from gateway.canonical.content import Citation, Opaque, ServerToolUse, Signature, Text, Thinking, ToolCall
from gateway.canonical.events import Close, Delta, End, Open, Start, collect
from gateway.canonical.json import JsonObject
from gateway.canonical.usage import StopReason, Usage
from gateway.errors import BadUpstreamReply, GatewayError, Overloaded
from gateway.protocols import carry
from gateway.protocols.anthropic import CODEC
from gateway.protocols.codec import Sent
from gateway.wire import fast_json
from gateway.wire.frames import Frame
from tests.protocols.anthropic.streams import DELTA, START, STOP, block, decoded, events_of, text, use


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


def test_whole_blocks_are_opened_whole() -> None:
    search = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}}
    piece = {"type": "input_json_delta", "partial_json": '{"query":"x"}'}
    opened, closed = events_of(START, *block(0, search, piece), DELTA, STOP)[1:3]
    assert isinstance(opened, Open)
    assert isinstance(closed, Close)
    assert opened.part == closed.part


PING = {"type": "ping"}
CITED: list[JsonObject] = [{"type": "char_location", "cited_text": word} for word in ("a", "b")]


@pytest.mark.parametrize("data", [b"", b" ", b"[DONE]"])
def test_a_record_without_an_event_says_nothing(data: bytes) -> None:
    decoder = CODEC.stream_decoder(Sent())
    assert decoder.decode(Frame(data)) == []
    assert decoder.payload is None


@pytest.mark.parametrize("data", [b"<html>", b"[1]", b'"ping"'])
def test_a_record_that_is_no_object_is_a_bad_reply(data: bytes) -> None:
    with pytest.raises(BadUpstreamReply):
        CODEC.stream_decoder(Sent()).decode(Frame(data))


@pytest.mark.parametrize(
    "payloads",
    [
        [{"type": "message_start", "message": {"id": 7}}],
        [START, *block(0, {"type": "redacted_thinking", "data": 7})],
        [START, *block(0, {"type": "redacted_thinking", "data": 7}, stop=False), DELTA],
        [START, {"type": "content_block_start", "index": 0}],
        [START, {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta"}}],
        [START, {"type": "content_block_delta", "index": 0, "delta": "hi"}],
        [START, {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": 5}],
    ],
)
def test_what_the_protocol_does_not_promise_is_a_bad_reply(payloads: list[Any]) -> None:
    with pytest.raises(BadUpstreamReply):
        decoded(*payloads)


def test_an_error_without_a_type_is_an_error_all_the_same() -> None:
    with pytest.raises(GatewayError, match="no more"):
        decoded(START, {"error": {"message": "no more"}})


def test_pings_and_unknown_events_say_nothing() -> None:
    assert decoded(PING, START, PING, {"type": "novel"}, *text(0, "hi"), DELTA, STOP, PING).parts == [
        Text("hi")
    ]


def test_the_name_of_an_event_stands_for_its_type() -> None:
    decoder = CODEC.stream_decoder(Sent())
    (start,) = decoder.decode(Frame(fast_json.dumps({"message": {"id": "msg_1"}}), "message_start"))
    assert start == Start("msg_1")


def test_a_stream_without_a_start_begins_with_its_first_block() -> None:
    assert decoded(*text(0, "hi"), DELTA, STOP).parts == [Text("hi")]


def test_a_block_may_begin_with_words() -> None:
    begun = block(0, {"type": "text", "text": "he"}, {"type": "text_delta", "text": "llo"})
    assert decoded(START, *begun, DELTA, STOP).parts == [Text("hello")]


def test_words_without_a_block_open_one() -> None:
    bare = {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "hi"}}
    assert decoded(START, bare, DELTA, STOP).parts == [Text("hi")]


def test_an_empty_block_of_text_is_no_part() -> None:
    assert decoded(START, *text(0, ""), *text(1, "hi"), DELTA, STOP).parts == [Text("hi")]


def test_citations_come_one_by_one_behind_those_that_a_block_began_with() -> None:
    one, two = CITED
    deltas: list[Any] = [{"type": "text_delta", "text": "hi"}, {"type": "citations_delta", "citation": two}]
    cited = block(0, {"type": "text", "text": "", "citations": [one]}, *deltas)
    events = events_of(START, *cited, DELTA, STOP)
    told = [event.value for event in events if isinstance(event, Delta) and event.kind == "citation"]
    assert told == [
        Citation("char", cited_text=word, raw={"anthropic": raw})
        for word, raw in zip("ab", CITED, strict=True)
    ]
    (part,) = collect(events).parts
    assert isinstance(part, Text)
    assert part.citations == told


def test_a_signature_may_come_in_pieces() -> None:
    deltas = [
        {"type": "thinking_delta", "thinking": "hm"},
        *({"type": "signature_delta", "signature": s} for s in "ab"),
    ]
    (part,) = decoded(START, *block(0, {"type": "thinking", "thinking": ""}, *deltas), DELTA, STOP).parts
    assert part == Thinking("hm", signature=Signature("anthropic", "ab"))


def test_redacted_thinking_is_told_whole() -> None:
    events = events_of(START, *block(0, {"type": "redacted_thinking", "data": "x"}), DELTA, STOP)
    part = Thinking(redacted=True, signature=Signature("anthropic", "x"))
    assert [event for event in events if isinstance(event, (Open, Close))] == [Open(0, part), Close(0, part)]
    assert not any(isinstance(event, Delta) for event in events)


@pytest.mark.parametrize(
    ("pieces", "arguments"), [((), {}), (('{"query"', ':"x"}'), {"query": "x"}), (('{"q',), {"_raw": '{"q'})]
)
def test_a_call_of_the_providers_own_tool_is_whole_at_its_end(
    pieces: tuple[str, ...], arguments: dict[str, Any]
) -> None:
    raw: dict[str, Any] = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    deltas: list[Any] = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
    (part,) = decoded(START, *block(0, raw, *deltas), DELTA, STOP).parts
    assert part == ServerToolUse("anthropic", "web_search", {**raw, "input": arguments}, "s")


def test_a_summary_of_the_conversation_comes_in_pieces() -> None:
    compacted = block(
        0, {"type": "compaction", "content": None}, {"type": "compaction_delta", "content": "short"}
    )
    (part,) = decoded(START, *compacted, DELTA, STOP).parts
    assert part == Opaque("anthropic", {"type": "compaction", "content": "short"}, "short")


def test_a_free_text_tool_whose_model_wrote_no_json_is_given_what_it_wrote() -> None:
    reply = decoded(
        START, *use(0, "*** x", name="patch"), DELTA, STOP, sent=Sent(custom_tools=frozenset({"patch"}))
    )
    assert reply.parts == [ToolCall("toolu_0", "patch", "*** x", "custom")]


FOREIGN = Signature("gemini", "c2ln")
CARRIER = block(
    0, {"type": "thinking", "thinking": ""},
    {"type": "signature_delta", "signature": carry.wrap(FOREIGN, "anthropic")},
)  # fmt: skip


@pytest.mark.parametrize("behind", [[], text(1, "hi"), [*CARRIER, *text(1, "hi")]])
def test_foreign_state_without_its_call_is_reasoning_after_all(behind: list[Any]) -> None:
    parts = decoded(START, *CARRIER, *behind, DELTA, STOP).parts
    thoughts = [part for part in parts if isinstance(part, Thinking)]
    assert thoughts == [Thinking(signature=FOREIGN)] * (2 if len(behind) > 3 else 1)
    assert parts == [*thoughts, *([Text("hi")] if behind else [])]


def test_an_end_that_says_no_cost_leaves_what_the_start_said() -> None:
    reply = decoded(
        START, *text(0, "hi"), {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}, STOP
    )
    assert reply.usage == Usage(input_tokens=10)


def test_what_the_end_says_beside_its_reason_is_kept() -> None:
    delta = {
        **DELTA,
        "delta": {"stop_reason": "end_turn", "container": {"id": "c"}},
        "context_management": {},
    }
    assert decoded(START, *text(0, "hi"), delta, STOP).extras == {
        "anthropic": {"container": {"id": "c"}, "context_management": {}}
    }


def test_a_stream_may_end_without_a_reason_where_the_upstream_never_gives_one() -> None:
    events = events_of(START, *text(0, "hi"), STOP, sent=Sent(finish_optional=True))
    assert isinstance(events[-1], End)
    assert events[-1].stops[0].reason is StopReason.END
