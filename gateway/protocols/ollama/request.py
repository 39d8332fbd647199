"""Requests to `/api/chat` and `/api/generate`. Upstreams are asked in the form of `/api/chat`.

https://github.com/ollama/ollama/blob/main/docs/api.md
"""

from collections.abc import Iterator

from gateway.canonical.content import Message, Part, Text
from gateway.canonical.json import JsonObject, JsonValue
from gateway.canonical.request import Request
from gateway.errors import InvalidRequest, Unsayable
from gateway.protocols.codec import Call, Losses, Operation, Sent
from gateway.protocols.fields import Fields
from gateway.protocols.ollama.ask import asked
from gateway.protocols.ollama.media import NAME, decode_images
from gateway.protocols.ollama.messages import decode_messages, encode_messages
from gateway.protocols.ollama.settings import decode_format, decode_options, decode_think, encode_settings
from gateway.protocols.ollama.tools import Way, decode_tools, encode_tools, sent_names
from gateway.protocols.target import Target

_ITS_OWN = ("raw", "template", "context", "suffix", "_debug_render_only")
"""What only a server that renders prompts by a template of its own can do."""


def decode_request(call: Call) -> Request:
    """The request that a client's body tells.

    Raises:
        InvalidRequest: a field is malformed.
        Unsayable: it asks for what only an upstream of this protocol can do.
    """
    body = Fields(call.payload)
    body.any("model")
    continues = call.endpoint is not None and call.endpoint.operation is Operation.COMPLETE
    for name in _ITS_OWN:
        if body.any(name):
            raise Unsayable(f"{name}: only an Ollama server can do this; leave it out", param=name)
    request = Request(
        model=asked(call).model,
        messages=_decode_prompt(body) if continues else decode_messages(body),
        tools=[] if continues else decode_tools(body),
        output=decode_format(body),
        reasoning=decode_think(body),
        logprobs=body.boolean("logprobs"),
        top_logprobs=body.integer("top_logprobs"),
        stream=body.boolean("stream") is not False,
        origins={"output": "format", "reasoning": "think"},
    )
    decode_options(body, request)
    left: JsonObject = {**request.extras.get(NAME, {}), **body.rest(NAME).get(NAME, {})}
    request.extras = {NAME: left} if left else {}
    if not request.messages:
        raise InvalidRequest("messages: at least one message is required", param="messages")
    return request


def _decode_prompt(body: Fields) -> list[Message]:
    """The instructions and the one user's turn that a prompt is."""
    system, prompt = body.text("system"), body.text("prompt")
    parts: list[Part] = [Text(prompt, origin="prompt")] if prompt else []
    parts += decode_images(body)
    messages = [Message("user", parts, origin="prompt")] if parts else []
    if system:
        messages.insert(0, Message("system", [Text(system, origin="system")], origin="system"))
    return messages


def encode_request(request: Request, target: Target, losses: Losses) -> Sent:
    """The body for an upstream's `/api/chat`.

    Raises:
        Unsayable: the request has content that the protocol or the model has no word for.
    """
    way = Way(target.capabilities, losses)
    last = request.messages[-1] if request.messages else None
    if last is not None and last.role == "assistant" and not target.capabilities.prefill:
        raise Unsayable(
            f"{last.origin}: the model does not continue an assistant's message; end with a user's",
            param=last.origin,
        )
    body: JsonObject = {"model": target.model, "messages": [*encode_messages(request.messages, way)]}
    tools: list[JsonValue] = encode_tools(request, way)
    if tools:
        body["tools"] = tools
    body |= encode_settings(request, way)
    return Sent(
        {**dict(_beside(request)), **body},
        tool_names=sent_names(request),
        custom_tools=frozenset(tool.name for tool in request.tools if tool.kind == "custom"),
    )


def _beside(request: Request) -> Iterator[tuple[str, JsonValue]]:
    """The unknown fields that a client of this protocol sent; options stand in an object of their own."""
    for name, value in request.extras.get(NAME, {}).items():
        if not name.startswith("options."):
            yield name, value
