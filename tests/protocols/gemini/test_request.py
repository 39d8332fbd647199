"""Requests of the Gemini API, both ways."""

from typing import Any

import pytest

from gateway.canonical.content import (
    Base64,
    CacheMark,
    FileRef,
    Media,
    Message,
    Opaque,
    PlainText,
    Refusal,
    Signature,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Url,
)
from gateway.canonical.json import JsonObject, JsonValue
from gateway.canonical.request import Continuation, OutputFormat, Reasoning, Tool, ToolChoice
from gateway.errors import InvalidRequest, Unsayable
from gateway.protocols.codec import Call, Endpoint, Losses, Operation
from gateway.protocols.gemini import CODEC
from gateway.wire.json_array import JSON_ARRAY
from tests.protocols.gemini.exchange import asking, assistant, call, decoded, sent, user

HELLO = user(Text("hi"))
CALL = ToolCall("c1", "look", '{"q":1}', origin="messages[1].content[0]")


def test_model_stream_and_framing_stand_in_the_address() -> None:
    stream = Endpoint(Operation.GENERATE, "POST", "/", stream=True)
    asked = CODEC.asked(Call(params={"model": "models/org/m:free"}, endpoint=stream))
    assert (asked.model, asked.stream, asked.framing) == ("org/m:free", True, JSON_ARRAY)
    sse = CODEC.asked(Call(params={"model": "m"}, query={"alt": "sse"}, endpoint=stream))
    assert (sse.stream, sse.framing) == (True, None)
    with pytest.raises(InvalidRequest, match="model"):
        CODEC.asked(Call())


def test_both_spellings_say_the_same_but_inside_what_is_the_users_own() -> None:
    camel = decoded(
        {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"user_id": 1}}}]},
        systemInstruction={"parts": [{"text": "s"}]},
        generationConfig={"maxOutputTokens": 5, "topK": 3.0},
        tools=[
            {
                "functionDeclarations": [
                    {
                        "name": "f",
                        "parameters": {"type": "OBJECT", "properties": {"user_id": {"type": "STRING"}}},
                    }
                ]
            }
        ],
    )
    snake = decoded(
        {"role": "model", "parts": [{"function_call": {"name": "f", "args": {"user_id": 1}}}]},
        system_instruction={"parts": {"text": "s"}},
        generation_config={"max_output_tokens": 5, "top_k": 3},
        tools={
            "function_declarations": {
                "name": "f",
                "parameters": {"type": "OBJECT", "properties": {"user_id": {"type": "STRING"}}},
            }
        },
    )
    assert camel == snake
    assert camel.messages[1].parts == [ToolCall("call_0_0", "f", '{"user_id":1}')]
    assert camel.tools[0].schema == {"type": "object", "properties": {"user_id": {"type": "string"}}}


def test_results_find_their_calls_by_id_by_name_and_in_order() -> None:
    request = decoded(
        {"parts": [{"text": "hi"}]},
        {"role": "model", "parts": [{"functionCall": {"name": name}} for name in ("a", "a", "b")]},
        {"role": "function", "parts": [{"functionResponse": {"name": "b", "response": {"output": "3"}}}]},
        {"parts": [{"functionResponse": {"name": "a", "response": {"error": "1"}}}]},
        {"parts": [{"functionResponse": {"response": {"x": 2}}}]},
    )
    results = [part for message in request.messages[2:] for part in message.parts]
    assert [(part.call_id, part.is_error) for part in results if isinstance(part, ToolResult)] == [
        ("call_1_2", None),
        ("call_1_0", True),
        ("call_1_1", None),
    ]


def test_ids_that_are_used_twice_are_made_distinct() -> None:
    calls: list[JsonValue] = [{"functionCall": {"id": "x", "name": "a"}}] * 2
    parts = decoded({"role": "model", "parts": calls}).messages[0].parts
    assert [part.id for part in parts if isinstance(part, ToolCall)] == ["x", "call_0_1"]


@pytest.mark.parametrize(
    ("content", "path"),
    [
        ({"role": "bot", "parts": []}, "contents[0].role"),
        ({"parts": ["x"]}, "contents[0].parts[0]"),
        ({"parts": [{"text": 1}]}, "contents[0].parts[0].text"),
        ({"parts": [{"inlineData": {}}]}, "contents[0].parts[0]"),
        ({"parts": [{"functionCall": {}}]}, "contents[0].parts[0].functionCall.name"),
    ],
)
def test_what_is_malformed_is_named(content: JsonObject, path: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        decoded(content)
    assert caught.value.param == path


def test_a_request_without_contents_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="contents"):
        CODEC.decode_request(call({}))


def test_parts_are_read_as_what_they_are() -> None:
    parts = (
        decoded(
            {
                "role": "model",
                "parts": [
                    {"text": "t", "thought": True, "thoughtSignature": "c2ln"},
                    {"text": "w", "thoughtSignature": "c2ln"},
                    {"inlineData": {"mimeType": "IMAGE/JPG", "data": "_-8"}},
                    {"fileData": {"fileUri": "https://youtu.be/1"}},
                    {"fileData": {"fileUri": "gs://b/o", "mimeType": "application/pdf"}},
                    {"executableCode": {"language": "PYTHON", "code": "1"}, "thoughtSignature": "c2ln"},
                    {"text": ""},
                ],
            }
        )
        .messages[0]
        .parts
    )
    signature = Signature("gemini", "c2ln")
    assert parts == [
        Thinking("t", signature=signature),
        Text("w"),
        Thinking(signature=signature),
        Media("image", Base64("/+8="), "image/jpeg"),
        Media("video", Url("https://youtu.be/1")),
        Media("document", FileRef("gs://b/o", "gemini"), "application/pdf"),
        Opaque(
            "gemini",
            {"executableCode": {"language": "PYTHON", "code": "1"}, "thoughtSignature": "c2ln"},
            "```python\n1\n```",
        ),
    ]


@pytest.mark.parametrize(
    ("thinking", "reasoning"),
    [
        ({"thinkingLevel": "HIGH"}, Reasoning("effort", "high", visibility="omit")),
        ({"thinkingBudget": 0, "includeThoughts": False}, Reasoning("off", visibility="omit")),
        ({"thinkingBudget": -1, "includeThoughts": True}, Reasoning("auto", visibility="summary")),
        ({"thinkingBudget": 2048}, Reasoning("budget", budget=2048, visibility="omit")),
        ({}, None),
    ],
)
def test_thinking_is_asked_for_by_level_or_budget(thinking: JsonObject, reasoning: Reasoning | None) -> None:
    assert decoded(generationConfig={"thinkingConfig": thinking}).reasoning == reasoning


def test_an_unknown_thinking_level_is_named() -> None:
    with pytest.raises(InvalidRequest) as caught:
        decoded(generationConfig={"thinkingConfig": {"thinkingLevel": "SOME"}})
    assert caught.value.param == "generationConfig.thinkingConfig.thinkingLevel"


@pytest.mark.parametrize(
    ("calling", "choice"),
    [
        ({"mode": "auto"}, ToolChoice("auto")),
        ({"mode": "NONE"}, ToolChoice("none")),
        ({"mode": "ANY"}, ToolChoice("any")),
        ({"allowedFunctionNames": ["f"]}, ToolChoice("one", ["f"])),
        (
            {"mode": "ANY", "allowedFunctionNames": ["f", "g"]},
            ToolChoice("allowed", ["f", "g"], required=True),
        ),
        ({"mode": "VALIDATED"}, ToolChoice("validated")),
        ({"mode": "VALIDATED", "allowedFunctionNames": ["f"]}, ToolChoice("allowed", ["f"])),
    ],
)
def test_the_choice_among_tools_is_read(calling: JsonObject, choice: ToolChoice) -> None:
    assert decoded(toolConfig={"functionCallingConfig": calling}).tool_choice == choice


def test_a_count_reads_the_request_inside() -> None:
    inner: JsonObject = {
        "model": "models/x",
        "contents": [{"parts": [{"text": "hi"}]}],
        "cachedContent": "c/1",
    }
    request = CODEC.decode_request(call({"generateContentRequest": inner}))
    assert request.model == "m"
    assert request.continuation == Continuation(cached_content="c/1")
    assert request.origin_of("max_tokens") == "generateContentRequest.generationConfig.maxOutputTokens"


def test_instructions_go_in_front_and_those_amid_are_a_users_words() -> None:
    losses = Losses()
    body = sent(
        asking(
            Message("system", [Text("x-anthropic-billing-header: 1", origin="system[0]"), Text("one")]),
            Message("developer", [Text("two")], origin="messages[0]"),
            HELLO,
            assistant(Text("a")),
            Message("system", [Text("later")], origin="messages[3]"),
        ),
        losses,
    )
    assert body["systemInstruction"] == {"parts": [{"text": "one"}, {"text": "two"}]}
    assert body["contents"][-1] == {"role": "user", "parts": [{"text": "<system>\nlater\n</system>"}]}
    assert losses.dropped == []


def test_a_history_begins_with_a_user_and_is_never_empty() -> None:
    opening = sent(asking(assistant(Text("a")), HELLO))["contents"][0]
    assert opening["role"] == "user"
    assert sent(asking(Message("system", [Text("s")])))["contents"][0]["role"] == "user"


def test_parallel_calls_are_answered_in_one_content_with_their_names() -> None:
    calls = [ToolCall(f"c{n}", f"t{n}", origin=f"m.{n}") for n in range(3)]
    body = sent(
        asking(
            HELLO,
            assistant(*calls),
            user(ToolResult("c2", [Text("2")])),
            user(ToolResult("c0", []), ToolResult("c1", [Text('{"a":1}')], is_error=False)),
        )
    )
    assert [part["functionResponse"] for part in body["contents"][2]["parts"]] == [
        {"id": "c0", "name": "t0", "response": {"output": ""}},
        {"id": "c1", "name": "t1", "response": {"a": 1}},
        {"id": "c2", "name": "t2", "response": {"output": "2"}},
    ]


@pytest.mark.parametrize(
    ("text", "response"),
    [
        ("not json {", {"output": "not json {"}),
        ("{broken", {"output": "{broken"}),
        ("[1]", {"output": "[1]"}),
    ],
)
def test_a_result_that_is_no_object_is_put_into_one(text: str, response: JsonObject) -> None:
    body = sent(asking(HELLO, assistant(CALL), user(ToolResult("c1", [Text(text)]))))
    assert body["contents"][2]["parts"][0]["functionResponse"]["response"] == response


@pytest.mark.parametrize(
    ("arguments", "args"),
    [("", {}), ("[1]", {"value": [1]}), ('{"a":', {"_raw": '{"a":'}), ('{"a":1}', {"a": 1})],
)
def test_arguments_are_an_object_whatever_the_model_wrote(arguments: str, args: JsonObject) -> None:
    body = sent(asking(HELLO, assistant(ToolCall("c1", "f", arguments)), user(ToolResult("c1"))))
    assert body["contents"][1]["parts"][0]["functionCall"]["args"] == args


def test_media_of_a_result_stand_in_it_or_behind_it() -> None:
    picture = Media("image", Base64("iVBORw0KGgo="), "image/png")
    request = asking(HELLO, assistant(CALL), user(ToolResult("c1", [picture])))
    inside = sent(request)["contents"][2]["parts"]
    behind = sent(request, result_media=False)["contents"][2]["parts"]
    blob = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}
    assert inside[0]["functionResponse"]["parts"] == [blob]
    assert behind[0]["functionResponse"]["response"] == {"output": "[attached below]"}
    assert behind[1] == blob


def test_the_first_call_of_a_turn_has_a_signature_where_the_model_wants_one() -> None:
    native, foreign = Signature("gemini", "c2ln"), Signature("anthropic", "x")
    losses = Losses()
    body = sent(
        asking(
            HELLO,
            assistant(ToolCall("a", "f", signature=foreign, origin="m1.a"), ToolCall("b", "f")),
            user(ToolResult("a"), ToolResult("b")),
            assistant(
                ToolCall("c", "f", signature=native), ToolCall("d", "f", signature=Signature("gemini", "?"))
            ),
            user(ToolResult("c"), ToolResult("d")),
        ),
        losses,
        signatures=True,
        call_ids=False,
    )
    words = [[part.get("thoughtSignature") for part in body["contents"][place]["parts"]] for place in (1, 3)]
    assert words == [["skip_thought_signature_validator", None], ["c2ln", None]]
    assert losses.dropped == ["m1.a.signature", ".signature"]
    assert "id" not in body["contents"][1]["parts"][0]["functionCall"]


def test_only_thoughts_of_this_provider_go_back() -> None:
    losses = Losses()
    body = sent(
        asking(
            HELLO,
            assistant(
                Thinking("mine", signature=Signature("gemini", "c2ln")),
                Thinking("theirs", signature=Signature("anthropic", "x"), origin="m.1"),
                Text("said"),
                Thinking(signature=Signature("gemini", "c2ln")),
                Refusal("no"),
            ),
            HELLO,
        ),
        losses,
    )
    assert body["contents"][1]["parts"] == [
        {"text": "mine", "thought": True, "thoughtSignature": "c2ln"},
        {"text": "said"},
        {"text": "", "thoughtSignature": "c2ln"},
        {"text": "no"},
    ]
    assert losses.dropped == ["m.1 reasoning of another provider"]


@pytest.mark.parametrize(
    "part",
    [
        Opaque("anthropic", {}, origin="p"),
        Media("image", FileRef("f", "anthropic"), origin="p"),
        Media("image", Base64("????"), origin="p"),
        ToolCall("c", "f", origin="p"),
    ],
)
def test_what_has_no_word_is_named(part: Opaque | Media | ToolCall) -> None:
    with pytest.raises(Unsayable) as caught:
        sent(asking(user(part)))
    assert caught.value.param == "p"


def test_a_model_that_does_not_continue_an_answer_is_not_asked_to() -> None:
    with pytest.raises(Unsayable):
        sent(asking(HELLO, assistant(Text("a"))), prefill=False)


def test_media_say_their_type_and_documents_of_words_are_words() -> None:
    losses = Losses()
    body = sent(
        asking(
            user(
                Media("image", Url("https://x.example/a.png?b=1")),
                Media("image", Url("https://x.example/a")),
                Media("image", Base64("/9j/4AAQ"), detail="low"),
                Media("document", PlainText("words"), title="T"),
            )
        ),
        losses,
    )
    assert body["contents"][0]["parts"] == [
        {"fileData": {"fileUri": "https://x.example/a.png?b=1", "mimeType": "image/png"}},
        {"fileData": {"fileUri": "https://x.example/a", "mimeType": "image/jpeg"}},
        {
            "inlineData": {"mimeType": "image/jpeg", "data": "/9j/4AAQ"},
            "mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"},
        },
        {"text": "T\n\nwords"},
    ]
    assert losses.dropped == []


def test_cache_marks_are_named_losses() -> None:
    losses = Losses()
    request = asking(user(Text("a", cache=CacheMark(), origin="messages[0].content")))
    request.tools = [Tool("f", schema={"type": "object"}, cache=CacheMark(), origin="tools[0]")]
    body = sent(request, losses)
    assert losses.dropped == ["tools[0].cache_control", "messages[0].content.cache_control"]
    assert body["tools"] == [{"functionDeclarations": [{"name": "f"}]}]


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        (ToolChoice("one", ["f.x y"]), {"mode": "ANY", "allowedFunctionNames": ["f_x_y_4c3c"]}),
        (ToolChoice("any"), {"mode": "ANY"}),
        (ToolChoice("allowed", ["g"]), {"mode": "AUTO"}),
    ],
)
def test_names_are_fitted_in_tools_and_choice_alike(choice: ToolChoice, config: JsonObject) -> None:
    request = asking(HELLO)
    request.tools = [Tool("f.x y", "d"), Tool("g")]
    request.tool_choice = choice
    body = sent(request)
    declared = [one["name"] for one in body["tools"][0]["functionDeclarations"]]
    found = body["toolConfig"]["functionCallingConfig"]
    if "allowedFunctionNames" in found:
        assert found["mode"] == "ANY"
        assert found["allowedFunctionNames"] == [declared[0]]
    else:
        assert found == config


def test_a_choice_of_a_tool_that_is_not_there_is_refused() -> None:
    request = asking(HELLO)
    request.tools = [Tool("g")]
    request.tool_choice = ToolChoice("one", ["f"])
    with pytest.raises(Unsayable, match="f"):
        sent(request)


def test_tools_in_each_dialect() -> None:
    request = asking(HELLO)
    request.tools = [
        Tool("f", schema={"type": "object", "properties": {"a": {"type": ["string", "null"]}}}),
        Tool("web_search", kind="builtin", protocol="anthropic", raw={"type": "web_search_20250305"}),
        Tool("p", kind="custom", format={"type": "grammar", "definition": "g"}, origin="tools[2]"),
    ]
    json_schema = sent(request)["tools"]
    openapi = sent(request, schema="openapi", mixed_tools=False)["tools"]
    assert json_schema[0]["functionDeclarations"][0]["parametersJsonSchema"] == request.tools[0].schema
    assert json_schema[1] == {"googleSearch": {}}
    assert openapi[0]["functionDeclarations"][0]["parameters"] == {
        "type": "OBJECT",
        "properties": {"a": {"type": "STRING", "nullable": True}},
    }
    assert len(openapi) == 1
    assert "grammar" in openapi[0]["functionDeclarations"][1]["description"]


def test_tools_that_cannot_be_are_refused() -> None:
    request = asking(HELLO)
    request.tools = [Tool("bash", kind="builtin", protocol="anthropic", raw={}, origin="tools[0]")]
    with pytest.raises(Unsayable):
        sent(request)
    request.tools = [Tool("f", "one"), Tool("f", "two", origin="tools[1]")]
    with pytest.raises(Unsayable, match="same name"):
        sent(request)
    request.tools = [Tool("f", "one"), Tool("f", "one", origin="tools[1]")]
    assert len(sent(request)["tools"][0]["functionDeclarations"]) == 1


@pytest.mark.parametrize(
    ("reasoning", "thinking", "config"),
    [
        (Reasoning("off"), "budget", {"thinkingBudget": 0}),
        (Reasoning("off"), "effort", {"thinkingLevel": "MINIMAL", "includeThoughts": False}),
        (Reasoning("auto"), "budget", {"thinkingBudget": -1, "includeThoughts": True}),
        (Reasoning("auto"), "effort", {"includeThoughts": True}),
        (Reasoning("effort", "xhigh"), "effort", {"thinkingLevel": "HIGH", "includeThoughts": True}),
        (Reasoning("effort", "low"), "budget", {"thinkingBudget": 1024, "includeThoughts": True}),
        (Reasoning("budget", budget=90000), "budget", {"thinkingBudget": 24576, "includeThoughts": True}),
        (Reasoning("budget", budget=9000), "effort", {"thinkingLevel": "HIGH", "includeThoughts": True}),
        (Reasoning("between_tools"), "effort", None),
        (
            Reasoning("effort", "low", visibility="omit"),
            "effort",
            {"thinkingLevel": "LOW", "includeThoughts": False},
        ),
        (Reasoning("effort", "low"), "none", None),
    ],
)
def test_reasoning_is_a_level_or_a_budget_and_never_both(
    reasoning: Reasoning, thinking: str, config: JsonObject | None
) -> None:
    request = asking(HELLO)
    request.reasoning = reasoning
    assert sent(request, thinking=thinking).get("generationConfig", {}).get("thinkingConfig") == config


def test_a_model_that_cannot_stop_thinking_thinks_little() -> None:
    request = asking(HELLO)
    request.reasoning = Reasoning("off")
    losses = Losses()
    config = sent(request, losses, thinking="budget", can_disable=False)["generationConfig"]
    assert config["thinkingConfig"]["thinkingBudget"] == 128
    assert losses.dropped == ["reasoning 0->128"]


@pytest.mark.parametrize(
    ("can", "config"),
    [
        ({}, {"responseMimeType": "application/json", "responseJsonSchema": {"type": "object"}}),
        (
            {"schema": "openapi"},
            {"responseMimeType": "application/json", "responseSchema": {"type": "OBJECT"}},
        ),
        ({"structured_output": False}, {"responseMimeType": "application/json"}),
    ],
)
def test_an_answer_in_json_is_asked_for_in_its_dialect(can: dict[str, Any], config: JsonObject) -> None:
    request = asking(HELLO)
    request.output = OutputFormat("json_schema", "n", schema={"type": "object"})
    assert sent(request, **can)["generationConfig"] == config


def test_a_schema_gives_way_to_tools_where_both_do_not_go() -> None:
    request = asking(HELLO)
    request.output = OutputFormat("json_object")
    request.tools = [Tool("f")]
    losses = Losses()
    assert "generationConfig" not in sent(request, losses, mixed_tools=False)
    assert losses.dropped == ["output not beside functions"]


def test_settings_without_a_word_are_named_and_limits_kept() -> None:
    request = asking(HELLO)
    request.user, request.verbosity, request.cache_key = "u", "low", "k"
    request.max_tokens, request.stop, request.n = 9000, list("abcdef"), 1
    losses = Losses()
    config = sent(request, losses, max_output=100)["generationConfig"]
    assert config == {"maxOutputTokens": 100, "stopSequences": list("abcde")}
    assert losses.dropped == ["max_tokens 9000->100", "stop[5:]", "user", "verbosity", "cache_key"]


def test_state_of_another_provider_is_refused_and_several_answers_of_who_gives_one() -> None:
    request = asking(HELLO)
    request.continuation = Continuation(previous_response_id="r")
    with pytest.raises(Unsayable, match="another provider"):
        sent(request)
    request.continuation, request.n = None, 2
    with pytest.raises(Unsayable, match="one answer"):
        sent(request, choices=False)


def test_of_a_field_in_both_spellings_the_apis_own_counts() -> None:
    config: JsonObject = {"max_output_tokens": 5, "maxOutputTokens": 7}
    assert decoded(generationConfig=config).max_tokens == 7


@pytest.mark.parametrize("said", [b"{broken", b"[1]"])
def test_a_result_in_json_is_embedded_only_if_it_is_an_object(said: bytes) -> None:
    result = ToolResult("c1", [Text(said.decode())])
    body = sent(asking(HELLO, assistant(CALL), user(result)))
    assert body["contents"][2]["parts"][0]["functionResponse"]["response"] == {"output": said.decode()}
