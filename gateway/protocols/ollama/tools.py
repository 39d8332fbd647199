"""Tools and calls, both ways. Arguments are objects on this wire, and nobody can be made to call a tool."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gateway.canonical.content import ToolCall
from gateway.canonical.json import JsonObject, JsonValue
from gateway.canonical.request import Request, Tool, ToolChoice
from gateway.errors import InvalidRequest, Unsayable
from gateway.protocols.call_ids import position_id
from gateway.protocols.codec import Losses
from gateway.protocols.fields import Fields
from gateway.protocols.ollama.media import NAME
from gateway.protocols.ollama.schemas import object_schema
from gateway.protocols.target import Capabilities
from gateway.wire.fast_json import JsonError, dumps, loads

_FREE_TEXT: JsonObject = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
}
"""What a tool that takes free text takes here."""


@dataclass(slots=True, frozen=True)
class Way:
    """What the encoders of one request share: what the model can, and what gets lost."""

    capabilities: Capabilities
    losses: Losses


def own(extras: dict[str, JsonObject], said: JsonObject) -> JsonObject:
    """`said` with the unknown fields that a client of this protocol sent along."""
    return {**extras.get(NAME, {}), **said}


def decode_tools(body: Fields) -> list[Tool]:
    """The tools of a request; SDKs send an empty list for none."""
    return [_decode_tool(tool) for tool in body.items("tools")]


def _decode_tool(wire: Fields) -> Tool:
    kind = wire.text("type") or "function"
    function = wire.fields("function")
    if kind != "function" or function is None:
        path = wire.at("function")
        raise InvalidRequest(f"{path}: a tool of type function is required", param=path)
    tool = Tool(
        function.required_text("name"),
        function.text("description"),
        function.object("parameters"),
        origin=wire.path,
    )
    unknown = {**function.rest(NAME).get(NAME, {}), **wire.rest(NAME).get(NAME, {})}
    tool.extras = {NAME: unknown} if unknown else {}
    return tool


def flat_name(name: str, namespace: str | None) -> str:
    """A tool's name in a protocol without namespaces."""
    return f"{namespace}__{name}" if namespace else name


def encode_tools(request: Request, way: Way) -> list[JsonValue]:
    """The `tools` to send: all of them, or those that the choice leaves.

    Raises:
        Unsayable: a tool that the provider would have to run.
    """
    choice, tools = request.tool_choice, request.tools
    if choice is not None:
        tools = _chosen(request, choice, way)
    if request.parallel_tool_calls is False:
        way.losses.drop(request.origin_of("parallel_tool_calls"))
    elif request.parallel_tool_calls:
        way.losses.repair(request.origin_of("parallel_tool_calls"), "left out: it is always so")
    return [_encode_tool(tool, way) for tool in tools]


def _chosen(request: Request, choice: ToolChoice, way: Way) -> list[Tool]:
    """Nobody can be made to call a tool here, but it can be kept from the others."""
    path = request.origin_of("tool_choice")
    match choice.mode:
        case "auto":
            way.losses.repair(path, "left out: it is always so")
            return request.tools
        case "none":
            way.losses.repair(path, "the tools left out")
            return []
        case "any" | "validated":
            way.losses.drop(path, f"{choice.mode}->auto")
            return request.tools
        case _:
            kept = [tool for tool in request.tools if _is_named(tool, choice.names)]
            if choice.mode == "one" or choice.required:
                way.losses.drop(path, f"{choice.mode}->auto")
            for tool in request.tools:
                if tool not in kept:
                    way.losses.repair(tool.origin, "left out: another is chosen")
            return kept


def _is_named(tool: Tool, names: Iterable[str]) -> bool:
    return tool.name in names or flat_name(tool.name, tool.namespace) in names


def _encode_tool(tool: Tool, way: Way) -> JsonObject:
    if tool.kind == "builtin":
        raise Unsayable(
            f"{tool.origin}: the tool {tool.name} is not to be had here; leave it out", param=tool.origin
        )
    if tool.strict:
        way.losses.drop(f"{tool.origin}.strict")
    elif tool.strict is not None:
        way.losses.repair(f"{tool.origin}.strict", "left out")
    if tool.cache is not None:
        way.losses.drop(f"{tool.origin}.cache_control")
    name = flat_name(tool.name, tool.namespace)
    if name != tool.name:
        way.losses.repair(tool.origin, f"named {name}")
    function: JsonObject = {"name": name}
    if tool.description is not None:
        function["description"] = tool.description
    function["parameters"] = _parameters(tool, way)
    return {"type": "function", "function": own(tool.extras, function)}


def _parameters(tool: Tool, way: Way) -> JsonObject:
    if tool.kind == "custom":
        way.losses.repair(tool.origin, "said as a function that takes its text as `input`")
        if tool.format is not None and tool.format.get("type") != "text":
            way.losses.drop(f"{tool.origin}.format")
        return _FREE_TEXT
    schema = object_schema(tool.schema)
    if schema != tool.schema:
        way.losses.repair(tool.origin, "schema fitted to the protocol")
    return schema


def sent_names(request: Request) -> dict[str, str]:
    """The client's names of the tools that are sent under another."""
    flat = ((flat_name(tool.name, tool.namespace), tool.name) for tool in request.tools)
    return {sent: name for sent, name in flat if sent != name}


def decode_calls(message: Fields, number: int) -> Iterator[ToolCall]:
    """The calls of an assistant's message in a request, number `number` of its conversation."""
    for place, wire in enumerate(message.items("tool_calls")):
        wire.any("type")
        function = wire.fields("function")
        if function is None:
            path = wire.at("function")
            raise InvalidRequest(f"{path}: an object is required", param=path)
        function.integer("index")
        yield ToolCall(
            wire.text("id") or position_id(number, place),
            function.required_text("name"),
            arguments_text(function.object("arguments")),
            extras=wire.rest(NAME),
            origin=wire.path,
        )


def arguments_text(value: JsonValue) -> str:
    """The text of a call's arguments, which are an object on the wire. None means no arguments."""
    return "{}" if value is None else dumps(value).decode()


def encode_call(call: ToolCall, place: int, way: Way) -> JsonObject:
    """One of the `tool_calls` of an assistant's message in a request."""
    name = flat_name(call.name, call.namespace)
    if name != call.name:
        way.losses.repair(call.origin, f"named {name}")
    if call.kind == "custom":
        way.losses.repair(call.origin, "its text said as `input`")
    elif not _is_object(call.arguments):
        way.losses.repair(call.origin, "arguments wrapped in an object")
    if call.item_id is not None:
        way.losses.repair(call.origin, "without its item id")
    if call.signature is not None:
        way.losses.drop(f"{call.origin}.signature")
    if call.cache is not None:
        way.losses.drop(f"{call.origin}.cache_control")
    return own(call.extras, call_said(call, name, place))


def call_said(call: ToolCall, name: str, place: int) -> JsonObject:
    """A call under `name` as it is written in requests and replies alike."""
    arguments: JsonObject = {"input": call.arguments} if call.kind == "custom" else arguments_object(call)
    return {"id": call.id, "function": {"index": place, "name": name, "arguments": arguments}}


def arguments_object(call: ToolCall) -> JsonObject:
    """The arguments of a function call. What is no object becomes one, and what is no JSON a string in it,
    so that the model sees what it wrote.
    """
    if not call.arguments:
        return {}
    try:
        value: JsonValue = loads(call.arguments.encode("utf-8", "replace"))
    except JsonError:
        return {"_raw": call.arguments}
    return value if isinstance(value, dict) else {"value": value}


def _is_object(arguments: str) -> bool:
    try:
        return isinstance(loads(arguments.encode("utf-8", "replace")), dict)
    except JsonError:
        return False
