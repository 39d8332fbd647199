"""Tools, the choice among them, and calls."""

import pytest

from gateway.canonical.content import CacheMark, Signature, Text, ToolCall, ToolResult
from gateway.canonical.json import JsonObject, JsonValue
from gateway.canonical.request import Reasoning, Request, Tool, ToolChoice
from gateway.errors import InvalidRequest, Unsayable
from gateway.protocols.codec import Losses
from tests.protocols.openai_chat.exchange import asking, assistant, decoded, sent, user

_SCHEMA: JsonObject = {"type": "object", "properties": {"a": {"type": "string"}}}
_FUNCTION: JsonObject = {
    "type": "function",
    "function": {"name": "look", "parameters": _SCHEMA, "strict": True},
}


def _with(*tools: Tool, choice: ToolChoice | None = None, parallel: bool | None = None) -> Request:
    request = asking(user(Text("hi")))
    request.tools, request.tool_choice, request.parallel_tool_calls = list(tools), choice, parallel
    return request


def test_functions_and_custom_tools_are_read() -> None:
    grammar: JsonObject = {"type": "text"}
    custom: JsonObject = {
        "type": "custom",
        "custom": {"name": "patch", "description": "d", "format": grammar},
    }
    request = decoded(tools=[_FUNCTION, custom])
    assert request.tools == [
        Tool("look", schema=_SCHEMA, strict=True),
        Tool("patch", "d", kind="custom", format=grammar),
    ]
    assert [tool.origin for tool in request.tools] == ["tools[0]", "tools[1]"]
    assert sent(request).body["tools"] == [_FUNCTION, custom]


def test_the_retired_functions_become_tools() -> None:
    request = decoded(functions=[{"name": "look", "parameters": _SCHEMA}], function_call={"name": "look"})
    assert request.tools == [Tool("look", schema=_SCHEMA)]
    assert request.tools[0].origin == "functions[0]"
    assert request.tool_choice == ToolChoice("one", ["look"])
    assert request.origin_of("tool_choice") == "function_call"


def test_unknown_fields_of_a_tool_stay_with_it() -> None:
    wire: JsonObject = {"type": "function", "name": "look", "function": {"name": "look", "odd": 1}}
    request = decoded(tools=[wire])
    assert request.tools[0].extras == {"openai_chat": {"name": "look", "function": {"odd": 1}}}
    assert sent(request).body["tools"] == [wire]


def test_a_vendors_own_tool_goes_back_as_it_came_and_another_providers_is_refused() -> None:
    request = decoded(tools=[{"type": "openrouter:web_search", "engine": "exa"}])
    assert request.tools[0].kind == "builtin"
    assert sent(request).body["tools"] == [{"type": "openrouter:web_search", "engine": "exa"}]
    computer = Tool(
        "computer", kind="builtin", protocol="anthropic", raw={"type": "computer_1"}, origin="tools[3]"
    )
    with pytest.raises(Unsayable, match=r"tools\[3\]: the tool computer") as caught:
        sent(_with(computer))
    assert caught.value.param == "tools[3]"


def test_a_web_search_is_said_as_options() -> None:
    options: JsonObject = {"search_context_size": "low"}
    request = decoded(web_search_options=options)
    assert request.tools == [Tool("web_search", kind="builtin", protocol="openai_chat", raw=options)]
    assert sent(request).body["web_search_options"] == options
    assert "tools" not in sent(request).body


def test_another_protocols_web_search_loses_its_settings_by_name() -> None:
    raw: JsonObject = {"type": "web_search_1", "name": "web_search", "max_uses": 3}
    losses = Losses()
    search = Tool("web_search", kind="builtin", protocol="anthropic", raw=raw, origin="tools[0]")
    assert sent(_with(search), losses).body["web_search_options"] == {}
    assert losses.dropped == ["tools[0].max_uses"]


@pytest.mark.parametrize(
    ("tools", "path"),
    [
        ([{"type": "function"}], "tools[0].function"),
        ([{"type": "function", "function": {}}], "tools[0].function.name"),
        ([{"function": {"name": 1}}], "tools[0].function.name"),
        (["look"], "tools[0]"),
        ({}, "tools"),
    ],
)
def test_a_malformed_tool_is_named_by_its_path(tools: JsonValue, path: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        decoded(tools=tools)
    assert caught.value.param == path


def test_names_that_do_not_fit_are_respelled_everywhere_and_mapped_back() -> None:
    name = "mcp.server/tool name"
    request = _with(Tool(name, schema=_SCHEMA), choice=ToolChoice("one", [name]))
    request.messages += [assistant(ToolCall("c1", name)), user(ToolResult("c1", [Text("ok")]))]
    out = sent(request)
    ((spelled, back),) = out.tool_names.items()
    assert back == name
    assert out.body["tools"] == [{"type": "function", "function": {"name": spelled, "parameters": _SCHEMA}}]
    assert out.body["tool_choice"] == {"type": "function", "function": {"name": spelled}}
    assert f'"name": "{spelled}"' in str(out.body["messages"]).replace("'", '"')


def test_names_that_look_alike_stay_apart() -> None:
    assert len(sent(_with(Tool("a.b"), Tool("a/b"), Tool("a_b"))).tool_names) == 2


def test_a_namespace_becomes_part_of_the_name() -> None:
    losses = Losses()
    out = sent(_with(Tool("get", namespace="crm"), choice=ToolChoice("one", ["get"])), losses)
    assert out.body["tools"] == [{"type": "function", "function": {"name": "crm__get"}}]
    assert out.body["tool_choice"] == {"type": "function", "function": {"name": "crm__get"}}
    assert losses.repaired


@pytest.mark.parametrize(
    ("schema", "fitted"),
    [
        ({}, {"type": "object", "properties": {}}),
        ({"type": "object"}, {"type": "object", "properties": {}}),
        (
            {"$schema": "x", "type": "object", "properties": {}, "enum": [], "not": {}},
            {"type": "object", "properties": {}},
        ),
        (
            {"properties": {"a": {"type": "array"}}},
            {"type": "object", "properties": {"a": {"type": "array", "items": {}}}},
        ),
        (
            {"type": "object", "properties": {"items": {"type": ["array", "null"]}}},
            {"type": "object", "properties": {"items": {"type": ["array", "null"], "items": {}}}},
        ),
        (
            {"type": "object", "properties": {"a": {"anyOf": [{"type": "array"}, True]}}},
            {"type": "object", "properties": {"a": {"anyOf": [{"type": "array", "items": {}}, True]}}},
        ),
        (
            {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "array"}}}},
            {
                "type": "object",
                "properties": {"a": {"type": "array", "items": {"type": "array", "items": {}}}},
            },
        ),
        (
            {
                "oneOf": [
                    {"properties": {"a": {}, "b": {}}, "required": ["a", "b"]},
                    {"properties": {"b": {}}, "required": ["b"]},
                ]
            },
            {"type": "object", "properties": {"a": {}, "b": {}}, "required": ["b"]},
        ),
        (
            {"type": "string"},
            {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]},
        ),
    ],
)
def test_a_schema_the_upstream_would_refuse_is_fitted_and_the_change_noted(
    schema: JsonObject, fitted: JsonObject
) -> None:
    losses = Losses()
    tools = sent(_with(Tool("f", schema=schema, origin="tools[0]")), losses).body["tools"]
    assert tools == [{"type": "function", "function": {"name": "f", "parameters": fitted}}]
    assert losses.repaired == ["tools[0] schema fitted to the protocol"]


@pytest.mark.parametrize(
    ("wire", "choice"),
    [
        ("auto", ToolChoice("auto")),
        ("none", ToolChoice("none")),
        ("required", ToolChoice("any")),
        ({"type": "function", "function": {"name": "look"}}, ToolChoice("one", ["look"])),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "required",
                    "tools": [{"type": "function", "function": {"name": "look"}}],
                },
            },
            ToolChoice("allowed", ["look"], required=True),
        ),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "auto",
                    "tools": [{"type": "function", "function": {"name": "look"}}],
                },
            },
            ToolChoice("allowed", ["look"]),
        ),
    ],
)
def test_a_choice_goes_both_ways(wire: JsonValue, choice: ToolChoice) -> None:
    request = decoded(tools=[_FUNCTION], tool_choice=wire)
    assert request.tool_choice == choice
    assert sent(request).body["tool_choice"] == wire


def test_mistrals_any_means_required_and_an_unknown_word_is_an_error() -> None:
    assert decoded(tools=[_FUNCTION], tool_choice="any").tool_choice == ToolChoice("any")
    with pytest.raises(InvalidRequest, match="tool_choice"):
        decoded(tools=[_FUNCTION], tool_choice="perhaps")


def test_a_choice_of_a_custom_tool_names_its_kind() -> None:
    request = _with(Tool("patch", kind="custom"), choice=ToolChoice("one", ["patch"]))
    assert sent(request).body["tool_choice"] == {"type": "custom", "custom": {"name": "patch"}}


def test_a_choice_of_a_tool_that_is_not_there_is_refused() -> None:
    with pytest.raises(Unsayable, match="no tool is called gone"):
        sent(_with(Tool("look"), choice=ToolChoice("one", ["gone"])))


def test_without_tools_there_is_no_choice_and_no_parallel_switch() -> None:
    losses = Losses()
    body = sent(decoded(tools=[], tool_choice="auto", parallel_tool_calls=False), losses).body
    assert body.keys().isdisjoint({"tools", "tool_choice", "parallel_tool_calls"})
    assert losses.dropped == ["tool_choice", "parallel_tool_calls"]


def test_the_parallel_switch_goes_out_where_the_model_has_one() -> None:
    assert sent(_with(Tool("f"), parallel=False)).body["parallel_tool_calls"] is False
    losses = Losses()
    assert (
        "parallel_tool_calls"
        not in sent(_with(Tool("f"), parallel=False), losses, parallel_tool_calls=False).body
    )
    assert losses.dropped == ["parallel_tool_calls"]


def test_a_forced_choice_gives_way_where_the_model_takes_none() -> None:
    request = _with(Tool("f"), choice=ToolChoice("any"))
    losses = Losses()
    assert sent(request, losses, forced_tool_choice="never").body["tool_choice"] == "auto"
    assert losses.dropped == ["tool_choice any->auto"]
    assert sent(request, forced_tool_choice="without_thinking").body["tool_choice"] == "required"
    request.reasoning = Reasoning("effort", "low")
    assert sent(request, forced_tool_choice="without_thinking").body["tool_choice"] == "auto"


def test_a_checked_choice_is_a_free_one_here() -> None:
    losses = Losses()
    assert sent(_with(Tool("f"), choice=ToolChoice("validated")), losses).body["tool_choice"] == "auto"
    assert losses.dropped == ["tool_choice validated->auto"]


def test_cache_marks_on_tools_are_kept_or_named() -> None:
    request = decoded(tools=[{**_FUNCTION, "cache_control": {"type": "ephemeral", "ttl": "1h"}}])
    assert request.tools[0].cache == CacheMark("1h")
    tools = sent(request, cache_marks=True).body["tools"]
    assert tools == [{**_FUNCTION, "cache_control": {"type": "ephemeral", "ttl": "1h"}}]
    losses = Losses()
    assert sent(request, losses).body["tools"] == [_FUNCTION]
    assert losses.dropped == ["tools[0].cache_control"]


def _history(call: JsonObject) -> list[JsonValue]:
    return [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call.get("id", "call_1_0"), "content": "ok"},
    ]


def _call_of(call: JsonObject) -> ToolCall:
    part = decoded(_history(call)).messages[1].parts[0]
    assert isinstance(part, ToolCall)
    return part


def test_calls_are_read_with_what_clients_leave_out() -> None:
    assert _call_of({"id": "a", "function": {"name": "f", "arguments": "{}"}}) == ToolCall("a", "f")
    assert _call_of({"index": 0, "function": {"name": "f"}}) == ToolCall("call_1_0", "f")
    assert _call_of({"id": "a", "function": {"name": "f", "arguments": {"x": 1}}}).arguments == '{"x":1}'
    assert (
        _call_of({"id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}).arguments
        == "{}"
    )


def test_a_custom_call_keeps_its_free_text() -> None:
    call: JsonObject = {"id": "a", "type": "custom", "custom": {"name": "patch", "input": "*** begin"}}
    request = decoded(_history(call))
    assert request.messages[1].parts == [ToolCall("a", "patch", "*** begin", kind="custom")]
    result = request.messages[2].parts[0]
    assert isinstance(result, ToolResult)
    assert result.kind == "custom"
    messages = sent(request).body["messages"]
    assert isinstance(messages, list)
    assert messages[1] == {"role": "assistant", "content": None, "tool_calls": [call]}


def test_ids_that_do_not_fit_are_respelled_alike_in_call_and_result_every_time() -> None:
    long = "call_" + "x" * 80
    request = decoded(
        _history({"id": long, "type": "function", "function": {"name": "f", "arguments": "{}"}})
    )
    losses = Losses()
    messages = sent(request, losses).body["messages"]
    assert messages == sent(request).body["messages"]
    assert isinstance(messages, list)
    calls, result = messages[1], messages[2]
    assert isinstance(calls, dict)
    assert isinstance(result, dict)
    assert str(result["tool_call_id"]) in str(calls["tool_calls"])
    assert len(str(result["tool_call_id"])) <= 40
    assert len(losses.repaired) == 2


def test_googles_signature_stays_on_the_call_where_reasoning_must_come_back() -> None:
    call: JsonObject = {
        "id": "a",
        "type": "function",
        "function": {"name": "f", "arguments": "{}"},
        "extra_content": {"google": {"thought_signature": "c2ln"}},
    }
    request = decoded(_history(call))
    assert _call_of(call).signature == Signature("gemini", "c2ln")
    messages = sent(request, reasoning_replay=True).body["messages"]
    assert isinstance(messages, list)
    assert messages[1] == {
        "role": "assistant",
        "content": None,
        "tool_calls": [call],
        "reasoning_content": "",
    }
    losses = Losses()
    sent(request, losses)
    assert losses.dropped == ["messages[1].tool_calls[0].signature"]


def test_unknown_fields_and_marks_of_a_call_stay_with_it() -> None:
    call: JsonObject = {
        "id": "a",
        "type": "function",
        "function": {"name": "f", "arguments": "{}", "odd": 1},
        "cache_control": {"type": "ephemeral"},
        "extra": True,
    }
    messages = sent(decoded(_history(call)), cache_marks=True).body["messages"]
    assert isinstance(messages, list)
    assert messages[1] == {"role": "assistant", "content": None, "tool_calls": [call]}


def test_an_item_id_and_missing_arguments_are_noted() -> None:
    losses = Losses()
    call = ToolCall("a", "f", "", item_id="fc_1", origin="input[1]")
    sent(asking(user(Text("x")), assistant(call), user(ToolResult("a", [Text("r")]))), losses)
    assert losses.repaired == [
        "input[1] without arguments: an empty object",
        "input[1] without its item id",
    ]
