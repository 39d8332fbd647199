"""Requests of the Gemini API, both ways.

https://ai.google.dev/api/generate-content
The model stands in the path, and so does whether the reply is streamed.
"""

from collections.abc import Mapping

from gateway.canonical.json import JsonObject
from gateway.canonical.request import Continuation, Request
from gateway.errors import InvalidRequest, Unsayable
from gateway.protocols.codec import Asked, Call, Losses, Sent
from gateway.protocols.fields import Fields
from gateway.protocols.gemini.contents import decode_contents, decode_system
from gateway.protocols.gemini.settings import CONFIG, decode_settings, encode_settings
from gateway.protocols.gemini.signatures import FAMILY
from gateway.protocols.gemini.spelling import camel, respelled
from gateway.protocols.gemini.tools import (
    LONGEST_TOOL_NAME,
    TOOL_NAME,
    decode_choice,
    decode_tools,
    encode_choice,
    encode_tools,
)
from gateway.protocols.gemini.turns import TurnWriter
from gateway.protocols.names import sent_names
from gateway.protocols.target import Target
from gateway.wire.json_array import JSON_ARRAY

COUNTED = "generateContentRequest"
"""The field that holds a whole request whose tokens are to be counted."""

_TIERS = frozenset({"flex", "standard", "priority"})

_ORIGINS: Mapping[str, str] = {
    "tool_choice": "toolConfig.functionCallingConfig",
    "continuation": "cachedContent",
    "service_tier": "serviceTier",
}


def asked(call: Call) -> Asked:
    """The model and the framing, which the path and `alt` say, and whether thoughts are asked for.

    Raises:
        InvalidRequest: the path names no model.
    """
    model = call.params.get("model", "").removeprefix("models/")
    if not model:
        raise InvalidRequest("model: the path must name one", param="model")
    stream = call.endpoint is not None and call.endpoint.stream is True
    framing = JSON_ARRAY if stream and call.query.get("alt") != "sse" else None
    return Asked(model, stream, include_usage=True, framing=framing, thoughts=_wants_thoughts(call))


def _wants_thoughts(call: Call) -> bool:
    said = next((call.said(name) for name in call.document.names if camel(name) == CONFIG), None)
    thinking = respelled(said).get("thinkingConfig") if isinstance(said, dict) else None
    return isinstance(thinking, dict) and thinking.get("includeThoughts") is True


def decode_request(call: Call) -> Request:
    """The request that a client's body and path tell.

    Raises:
        InvalidRequest: a field is malformed.
    """
    head = asked(call)
    body = Fields(respelled(call.payload))
    counted = body.fields(COUNTED)
    if counted is not None:
        body = counted
    body.any("model")
    system = decode_system(body)
    request = Request(head.model, [*system, *decode_contents(body)], stream=head.stream)
    request.origins = {name: body.at(word) for name, word in _ORIGINS.items()}
    request.tools = decode_tools(body)
    config = body.fields("toolConfig")
    request.tool_choice = decode_choice(config)
    tier = body.text("serviceTier")
    request.service_tier = tier.lower() if tier is not None else None
    cached = body.text("cachedContent")
    request.continuation = Continuation(cached_content=cached) if cached else None
    decode_settings(body, request)
    left: JsonObject = {**request.extras.get(FAMILY, {}), **body.rest(FAMILY).get(FAMILY, {})}
    if config is not None:
        left |= config.rest("toolConfig")
    request.extras = {FAMILY: left} if left else {}
    return request


def encode_request(request: Request, target: Target, losses: Losses) -> Sent:
    """The body for an upstream.

    Raises:
        Unsayable: the request has content that the protocol or the model has no word for.
    """
    capabilities = target.capabilities
    names = sent_names(request, TOOL_NAME, LONGEST_TOOL_NAME)
    writer = TurnWriter(capabilities, losses, names)
    tools = encode_tools(request, names, capabilities, losses)
    body: JsonObject = dict(request.extras.get(FAMILY, {}))
    body["contents"] = writer.contents(request.messages)
    system = writer.system(request.messages)
    if system is not None:
        body["systemInstruction"] = system
    if tools.wire:
        body["tools"] = tools.wire
    choice = encode_choice(request, tools, losses)
    if choice is not None:
        own = body.get("toolConfig")
        body["toolConfig"] = {**(own if isinstance(own, dict) else {}), "functionCallingConfig": choice}
    config = encode_settings(request, capabilities, losses, tools=bool(tools.functions))
    if config:
        body["generationConfig"] = config
    body |= _encode_rest(request, losses)
    return Sent(body, tool_names=tools.changed_names, custom_tools=tools.custom)


def _encode_rest(request: Request, losses: Losses) -> JsonObject:
    body: JsonObject = {}
    for name in ("user", "metadata", "verbosity", "cache_key", "cache"):
        if getattr(request, name) is not None:
            losses.drop(request.origin_of(name))
    if request.service_tier in _TIERS:
        body["serviceTier"] = request.service_tier
    elif request.service_tier is not None:
        losses.drop(request.origin_of("service_tier"))
    if request.continuation is not None:
        cached = request.continuation.cached_content
        if request.continuation != Continuation(cached_content=cached):
            path = request.origin_of("continuation")
            raise Unsayable(
                f"{path}: the state is kept by another provider; send the whole conversation", param=path
            )
        body["cachedContent"] = cached
    return body
