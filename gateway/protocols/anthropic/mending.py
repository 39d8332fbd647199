"""Mends the events of a stream that passes through to a client of the same protocol."""

from dataclasses import replace

from gateway.canonical.json import JsonObject, JsonValue
from gateway.canonical.usage import Usage
from gateway.protocols.anthropic.errors import bad_reply
from gateway.protocols.anthropic.response import encode_usage
from gateway.protocols.codec import Asked
from gateway.wire import fast_json
from gateway.wire.frames import Frame


class MessageMender:
    """The closed list: event names and `usage` that SDKs fail without are put in; a second `message_start`, a
    second finish, a delta that is none and what follows the terminator are left out; a missing terminator is
    added.
    """

    __slots__ = ("_asked", "_begun", "_blocks", "_finished", "_stopped")

    def __init__(self, asked: Asked, _usage_is_ours: bool) -> None:  # noqa: FBT001 — the codec's own form
        self._asked = asked
        self._begun = False
        self._blocks: set[int] = set()
        self._finished = False
        self._stopped = False

    def mend(self, frame: Frame, payload: JsonValue) -> Frame | None:
        """The record to send for `frame`."""
        if self._stopped:
            return None
        if not isinstance(payload, dict):
            return frame
        kind = payload.get("type")
        if isinstance(kind, str) and not frame.event:
            frame = Frame(frame.data, kind)
        match kind:
            case "message_start":
                return self._start(frame, payload)
            case "message_delta":
                return self._delta(frame, payload)
            case "message_stop":
                self._stopped = True
            case "content_block_start":
                self._blocks.add(_number(payload))
            case "content_block_delta" if not isinstance(payload.get("delta"), dict):
                return None
            case "content_block_delta" if _number(payload) not in self._blocks:
                raise bad_reply("a delta belongs to no block")
            case _:
                pass
        return frame

    def finish(self) -> list[Frame]:
        """The terminator, where a stream that ended well lacks it."""
        if self._stopped or not self._finished:
            return []
        self._stopped = True
        return [Frame(b'{"type":"message_stop"}', "message_stop")]

    def _start(self, frame: Frame, payload: JsonObject) -> Frame | None:
        if self._begun:
            return None
        self._begun = True
        message = payload.get("message")
        if not isinstance(message, dict):
            return frame
        usage = message.get("usage")
        # The estimate costs something, so it is made only where a count is missing.
        if _has_counts(usage):
            return frame
        whole = _filled(usage, encode_usage(Usage(input_tokens=self._asked.input_tokens)))
        return _rewritten(frame, {**payload, "message": {**message, "usage": whole}})

    def _delta(self, frame: Frame, payload: JsonObject) -> Frame | None:
        if self._finished:
            return None
        delta = payload.get("delta")
        self._finished = isinstance(delta, dict) and delta.get("stop_reason") is not None
        usage = payload.get("usage")
        if isinstance(usage, dict) and usage.get("output_tokens") is not None:
            return frame
        return _rewritten(frame, {**payload, "usage": _filled(usage, {"output_tokens": 0})})


def _number(payload: JsonObject) -> int:
    index = payload.get("index")
    return index if isinstance(index, int) else 0


def _has_counts(usage: JsonValue) -> bool:
    counts = ("input_tokens", "output_tokens")
    return isinstance(usage, dict) and all(usage.get(name) is not None for name in counts)


def _filled(usage: JsonValue, least: JsonObject) -> JsonObject:
    """`usage` with the counts that SDKs add up."""
    said = usage if isinstance(usage, dict) else {}
    return {**least, **{name: value for name, value in said.items() if value is not None}}


def _rewritten(frame: Frame, payload: JsonObject) -> Frame:
    return replace(frame, data=fast_json.dumps_for_line_splitters(payload), raw=b"", clean=False)
