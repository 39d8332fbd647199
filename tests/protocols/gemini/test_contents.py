"""The conversation of a client's request."""

import pytest

from gateway.canonical.content import (
    Base64,
    Media,
    Message,
    Opaque,
    ServerToolResult,
    ServerToolUse,
    Signature,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from gateway.canonical.json import JsonObject, JsonValue
from gateway.errors import InvalidRequest
from gateway.protocols.gemini import CODEC
from gateway.protocols.gemini.signatures import wrap
from tests.protocols.gemini.exchange import call, decoded, sent

SIGNED: JsonObject = {"thoughtSignature": "c2ln"}


@pytest.mark.parametrize("words", ["hi", ["hi"]])
def test_words_alone_are_a_users(words: JsonValue) -> None:
    contents: JsonValue = words if isinstance(words, str) else {"parts": {"text": "hi"}}
    assert CODEC.decode_request(call({"contents": contents})).messages == [Message("user", [Text("hi")])]


def test_instructions_may_be_words_alone() -> None:
    assert decoded(systemInstruction="be kind").messages[0] == Message("system", [Text("be kind")])


def test_a_signature_alone_is_thinking_and_an_empty_part_is_kept() -> None:
    foreign = wrap(Signature("anthropic", "x"))
    parts: list[JsonValue] = [SIGNED, {"text": "", "thoughtSignature": foreign}, {}]
    assert decoded({"role": "model", "parts": parts}).messages[0].parts == [
        Thinking(signature=Signature("gemini", "c2ln")),
        Thinking(signature=Signature("anthropic", "x"), redacted=True),
        Opaque("gemini", {}),
    ]


def test_parts_of_the_providers_own_tools_are_kept_for_it() -> None:
    parts: list[JsonValue] = [
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2", "id": "x"}},
        {"toolCall": {"toolType": "FILE_SEARCH", "id": "y"}},
        {"toolResponse": {"toolType": "FILE_SEARCH", "id": "y"}},
    ]
    request = decoded({"role": "model", "parts": parts}, {"parts": [{"text": "hi"}]})
    kinds = [ServerToolResult, ServerToolUse, ServerToolResult]
    assert [type(part) for part in request.messages[0].parts] == kinds
    assert sent(request)["contents"][1]["parts"] == parts


def test_what_nobody_else_knows_of_calls_and_results_goes_back_to_the_provider() -> None:
    called: JsonObject = {
        "functionCall": {"id": "c1", "name": "f", "args": {"a": 1}, "mystery": 1},
        "partMetadata": {"x_y": 1},
        **SIGNED,
    }
    answered: JsonObject = {
        "functionResponse": {
            "id": "c1",
            "name": "f",
            "response": {"output": "o"},
            "scheduling": "SILENT",
            "parts": [{"inlineData": {"mimeType": "image/png", "data": "AA=="}}],
        },
        "partMetadata": {"z": 2},
    }
    request = decoded(
        {"parts": [{"text": "hi"}]}, {"role": "model", "parts": [called]}, {"parts": [answered]}
    )
    result = request.messages[2].parts[0]
    assert isinstance(result, ToolResult)
    assert result.content == [Text("o"), Media("image", Base64("AA=="), "image/png")]
    contents = sent(request)["contents"]
    assert (contents[1]["parts"], contents[2]["parts"]) == ([called], [answered])


@pytest.mark.parametrize("attached", ["x", {}, {"inlineData": {"data": 1}}])
def test_what_is_attached_to_a_result_must_be_a_medium(attached: JsonValue) -> None:
    answer: JsonObject = {"functionResponse": {"name": "f", "response": {}, "parts": [attached]}}
    with pytest.raises(InvalidRequest, match=r"contents\[0\]\.parts\[0\]\.functionResponse\.parts\[0\]"):
        decoded({"parts": [answer]})


def test_a_result_without_a_call_has_the_id_it_came_with() -> None:
    answers: list[JsonValue] = [
        {"functionResponse": {"id": "x", "name": "f", "response": "words"}},
        {"functionResponse": {"name": "f", "response": {"output": None}}},
    ]
    assert decoded({"parts": answers}).messages[0].parts == [ToolResult("x", [Text("words")]), ToolResult("")]


@pytest.mark.parametrize(
    ("args", "arguments"), [(None, "{}"), ({}, "{}"), ("", "{}"), ('{"a":1}', '{"a":1}'), ([1], "[1]")]
)
def test_arguments_are_read_whatever_they_are(args: JsonValue, arguments: str) -> None:
    part: JsonObject = {"functionCall": {"name": "f", "args": args}}
    assert decoded({"role": "model", "parts": [part]}).messages[0].parts == [
        ToolCall("call_0_0", "f", arguments)
    ]


def test_the_pieces_of_a_streamed_thought_are_one_up_to_its_signature() -> None:
    pieces: list[JsonValue] = [
        {"text": "Let me ", "thought": True},
        {"text": "think.", "thought": True},
        {"text": "", "thought": True, "thoughtSignature": "c2ln"},
        {"text": "Another.", "thought": True},
        {"text": "Hi"},
        {"text": "A third.", "thought": True},
    ]

    (message,) = decoded({"role": "model", "parts": pieces}).messages

    assert message.parts == [
        Thinking("Let me think.", signature=Signature("gemini", "c2ln")),
        Thinking("Another."),
        Text("Hi"),
        Thinking("A third."),
    ]


def test_the_pieces_of_a_streamed_answer_are_one_however_its_client_keeps_them() -> None:
    first: JsonObject = {"role": "model", "parts": [{"text": "Hel"}, {"text": "lo"}]}
    rest: JsonObject = {"role": "model", "parts": [{"text": ", you."}, {"functionCall": {"name": "f"}}]}
    last: JsonObject = {"role": "model", "parts": [{"functionCall": {"name": "g"}}, {"text": "Bye."}]}

    (message,) = decoded(first, rest, last, {"role": "model", "parts": []}).messages

    calls = [ToolCall("call_1_0", "f", "{}"), ToolCall("call_2_1", "g", "{}")]
    assert message.parts == [Text("Hello, you."), *calls, Text("Bye.")]


def test_results_find_all_calls_of_a_turn_that_was_kept_in_pieces() -> None:
    calls: list[JsonValue] = [
        {"role": "model", "parts": [{"functionCall": {"name": name}}]} for name in ("f", "g")
    ]
    results: list[JsonValue] = [
        {"functionResponse": {"name": name, "response": {"output": name}}} for name in ("g", "f")
    ]
    said, answered = decoded(*calls, {"role": "user", "parts": results}).messages
    ids = {part.name: part.id for part in said.parts if isinstance(part, ToolCall)}
    found = [part.call_id for part in answered.parts if isinstance(part, ToolResult)]
    assert found == [ids["g"], ids["f"]]


def test_what_has_fields_of_its_own_stays_apart() -> None:
    marked: JsonObject = {"text": "b", "mark": 1}
    contents: list[JsonValue] = [
        {"role": "model", "parts": [{"text": "a"}, marked, {"text": "c"}]},
        {"role": "model", "parts": [{"text": "d"}], "mark": 2},
    ]
    one, other = decoded(*contents).messages
    words = [part.text for part in [*one.parts, *other.parts] if isinstance(part, Text)]
    assert words == ["a", "b", "c", "d"]


def test_what_a_user_says_apart_stays_apart() -> None:
    contents: list[JsonValue] = [{"parts": [{"text": "a"}, {"text": "b"}]}, {"parts": [{"text": "c"}]}]
    assert [len(message.parts) for message in decoded(*contents).messages] == [2, 1]
