"""Tools, the choice among them, and calls, both ways."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from gateway.canonical.content import CacheMark, Signature, ToolCall
from gateway.canonical.json import JsonObject, JsonValue
from gateway.canonical.request import Request, Tool, ToolChoice
from gateway.errors import InvalidRequest, Unsayable
from gateway.protocols import carry
from gateway.protocols.call_ids import position_id
from gateway.protocols.codec import Losses
from gateway.protocols.fields import Fields
from gateway.protocols.names import fit_id, fit_names
from gateway.protocols.openai_chat.media import NAME, merged
from gateway.protocols.openai_chat.schemas import object_schema
from gateway.protocols.target import Capabilities
from gateway.wire.fast_json import dumps

_TOOL_NAME = re.compile("[a-zA-Z0-9_-]{1,64}")
_CALL_ID = re.compile("[a-zA-Z0-9_-]{1,40}")
_MODES: Mapping[str, str] = {"auto": "auto", "none": "none", "any": "required", "validated": "auto"}


@dataclass(slots=True, frozen=True)
class Way:
    """What the encoders of one request share: what the model can, what gets lost, and the tools' names
    there.
    """

    capabilities: Capabilities
    losses: Losses
    names: Mapping[str, str]


def decode_mark(fields: Fields) -> CacheMark | None:
    """The cache breakpoint that OpenAI (`prompt_cache_breakpoint`) or a vendor (`cache_control`) has a
    word for.
    """
    for name in ("cache_control", "prompt_cache_breakpoint"):
        mark = fields.fields(name)
        if mark is not None:
            return CacheMark(mark.text("ttl"))
    return None


def encode_mark(mark: CacheMark, origin: str, way: Way) -> JsonObject:
    """The field that says `mark`, nothing if the model takes none."""
    if not way.capabilities.cache_marks:
        way.losses.drop(f"{origin}.cache_control")
        return {}
    said: JsonObject = {"type": "ephemeral"}
    if mark.ttl is not None:
        said["ttl"] = mark.ttl
    return {"cache_control": said}


def decode_tools(body: Fields) -> list[Tool]:
    """All tools of a request, those of the retired `functions` and `web_search_options` included."""
    raws = body.array("tools") or []
    tools = [_decode_tool(raw, f"{body.at('tools')}[{index}]") for index, raw in enumerate(raws)]
    for function in body.items("functions"):
        tools.append(_decode_function(function, function.path))
        tools[-1].extras = function.rest(NAME)
    options = body.object("web_search_options")
    if options is not None:
        tools.append(
            Tool("web_search", kind="builtin", protocol=NAME, raw=options, origin="web_search_options")
        )
    return tools


def _decode_tool(raw: JsonValue, path: str) -> Tool:
    tool = Fields(raw, path)
    kind = tool.text("type") or "function"
    if kind not in {"function", "custom"} and isinstance(raw, dict):
        return Tool(kind, kind="builtin", protocol=NAME, raw=raw, origin=tool.path)
    inner = tool.fields(kind)
    if inner is None:
        raise InvalidRequest(f"{tool.at(kind)}: an object is required", param=tool.at(kind))
    decoded = _decode_function(inner, tool.path) if kind == "function" else _decode_custom(inner, tool.path)
    decoded.cache = decode_mark(tool)
    inside, beside = inner.rest(kind), tool.rest(NAME).get(NAME, {})
    if inside or beside:
        decoded.extras = {NAME: {**beside, **inside}}
    return decoded


def _decode_function(function: Fields, origin: str) -> Tool:
    return Tool(
        function.required_text("name"),
        function.text("description"),
        function.object("parameters"),
        strict=function.boolean("strict"),
        origin=origin,
    )


def _decode_custom(custom: Fields, origin: str) -> Tool:
    return Tool(
        custom.required_text("name"),
        custom.text("description"),
        kind="custom",
        format=_decode_format(custom.object("format")),
        origin=origin,
    )


def _decode_format(form: JsonObject | None) -> JsonObject | None:
    """The form of a free text: this protocol alone puts a grammar into an object of its own."""
    grammar = form.get("grammar") if form is not None else None
    if form is None or not isinstance(grammar, dict):
        return form
    return {**{name: value for name, value in form.items() if name != "grammar"}, **grammar}


def _encode_format(form: JsonObject) -> JsonObject:
    if form.get("type") != "grammar":
        return form
    return {"type": "grammar", "grammar": {name: form[name] for name in form if name != "type"}}


def flat_name(name: str, namespace: str | None) -> str:
    """A tool's name in a protocol without namespaces."""
    return f"{namespace}__{name}" if namespace else name


def sent_names(request: Request) -> dict[str, str]:
    """The name to send for every tool the request speaks of."""
    names = [flat_name(tool.name, tool.namespace) for tool in request.tools if tool.kind != "builtin"]
    names += (
        flat_name(part.name, part.namespace)
        for message in request.messages
        for part in message.parts
        if isinstance(part, ToolCall)
    )
    return fit_names(names, _TOOL_NAME, 64)


def encode_tools(tools: Iterable[Tool], way: Way) -> Iterator[JsonObject]:
    """The `tools` of a request; a web search is not one of them (`web_search_options`).

    Raises:
        Unsayable: a tool that the provider would have to run, and cannot.
    """
    for tool in tools:
        if tool.kind != "builtin":
            yield _encode_tool(tool, way)
        elif tool.protocol == NAME and tool.raw is not None and "type" in tool.raw:
            yield tool.raw
        elif tool.name != "web_search":
            raise Unsayable(
                f"{tool.origin}: the tool {tool.name} is not to be had here; leave it out",
                param=tool.origin,
            )


def encode_web_search(tools: Iterable[Tool], way: Way) -> JsonObject | None:
    """The `web_search_options` that ask for a web search, None if no tool does."""
    for tool in tools:
        raw = tool.raw or {}
        if tool.kind != "builtin" or tool.name != "web_search" or (tool.protocol == NAME and "type" in raw):
            continue
        if tool.protocol == NAME:
            return raw
        for name, value in raw.items():
            # One family says no more than the name of the tool, as an empty object.
            if name not in {"type", "name"} and value != {}:
                way.losses.drop(f"{tool.origin}.{name}")
        way.losses.repair(tool.origin, "said as web_search_options")
        return {}
    return None


def _encode_tool(tool: Tool, way: Way) -> JsonObject:
    inner: JsonObject = {"name": named(tool.name, tool.namespace, tool.origin, way)}
    if tool.description is not None:
        inner["description"] = tool.description
    if tool.kind == "custom":
        if tool.format is not None:
            inner["format"] = _encode_format(tool.format)
    elif tool.schema is not None:
        schema = object_schema(tool.schema)
        if schema != tool.schema:
            way.losses.repair(tool.origin, "schema fitted to the protocol")
        inner["parameters"] = schema
    if tool.strict is not None:
        inner["strict"] = tool.strict
    said: JsonObject = {"type": tool.kind, tool.kind: inner}
    if tool.cache is not None:
        said |= encode_mark(tool.cache, tool.origin, way)
    return merged(tool.extras, said) if tool.extras else said


def named(name: str, namespace: str | None, origin: str, way: Way) -> str:
    """The name to send for a tool, with a repair noted where it is another."""
    flat = flat_name(name, namespace)
    sent = way.names.get(flat, flat)
    if sent != name:
        way.losses.repair(origin, f"named {sent}")
    return sent


def decode_choice(body: Fields, origins: dict[str, str]) -> ToolChoice | None:
    """`tool_choice`, or the retired `function_call`."""
    name = "tool_choice"
    value = body.any(name)
    if value is None:
        name = "function_call"
        value = body.any(name)
        if value is None:
            return None
        origins["tool_choice"] = name
    if isinstance(value, str):
        mode = {"auto": ToolChoice("auto"), "none": ToolChoice("none"), "required": ToolChoice("any")}.get(
            value
        )
        # Mistral says `any` for `required`.
        mode = ToolChoice("any") if value == "any" else mode
        if mode is None:
            raise InvalidRequest(f"{name}: expected auto, none, required or an object", param=name)
        return mode
    choice = Fields(value, name)
    allowed = choice.fields("allowed_tools")
    if allowed is not None:
        names = [_choice_name(tool) for tool in allowed.items("tools")]
        return ToolChoice("allowed", names, required=allowed.text("mode") == "required")
    return ToolChoice("one", [_choice_name(choice)])


def _choice_name(choice: Fields) -> str:
    """The tool that a choice names, in `function`, in `custom`, or (`function_call`) bare."""
    inner = choice.fields("function") or choice.fields("custom") or choice
    return inner.required_text("name")


def encode_choice(request: Request, way: Way, *, thinking: bool) -> JsonValue:
    """The `tool_choice` of a request that has tools, None if it says nothing of it."""
    choice = request.tool_choice
    if choice is None:
        return None
    path = request.origin_of("tool_choice")
    forced = choice.mode in {"any", "one"} or choice.required
    rule = way.capabilities.forced_tool_choice
    if forced and (rule == "never" or (rule == "without_thinking" and thinking)):
        way.losses.drop(path, f"{choice.mode}->auto")
        return "auto"
    if choice.mode == "validated":
        way.losses.drop(path, "validated->auto")
    if choice.mode in _MODES:
        return _MODES[choice.mode]
    named_tools: list[JsonValue] = [_chosen(name, request, way) for name in choice.names]
    if choice.mode == "one":
        return named_tools[0]
    mode = "required" if choice.required else "auto"
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": named_tools}}


def _chosen(name: str, request: Request, way: Way) -> JsonObject:
    for tool in request.tools:
        if tool.kind != "builtin" and name in {tool.name, flat_name(tool.name, tool.namespace)}:
            flat = flat_name(tool.name, tool.namespace)
            return {"type": tool.kind, tool.kind: {"name": way.names.get(flat, flat)}}
    raise Unsayable(
        f"{request.origin_of('tool_choice')}: no tool is called {name}",
        param=request.origin_of("tool_choice"),
    )


def decode_calls(message: Fields, number: int) -> list[ToolCall]:
    """The calls of an assistant's message in a request, number `number` of its conversation."""
    calls = [_decode_call(call, position_id(number, k)) for k, call in enumerate(message.items("tool_calls"))]
    function = message.fields("function_call")
    if function is not None and not calls:
        name, arguments = function.required_text("name"), arguments_text(function.any("arguments"))
        calls.append(ToolCall(position_id(number, 0), name, arguments, origin=function.path))
    return calls


def _decode_call(call: Fields, fallback: str) -> ToolCall:
    # The place in the stream that it is echoed from; here the list itself says it.
    call.any("index")
    custom = call.text("type") == "custom"
    kind = "custom" if custom else "function"
    inner = Fields(call.any(kind), call.at(kind))
    decoded = ToolCall(call.text("id") or fallback, inner.required_text("name"), origin=call.path)
    if custom:
        decoded.kind = "custom"
        decoded.arguments = inner.text("input") or ""
    else:
        decoded.arguments = arguments_text(inner.any("arguments"))
    decoded.cache = decode_mark(call)
    decoded.signature = decode_signature(call.any("extra_content"))
    inside, beside = inner.rest(kind), call.rest(NAME).get(NAME, {})
    if inside or beside:
        decoded.extras = {NAME: {**beside, **inside}}
    return decoded


def arguments_text(value: JsonValue) -> str:
    """The arguments of a call as text; some send them parsed, and none means no arguments."""
    if isinstance(value, str):
        return value or "{}"
    return "{}" if value is None else dumps(value).decode()


def decode_signature(extra_content: JsonValue) -> Signature | None:
    """The signature of a call, in the place where Google's compatible endpoint puts it."""
    google = extra_content.get("google") if isinstance(extra_content, dict) else None
    word = google.get("thought_signature") if isinstance(google, dict) else None
    return carry.unwrap(word, "gemini") if isinstance(word, str) else None


def encode_signature(signature: Signature) -> JsonObject:
    """The fields of a call that carry its signature."""
    return {"extra_content": {"google": {"thought_signature": carry.wrap(signature, "gemini")}}}


def sent_id(call_id: str, origin: str, way: Way) -> str:
    """The id to send for a call, with a repair noted where it is another."""
    sent = fit_id(call_id, _CALL_ID)
    if sent != call_id:
        way.losses.repair(origin, f"id respelled {sent}")
    return sent


def encode_call(call: ToolCall, way: Way) -> JsonObject:
    """One of the `tool_calls` of an assistant's message."""
    name = named(call.name, call.namespace, call.origin, way)
    if call.kind == "custom":
        inner: JsonObject = {"name": name, "input": call.arguments}
    else:
        if not call.arguments:
            way.losses.repair(call.origin, "without arguments: an empty object")
        inner = {"name": name, "arguments": call.arguments or "{}"}
    if call.item_id is not None:
        way.losses.repair(call.origin, "without its item id")
    said: JsonObject = {"id": sent_id(call.id, call.origin, way), "type": call.kind, call.kind: inner}
    if call.cache is not None:
        said |= encode_mark(call.cache, call.origin, way)
    if call.signature is not None:
        if call.signature.family == "gemini" and way.capabilities.reasoning_replay:
            said |= encode_signature(call.signature)
        else:
            way.losses.drop(f"{call.origin}.signature")
    return merged(call.extras, said) if call.extras else said
