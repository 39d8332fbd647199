"""Tools and the choice among them, both ways."""

from typing import Any

import pytest

from gateway.canonical.content import CacheMark, Text, ToolCall, ToolResult
from gateway.canonical.json import JsonObject, JsonValue
from gateway.canonical.request import Tool, ToolChoice
from gateway.errors import InvalidRequest, Unsayable
from gateway.protocols.codec import Losses
from gateway.protocols.gemini import CODEC
from gateway.protocols.target import Target
from tests.protocols.gemini.exchange import asking, assistant, decoded, sent, user

HELLO = user(Text("hi"))


def declared(tool: Tool, losses: Losses | None = None, **can: object) -> Any:
    """The declaration of a tool."""
    request = asking(HELLO)
    request.tools = [tool]
    return sent(request, losses, **can)["tools"][0]["functionDeclarations"][0]


def test_its_own_tools_go_back_to_it_as_they_came() -> None:
    entries: list[JsonValue] = [
        {"googleSearch": {"timeRangeFilter": {}}},
        {"codeExecution": {}, "urlContext": None},
        {"somethingNew": {}},
    ]
    request = decoded(tools=entries)
    assert [tool.name for tool in request.tools] == ["web_search", "code_execution", "somethingNew"]
    assert sent(request)["tools"] == [
        {"googleSearch": {"timeRangeFilter": {}}},
        {"codeExecution": {}},
        {"somethingNew": {}},
    ]


def test_an_unknown_mode_is_named() -> None:
    with pytest.raises(InvalidRequest) as caught:
        decoded(toolConfig={"functionCallingConfig": {"mode": "SOMETIMES"}})
    assert caught.value.param == "toolConfig.functionCallingConfig.mode"


def test_what_stands_beside_the_choice_is_kept() -> None:
    config: JsonObject = {
        "functionCallingConfig": {"mode": "ANY"},
        "retrievalConfig": {"languageCode": "de"},
    }
    request = decoded(tools=[{"functionDeclarations": [{"name": "f"}]}], toolConfig=config)
    assert sent(request)["toolConfig"] == config


def test_free_text_is_taken_as_one_string() -> None:
    tool = Tool("patch", "edits", kind="custom", format={"type": "text"}, origin="tools[0]")
    losses = Losses()
    said = declared(tool, losses)
    assert (said["description"], said["parametersJsonSchema"]["required"]) == ("edits", ["input"])
    assert losses.dropped == []
    grammar = Tool("patch", kind="custom", format={"type": "grammar"}, origin="tools[0]")
    assert "description" not in declared(grammar, losses)
    assert losses.dropped == ["tools[0].format"]


@pytest.mark.parametrize(("strict", "dropped"), [(True, ["t.strict"]), (False, []), (None, [])])
def test_a_promise_to_be_strict_is_a_loss_and_none_is_not(strict: bool | None, dropped: list[str]) -> None:
    losses = Losses()
    declared(Tool("f", strict=strict, origin="t"), losses)
    assert losses.dropped == dropped


@pytest.mark.parametrize(
    ("schema", "dialect", "parameters"),
    [
        ({"type": "object", "title": "T", "properties": {}, "additionalProperties": False}, "openapi", None),
        ({"type": "object", "$defs": {"a": {"type": "string"}}, "required": []}, "json_schema", None),
        (
            {"type": "array", "items": {"type": "string"}},
            "json_schema",
            {
                "type": "object",
                "properties": {"value": {"type": "array", "items": {"type": "string"}}},
                "required": ["value"],
            },
        ),
        (
            {"type": "object", "additionalProperties": {"type": "string"}},
            "json_schema",
            {"type": "object", "additionalProperties": {"type": "string"}},
        ),
        (
            {"type": "object", "additionalProperties": {"type": "string"}},
            "openapi",
            {"type": "OBJECT", "description": 'additionalProperties: {"type":"string"}'},
        ),
        (
            {"$ref": "#/$defs/a", "$defs": {"a": {"properties": {"x": {"type": "string"}}}}},
            "openapi",
            {"type": "OBJECT", "properties": {"x": {"type": "STRING"}}},
        ),
    ],
)
def test_arguments_are_those_of_an_object_or_none(
    schema: JsonObject, dialect: str, parameters: JsonObject | None
) -> None:
    said = declared(Tool("f", schema=schema), schema=dialect)
    field = "parameters" if dialect == "openapi" else "parametersJsonSchema"
    assert said.get(field) == parameters
    assert said.keys() <= {"name", field}


def test_a_search_of_another_provider_is_this_ones_and_its_settings_are_named() -> None:
    request = asking(HELLO)
    raw: JsonObject = {"type": "web_search_20250305", "name": "web_search", "max_uses": 2}
    request.tools = [Tool("web_search", kind="builtin", protocol="anthropic", raw=raw, origin="tools[0]")]
    request.tools[0].cache = CacheMark()
    losses = Losses()
    assert sent(request, losses)["tools"] == [{"googleSearch": {}}]
    assert losses.dropped == ["tools[0].cache_control", "tools[0].max_uses"]


@pytest.mark.parametrize(("parallel", "dropped"), [(False, ["parallel_tool_calls"]), (True, []), (None, [])])
def test_calls_one_at_a_time_cannot_be_asked_for(parallel: bool | None, dropped: list[str]) -> None:
    request = asking(HELLO)
    request.tools, request.parallel_tool_calls = [Tool("f")], parallel
    losses = Losses()
    sent(request, losses)
    assert losses.dropped == dropped


@pytest.mark.parametrize(("mode", "dropped"), [("auto", []), ("any", ["tool_choice"])])
def test_a_choice_among_no_functions_is_left_out(mode: Any, dropped: list[str]) -> None:
    request = asking(HELLO)
    request.tool_choice = ToolChoice(mode)
    losses = Losses()
    assert "toolConfig" not in sent(request, losses)
    assert losses.dropped == dropped


def test_only_tools_that_there_are_can_be_chosen_and_by_the_names_they_are_sent_under() -> None:
    request = asking(HELLO)
    request.tools = [Tool("g"), Tool("look", namespace="web")]
    request.tool_choice = ToolChoice("allowed", ["look"], required=True)
    losses = Losses()
    calling = sent(request, losses)["toolConfig"]["functionCallingConfig"]
    assert calling == {"mode": "ANY", "allowedFunctionNames": ["web__look"]}
    assert losses.dropped == []
    request.tool_choice = ToolChoice("one", ["g"])
    plainly = Losses()
    assert sent(request, plainly)["toolConfig"]["functionCallingConfig"]["allowedFunctionNames"] == ["g"]
    assert plainly.dropped == []
    request.tool_choice = ToolChoice("one", ["gone"])
    with pytest.raises(Unsayable, match="gone"):
        sent(request)


def test_a_history_names_its_tools_as_they_are_declared_and_the_way_back_is_known() -> None:
    request = asking(
        HELLO,
        assistant(ToolCall("c1", "look", namespace="web", item_id="fc_1", origin="m.1")),
        user(ToolResult("c1", [Text("a"), Text("b")], name="other", item_id="fc_2", origin="m.2")),
    )
    request.tools = [Tool("look", namespace="web")]
    losses = Losses()
    said = CODEC.encode_request(request, Target("up"), losses)
    contents: Any = said.body["contents"]
    assert contents[1]["parts"][0]["functionCall"]["name"] == "web__look"
    assert contents[2]["parts"][0]["functionResponse"] == {
        "id": "c1",
        "name": "web__look",
        "response": {"output": "a\nb"},
    }
    assert losses.dropped == []
    assert [change for change in losses.repaired if change.startswith("m.")] == [
        "m.1 without its item id",
        "m.1 name said as web__look",
        "m.2 told by its call and its content alone",
        "m.2 name said as look",
        "m.2 texts joined",
    ]
    assert said.tool_names == {}
