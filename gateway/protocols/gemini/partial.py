"""Arguments of a call that come in pieces, each with the path of what it says.

    {"name": "f", "willContinue": true}
    {"partialArgs": [{"jsonPath": "$.a[0].b", "stringValue": "x"}], "willContinue": true}*
    {}

https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling#streaming-fc
"""

import re
from itertools import pairwise
from typing import Any

from gateway.canonical.json import JsonValue
from gateway.errors import BadUpstreamReply
from gateway.protocols.gemini.spelling import listed

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\['([^']*)'\]")
_VALUES = ("stringValue", "numberValue", "boolValue")


class Arguments:
    """The arguments of one call, as far as they have come."""

    __slots__ = ("_root",)

    def __init__(self, begun: JsonValue) -> None:
        self._root: dict[str, JsonValue] = {"$": {} if begun is None else begun}

    @property
    def whole(self) -> JsonValue:
        """All that was said."""
        return self._root["$"]

    def take(self, pieces: JsonValue) -> None:
        """What one record says. Words at a path go on where those before them ended.

        Raises:
            BadUpstreamReply: a path leads nowhere.
        """
        for piece in listed(pieces):
            path = piece.get("jsonPath") if isinstance(piece, dict) else None
            if isinstance(piece, dict) and isinstance(path, str):
                self._put(path, next((piece[name] for name in _VALUES if name in piece), None))

    def _put(self, path: str, value: JsonValue) -> None:
        steps: list[str | int] = ["$"]
        for name, number, quoted in _STEP.findall(path):
            steps.append(int(number) if number else name or quoted)
        holder: Any = self._root
        for step, following in pairwise(steps):
            holder = _at(holder, step, [] if isinstance(following, int) else {})
        before = _at(holder, steps[-1], None)
        goes_on = isinstance(before, str) and isinstance(value, str)
        holder[steps[-1]] = f"{before}{value}" if goes_on else value


def _at(holder: Any, step: str | int, fresh: JsonValue) -> Any:
    """What stands at `step` of `holder`; `fresh` where nothing did."""
    if isinstance(holder, dict) and isinstance(step, str):
        return holder.setdefault(step, fresh)
    if not isinstance(holder, list) or not isinstance(step, int) or step > len(holder):
        raise BadUpstreamReply("the upstream's call has an argument at a path that leads nowhere")
    if step == len(holder):
        holder.append(fresh)
    return holder[step]
