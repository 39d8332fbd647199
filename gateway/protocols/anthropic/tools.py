"""Tools and the choice among them, both ways.

https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from gateway.canonical.json import JsonObject, JsonValue
from gateway.canonical.request import Request, Tool, ToolChoice
from gateway.errors import InvalidRequest, Unsayable
from gateway.protocols.anthropic.caching import CacheMarks, decode_mark, settle
from gateway.protocols.anthropic.media import FAMILY
from gateway.protocols.anthropic.schemas import closed
from gateway.protocols.codec import Losses
from gateway.protocols.fields import Fields
from gateway.protocols.names import ToolName, changed_names
from gateway.protocols.object_root import object_root

JSON_TOOL = "json_output"
"""The tool that stands for a structured answer where the model has no other way to give one."""

TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
LONGEST_TOOL_NAME = 128

_VERSION = re.compile(r"(_toolset)?_\d{8}$")
_OUR_WORDS: Mapping[str, str] = {
    "tool_search_tool_bm25": "tool_search",
    "tool_search_tool_regex": "tool_search",
    "mcp_toolset": "mcp",
}

_PLAIN = ("name", "description", "input_schema")

_WEB_SEARCH = "web_search_20250305"


def decode_tools(fields: Fields) -> list[Tool]:
    """The `tools` of a request."""
    path = fields.at("tools")
    tools = fields.array("tools") or ()
    return [_decode_tool(tool, f"{path}[{index}]") for index, tool in enumerate(tools)]


def _decode_tool(value: JsonValue, path: str) -> Tool:
    if isinstance(value, dict) and len(value) == len(_PLAIN):
        # Most tools have nothing else.
        name, description, schema = map(value.get, _PLAIN)
        if isinstance(name, str) and isinstance(description, str) and isinstance(schema, dict):
            return Tool(name, description, schema, origin=path)
    fields = Fields(value, path)
    kind = fields.text("type")
    if kind is not None and kind != "custom":
        return _decode_builtin(kind, dict(value) if isinstance(value, dict) else {}, path)
    tool = Tool(fields.required_text("name"), fields.text("description"), origin=path)
    tool.schema = fields.object("input_schema")
    tool.strict = fields.boolean("strict")
    tool.cache, tool.extras = settle(fields)
    return tool


def _decode_builtin(kind: str, raw: JsonObject, path: str) -> Tool:
    """A tool that the provider runs, or whose form it trained: its type says which, and since when."""
    word = _VERSION.sub("", kind)
    cache = raw.pop("cache_control", None)
    return Tool(
        _OUR_WORDS.get(word, word),
        kind="builtin",
        protocol=FAMILY,
        raw=raw,
        cache=decode_mark(cache) if isinstance(cache, dict) else None,
        origin=path,
    )


def decode_choice(fields: Fields | None) -> tuple[ToolChoice | None, bool | None]:
    """The `tool_choice`, and whether calls may be parallel, which this protocol says inside it."""
    if fields is None:
        return None, None
    kind = fields.required_text("type")
    disabled = fields.boolean("disable_parallel_tool_use")
    parallel = None if disabled is None else not disabled
    match kind:
        case "auto" | "any" | "none":
            return ToolChoice(kind), parallel
        case "tool":
            return ToolChoice("one", [fields.required_text("name")]), parallel
        case _:
            path = fields.at("type")
            raise InvalidRequest(f"{path}: must be auto, any, tool or none", param=path)


@dataclass(slots=True)
class ToolSet:
    """The tools of a request as they are sent: names that fit, and the way back from them."""

    names: Mapping[ToolName, str]
    tools: list[JsonValue] = field(default_factory=list)
    choice: JsonObject | None = None
    custom: frozenset[str] = frozenset()

    @property
    def changed_names(self) -> dict[str, str]:
        """The names that had to be changed, as sent, with the client's."""
        return changed_names(self.names)

    @property
    def forced(self) -> bool:
        """Whether the model must call a tool."""
        return self.choice is not None and self.choice["type"] in ("any", "tool")


def encode_tools(request: Request, names: Mapping[ToolName, str], marks: CacheMarks) -> ToolSet:
    """The tools and the choice for an upstream.

    Raises:
        Unsayable: a provider's own tool that this one does not have, or two tools of one name.
    """
    chosen = _chosen(request, marks.losses)
    sent = ToolSet(names)
    defined: dict[JsonValue, JsonObject] = {}
    for tool in chosen:
        definition = _encode_tool(tool, names, marks)
        name = definition.get("name", tool.origin)
        if name not in defined:
            defined[name] = definition
        elif defined[name] == definition:
            marks.losses.repair(tool.origin, "left out: defined twice")
        else:
            raise Unsayable(f"{tool.origin}: another tool has the same name; rename one", param=tool.origin)
    sent.tools = list(defined.values())
    sent.custom = frozenset(names[tool.namespace, tool.name] for tool in chosen if tool.kind == "custom")
    sent.choice = _encode_choice(request, sent, marks.losses)
    return sent


def _chosen(request: Request, losses: Losses) -> Sequence[Tool]:
    choice = request.tool_choice
    if choice is None or choice.mode != "allowed":
        return request.tools
    losses.repair(request.origin_of("tool_choice"), "other tools than the allowed ones left out")
    return [tool for tool in request.tools if tool.name in choice.names]


def _encode_tool(tool: Tool, names: Mapping[ToolName, str], marks: CacheMarks) -> JsonObject:
    if tool.kind == "builtin":
        return _encode_builtin(tool, marks)
    name = names[tool.namespace, tool.name]
    if name != tool.name or tool.namespace is not None:
        marks.losses.repair(tool.origin, f"name said as {name}")
    definition: JsonObject = {**tool.extras.get(FAMILY, {}), "name": name}
    if tool.description is not None:
        definition["description"] = tool.description
    if tool.kind == "custom":
        definition.update(_free_text(tool, marks.losses))
    else:
        definition["input_schema"] = _encode_schema(tool, marks.losses)
    if tool.strict is not None:
        definition["strict"] = tool.strict
    marks.put(definition, tool.cache, tool.origin)
    return definition


def _encode_schema(tool: Tool, losses: Losses) -> JsonObject:
    if tool.schema is None:
        losses.repair(tool.origin, "said without parameters")
        return {"type": "object", "properties": {}}
    schema = object_root(tool.schema)
    if schema is None:
        raise Unsayable(f"{tool.origin}: the parameters must be an object", param=tool.origin)
    if tool.strict:
        schema = closed(schema)
    if schema != tool.schema:
        losses.repair(tool.origin, "schema rewritten")
    return schema


def _free_text(tool: Tool, losses: Losses) -> JsonObject:
    """A tool that takes free text: a function of one string. Its grammar becomes advice."""
    losses.repair(tool.origin, "said as a function of one string")
    told: JsonObject = {
        "input_schema": {
            "type": "object",
            "properties": {"input": {"type": "string"}},
            "required": ["input"],
            "additionalProperties": False,
        }
    }
    grammar = tool.format.get("definition") if tool.format is not None else None
    if tool.format is not None and tool.format.get("type") != "text":
        losses.drop(f"{tool.origin}.format")
    if isinstance(grammar, str):
        told["description"] = (
            f"{tool.description or ''}\n\nThe input must match this grammar:\n{grammar}".strip()
        )
    return told


def _encode_builtin(tool: Tool, marks: CacheMarks) -> JsonObject:
    if tool.protocol == FAMILY:
        definition = dict(tool.raw or {})
    elif tool.name == "web_search":
        definition = {"type": _WEB_SEARCH, "name": "web_search"}
        marks.losses.repair(tool.origin, f"said as {_WEB_SEARCH}")
        for name, value in (tool.raw or {}).items():
            # One family says no more than the name of the tool, as an empty object.
            if name not in {"type", "name"} and value != {}:
                marks.losses.drop(f"{tool.origin}.{name}")
    else:
        raise Unsayable(f"{tool.origin}: the provider has no tool {tool.name}; remove it", param=tool.origin)
    marks.put(definition, tool.cache, tool.origin)
    return definition


def _encode_choice(request: Request, sent: ToolSet, losses: Losses) -> JsonObject | None:
    choice, parallel = request.tool_choice, request.parallel_tool_calls
    if not sent.tools:
        for name, said in (("tool_choice", choice), ("parallel_tool_calls", parallel)):
            if said is not None:
                losses.drop(request.origin_of(name))
        return None
    if choice is None and parallel is None:
        return None
    if choice is None:
        losses.repair(request.origin_of("tool_choice"), "auto put in")
    told = _mode_of(choice or ToolChoice("auto"), request, sent, losses)
    if parallel is not None and told["type"] == "none":
        losses.repair(request.origin_of("parallel_tool_calls"), "left out: no tool may be called")
    elif parallel is not None:
        told["disable_parallel_tool_use"] = not parallel
    return told


def _mode_of(choice: ToolChoice, request: Request, sent: ToolSet, losses: Losses) -> JsonObject:
    match choice.mode:
        case "auto" | "none" | "any":
            return {"type": choice.mode}
        case "one":
            name = _sent_name(choice.names[0], sent)
            if name != choice.names[0]:
                losses.repair(request.origin_of("tool_choice"), f"name said as {name}")
            return {"type": "tool", "name": name}
        case "allowed":
            return {"type": "any" if choice.required else "auto"}
        case _:
            losses.drop(request.origin_of("tool_choice"), "validated->auto")
            return {"type": "auto"}


def _sent_name(name: str, sent: ToolSet) -> str:
    return next((fitted for (_, known), fitted in sent.names.items() if known == name), name)


def add_json_tool(sent: ToolSet, schema: JsonObject) -> ToolSet:
    """`sent` with a tool that the model must call to give its structured answer, unless it calls another.

    A tool that the client insists on is called first, as it would be beside a native structured answer.
    """
    tool: JsonObject = {
        "name": JSON_TOOL,
        "description": "Give the final answer with this tool, and only with it.",
        "input_schema": schema,
    }
    said = sent.choice or {"type": "auto"}
    if not sent.tools or said["type"] == "none":
        said = {"type": "tool", "name": JSON_TOOL}
    choice = said if said["type"] == "tool" else {**said, "type": "any"}
    return replace(sent, tools=[*sent.tools, tool], choice=choice)


def unforced(sent: ToolSet, losses: Losses, path: str) -> tuple[ToolSet, str]:
    """`sent` for a model that cannot be forced to call a tool, and the instruction that asks it to."""
    choice = sent.choice or {}
    losses.drop(path, f"{choice.get('type')}->auto")
    which = f"the tool {choice['name']}" if "name" in choice else "one of the tools"
    kept = {name: value for name, value in choice.items() if name not in ("type", "name")}
    return replace(sent, choice={"type": "auto", **kept}), f"Answer by calling {which}."
