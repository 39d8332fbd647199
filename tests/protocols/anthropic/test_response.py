from typing import Any

import pytest

from gateway.canonical.content import (
    Base64,
    Blocks,
    Citation,
    FileRef,
    Media,
    Opaque,
    Part,
    PlainText,
    Refusal,
    ServerToolResult,
    ServerToolUse,
    Signature,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Url,
)
from gateway.canonical.events import Choice, Response
from gateway.canonical.json import JsonObject
from gateway.canonical.usage import Stop, StopReason, Usage
from gateway.errors import BadUpstreamReply, RateLimited
from gateway.protocols.anthropic import CODEC
from gateway.protocols.codec import Asked, Losses, ModelCard, Sent
from gateway.wire import fast_json


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"type":"message"}', b'{"content":[{"type":7}]}'])
def test_what_is_no_message_is_a_bad_reply(body: bytes) -> None:
    with pytest.raises(BadUpstreamReply):
        CODEC.decode_response(body, Sent())


def test_an_error_with_status_200_is_an_error() -> None:
    with pytest.raises(RateLimited):
        CODEC.decode_response(b'{"type":"error","error":{"type":"rate_limit_error","message":"x"}}', Sent())


def test_cached_tokens_are_taken_out_of_the_input_for_clients() -> None:
    usage = Usage(input_tokens=1000, cache_read=900, output_tokens=1)
    response = Response([Choice([Text("hi")], Stop(StopReason.END))], usage=usage)
    payload = fast_json.loads(CODEC.encode_response(response, Asked("m"), Losses()))
    assert payload["usage"]["input_tokens"] == 100
    assert payload["usage"]["cache_read_input_tokens"] == 900


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        (StopReason.CONTENT_FILTER, "refusal"),
        (StopReason.LENGTH, "max_tokens"),
        (StopReason.OTHER, "end_turn"),
        (StopReason.PAUSE, "pause_turn"),
    ],
)
def test_every_reason_has_a_word(reason: StopReason, word: str) -> None:
    response = Response([Choice([Text("hi")], Stop(reason))])
    assert fast_json.loads(CODEC.encode_response(response, Asked("m"), Losses()))["stop_reason"] == word


def test_foreign_state_without_words_is_redacted_and_comes_back() -> None:
    signature = Signature("openai_responses", "gAAA", "gpt")
    response = Response(
        [Choice([Thinking(signature=signature), ToolCall("a", "run")], Stop(StopReason.TOOL_CALL))]
    )
    body = CODEC.encode_response(response, Asked("m"), Losses())
    thinking, call = CODEC.decode_response(body, Sent()).parts
    assert thinking == Thinking(signature=signature, redacted=True)
    assert call == ToolCall("a", "run")


def test_media_and_foreign_citations_are_named_losses() -> None:
    losses = Losses()
    parts: list[Part] = [
        Media("image", Url("https://pictures.example/a.png")), Media("audio", Base64("AAAA"), "audio/wav"),
        Text("hi", [Citation("url", "https://x.example")]),
    ]  # fmt: skip
    response = Response([Choice(parts, Stop(StopReason.END))])
    payload = fast_json.loads(CODEC.encode_response(response, Asked("m"), losses))
    assert [block["text"] for block in payload["content"]] == [
        "![image](https://pictures.example/a.png)", "[audio: audio/wav, 3 bytes]", "hi"
    ]  # fmt: skip
    assert losses.dropped == ["image ->text", "audio ->text", "citations"]


def test_token_counts_go_there_and_back() -> None:
    assert CODEC.decode_count(CODEC.encode_count(42)) == 42
    with pytest.raises(BadUpstreamReply):
        CODEC.decode_count(b"{}")


def test_models_carry_their_date_as_a_string() -> None:
    page = fast_json.loads(CODEC.encode_models([ModelCard("a"), ModelCard("b")]))
    assert (page["first_id"], page["last_id"], page["has_more"]) == ("a", "b", False)
    assert page["data"][0]["created_at"] == "2026-01-01T00:00:00Z"
    assert fast_json.loads(CODEC.encode_model(ModelCard("a")))["id"] == "a"


def told(*parts: Part, **reply: Any) -> tuple[dict[str, Any], Losses]:
    """The body that tells a client `parts`, and what could not be said."""
    losses = Losses()
    response = Response([Choice(list(parts), Stop(StopReason.END))], **reply)
    return dict(fast_json.loads(CODEC.encode_response(response, Asked("m"), losses))), losses


def test_a_structured_answer_given_through_a_tool_is_text() -> None:
    use: JsonObject = {"type": "tool_use", "id": "a", "name": "json_output", "input": {"a": 1}}
    body: JsonObject = {"content": [use], "stop_reason": "tool_use"}
    reply = CODEC.decode_response(fast_json.dumps(body), Sent(json_tool="json_output"))
    assert reply.parts == [Text('{"a":1}')]
    assert reply.stop.reason is StopReason.END


@pytest.mark.parametrize(
    ("arguments", "text"), [({"input": "*** x"}, "*** x"), ({"other": 1}, '{"other":1}')]
)
def test_a_free_text_tools_call_is_its_text(arguments: dict[str, Any], text: str) -> None:
    body: JsonObject = {"content": [{"type": "tool_use", "id": "a", "name": "patch", "input": arguments}]}
    reply = CODEC.decode_response(fast_json.dumps(body), Sent(custom_tools=frozenset({"patch"})))
    assert reply.parts == [ToolCall("a", "patch", text, "custom")]


def test_what_a_reply_cost_goes_there_and_back() -> None:
    usage: dict[str, Any] = {
        "input_tokens": 5, "cache_creation_input_tokens": 30, "cache_read_input_tokens": 60,
        "output_tokens": 9,
        "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
        "output_tokens_details": {"thinking_tokens": 4}, "service_tier": "priority",
        "server_tool_use": {"web_search_requests": 1},
    }  # fmt: skip
    reply = CODEC.decode_response(fast_json.dumps({"content": [], "usage": usage}), Sent())
    assert reply.usage == Usage(
        input_tokens=95, cache_read=60, cache_write=30, cache_write_5m=10, cache_write_1h=20, output_tokens=9,
        reasoning=4, service_tier="priority",
        extras={"anthropic": {"server_tool_use": {"web_search_requests": 1}}},
    )  # fmt: skip
    body, losses = told(Text("hi"), usage=reply.usage)
    assert body["usage"] == usage
    assert not losses


def test_counts_that_were_not_said_are_not_invented() -> None:
    body = fast_json.dumps({"content": [], "usage": {"output_tokens": 9}})
    assert CODEC.decode_response(body, Sent()).usage == Usage(output_tokens=9)


def test_a_tier_without_a_word_is_a_named_loss() -> None:
    body, losses = told(Text("hi"), usage=Usage(service_tier="scale"))
    assert "service_tier" not in body["usage"]
    assert losses.dropped == ["usage.service_tier"]


def test_of_several_answers_the_first_is_told() -> None:
    losses = Losses()
    choices = [Choice([Text(word)], Stop(StopReason.END)) for word in ("a", "b", "c")]
    body = fast_json.loads(CODEC.encode_response(Response(choices), Asked("m"), losses))
    assert body["content"] == [{"type": "text", "text": "a"}]
    assert losses.dropped == ["choices[1]", "choices[2]"]


def test_why_a_reply_was_refused_is_told() -> None:
    details: JsonObject = {"type": "refusal", "category": "cyber"}
    response = Response([Choice([], Stop(StopReason.REFUSAL, details=details))])
    body = fast_json.loads(CODEC.encode_response(response, Asked("m"), Losses()))
    assert (body["stop_reason"], body["stop_details"]) == ("refusal", details)


def test_the_providers_own_parts_are_told_as_they_came() -> None:
    raw: Any = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    body, losses = told(ServerToolUse("anthropic", "web_search", raw))
    assert body["content"] == [raw]
    assert not losses


def test_a_call_is_told_with_what_was_done_to_its_arguments() -> None:
    body, losses = told(ToolCall("a", "run", "[1]", origin="call"))
    assert body["content"] == [{"type": "tool_use", "id": "a", "name": "run", "input": {"value": [1]}}]
    assert losses.repaired == ["call arguments that are no object put into one"]


def test_a_calls_state_stands_in_front_of_it() -> None:
    body, _ = told(ToolCall("a", "run", signature=Signature("gemini", "c2ln")))
    assert [block["type"] for block in body["content"]] == ["thinking", "tool_use"]


def test_empty_reasoning_that_nobody_signed_says_nothing() -> None:
    assert told(Thinking(), Text("hi"))[0]["content"] == [{"type": "text", "text": "hi"}]


def test_a_native_citation_is_told() -> None:
    raw: Any = {"type": "char_location", "cited_text": "x"}
    body, losses = told(Text("hi", [Citation("char", raw={"anthropic": raw})]))
    assert body["content"][0]["citations"] == [raw]
    assert not losses


@pytest.mark.parametrize(
    ("part", "words", "dropped"),
    [
        (Refusal("no"), "no", []),
        (ServerToolUse("gemini", "run_code", {}), "", ["run_code"]),
        (ServerToolResult("gemini", "run_code", {}, text="42"), "42", ["run_code ->text"]),
        (ServerToolResult("gemini", "run_code", {}), "", ["run_code"]),
        (Opaque("gemini", {}, "shown", "code"), "shown", ["code ->text"]),
        (Opaque("gemini", {}), "", ["part"]),
        (ToolResult("a", [Text("x"), Opaque("gemini", {}), Text("y")]), "x\ny", ["tool result ->text"]),
        (
            Media("document", Url("https://x.example/a")),
            "[document](https://x.example/a)",
            ["document ->text"],
        ),
        (Media("document", PlainText("words")), "words", ["document ->text"]),
        (Media("document", Blocks([Text("a"), Text("b")])), "a\nb", ["document ->text"]),
        (Media("image", FileRef("f", "gemini"), filename="a.png"), "[a.png: file f]", ["image ->text"]),
        (
            Media("audio", Base64("AAAA"), context="hello"),
            "[audio: unknown type, 3 bytes]\nhello",
            ["audio ->text"],
        ),
    ],
)
def test_a_part_without_a_block_is_told_in_words(part: Part, words: str, dropped: list[str]) -> None:
    body, losses = told(part)
    assert body["content"] == [{"type": "text", "text": words}]
    assert losses.dropped == dropped


@pytest.mark.parametrize("body", [b"no JSON", b"[]", b'{"input_tokens": "7"}'])
def test_a_count_that_is_no_count_is_a_bad_reply(body: bytes) -> None:
    with pytest.raises(BadUpstreamReply):
        CODEC.decode_count(body)


def test_a_list_of_no_models_has_no_ends() -> None:
    page = fast_json.loads(CODEC.encode_models([]))
    assert (page["data"], page["first_id"], page["last_id"]) == ([], None, None)
