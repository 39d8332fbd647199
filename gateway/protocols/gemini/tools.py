"""Tools and the choice among them, both ways.

https://ai.google.dev/api/caching#Tool
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gateway.canonical.json import JsonObject, JsonValue
from gateway.canonical.request import Request, Tool, ToolChoice
from gateway.errors import InvalidRequest, Unsayable
from gateway.protocols.codec import Losses
from gateway.protocols.fields import Fields
from gateway.protocols.gemini.signatures import FAMILY
from gateway.protocols.gemini.spelling import listed
from gateway.protocols.json_schema import from_openapi, to_openapi
from gateway.protocols.names import ToolName, changed_names, flat_name
from gateway.protocols.references import followed
from gateway.protocols.target import Capabilities

TOOL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,63}")
LONGEST_TOOL_NAME = 64

_OUR_WORDS: Mapping[str, str] = {
    "googleSearch": "web_search",
    "googleSearchRetrieval": "web_search",
    "codeExecution": "code_execution",
    "urlContext": "web_fetch",
    "fileSearch": "file_search",
    "computerUse": "computer_use",
    "googleMaps": "maps",
    "mcpServers": "mcp",
}
_FREE_TEXT: JsonObject = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
}
_NOTHING: JsonObject = {"type": "object", "properties": {}}
_WITHOUT_ARGUMENTS = frozenset({"type", "title", "description", "$comment", "$defs", "definitions"})
"""The keywords of a schema that names no argument."""


def decode_tools(body: Fields) -> list[Tool]:
    """All tools of a request; one entry of the wire's list may hold several."""
    return [
        tool
        for number, entry in enumerate(listed(body.any("tools")))
        for tool in _decode_entry(Fields(entry, f"{body.at('tools')}[{number}]"), entry)
    ]


def _decode_entry(entry: Fields, raw: JsonObject) -> Iterator[Tool]:
    path = entry.at("functionDeclarations")
    for number, declaration in enumerate(listed(entry.any("functionDeclarations"))):
        yield _decode_function(Fields(declaration, f"{path}[{number}]"))
    for name, value in raw.items():
        if name != "functionDeclarations" and value is not None:
            word = _OUR_WORDS.get(name, name)
            yield Tool(word, kind="builtin", protocol=FAMILY, raw={name: value}, origin=entry.at(name))


def _decode_function(fields: Fields) -> Tool:
    tool = Tool(fields.required_text("name"), fields.text("description"), origin=fields.path)
    subset, schema = fields.object("parameters"), fields.object("parametersJsonSchema")
    tool.schema = schema if schema is not None else from_openapi(subset) if subset is not None else _NOTHING
    tool.extras = fields.rest(FAMILY)
    return tool


def decode_choice(config: Fields | None) -> ToolChoice | None:
    """The choice that `toolConfig.functionCallingConfig` makes."""
    calling = config.fields("functionCallingConfig") if config is not None else None
    if calling is None:
        return None
    names = calling.texts("allowedFunctionNames") or []
    mode = (calling.text("mode") or ("ANY" if names else "AUTO")).upper()
    match mode:
        case "AUTO" | "MODE_UNSPECIFIED":
            return ToolChoice("allowed", names) if names else ToolChoice("auto")
        case "NONE":
            return ToolChoice("none")
        case "ANY" if len(names) == 1:
            return ToolChoice("one", names)
        case "ANY":
            return ToolChoice("allowed", names, required=True) if names else ToolChoice("any")
        case "VALIDATED":
            return ToolChoice("allowed", names) if names else ToolChoice("validated")
        case _:
            path = calling.at("mode")
            raise InvalidRequest(f"{path}: must be AUTO, ANY, NONE or VALIDATED", param=path)


@dataclass(slots=True)
class ToolSet:
    """The tools of a request as they are sent: names that fit, and the way back from them."""

    names: Mapping[ToolName, str]
    functions: list[JsonObject] = field(default_factory=list)
    builtins: list[JsonObject] = field(default_factory=list)
    custom: frozenset[str] = frozenset()

    @property
    def changed_names(self) -> dict[str, str]:
        """The names that had to be changed, as sent, with the client's."""
        return changed_names(self.names)

    @property
    def wire(self) -> list[JsonValue]:
        """The `tools` field."""
        functions: list[JsonValue] = [*self.functions]
        declared: list[JsonValue] = [{"functionDeclarations": functions}] if functions else []
        return [*declared, *self.builtins]


def encode_tools(
    request: Request, names: Mapping[ToolName, str], capabilities: Capabilities, losses: Losses
) -> ToolSet:
    """The tools for an upstream.

    Raises:
        Unsayable: another provider's own tool, or two tools of one name.
    """
    sent = ToolSet(names)
    chosen = _chosen(request, losses)
    known: dict[JsonValue, JsonObject] = {}
    for tool in (tool for tool in chosen if tool.kind != "builtin"):
        definition = _encode_function(tool, names[tool.namespace, tool.name], capabilities, losses)
        name = definition["name"]
        if known.setdefault(name, definition) is not definition:
            if known[name] != definition:
                raise Unsayable(
                    f"{tool.origin}: another tool has the same name; rename one", param=tool.origin
                )
            losses.repair(tool.origin, "left out: defined twice")
    sent.functions = list(known.values())
    sent.custom = frozenset(names[tool.namespace, tool.name] for tool in chosen if tool.kind == "custom")
    for tool in (tool for tool in chosen if tool.kind == "builtin"):
        definition = _encode_builtin(tool, losses)
        if sent.functions and not capabilities.mixed_tools:
            losses.drop(tool.origin, "not beside functions")
        else:
            sent.builtins.append(definition)
    return sent


def _chosen(request: Request, losses: Losses) -> list[Tool]:
    choice = request.tool_choice
    if choice is None or choice.mode != "allowed" or choice.required:
        return request.tools
    losses.repair(request.origin_of("tool_choice"), "other tools than the allowed ones left out")
    return [tool for tool in request.tools if tool.name in choice.names]


def _encode_function(tool: Tool, name: str, capabilities: Capabilities, losses: Losses) -> JsonObject:
    if name != tool.name or tool.namespace is not None:
        losses.repair(tool.origin, f"name said as {name}")
    if tool.cache is not None:
        losses.drop(f"{tool.origin}.cache_control")
    if tool.strict:
        losses.drop(f"{tool.origin}.strict")
    elif tool.strict is not None:
        losses.repair(f"{tool.origin}.strict", "left out")
    definition: JsonObject = {**tool.extras.get(FAMILY, {}), "name": name}
    description, schema = tool.description, tool.schema
    if tool.kind == "custom":
        losses.repair(tool.origin, "said as a function of one string")
        description, schema = _described(tool, losses), _FREE_TEXT
    if description is not None:
        definition["description"] = description
    if schema is None:
        losses.repair(tool.origin, "said without parameters")
    return {**definition, **_parameters(schema or _NOTHING, tool.origin, capabilities, losses)}


def _described(tool: Tool, losses: Losses) -> str | None:
    """The description of a tool that takes free text; its grammar becomes advice."""
    if tool.format is None or tool.format.get("type") == "text":
        return tool.description
    losses.drop(f"{tool.origin}.format")
    grammar = tool.format.get("definition")
    advice = f"The input must match this grammar:\n{grammar}" if isinstance(grammar, str) else None
    return "\n\n".join(filter(None, (tool.description, advice))) or None


def _parameters(schema: JsonObject, path: str, capabilities: Capabilities, losses: Losses) -> JsonObject:
    """The field that holds a function's schema; none for a function without arguments."""
    root = _object_root(schema)
    if all(name in _WITHOUT_ARGUMENTS or value in (True, False, {}, []) for name, value in root.items()):
        if root != _NOTHING:
            losses.repair(path, "said without parameters")
        return {}
    if capabilities.schema == "openapi":
        root = to_openapi(root)
    if root != schema:
        losses.repair(path, "schema rewritten")
    return {"parameters" if capabilities.schema == "openapi" else "parametersJsonSchema": root}


def _object_root(schema: JsonObject) -> JsonObject:
    """`schema` as that of an object; a schema of anything else becomes its one property."""
    schema = {name: value for name, value in followed(schema).items() if name not in {"$schema", "$id"}}
    kind = schema.get("type", "object")
    if kind not in ("object", ["object", "null"]):
        return {"type": "object", "properties": {"value": schema}, "required": ["value"]}
    return {**schema, "type": "object"} if kind != schema.get("type") or kind != "object" else schema


def _encode_builtin(tool: Tool, losses: Losses) -> JsonObject:
    if tool.cache is not None:
        losses.drop(f"{tool.origin}.cache_control")
    if tool.protocol == FAMILY:
        return dict(tool.raw or {})
    if tool.name != "web_search":
        raise Unsayable(f"{tool.origin}: the provider has no tool {tool.name}; remove it", param=tool.origin)
    losses.repair(tool.origin, "said as googleSearch")
    for name in tool.raw or ():
        if name not in {"type", "name"}:
            losses.drop(f"{tool.origin}.{name}")
    return {"googleSearch": {}}


def encode_choice(request: Request, sent: ToolSet, losses: Losses) -> JsonObject | None:
    """The `functionCallingConfig`, None to leave it out."""
    choice, path = request.tool_choice, request.origin_of("tool_choice")
    if request.parallel_tool_calls is False:
        losses.drop(request.origin_of("parallel_tool_calls"))
    elif request.parallel_tool_calls is not None:
        losses.repair(request.origin_of("parallel_tool_calls"), "left out: that is how it is")
    if choice is None:
        return None
    if not sent.functions:
        if choice.mode == "auto":
            losses.repair(path, "left out: there are no functions")
        else:
            losses.drop(path)
        return None
    match choice.mode:
        case "auto" | "none" | "any" | "validated":
            return {"mode": choice.mode.upper()}
        case "allowed" if not choice.required:
            return {"mode": "AUTO"}
        case _:
            return {"mode": "ANY", "allowedFunctionNames": _allowed(choice, sent, path, losses)}


def _allowed(choice: ToolChoice, sent: ToolSet, path: str, losses: Losses) -> list[JsonValue]:
    if choice.mode == "allowed" and len(choice.names) == 1:
        losses.repair(path, "said as the one tool")
    known = {name: fitted for (_, name), fitted in sent.names.items()}
    known |= {flat_name(key): fitted for key, fitted in sent.names.items()}
    declared = {definition["name"] for definition in sent.functions}
    for name in choice.names:
        if known.get(name, name) not in declared:
            raise Unsayable(f"{path}: no tool is called {name}", param=path)
        if known[name] != name:
            losses.repair(path, f"name said as {known[name]}")
    return [known[name] for name in choice.names]
