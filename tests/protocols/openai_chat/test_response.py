"""Whole replies, both ways."""

import pytest
from openai.types.chat import ChatCompletion

from gateway.canonical.content import (
    Base64,
    Citation,
    Media,
    Opaque,
    Part,
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
from gateway.canonical.json import JsonObject, JsonValue
from gateway.canonical.usage import Stop, StopReason, Usage
from gateway.errors import BadUpstreamReply, ContentRefused, RateLimited
from gateway.protocols import carry
from gateway.protocols.codec import Asked, Losses, Sent
from gateway.protocols.openai_chat import CODEC
from gateway.wire.fast_json import dumps
from tests.protocols.openai_chat.exchange import ASKED, answered, told


def _reply(*parts: Part, reason: StopReason = StopReason.END) -> Response:
    return Response([Choice(list(parts), Stop(reason))], "c1", "up", 5)


def _message(response: Response, losses: Losses | None = None) -> JsonObject:
    choices = told(response, losses)["choices"]
    assert isinstance(choices, list)
    choice = choices[0]
    assert isinstance(choice, dict)
    message = choice["message"]
    assert isinstance(message, dict)
    return message


def test_a_plain_reply_is_read_with_its_head() -> None:
    response = answered(
        {"role": "assistant", "content": "hi"}, created=5, system_fingerprint="fp", service_tier=None
    )
    assert response.parts == [Text("hi")]
    assert response.stop == Stop(StopReason.END, "stop")
    assert (response.id, response.model, response.created) == ("c1", "up", 5)
    assert response.extras == {"openai_chat": {"system_fingerprint": "fp"}}
    assert response.usage is None


def test_the_client_sees_the_model_it_asked_for() -> None:
    body = told(_reply(Text("hi")))
    assert body == {
        "id": "c1",
        "object": "chat.completion",
        "created": 5,
        "model": "alias",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "hi", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 7,
            "completion_tokens": 0,
            "total_tokens": 7,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
    }
    nameless = Response([Choice([], Stop(StopReason.END))])
    assert (told(nameless)["id"], told(nameless)["created"]) == ("chatcmpl-r1", 100)


@pytest.mark.parametrize(
    ("raw", "called", "reason"),
    [
        ("stop", False, StopReason.END),
        ("stop", True, StopReason.TOOL_CALL),
        ("tool_calls", False, StopReason.END),
        ("function_call", True, StopReason.TOOL_CALL),
        ("length", True, StopReason.LENGTH),
        ("content_filter", False, StopReason.CONTENT_FILTER),
        ("eos", False, StopReason.END),
        ("model_length", False, StopReason.LENGTH),
        ("error", False, StopReason.ERROR),
    ],
)
def test_a_finish_reason_is_understood_and_kept(raw: str, *, called: bool, reason: StopReason) -> None:
    calls: JsonObject = {"tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{}"}}]}
    response = answered({"content": "x", **(calls if called else {})}, raw)
    assert response.stop == Stop(reason, raw)


def test_a_refusal_is_a_part_and_a_filtered_one_a_reason() -> None:
    response = answered({"content": None, "refusal": "no"}, "content_filter")
    assert response.parts == [Refusal("no")]
    assert response.stop.reason is StopReason.REFUSAL
    message = _message(_reply(Refusal("no"), reason=StopReason.REFUSAL))
    assert message == {"role": "assistant", "content": None, "refusal": "no"}


@pytest.mark.parametrize("reason", list(StopReason))
def test_every_reason_has_a_word_that_openais_client_knows(reason: StopReason) -> None:
    choices = told(_reply(Text("x"), reason=reason))["choices"]
    assert isinstance(choices, list)
    choice = choices[0]
    assert isinstance(choice, dict)
    assert choice["finish_reason"] in {"stop", "length", "tool_calls", "content_filter"}


def test_calls_are_read_with_what_vendors_leave_out() -> None:
    calls: list[JsonValue] = [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": {"x": 1}}},
        {"function": {"name": "g", "arguments": ""}},
        {"id": "c", "type": "custom", "custom": {"name": "p", "input": "text"}},
        {
            "id": "d",
            "function": {"name": "h", "arguments": "{}"},
            "extra_content": {"google": {"thought_signature": "s"}},
        },
    ]
    parts = answered({"content": None, "tool_calls": calls}, "tool_calls").parts
    assert [part.name for part in parts if isinstance(part, ToolCall)] == ["f", "g", "p", "h"]
    first, unnamed, custom, signed = parts
    assert first == ToolCall("a", "f", '{"x":1}')
    assert isinstance(unnamed, ToolCall)
    assert (unnamed.id[:5], unnamed.arguments) == ("call_", "{}")
    assert custom == ToolCall("c", "p", "text", kind="custom")
    assert signed == ToolCall("d", "h", signature=Signature("gemini", "s"))


def test_the_retired_call_counts_unless_it_is_empty_or_doubled() -> None:
    call: JsonObject = {"name": "f", "arguments": '{"a":1}'}
    (part,) = answered({"content": None, "function_call": call}, "function_call").parts
    assert isinstance(part, ToolCall)
    assert (part.name, part.arguments) == ("f", '{"a":1}')
    assert answered({"content": "x", "function_call": {"name": "", "arguments": ""}}).parts == [Text("x")]
    doubled = answered({"function_call": call, "tool_calls": [{"id": "a", "function": call}]})
    assert doubled.parts == [ToolCall("a", "f", '{"a":1}')]


def test_names_go_back_to_the_clients() -> None:
    body = dumps(
        {
            "choices": [
                {"message": {"tool_calls": [{"id": "a", "function": {"name": "x_1", "arguments": "{}"}}]}}
            ]
        }
    )
    (part,) = CODEC.decode_response(body, Sent(tool_names={"x_1": "x.y"})).parts
    assert part == ToolCall("a", "x.y")


def test_calls_are_told_with_their_signatures() -> None:
    native = ToolCall("a", "f", "{}", signature=Signature("gemini", "s"))
    foreign = ToolCall("b", "p", "text", kind="custom", signature=Signature("other", "s", "m"))
    assert _message(_reply(native, foreign)) == {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "tool_calls": [
            {
                "id": "a",
                "type": "function",
                "function": {"name": "f", "arguments": "{}"},
                "extra_content": {"google": {"thought_signature": "s"}},
            },
            {
                "id": "b",
                "type": "custom",
                "custom": {"name": "p", "input": "text"},
                "extra_content": {"google": {"thought_signature": carry.wrap(foreign.signature, "gemini")}},
            },
        ],
    }


def test_reasoning_is_told_twice_for_reading_and_for_coming_back() -> None:
    signature = Signature("anthropic", "s", "claude")
    thoughts = [
        Thinking("a", signature=signature),
        Thinking("b"),
        Thinking(signature=signature, redacted=True),
    ]
    response = _reply(*thoughts, Text("x"))
    message = _message(response)
    assert message["reasoning_content"] == "ab"
    assert isinstance(message["reasoning_details"], list)
    assert len(message["reasoning_details"]) == 3
    assert answered(message).parts == response.parts


def test_mistrals_content_of_parts_is_read() -> None:
    content: list[JsonValue] = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}], "closed": True},
        {"type": "text", "text": "a"},
        "b",
        {"type": "image_url", "image_url": {"url": "https://a.example/i"}},
        5,
    ]
    assert answered({"content": content}).parts == [
        Thinking("hm"),
        Text("ab"),
        Media("image", Url("https://a.example/i")),
    ]


def test_images_a_model_made_are_parts() -> None:
    images: list[JsonValue] = [{"image_url": {"url": "data:image/png;base64,AAAA"}}, {"image_url": ""}, 7]
    assert answered({"content": "see", "images": images}).parts == [
        Text("see"),
        Media("image", Base64("AAAA"), "image/png"),
    ]


def test_sound_goes_both_ways() -> None:
    audio: JsonObject = {"id": "audio_1", "data": "AAAA", "transcript": "hi", "expires_at": 9}
    response = answered({"content": None, "audio": audio})
    assert response.parts == [
        Media(
            "audio",
            Base64("AAAA"),
            context="hi",
            extras={"openai_chat": {"id": "audio_1", "expires_at": 9}},
        )
    ]
    assert _message(response)["audio"] == audio
    foreign = _message(_reply(Media("audio", Base64("AAAA"), "audio/wav")))
    assert foreign["audio"] == {"id": "audio_r1", "data": "AAAA", "transcript": "", "expires_at": 3700}
    empty: JsonObject = {"id": "", "data": "", "transcript": "", "expires_at": 0}
    assert answered({"content": "x", "audio": empty}).parts == [Text("x")]


def test_sound_that_is_no_base64_is_not_lost() -> None:
    (part,) = answered({"content": None, "audio": {"id": "a", "data": "A"}}).parts
    assert isinstance(part, Media)
    assert part.extras == {"openai_chat": {"id": "a", "data": "A"}}


def test_citations_go_both_ways() -> None:
    span: JsonObject = {
        "url": "https://a.example",
        "title": "A",
        "start_index": 1,
        "end_index": 3,
        "content": "c",
    }
    nowhere: JsonObject = {"url": "https://b.example", "title": "B", "start_index": 0, "end_index": 0}
    annotations: list[JsonValue] = [
        {"type": "url_citation", "url_citation": span},
        {"type": "url_citation", "url_citation": nowhere},
        {"type": "file", "file": {"name": "f"}},
        "odd",
    ]
    response = answered({"content": "abcd", "annotations": annotations})
    (text,) = response.parts
    assert isinstance(text, Text)
    first, second, third = text.citations
    assert first == Citation("url", "https://a.example", "A", "c", 1, 3)
    assert (second.start, second.end, third.kind) == (None, None, "file")
    assert _message(response)["annotations"] == annotations[:3]


def test_a_citation_counts_from_the_beginning_of_the_whole_message() -> None:
    losses = Losses()
    cited = Text("cd", [Citation("url", "https://a.example"), Citation("page", title="book")])
    message = _message(_reply(Text("ab"), cited), losses)
    assert message["content"] == "abcd"
    assert message["annotations"] == [
        {
            "type": "url_citation",
            "url_citation": {"url": "https://a.example", "title": "", "start_index": 2, "end_index": 4},
        }
    ]
    assert losses.dropped == ["content.citations"]


def test_parts_without_a_word_are_told_as_text_and_named() -> None:
    losses = Losses()
    parts: list[Part] = [
        ServerToolUse("anthropic", "web_search", {}),
        ServerToolResult("anthropic", "web_search_result", {}, text="found\n"),
        Opaque("gemini", {}, "code\n"),
        Media("image", Base64("AAAA"), "image/png"),
        Media("video", Url("https://a.example/v")),
        Media("document", Base64("AAAA")),
        ToolResult("a"),
    ]
    message = _message(_reply(*parts), losses)
    assert (
        message["content"] == "found\ncode\n![image](data:image/png;base64,AAAA)![video](https://a.example/v)"
    )
    assert losses.dropped == [
        "content.web_search",
        "content.web_search_result",
        "content.part",
        "content.image",
        "content.video",
        "content.document",
        "content.toolresult",
    ]


def test_usage_is_read_in_every_vendors_words() -> None:
    usage: JsonObject = {
        "prompt_tokens": 100,
        "completion_tokens": 10,
        "total_tokens": 110,
        "prompt_tokens_details": {"cached_tokens": 90, "cache_write_tokens": 5, "audio_tokens": 1},
        "completion_tokens_details": {
            "reasoning_tokens": 11,
            "audio_tokens": 2,
            "accepted_prediction_tokens": 3,
            "rejected_prediction_tokens": 4,
        },
        "cost": 0.5,
        "is_byok": None,
    }
    counted = Usage(
        input_tokens=100,
        cache_read=90,
        cache_write=5,
        audio_input=1,
        output_tokens=10,
        reasoning=10,
        audio_output=2,
        accepted_prediction=3,
        rejected_prediction=4,
        extras={"openai_chat": {"cost": 0.5}},
    )
    assert answered({"content": "x"}, usage=usage).usage == counted
    deepseek = answered({"content": "x"}, usage={"prompt_tokens": 9, "prompt_cache_hit_tokens": 8}).usage
    assert deepseek is not None
    assert (deepseek.cache_read, deepseek.output_tokens) == (8, None)
    groq = answered(
        {"content": "x"}, x_groq={"usage": {"prompt_tokens": -1, "completion_tokens": True}}
    ).usage
    assert groq == Usage(input_tokens=0)


@pytest.mark.parametrize(("field", "said"), [("usage", 7), ("x_groq", {"id": "r"}), ("x_groq", 7)])
def test_usage_that_holds_no_counts_is_none(field: str, said: JsonValue) -> None:
    assert answered({"content": "hi"}, None, **{field: said}).usage is None


def test_reasoning_without_words_or_signature_says_nothing() -> None:
    reply = Response([Choice([Thinking(), Text("hi")], Stop(StopReason.END))], id="r")
    assert "reasoning_details" not in str(told(reply))


def test_usage_is_told_in_openais_words() -> None:
    response = _reply(Text("x"))
    response.usage = Usage(input_tokens=9, cache_read=8, output_tokens=2, extras={"openai_chat": {"cost": 1}})
    assert told(response)["usage"] == {
        "cost": 1,
        "prompt_tokens": 9,
        "completion_tokens": 2,
        "total_tokens": 11,
        "prompt_tokens_details": {"cached_tokens": 8},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def test_the_estimate_is_only_made_where_it_is_needed() -> None:
    def count() -> int:
        raise AssertionError("nobody needs it")

    response = _reply(Text("x"))
    response.usage = Usage(input_tokens=1)
    assert CODEC.encode_response(response, Asked("m", estimate=count), Losses())


def test_several_choices_and_log_probabilities_go_both_ways() -> None:
    entry: JsonObject = {"token": "x", "logprob": -0.1, "bytes": [120], "top_logprobs": []}
    choices: list[JsonValue] = [
        {"index": 0, "message": {"content": "x"}, "finish_reason": "stop", "logprobs": {"content": [entry]}},
        {"index": 1, "message": {"content": "y"}, "finish_reason": "length", "logprobs": None},
    ]
    response = CODEC.decode_response(dumps({"choices": choices}), Sent())
    assert [choice.logprobs for choice in response.choices] == [[entry], None]
    assert [choice.stop.reason for choice in response.choices] == [StopReason.END, StopReason.LENGTH]
    again = CODEC.decode_response(dumps(told(response)), Sent())
    assert again.choices == response.choices


def test_completions_of_the_retired_kind_and_deltas_in_whole_replies_are_read() -> None:
    assert CODEC.decode_response(b'{"choices":[{"text":"hi","finish_reason":"stop"}]}', Sent()).parts == [
        Text("hi")
    ]
    assert CODEC.decode_response(b'{"choices":[{"delta":{"content":"hi"}}]}', Sent()).parts == [Text("hi")]
    details = b'{"choices":[{"message":{"content":"hi"},"finish_details":{"type":"max_tokens"}}]}'
    assert CODEC.decode_response(details, Sent()).stop.reason is StopReason.LENGTH


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b"{}", b'{"choices":null}', b'{"choices":[]}', b'{"choices":[7]}']
)
def test_what_is_no_reply_is_an_upstreams_fault(body: bytes) -> None:
    with pytest.raises(BadUpstreamReply):
        CODEC.decode_response(body, Sent())


def test_an_error_inside_a_200_is_that_error() -> None:
    with pytest.raises(RateLimited):
        CODEC.decode_response(b'{"error":{"message":"slow down","code":429}}', Sent())
    with pytest.raises(ContentRefused):
        CODEC.decode_response(b'{"error":{"message":"no","code":"content_filter","status":400}}', Sent())


def test_openais_own_types_accept_what_a_client_gets() -> None:
    response = _reply(
        Thinking("hm", signature=Signature("anthropic", "s")),
        Text("hi", [Citation("url", "https://a.example")]),
        ToolCall("a", "f", '{"x":1}'),
        ToolCall("b", "p", "text", kind="custom"),
        Media("audio", Base64("AAAA"), "audio/wav"),
        reason=StopReason.TOOL_CALL,
    )
    completion = ChatCompletion.model_validate_json(
        CODEC.encode_response(response, ASKED, Losses()), strict=True
    )
    message = completion.choices[0].message
    assert message.content == "hi"
    assert [call.type for call in message.tool_calls or ()] == ["function", "custom"]
    assert completion.usage is not None
    assert completion.usage.prompt_tokens == 7
