"""The vocabulary of replies, whole or streamed: lines, the last one's counts, and why a reply ended."""

from collections.abc import Mapping
from datetime import UTC, datetime

from gateway.canonical.content import Base64, Media, Opaque, Part, ServerToolResult, Url
from gateway.canonical.events import complete_stop
from gateway.canonical.json import Extras, JsonObject, JsonValue
from gateway.canonical.usage import Stop, StopReason, Usage
from gateway.protocols.codec import Asked
from gateway.protocols.fields import token_count
from gateway.protocols.ollama.ask import AskedHere
from gateway.protocols.ollama.media import NAME

_STOPS: Mapping[str, StopReason] = {
    "stop": StopReason.END,
    "length": StopReason.LENGTH,
    "load": StopReason.LOAD,
    "unload": StopReason.UNLOAD,
}
_REASONS: Mapping[StopReason, str] = {
    StopReason.LENGTH: "length",
    StopReason.CONTEXT_WINDOW: "length",
    StopReason.LOAD: "load",
    StopReason.UNLOAD: "unload",
}
"""Every other reason is an ordinary `stop`."""

_FIELDS = frozenset({
    "model", "created_at", "message", "response", "thinking", "tool_calls", "logprobs", "done", "done_reason",
    "prompt_eval_count", "eval_count", "total_duration", "load_duration", "prompt_eval_duration",
    "eval_duration",
})  # fmt: skip
_TIMES = ("total_duration", "load_duration", "prompt_eval_duration", "eval_duration")


def decode_stop(raw: str, *, called: bool) -> Stop:
    """Why a reply ended. A word nobody knows is an ordinary end, and kept."""
    return complete_stop(_STOPS.get(raw, StopReason.END), raw, called=called)


def encode_stop(stop: Stop) -> str:
    """The `done_reason` that tells `stop`."""
    return _REASONS.get(stop.reason, "stop")


def decode_usage(payload: Mapping[str, JsonValue]) -> Usage | None:
    """The counts of a last line, None if it has none. A prompt read from the cache is not counted there."""
    read, written = token_count(payload.get("prompt_eval_count")), token_count(payload.get("eval_count"))
    if read is None and written is None:
        return None
    times: JsonObject = {name: took for name in _TIMES if (took := _count(payload.get(name))) is not None}
    return Usage(input_tokens=read, output_tokens=written, extras={NAME: times} if times else {})


def decode_extras(payload: Mapping[str, JsonValue]) -> Extras:
    """The fields of a last line that only this protocol knows."""
    left: JsonObject = {
        name: value for name, value in payload.items() if name not in _FIELDS and value is not None
    }
    return {NAME: left} if left else {}


def _count(value: JsonValue) -> int | None:
    """A time in nanoseconds."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return max(0, int(value))


def rfc3339(seconds: int) -> str:
    """Unix seconds as the text that all dates of this protocol are."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def line(asked: Asked, said: JsonObject) -> JsonObject:
    """A line or a whole reply that says `said`, without its end.

    A reply to `/api/generate` has its words in `response` and the rest beside them.
    """
    head: JsonObject = {"model": asked.model, "created_at": rfc3339(asked.created)}
    if isinstance(asked, AskedHere) and asked.continues:
        rest = {name: value for name, value in said.items() if name != "content"}
        return {**head, "response": said.get("content", ""), **rest}
    return {**head, "message": {"role": "assistant", "content": "", **said}}


def end(stop: Stop, usage: Usage | None, asked: Asked) -> JsonObject:
    """The fields of the last line: whole numbers all, for the times in nanoseconds are whole to clients.

    How long a foreign upstream took to load its model and read its prompt nobody knows: 0.
    """
    usage = usage or Usage(input_tokens=asked.input_tokens)
    return {
        "done": True,
        "done_reason": encode_stop(stop),
        **dict.fromkeys(_TIMES, 0),
        **usage.extras.get(NAME, {}),
        "prompt_eval_count": usage.input_tokens or 0,
        "eval_count": usage.output_tokens or 0,
    }


def render(part: Part) -> str:
    """In words, a part of a reply that this protocol has no word for; empty if there is nothing to read."""
    match part:
        case Media(kind="image", source=Base64(data)):
            return f"![image](data:{part.mime or 'image/png'};base64,{data})"
        case Media(source=Url(url)):
            return f"![{part.kind}]({url})"
        case Media(context=str(context)):
            # What was spoken, where it comes as sound.
            return context
        case ServerToolResult() | Opaque():
            return part.text
        case _:
            return ""


def described(part: Part) -> str:
    """What a part without a word is called in a list of losses."""
    name = part.kind if isinstance(part, Media) else getattr(part, "name", "part")
    return f"content.{name}"
