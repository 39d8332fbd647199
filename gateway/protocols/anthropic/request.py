"""Requests of the Messages API, both ways, and the edits of the lane that passes a client's bytes on.

https://platform.claude.com/docs/en/api/messages
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gateway.canonical.content import Message, Role
from gateway.canonical.json import JsonObject, JsonValue
from gateway.canonical.request import Continuation, OutputFormat, Request
from gateway.errors import InvalidRequest
from gateway.protocols.anthropic import settings, tools, turns
from gateway.protocols.anthropic.blocks import BlockWriter, decode_content, with_call_signatures
from gateway.protocols.anthropic.caching import CacheMarks, decode_mark
from gateway.protocols.anthropic.media import FAMILY
from gateway.protocols.anthropic.schemas import closed
from gateway.protocols.anthropic.settings import Plan
from gateway.protocols.anthropic.tools import ToolSet
from gateway.protocols.codec import Asked, Call, Losses, Sent, required_model
from gateway.protocols.fields import Fields
from gateway.protocols.names import sent_names
from gateway.protocols.object_root import object_root
from gateway.protocols.target import Target
from gateway.wire import fast_json

_VERSION = "2023-06-01"
"""Takes sampling parameters, which the version of 2026-10-21 refuses, and every other host knows it."""

_ROLES: Mapping[str, Role] = {"user": "user", "assistant": "assistant", "system": "system"}

_ORIGINS: Mapping[str, str] = {
    "stop": "stop_sequences",
    "user": "metadata.user_id",
    "reasoning": "thinking",
    "output": "output_config.format",
    "parallel_tool_calls": "tool_choice.disable_parallel_tool_use",
    "cache": "cache_control",
    "continuation": "container",
    "visibility": "thinking.display",
}

_PLAIN = ("role", "content")

_TIERS = ("auto", "standard_only")

_WANTS_JSON = "Answer with one JSON object and nothing else: no text around it, no Markdown."


def asked(call: Call) -> Asked:
    """The little that routing needs, and whether thinking is to be shown."""
    thinking = call.said("thinking")
    return Asked(
        required_model(call.said("model")),
        stream=call.said("stream") is True,
        thoughts=not (isinstance(thinking, dict) and thinking.get("display") == "omitted"),
    )


def decode_request(call: Call) -> Request:
    """The request that a client's body says.

    Raises:
        InvalidRequest: a field is malformed; it names the field's path.
    """
    fields = Fields(call.payload)
    request = Request(required_model(call.said("model")), _decode_system(fields), origins=dict(_ORIGINS))
    fields.any("model")
    request.messages += [
        _decode_message(message, f"messages[{number}]") for number, message in enumerate(_messages(fields))
    ]
    request.tools = tools.decode_tools(fields)
    choice, parallel = tools.decode_choice(fields.fields("tool_choice"))
    request.tool_choice, request.parallel_tool_calls = choice, parallel
    request.max_tokens = fields.integer("max_tokens")
    request.stop = fields.texts("stop_sequences") or []
    request.stream = fields.boolean("stream") or False
    request.service_tier = fields.text("service_tier")
    request.sampling = settings.decode_sampling(fields)
    config = fields.fields("output_config")
    request.reasoning = settings.decode_reasoning(fields, config)
    request.output = settings.decode_output(fields, config)
    _decode_handles(fields, request)
    _decode_rest(fields, config, request)
    if request.reasoning is not None and request.reasoning.effort is not None:
        request.origins["effort"] = "output_config.effort"
        if request.reasoning.mode is None:
            request.origins["reasoning"] = "output_config.effort"
    return request


def _decode_system(fields: Fields) -> list[Message]:
    parts = decode_content(fields.any("system"), "system")
    return [Message("system", parts, origin="system")] if parts else []


def _messages(fields: Fields) -> Sequence[JsonValue]:
    messages = fields.array("messages")
    if not messages:
        raise InvalidRequest("messages: at least one message is required", param="messages")
    return messages


def _decode_message(value: JsonValue, path: str) -> Message:
    if isinstance(value, dict) and len(value) == len(_PLAIN):
        # Most messages say nothing else.
        word, content = value.get("role"), value.get("content")
        if isinstance(word, str) and word in _ROLES and content is not None:
            parts = with_call_signatures(decode_content(content, f"{path}.content"))
            return Message(_ROLES[word], parts, origin=path)
    fields = Fields(value, path)
    role = _ROLES.get(fields.required_text("role"))
    content = fields.any("content")
    if content is None:
        raise InvalidRequest(
            f"{fields.at('content')}: a string or a list is required", param=fields.at("content")
        )
    parts = with_call_signatures(decode_content(content, fields.at("content")))
    if role is None:
        at = fields.at("role")
        raise InvalidRequest(f"{at}: must be user, assistant or system", param=at)
    return Message(role, parts, extras=fields.rest(FAMILY), origin=fields.path)


def _decode_handles(fields: Fields, request: Request) -> None:
    cache = fields.object("cache_control")
    request.cache = None if cache is None else decode_mark(cache)
    container = fields.any("container")
    request.continuation = None if container is None else Continuation(container=container)
    metadata = fields.fields("metadata")
    if metadata is not None:
        request.user = metadata.text("user_id")
        request.extras = _nested("metadata", metadata, request)


def _decode_rest(fields: Fields, config: Fields | None, request: Request) -> None:
    if config is not None:
        request.extras = _nested("output_config", config, request)
    own = {**request.extras.get(FAMILY, {}), **fields.rest(FAMILY).get(FAMILY, {})}
    request.extras = {FAMILY: own} if own else {}


def _nested(name: str, fields: Fields, request: Request) -> dict[str, JsonObject]:
    """The extras of `request` with what nobody took of the object `name`."""
    left = fields.rest(FAMILY).get(FAMILY)
    own: JsonObject = dict(request.extras.get(FAMILY, {}))
    if left:
        own[name] = left
    return {FAMILY: own} if own else {}


def encode_request(request: Request, target: Target, losses: Losses) -> Sent:
    """What to send to a Messages API upstream.

    Raises:
        Unsayable: a part of the request that it has no word for.
    """
    settings.note_unsayable(request, losses)
    marks = CacheMarks(losses, allowed=target.capabilities.cache_marks)
    names = sent_names(request, tools.TOOL_NAME, tools.LONGEST_TOOL_NAME)
    writer = BlockWriter(target.capabilities, marks, names)
    system = turns.encode_system(request.messages, writer)
    toolset = tools.encode_tools(request, names, marks)
    messages = turns.encode_turns(request.messages, writer)
    answer = _encode_answer(request, toolset, target, losses)
    system += [{"type": "text", "text": instruction} for instruction in answer.instructions]
    plan = settings.plan_of(request, target.capabilities, losses)
    _settle_thinking(plan, _Scene(request, messages, answer), target, losses)
    settings.set_limits(plan, request, target.capabilities, losses)
    body: JsonObject = {
        **request.extras.get(FAMILY, {}),
        "model": target.model,
        "max_tokens": plan.max_tokens,
        **_said(system=system, tools=answer.tools.tools, tool_choice=answer.tools.choice),
        "messages": messages,
        **_said(thinking=plan.thinking, output_config=_output_config(request, plan, answer)),
        **settings.encode_sampling(request, plan, target.capabilities, losses),
        **_encode_rest(request, target, losses),
    }
    marks.put(body, request.cache, "")
    return Sent(
        body=body,
        headers={"anthropic-version": _VERSION},
        tool_names=answer.tools.changed_names,
        custom_tools=answer.tools.custom,
        json_tool=answer.json_tool,
    )


@dataclass(slots=True)
class _Answer:
    """How the form of the answer and the choice of tools are asked for."""

    tools: ToolSet
    format: JsonObject | None = None
    instructions: list[str] = field(default_factory=list)
    json_tool: str | None = None


@dataclass(slots=True)
class _Scene:
    """What thinking has to agree with."""

    request: Request
    messages: Sequence[JsonValue]
    answer: _Answer


def _said(**fields: JsonValue) -> JsonObject:
    """The fields that say something: neither null nor empty."""
    return {name: value for name, value in fields.items() if value not in (None, [], {})}


def _encode_answer(request: Request, toolset: ToolSet, target: Target, losses: Losses) -> _Answer:
    answer = _Answer(toolset)
    output = request.output
    path = request.origin_of("output")
    if output is not None:
        match output.kind:
            case "text":
                losses.repair(path, "left out: text is the default")
            case "json_object":
                losses.drop(path, "json_object->instruction")
                answer.instructions.append(_WANTS_JSON)
            case _:
                _ask_for_schema(answer, output, path, target, losses=losses)
    if answer.tools.forced and target.capabilities.forced_tool_choice == "never":
        choice_path = request.origin_of("tool_choice")
        answer.tools, instruction = tools.unforced(answer.tools, losses, choice_path)
        answer.instructions.append(instruction)
    return answer


def _ask_for_schema(
    answer: _Answer, output: OutputFormat, path: str, target: Target, *, losses: Losses
) -> None:
    """Structured output as the model can give it: natively, by a forced tool, or on request."""
    if output.name is not None or output.description is not None or output.strict is not None:
        losses.repair(path, "said by its schema alone")
    schema = output.schema or {"type": "object"}
    if output.description is not None:
        schema = {"description": output.description, **schema}
        if schema["description"] != output.description:
            losses.drop(f"{path}.description")
    if target.capabilities.structured_output:
        fitted = closed(schema)
        if fitted != output.schema:
            losses.repair(path, "schema rewritten")
        answer.format = {"type": "json_schema", "schema": fitted}
        return
    plain = object_root(schema)
    if plain is not None and target.capabilities.forced_tool_choice != "never":
        losses.repair(path, "said as a tool that must be called")
        answer.tools, answer.json_tool = tools.add_json_tool(answer.tools, plain), tools.JSON_TOOL
        return
    losses.drop(path, "json_schema->instruction")
    answer.instructions.append(
        f"{_WANTS_JSON} It must match this schema:\n{fast_json.dumps(schema).decode()}"
    )


def _settle_thinking(plan: Plan, scene: _Scene, target: Target, losses: Losses) -> None:
    """Give thinking up where the API refuses it: the client asked for the other thing more plainly."""
    if not plan.thinks or plan.thinking is None:
        return
    capabilities = target.capabilities
    if scene.answer.tools.forced and capabilities.forced_tool_choice == "without_thinking":
        reason = "off: a tool call is forced"
    elif turns.is_prefill(scene.request.messages[-1]):
        reason = "off: the answer is begun for the model"
    elif plan.thinking["type"] == "enabled" and not loop_is_thought_through(scene.messages):
        reason = "off: the calls in progress were made without it"
    else:
        return
    losses.drop(scene.request.origin_of("reasoning"), reason)
    plan.thinking = None


def loop_is_thought_through(messages: Sequence[JsonValue]) -> bool:
    """Whether the calls that the last turn answers begin with thinking, as the API demands with a budget."""
    for message in reversed(messages):
        kinds = _kinds_of(message)
        if isinstance(message, dict) and message.get("role") == "user":
            if kinds - {"tool_result"}:
                return True
        elif "tool_use" in kinds:
            return _first_kind(message) in ("thinking", "redacted_thinking")
    return True


def _kinds_of(message: JsonValue) -> set[str]:
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, str):
        return {"text"}
    blocks = content if isinstance(content, list) else []
    return {str(block.get("type")) for block in blocks if isinstance(block, dict)}


def _first_kind(message: JsonValue) -> JsonValue:
    content = message.get("content") if isinstance(message, dict) else None
    first = content[0] if isinstance(content, list) and content else None
    return first.get("type") if isinstance(first, dict) else None


def _output_config(request: Request, plan: Plan, answer: _Answer) -> JsonValue:
    """The `output_config`; what only this protocol knows of it comes from the extras."""
    own = request.extras.get(FAMILY, {}).get("output_config")
    rest = own if isinstance(own, dict) else {}
    return {**rest, **_said(effort=plan.effort, format=answer.format)}


def _encode_rest(request: Request, target: Target, losses: Losses) -> JsonObject:
    own = request.extras.get(FAMILY, {}).get("metadata")
    metadata = {**(own if isinstance(own, dict) else {}), **_said(user_id=request.user)}
    stop: list[JsonValue] = [word for word in request.stop if word.strip()]
    if len(stop) < len(request.stop):
        # The API refuses sequences of nothing but white space.
        losses.drop(request.origin_of("stop"), "white space")
    if stop and not target.capabilities.stop:
        losses.drop(request.origin_of("stop"))
        stop = []
    tier = request.service_tier
    if tier is not None and tier not in _TIERS:
        losses.drop(request.origin_of("service_tier"))
        tier = None
    container = None if request.continuation is None else request.continuation.container
    stream = request.stream or None
    return _said(
        stop_sequences=stop, metadata=metadata, service_tier=tier, container=container, stream=stream
    )
