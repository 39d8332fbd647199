from dataclasses import replace
from typing import Any

import pytest

from gateway.canonical.content import CacheMark
from gateway.canonical.json import JsonObject
from gateway.canonical.request import OutputFormat, Request, Tool, ToolChoice
from gateway.errors import Unsayable
from gateway.protocols.target import Capabilities
from tests.protocols.anthropic.exchange import SCHEMA, answered, asked_of, body_of, call, decoded, encoded

RUN = Tool("run", schema=SCHEMA, origin="tools[0]")
PATCH = Tool("patch", "edits", kind="custom", origin="tools[0]")


def defined(*tools: Tool) -> tuple[list[Any], list[str], list[str]]:
    """The tools as sent, with what was dropped and repaired."""
    sent, losses = encoded(asked_of(tools=list(tools)))
    wire: Any = sent.body["tools"]
    return list(wire), losses.dropped, losses.repaired


@pytest.mark.parametrize(
    ("wire", "tool"),
    [
        (
            {"name": "run", "description": "runs", "input_schema": SCHEMA, "strict": False,
             "cache_control": {"type": "ephemeral"}, "eager_input_streaming": True},
            Tool("run", "runs", SCHEMA, strict=False, cache=CacheMark(),
                 extras={"anthropic": {"eager_input_streaming": True}}),
        ),
        (
            {"type": "web_search_20250305", "name": "web_search", "max_uses": 2},
            Tool("web_search", kind="builtin", protocol="anthropic",
                 raw={"type": "web_search_20250305", "name": "web_search", "max_uses": 2}),
        ),
        (
            {"type": "mcp_toolset", "mcp_server_name": "x", "cache_control": {"type": "ephemeral"}},
            Tool("mcp", kind="builtin", protocol="anthropic", cache=CacheMark(),
                 raw={"type": "mcp_toolset", "mcp_server_name": "x"}),
        ),
    ],
    ids=["a function", "a tool of the provider", "one without a name"],
)  # fmt: skip
def test_a_tool_goes_there_and_back(wire: JsonObject, tool: Tool) -> None:
    request = decoded(tools=[wire])
    assert request.tools == [tool]
    assert defined(*request.tools) == ([wire], [], [])


def test_a_tool_defined_twice_alike_is_sent_once() -> None:
    wire, _, repaired = defined(RUN, replace(RUN, origin="tools[1]"))
    assert len(wire) == 1
    assert repaired == ["tools[1] left out: defined twice"]


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(Unsayable) as caught:
        defined(RUN, replace(RUN, description="another", origin="tools[1]"))
    assert caught.value.param == "tools[1]"


def test_a_tool_without_parameters_takes_an_empty_object() -> None:
    wire, _, repaired = defined(replace(RUN, schema=None))
    assert wire[0]["input_schema"] == {"type": "object", "properties": {}}
    assert repaired == ["tools[0] said without parameters"]


def test_a_tool_whose_parameters_are_no_object_is_refused() -> None:
    with pytest.raises(Unsayable) as caught:
        defined(replace(RUN, schema={"type": "string"}))
    assert caught.value.param == "tools[0]"


def test_a_strict_tools_schema_is_closed() -> None:
    wire, _, repaired = defined(replace(RUN, strict=True))
    assert wire[0]["input_schema"] == {**SCHEMA, "additionalProperties": False}
    assert wire[0]["strict"] is True
    assert repaired == ["tools[0] schema rewritten"]


def test_a_tool_for_free_text_is_a_function_of_one_string() -> None:
    sent, losses = encoded(asked_of(tools=[replace(PATCH, format={"type": "text"})]))
    assert sent.custom_tools == {"patch"}
    tools: Any = sent.body["tools"]
    assert tools[0]["description"] == "edits"
    assert tools[0]["input_schema"]["required"] == ["input"]
    assert losses.dropped == []


@pytest.mark.parametrize("description", ["edits", None])
def test_a_grammar_becomes_advice(description: str | None) -> None:
    grammar: JsonObject = {"type": "grammar", "syntax": "lark", "definition": "start: X"}
    wire, dropped, _ = defined(replace(PATCH, description=description, format=grammar))
    told = "The input must match this grammar:\nstart: X"
    assert wire[0]["description"] == (f"{description}\n\n{told}" if description else told)
    assert dropped == ["tools[0].format"]


def test_another_providers_web_search_is_this_ones() -> None:
    options: JsonObject = {"type": "web_search", "search_context_size": "low"}
    search = Tool("web_search", kind="builtin", protocol="openai_chat", raw=options, origin="tools[0]")
    wire, dropped, repaired = defined(search)
    assert wire == [{"type": "web_search_20250305", "name": "web_search"}]
    assert dropped == ["tools[0].search_context_size"]
    assert repaired == ["tools[0] said as web_search_20250305"]


def test_another_providers_own_tool_is_refused() -> None:
    with pytest.raises(Unsayable, match="the provider has no tool code_interpreter"):
        defined(Tool("code_interpreter", kind="builtin", protocol="openai_responses", raw={}))


def test_a_name_in_a_namespace_is_one_flat_name_that_comes_back() -> None:
    request = asked_of(*answered(call("a", namespace="mcp")), tools=[replace(RUN, namespace="mcp")],
                       tool_choice=ToolChoice("one", ["run"]))  # fmt: skip
    sent, losses = encoded(request)
    assert sent.body["tool_choice"] == {"type": "tool", "name": "mcp__run"}
    assert "tools[0] name said as mcp__run" in losses.repaired
    assert "tool_choice name said as mcp__run" in losses.repaired


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        (ToolChoice("allowed", ["run"]), {"type": "auto"}),
        (ToolChoice("allowed", ["run"], required=True), {"type": "any"}),
    ],
)
def test_only_allowed_tools_are_sent(choice: ToolChoice, sent: JsonObject) -> None:
    body = body_of(tools=[RUN, replace(RUN, name="stop")], tool_choice=choice)
    assert [tool["name"] for tool in body["tools"]] == ["run"]
    assert body["tool_choice"] == sent


def test_a_checked_choice_is_a_free_one() -> None:
    sent, losses = encoded(asked_of(tools=[RUN], tool_choice=ToolChoice("validated")))
    assert sent.body["tool_choice"] == {"type": "auto"}
    assert losses.dropped == ["tool_choice validated->auto"]


def test_a_choice_among_no_tools_is_a_named_loss() -> None:
    sent, losses = encoded(asked_of(tool_choice=ToolChoice("auto"), parallel_tool_calls=False))
    assert "tool_choice" not in sent.body
    assert losses.dropped == ["tool_choice", "parallel_tool_calls"]


def test_a_wish_for_one_call_at_a_time_needs_a_choice_to_stand_in() -> None:
    sent, losses = encoded(asked_of(tools=[RUN], parallel_tool_calls=False))
    assert sent.body["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    assert losses.repaired == ["tool_choice auto put in"]


def test_where_no_tool_may_be_called_none_is_called_in_parallel() -> None:
    request = asked_of(tools=[RUN], tool_choice=ToolChoice("none"), parallel_tool_calls=True)
    sent, losses = encoded(request)
    assert sent.body["tool_choice"] == {"type": "none"}
    assert losses.repaired == ["parallel_tool_calls left out: no tool may be called"]


@pytest.mark.parametrize(
    "choice",
    [
        {"type": "tool", "name": "run"},
        {"type": "any", "disable_parallel_tool_use": True},
        {"type": "none"},
        {"type": "auto", "disable_parallel_tool_use": False},
    ],
)
def test_a_choice_goes_there_and_back(choice: JsonObject) -> None:
    request = decoded(tools=[{"name": "run", "input_schema": SCHEMA}], tool_choice=choice)
    assert encoded(request)[0].body["tool_choice"] == choice


def for_json(**settings: Any) -> tuple[Request, Capabilities]:
    """A request for a structured answer, of a model that can only call a tool for it."""
    request = asked_of(output=OutputFormat("json_schema", schema=SCHEMA), **settings)
    return request, Capabilities(structured_output=False)


@pytest.mark.parametrize(
    ("choice", "parallel", "sent"),
    [
        (None, None, {"type": "any"}),
        (ToolChoice("auto"), False, {"type": "any", "disable_parallel_tool_use": True}),
        (ToolChoice("none"), None, {"type": "tool", "name": "json_output"}),
        (ToolChoice("one", ["run"]), None, {"type": "tool", "name": "run"}),
    ],
)
def test_the_tool_for_a_structured_answer_respects_the_choice_among_the_others(
    choice: ToolChoice | None, parallel: bool | None, sent: JsonObject
) -> None:
    request, capabilities = for_json(tools=[RUN], tool_choice=choice, parallel_tool_calls=parallel)
    body = encoded(request, capabilities)[0].body
    assert body["tool_choice"] == sent


def test_a_model_that_must_call_some_tool_and_cannot_be_forced_is_asked() -> None:
    request = asked_of(tools=[RUN], tool_choice=ToolChoice("any"), parallel_tool_calls=False)
    sent, losses = encoded(request, Capabilities(forced_tool_choice="never"))
    assert sent.body["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    assert sent.body["system"] == [{"type": "text", "text": "Answer by calling one of the tools."}]
    assert losses.dropped == ["tool_choice any->auto"]
