"""Whole replies, both ways."""

from gateway.canonical.content import Part, Refusal, Text, Thinking, ToolCall
from gateway.canonical.events import Response, collect
from gateway.canonical.json import JsonObject, JsonValue
from gateway.errors import BadUpstreamReply
from gateway.protocols.codec import Asked, Losses, Sent
from gateway.protocols.ollama.errors import error_within
from gateway.protocols.ollama.media import NAME
from gateway.protocols.ollama.reply import described, end, line, render
from gateway.protocols.ollama.stream import LineDecoder, note_unsaid
from gateway.protocols.ollama.tools import call_said
from gateway.wire.fast_json import JsonError, dumps_for_line_splitters, loads


def decode_response(body: bytes, sent: Sent) -> Response:
    """The reply that an upstream's body tells: a stream of one line.

    Raises:
        UpstreamError: it is an error in spite of its status.
        BadUpstreamReply: it is not JSON, or no reply.
    """
    try:
        payload: JsonValue = loads(body)
    except JsonError as error:
        raise BadUpstreamReply(f"the upstream's reply is not JSON: {error}") from error
    error_said = error_within(payload, body)
    if error_said is not None:
        raise error_said
    if not isinstance(payload, dict):
        raise BadUpstreamReply("the upstream's reply is no object")
    decoder = LineDecoder(sent)
    # What is whole is done, whether it says so or not.
    return collect(decoder.take({**payload, "done": True}))


def encode_response(response: Response, asked: Asked, losses: Losses) -> bytes:
    """The body that tells a client `response`."""
    for number in range(1, len(response.choices)):
        losses.drop(f"choices[{number}]")
    reply = line(asked, _said(response.parts, losses))
    logprobs: JsonObject = {}
    if response.choices[0].logprobs:
        logprobs = {"logprobs": response.choices[0].logprobs}
    body = {**response.extras.get(NAME, {}), **reply, **logprobs, **end(response.stop, response.usage, asked)}
    return dumps_for_line_splitters(body)


def _said(parts: list[Part], losses: Losses) -> JsonObject:
    words: list[str] = []
    thoughts: list[str] = []
    calls: list[JsonValue] = []
    for part in parts:
        note_unsaid(part, losses)
        match part:
            case Text(text):
                words.append(text)
            case Refusal(text):
                losses.repair("refusal", "said as text")
                words.append(text)
            case Thinking():
                thoughts.append(part.text + "\n\n".join(part.summary))
            case ToolCall():
                calls.append(call_said(part, part.name, len(calls)))
            case _:
                losses.drop(described(part))
                words.append(render(part))
    fields: dict[str, JsonValue] = {
        "content": "".join(words),
        "thinking": "".join(thoughts),
        "tool_calls": calls,
    }
    return {name: value for name, value in fields.items() if value}
