"""B: schemas and names of tools."""

import re
from typing import Any

import pytest

from gateway.protocols.codec import Codec
from gateway.wire.fast_json import dumps
from tests.traps.wire import (
    CHAT,
    CLAUDE,
    GEMINI,
    HI,
    OBJECT,
    begin,
    block,
    blocks_of,
    call,
    calling,
    calls_of,
    chat,
    claude,
    completion,
    cross,
    delta,
    finish,
    fragments,
    from_chat,
    from_claude,
    function,
    message,
    reply,
    result,
    stream,
    tool,
    use,
)

PET: dict[str, Any] = {"type": "object", "properties": {"name": {"type": "string"}}}
SPECIAL = ["const", "type", "title", "default", "items", "enum", "format", "pattern", "properties", "$ref"]


def chat_schema(schema: Any, **more: Any) -> Any:
    """The schema of a Claude client's tool at a Chat upstream."""
    tools = [{"name": "run", "input_schema": schema, **more}]
    return from_claude(tools=tools).body["tools"][0]["function"]["parameters"]


def claude_schema(schema: Any, **more: Any) -> Any:
    """The schema of a Chat client's tool at a Claude upstream."""
    return from_chat(tools=[function(parameters=schema, **more)]).body["tools"][0]["input_schema"]


def subset_schema(schema: Any) -> Any:
    """The schema of a Claude client's tool at a Gemini model that takes the OpenAPI subset."""
    payload = claude(tools=[{"name": "run", "input_schema": schema}])
    tools = cross(payload, CLAUDE, GEMINI, "gemini-2.0-flash").body["tools"]
    return tools[0]["functionDeclarations"][0]["parameters"]


def test_t064_references_are_kept_followed_at_the_root_and_never_unrolled() -> None:
    described = {"$ref": "#/$defs/Pet", "description": "the cat"}
    inner = {"type": "object", "properties": {"pet": described}, "$defs": {"Pet": PET}}
    assert chat_schema(inner) == claude_schema(inner) == inner
    endless = {"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}}
    for fitted in (claude_schema, chat_schema):
        root = fitted({"$ref": "#/$defs/Pet", "$defs": {"Pet": PET}})
        assert (root["type"], root["properties"]) == ("object", PET["properties"])
        assert fitted(endless)["type"] == "object"
    subset = subset_schema(inner)
    pet = subset["properties"]["pet"]
    assert (pet["description"], pet["properties"]) == ("the cat", {"name": {"type": "STRING"}})
    assert b"$" not in dumps(subset)
    tree = {"type": "object", "properties": {"next": {"$ref": "#"}}}
    assert len(dumps(subset_schema(tree))) < 1000


def test_t065_fields_of_a_tool_that_one_vendor_knows_reach_no_other() -> None:
    sent = from_claude(tools=[{"name": "run", "input_schema": OBJECT, "eager_input_streaming": True}])
    assert sent.body["tools"] == [function()]
    assert sent.dropped == ["tools[0].eager_input_streaming"]
    unique = {"type": "object", "properties": {"tags": {"type": "array", "uniqueItems": True, "items": {}}}}
    strict = claude_schema(unique, strict=True)["properties"]["tags"]
    assert "uniqueItems" not in strict
    assert strict["description"] == "uniqueItems: true"


@pytest.mark.parametrize("strict", [False, True])
def test_t066_properties_called_like_keywords_survive(strict: bool) -> None:
    properties = {name: {"type": "string"} for name in SPECIAL}
    schema = {"type": "object", "properties": properties, "required": SPECIAL}
    assert claude_schema(schema, strict=strict)["properties"] == properties
    assert chat_schema(schema, strict=strict)["properties"] == properties
    either = {"anyOf": [schema, {**schema, "required": ["type"]}]}
    assert claude_schema(either)["properties"] == chat_schema(either)["properties"] == properties
    subset = subset_schema(schema)
    assert subset["properties"] == {name: {"type": "STRING"} for name in SPECIAL}
    assert subset["required"] == SPECIAL


NAMES = ["mcp.server/tool-name with space", "mcp server/tool-name with space", "x" * 140]


@pytest.mark.parametrize(("upstream", "longest"), [(CHAT, 64), (CLAUDE, 128)])
def test_t067_names_that_do_not_fit_are_mapped_there_and_back(upstream: Codec, longest: int) -> None:
    client = CLAUDE if upstream is CHAT else CHAT
    tools: list[Any] = [{"name": name, "input_schema": OBJECT} for name in NAMES]
    payload = claude(tools=tools, tool_choice={"type": "tool", "name": NAMES[0]})
    if client is CHAT:
        choice = {"type": "function", "function": {"name": NAMES[0]}}
        payload = chat(tools=[function(name) for name in NAMES], tool_choice=choice)
    crossing = cross(payload, client, upstream)
    defined = [found.get("function", found)["name"] for found in crossing.body["tools"]]
    assert len(set(defined)) == len(NAMES)
    assert all(re.fullmatch(f"[a-zA-Z0-9_-]{{1,{longest}}}", name) for name in defined)
    forced = crossing.body["tool_choice"]
    assert forced.get("function", forced)["name"] == defined[0]
    assert read_back(defined, upstream, crossing.sent) == [NAMES, NAMES]


def read_back(sent_names: list[str], upstream: Codec, sent: Any) -> list[list[str]]:
    """The names the client reads of calls to all of `sent_names`, in a whole reply and in a stream."""
    if upstream is CHAT:
        calls = [call(f"c{at}", name) for at, name in enumerate(sent_names)]
        whole = reply(completion({"content": None, "tool_calls": calls}, "tool_calls"), CHAT, CLAUDE, sent)
        pieces = [fragments({**one, "index": at}) for at, one in enumerate(calls)]
        events = stream([*pieces, delta({}, "tool_calls"), "[DONE]"], CHAT, CLAUDE, sent=sent)
        return [[found["name"] for found in whole["content"]], [found["name"] for found in blocks_of(events)]]
    uses = [use(f"t{at}", name) for at, name in enumerate(sent_names)]
    whole = reply(message(*uses, stop="tool_use"), CLAUDE, CHAT, sent)
    told = [event for at, one in enumerate(uses) for event in block(at, one)]
    chunks = stream([begin(), *told, *finish("tool_use")], CLAUDE, CHAT, sent=sent)
    calls = whole["choices"][0]["message"]["tool_calls"]
    return [[found["function"]["name"] for found in calls], [name for _, name, _ in calls_of(chunks)]]


def test_t069_a_schema_that_the_api_takes_goes_there_as_it_came() -> None:
    schema: dict[str, Any] = {
        "type": "object",
        "title": "Input",
        "properties": {"pet": {"oneOf": [{"$ref": "#/$defs/Pet"}, {"type": "null"}], "title": "Pet"}},
        "$defs": {"Pet": PET},
        "x-vendor": {"any": 1},
    }
    tools = [{"name": "run", "input_schema": schema}]
    assert cross(claude(tools=tools), CLAUDE, CLAUDE).body["tools"] == tools


def test_t071_the_order_of_keys_survives_the_way_there_and_back() -> None:
    arguments = '{"zulu":1,"alpha":{"y":2,"b":3},"mike":null}'
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {name: {"type": "string"} for name in ("z", "a", "m")},
    }
    there = from_chat(
        HI, calling(call("a", arguments=arguments)), tool("a"), tools=[function(parameters=schema)]
    ).body
    back = from_claude(
        *there["messages"][:2], {"role": "user", "content": [result("a")]}, tools=there["tools"]
    ).body
    assert back["messages"][1]["tool_calls"][0]["function"]["arguments"] == arguments
    assert dumps(back["tools"][0]["function"]["parameters"]) == dumps(schema)
    heard = reply(completion({"tool_calls": [call("c", arguments=arguments)]}, "tool_calls"), CHAT, CLAUDE)
    assert dumps(heard["content"][0]["input"]).decode() == arguments
