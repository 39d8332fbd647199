from typing import Any

import anthropic
import httpx2
import pytest
from anthropic.types import Message as SdkMessage

from gateway.canonical.content import (
    Citation,
    Opaque,
    Part,
    Refusal,
    ServerToolUse,
    Signature,
    Text,
    Thinking,
    ToolCall,
)
from gateway.canonical.events import Choice, Close, Delta, End, Event, Open, Response, Start, explode
from gateway.canonical.usage import Stop, StopReason, Usage
from gateway.errors import Overloaded
from gateway.protocols.anthropic import CODEC
from gateway.protocols.codec import Asked, Losses
from gateway.wire import fast_json
from gateway.wire.sse import SSE
from tests.protocols.anthropic.streams import CALL, STOP, decoded, written


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


def told(*events: Event, losses: Losses | None = None) -> list[Any]:
    """What a client is told of `events`, all of which stand between a start and an end."""
    encoder = CODEC.stream_encoder(Asked("m"), losses if losses is not None else Losses())
    whole = [Start(), *events, End([Stop(StopReason.END)])]
    return [fast_json.loads(frame.data) for event in whole for frame in encoder.encode(event)]


def read_by_the_sdk(*parts: Part, stop: StopReason = StopReason.END, **reply: Any) -> SdkMessage:
    """The message that the vendor's SDK puts together from the stream of a reply."""
    encoder = CODEC.stream_encoder(Asked("m", estimate=lambda: 7), Losses())
    response = Response([Choice(list(parts), Stop(stop))], "msg_1", "m", **reply)
    body = b"".join(SSE.encode(frame) for event in explode(response) for frame in encoder.encode(event))
    headers = {"content-type": SSE.content_type}
    answer = httpx2.MockTransport(lambda _: httpx2.Response(200, headers=headers, content=body))
    with (
        httpx2.Client(transport=answer) as http,
        anthropic.Anthropic(api_key="any", base_url="http://gateway.example", http_client=http) as client,
        client.messages.stream(
            model="m", max_tokens=9, messages=[{"role": "user", "content": "hi"}]
        ) as events,
    ):
        return events.get_final_message()


def test_the_vendors_sdk_puts_the_stream_together() -> None:
    raw: Any = {"type": "char_location", "cited_text": "x", "document_index": 0, "document_title": "T",
                "start_char_index": 0, "end_char_index": 1}  # fmt: skip
    message = read_by_the_sdk(
        Thinking("hm", signature=Signature("anthropic", "s")),
        Thinking(redacted=True, signature=Signature("anthropic", "x")),
        Text("hi", [Citation("char", raw={"anthropic": raw})]),
        CALL,
        ToolCall("toolu_2", "stop", ""),
        ToolCall("toolu_3", "patch", "*** x", "custom"),
        stop=StopReason.TOOL_CALL,
        usage=Usage(input_tokens=100, cache_read=90, output_tokens=2),
    )
    assert [block.model_dump(exclude_none=True) for block in message.content] == [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "x"},
        {"type": "text", "text": "hi", "citations": [raw]},
        {"type": "tool_use", "id": "toolu_1", "name": "run", "input": {"a": 1}},
        {"type": "tool_use", "id": "toolu_2", "name": "stop", "input": {}},
        {"type": "tool_use", "id": "toolu_3", "name": "patch", "input": {"input": "*** x"}},
    ]
    assert (message.id, message.model, message.stop_reason) == ("msg_1", "m", "tool_use")
    assert (message.usage.input_tokens, message.usage.cache_read_input_tokens) == (10, 90)
    assert message.usage.output_tokens == 2


def test_the_vendors_sdk_reads_an_empty_reply() -> None:
    message = read_by_the_sdk()
    assert [block.model_dump(exclude_none=True) for block in message.content] == [
        {"type": "text", "text": ""}
    ]
    assert message.usage.input_tokens == 7


def test_the_vendors_sdk_reads_a_call_of_the_providers_own_tool() -> None:
    raw: Any = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "x"}}
    (block,) = read_by_the_sdk(ServerToolUse("anthropic", "web_search", raw)).content
    assert block.model_dump(exclude_none=True) == raw


def test_a_signature_that_comes_behind_the_beginning_of_its_call_is_a_named_loss() -> None:
    call = ToolCall("a", "run", '{"a":1}', signature=Signature("gemini", "c2ln"))
    losses = Losses()
    pieces = [Delta(0, "arguments", piece) for piece in ('{"a"', ":", "1}")]
    events = told(
        Open(0, ToolCall("a", "run", "")), *pieces, Delta(0, "signature", Signature("gemini", "c2ln")),
        Close(0, call), losses=losses,
    )  # fmt: skip
    assert [event["delta"]["partial_json"] for event in events if event["type"] == "content_block_delta"] == [
        '{"a"',
        ":",
        "1}",
    ]
    assert losses.dropped == ["run.signature"]


@pytest.mark.parametrize("first", ["arguments", "signature"])
def test_a_calls_state_may_come_before_or_behind_arguments_in_one_piece(first: str) -> None:
    signature = Signature("gemini", "c2ln")
    call = ToolCall("a", "run", '{"a":1}', signature=signature)
    deltas = [Delta(0, "arguments", call.arguments), Delta(0, "signature", signature)]
    events = told(
        Open(0, ToolCall("a", "run", "")), *(deltas if first == "arguments" else deltas[::-1]), Close(0, call)
    )
    assert decoded(*events).parts == [call]


def test_a_free_text_call_is_told_whole_with_its_state_in_front() -> None:
    signature = Signature("gemini", "c2ln")
    call = ToolCall("a", "patch", "*** x", "custom", signature=signature)
    events = told(
        Open(0, ToolCall("a", "patch", "", "custom")), Delta(0, "arguments", "*** "),
        Delta(0, "arguments", "x"), Delta(0, "signature", signature), Close(0, call),
    )  # fmt: skip
    (told_call,) = decoded(*events).parts
    assert told_call == ToolCall("a", "patch", '{"input":"*** x"}', signature=signature)


def test_of_several_choices_the_first_is_told() -> None:
    losses = Losses()
    encoder = CODEC.stream_encoder(Asked("m"), losses)
    choices = [Choice([Text(word)], Stop(StopReason.END)) for word in ("a", "b")]
    events = [fast_json.loads(f.data) for event in explode(Response(choices)) for f in encoder.encode(event)]
    assert decoded(*events).parts == [Text("a")]
    assert losses.dropped == ["choices[1]"]


def test_usage_and_token_chances_on_the_way_open_nothing() -> None:
    events = told(
        Delta(0, "usage", Usage(input_tokens=3, output_tokens=1)), Delta(0, "logprobs", [{"token": "w"}])
    )
    assert [event["type"] for event in events][:2] == ["message_start", "content_block_start"]
    assert events[0]["message"]["usage"]["input_tokens"] == 3


def test_what_the_upstream_says_at_once_is_told_at_the_start() -> None:
    encoder = CODEC.stream_encoder(Asked("m"), Losses())
    encoder.encode(Start("msg_1", "m", usage=Usage(input_tokens=5), extras={"anthropic": {"novel": 1}}))
    (frame,) = encoder.encode(Open(0, Text("")))
    message = fast_json.loads(frame.data)["message"]
    assert (message["usage"]["input_tokens"], message["novel"]) == (5, 1)


def test_a_summary_is_thinking_with_its_paragraphs_apart() -> None:
    signed = Thinking("", ["one", "two"], Signature("openai_responses", "gAAA"))
    assert decoded(*written(signed)).parts == [
        Thinking("one\n\ntwo", signature=Signature("openai_responses", "gAAA"))
    ]


def test_parts_that_say_nothing_are_no_blocks() -> None:
    events = written(Text(""), Refusal(""), Thinking(), Opaque("gemini", {}), Text("hi"))
    starts = [event["index"] for event in events if event["type"] == "content_block_start"]
    assert starts == [0]
    assert decoded(*events).parts == [Text("hi")]


def test_another_providers_citations_are_a_named_loss() -> None:
    losses = Losses()
    citation = Citation("url", "https://x.example")
    told(Open(0, Text("")), Delta(0, "text", "hi"), Delta(0, "citation", citation),
         Close(0, Text("hi", [citation])), losses=losses)  # fmt: skip
    assert losses.dropped == ["citations"]


def test_a_summary_of_the_conversation_is_told_as_it_came() -> None:
    part = Opaque("anthropic", {"type": "compaction", "content": "short"}, "short")
    assert decoded(*written(part)).parts == [part]


def test_a_tier_without_a_word_is_a_named_loss() -> None:
    losses = Losses()
    told(Delta(0, "usage", Usage(service_tier="scale")), losses=losses)
    assert losses.dropped == ["usage.service_tier"]


def test_what_only_this_protocol_knows_of_the_end_is_told_in_its_place() -> None:
    encoder = CODEC.stream_encoder(Asked("m"), Losses())
    encoder.encode(Start())
    extras: Any = {"container": {"id": "c"}, "context_management": {}}
    frames = encoder.encode(End([Stop(StopReason.END)], extras={"anthropic": extras}))
    delta = fast_json.loads(frames[-2].data)
    assert delta["delta"]["container"] == {"id": "c"}
    assert delta["context_management"] == {}
