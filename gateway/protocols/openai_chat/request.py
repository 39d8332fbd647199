"""Requests of the Chat Completions form: the settings around messages and tools, both ways.

Vendors of compatible endpoints have their own words for a few settings (`reasoning`, `thinking`,
`enable_thinking`, `random_seed`, `top_k` …); they are understood from clients, and `reasoning_effort` is what
upstreams are told.
"""

from hashlib import sha256

from gateway.canonical.content import Message, Text
from gateway.canonical.json import JsonObject, JsonValue
from gateway.canonical.request import OutputFormat, Request, Sampling
from gateway.errors import InvalidRequest, Unsayable
from gateway.protocols.codec import Call, Losses, Sent, required_model
from gateway.protocols.fields import Fields, wrong
from gateway.protocols.openai_chat.media import NAME, merged
from gateway.protocols.openai_chat.messages import decode_messages, encode_messages
from gateway.protocols.openai_chat.reasoning import decode_reasoning, encode_reasoning
from gateway.protocols.openai_chat.tools import (
    Way,
    decode_choice,
    decode_mark,
    decode_tools,
    encode_choice,
    encode_mark,
    encode_tools,
    encode_web_search,
    sent_names,
)
from gateway.protocols.target import Target
from gateway.wire.fast_json import dumps

_TIERS = frozenset({"auto", "default", "flex", "priority", "scale", "fast"})
_SCHEMA_NAME = "response"
_LONGEST_USER = 64
_MOST_STOPS = 4
_JSON = "Answer with a JSON value and nothing else."


def decode_request(call: Call) -> Request:
    """The request that a client's body tells.

    Raises:
        InvalidRequest: a field is malformed.
    """
    body = Fields(call.payload)
    origins: dict[str, str] = {}
    body.any("model")
    request = Request(
        model=required_model(call.said("model")),
        messages=decode_messages(body),
        tools=decode_tools(body),
        tool_choice=decode_choice(body, origins),
        parallel_tool_calls=body.boolean("parallel_tool_calls"),
        max_tokens=_first_integer(body, ("max_completion_tokens", "max_tokens"), "max_tokens", origins),
        stop=_decode_stop(body),
        sampling=_decode_sampling(body, origins),
        output=_decode_output(body, origins),
        modalities=body.texts("modalities"),
        audio=body.object("audio"),
        n=body.integer("n"),
        logprobs=body.boolean("logprobs"),
        top_logprobs=body.integer("top_logprobs"),
        verbosity=body.text("verbosity"),
        stream=body.boolean("stream") or False,
        metadata=_decode_metadata(body),
        service_tier=body.text("service_tier"),
        cache=decode_mark(body),
        cache_key=body.text("prompt_cache_key"),
        origins=origins,
    )
    if not request.messages:
        raise InvalidRequest("messages: at least one message is required", param="messages")
    origins |= {"cache": "cache_control", "cache_key": "prompt_cache_key", "output": "response_format"}
    left: JsonObject = {}
    request.reasoning = decode_reasoning(body, origins, left)
    _decode_stream_options(body, request, left)
    _decode_user(body, request, left)
    left |= body.rest(NAME).get(NAME, {})
    request.extras = {NAME: left} if left else {}
    return request


def _first_integer(body: Fields, names: tuple[str, ...], setting: str, origins: dict[str, str]) -> int | None:
    """The first of `names` that says a number; the others are taken too, they mean the same."""
    said = {name: value for name in names if (value := body.integer(name)) is not None}
    for name, value in said.items():
        origins[setting] = name
        return value
    return None


def _decode_stop(body: Fields) -> list[str]:
    stop = body.any("stop")
    if isinstance(stop, str):
        return [stop]
    return Fields({"stop": stop}).texts("stop") or []


def _decode_sampling(body: Fields, origins: dict[str, str]) -> Sampling:
    return Sampling(
        temperature=body.number("temperature"),
        top_p=body.number("top_p"),
        top_k=body.integer("top_k"),
        min_p=body.number("min_p"),
        seed=_first_integer(body, ("seed", "random_seed"), "seed", origins),
        presence_penalty=body.number("presence_penalty"),
        frequency_penalty=body.number("frequency_penalty"),
        repetition_penalty=body.number("repetition_penalty"),
        logit_bias=body.object("logit_bias"),
    )


def _decode_output(body: Fields, origins: dict[str, str]) -> OutputFormat | None:
    form = body.fields("response_format")
    if form is None:
        return None
    origins["output"] = form.path
    kind = form.text("type") or "text"
    match kind:
        case "text" | "json_object":
            return OutputFormat(kind)
        case "json_schema":
            inner = form.fields("json_schema")
            if inner is None:
                path = form.at("json_schema")
                raise InvalidRequest(f"{path}: an object is required", param=path)
            return OutputFormat(
                "json_schema",
                inner.text("name"),
                inner.text("description"),
                inner.object("schema"),
                inner.boolean("strict"),
            )
        case _:
            path = form.at("type")
            raise InvalidRequest(f"{path}: expected text, json_object or json_schema", param=path)


def _decode_metadata(body: Fields) -> dict[str, str] | None:
    metadata = body.object("metadata")
    if metadata is None:
        return None
    for name, value in metadata.items():
        if not isinstance(value, str):
            raise wrong(f"metadata.{name}", "a string", value)
    return {name: value for name, value in metadata.items() if isinstance(value, str)}


def _decode_stream_options(body: Fields, request: Request, left: JsonObject) -> None:
    options = body.fields("stream_options")
    if options is None:
        return
    request.include_usage = options.boolean("include_usage")
    request.origins["include_usage"] = "stream_options.include_usage"
    left |= options.rest("stream_options")


def _decode_user(body: Fields, request: Request, left: JsonObject) -> None:
    """`safety_identifier` took the place of `user`; where both are given the old one is kept beside."""
    user, identifier = body.text("user"), body.text("safety_identifier")
    request.user = identifier or user
    if identifier:
        request.origins["user"] = "safety_identifier"
        if user is not None:
            left["user"] = user


def encode_request(request: Request, target: Target, losses: Losses) -> Sent:
    """The body for an upstream.

    Raises:
        Unsayable: the request has content that the protocol or the model has no word for.
    """
    _refuse(request, target)
    capabilities = target.capabilities
    names = sent_names(request)
    way = Way(capabilities, losses, names)
    output, messages = _encode_output(request, way)
    body: JsonObject = {"model": target.model, "messages": [*encode_messages(messages, way)]}
    effort = encode_reasoning(request, way)
    body |= _encode_tools(request, way, thinking=effort not in {None, "none"})
    body |= _encode_sampling(request, effort, way)
    body |= _encode_limits(request, way)
    body |= output
    body |= _encode_identity(request, way)
    body |= _encode_stream(request, way)
    if effort is not None:
        body["reasoning_effort"] = effort
    for name, value in (
        ("modalities", request.modalities),
        ("audio", request.audio),
        ("n", request.n),
        ("verbosity", request.verbosity),
        ("prompt_cache_key", request.cache_key),
    ):
        if value is not None:
            body[name] = [*value] if isinstance(value, list) else value
    if request.cache is not None:
        body |= encode_mark(request.cache, request.origin_of("cache").removesuffix(".cache_control"), way)
    return Sent(
        merged(request.extras, body),
        tool_names={sent: name for name, sent in names.items() if sent != name},
        finish_optional=capabilities.finish_optional,
    )


def _refuse(request: Request, target: Target) -> None:
    """Raise for what no part of the body could say."""
    if request.continuation is not None:
        path = request.origin_of("continuation")
        raise Unsayable(
            f"{path}: the state is kept by another provider; send the whole conversation", param=path
        )
    if request.n is not None and request.n > 1 and not target.capabilities.choices:
        path = request.origin_of("n")
        raise Unsayable(f"{path}: the model gives one answer; ask for 1", param=path)
    last = request.messages[-1] if request.messages else None
    if last is not None and last.role == "assistant" and not target.capabilities.prefill:
        raise Unsayable(
            f"{last.origin}: the model does not continue an assistant's message; end with a user's",
            param=last.origin,
        )


def _encode_tools(request: Request, way: Way, *, thinking: bool) -> JsonObject:
    body: JsonObject = {}
    search = encode_web_search(request.tools, way)
    if search is not None:
        body["web_search_options"] = search
    tools: list[JsonValue] = [*encode_tools(request.tools, way)]
    choice = encode_choice(request, way, thinking=thinking) if tools else None
    if tools:
        body["tools"] = tools
    elif request.tool_choice is not None:
        way.losses.drop(request.origin_of("tool_choice"))
    if choice is not None:
        body["tool_choice"] = choice
    if request.parallel_tool_calls is not None:
        if tools and way.capabilities.parallel_tool_calls:
            body["parallel_tool_calls"] = request.parallel_tool_calls
        else:
            way.losses.drop(request.origin_of("parallel_tool_calls"))
    return body


def _encode_sampling(request: Request, effort: str | None, way: Way) -> JsonObject:
    capabilities, sampling = way.capabilities, request.sampling
    taken = {
        "always": True,
        "one_of": True,
        "without_effort": effort in {None, "none"},
        "effort_none": effort == "none",
        "never": False,
    }[capabilities.sampling]
    both = capabilities.sampling == "one_of" and sampling.temperature is not None
    settings: tuple[tuple[str, JsonValue, bool], ...] = (
        ("temperature", sampling.temperature, taken),
        ("top_p", sampling.top_p, taken and not both),
        ("top_k", sampling.top_k, taken and capabilities.top_k),
        # Words of vendors who also take top_k.
        ("min_p", sampling.min_p, taken and capabilities.top_k),
        ("repetition_penalty", sampling.repetition_penalty, capabilities.penalties and capabilities.top_k),
        ("seed", sampling.seed, capabilities.seed),
        ("presence_penalty", sampling.presence_penalty, capabilities.penalties),
        ("frequency_penalty", sampling.frequency_penalty, capabilities.penalties),
        ("logit_bias", sampling.logit_bias, capabilities.penalties),
        ("logprobs", request.logprobs, capabilities.logprobs),
        ("top_logprobs", request.top_logprobs, capabilities.logprobs),
    )
    body: JsonObject = {}
    for name, value, sayable in settings:
        if value is not None and sayable:
            body[name] = value
        elif value is not None:
            way.losses.drop(request.origin_of(name))
    return body


def _encode_limits(request: Request, way: Way) -> JsonObject:
    body: JsonObject = {}
    limit, most = request.max_tokens, way.capabilities.max_output
    if limit is not None and most is not None and limit > most:
        way.losses.drop(request.origin_of("max_tokens"), f"{limit}->{most}")
        limit = most
    if limit is not None:
        body[way.capabilities.max_tokens_field] = limit
    path = request.origin_of("stop")
    if request.stop and not way.capabilities.stop:
        way.losses.drop(path)
    elif request.stop:
        if len(request.stop) > _MOST_STOPS:
            way.losses.drop(f"{path}[{_MOST_STOPS}:]")
        body["stop"] = [*request.stop[:_MOST_STOPS]]
    return body


def _encode_output(request: Request, way: Way) -> tuple[JsonObject, list[Message]]:
    """The `response_format`, and the messages with what it needs said in words."""
    output, messages = request.output, request.messages
    if output is None:
        return {}, messages
    path = request.origin_of("output")
    if output.kind == "json_schema" and way.capabilities.structured_output:
        if output.name is None:
            way.losses.repair(path, f"named {_SCHEMA_NAME}")
        said = {
            "name": output.name or _SCHEMA_NAME,
            "description": output.description,
            "schema": output.schema,
            "strict": output.strict,
        }
        schema: JsonObject = {name: value for name, value in said.items() if value is not None}
        return {"response_format": {"type": "json_schema", "json_schema": schema}}, messages
    if output.kind == "text":
        return {"response_format": {"type": "text"}}, messages
    words = _JSON
    if output.kind == "json_schema":
        way.losses.drop(path, "json_schema->json_object")
        words = f"{_JSON} It must be valid under this JSON Schema: {dumps(output.schema).decode()}"
    elif _mentions_json(messages):
        return {"response_format": {"type": "json_object"}}, messages
    # The upstream refuses json_object unless the messages speak of JSON.
    way.losses.repair(path, "said in words too")
    instruction = Message("system", [Text(words, origin=path)], origin=path)
    return {"response_format": {"type": "json_object"}}, [instruction, *messages]


def _mentions_json(messages: list[Message]) -> bool:
    return any(
        isinstance(part, Text) and "json" in part.text.lower()
        for message in messages
        for part in message.parts
    )


def _encode_identity(request: Request, way: Way) -> JsonObject:
    """Whom the request is for, and under which terms."""
    body: JsonObject = {}
    own = request.extras.get(NAME, {})
    if request.user is not None:
        user = request.user
        if len(user) > _LONGEST_USER:
            user = sha256(user.encode("utf-8", "replace")).hexdigest()
            way.losses.repair(request.origin_of("user"), "hashed")
        body["safety_identifier" if "user" in own else "user"] = user
    if request.metadata is not None:
        if own.get("store") is True:
            body["metadata"] = {**request.metadata}
        else:
            way.losses.drop(request.origin_of("metadata"))
    if request.service_tier in _TIERS:
        body["service_tier"] = request.service_tier
    elif request.service_tier is not None:
        way.losses.drop(request.origin_of("service_tier"))
    return body


def _encode_stream(request: Request, way: Way) -> JsonObject:
    path = request.origin_of("include_usage")
    if not request.stream:
        if request.include_usage is not None:
            way.losses.drop(path)
        return {}
    if not way.capabilities.stream_usage:
        if request.include_usage is not None:
            way.losses.drop(path)
        return {"stream": True}
    if request.include_usage is not True:
        way.losses.repair(path, "asked for by the gateway")
    return {"stream": True, "stream_options": {"include_usage": True}}
