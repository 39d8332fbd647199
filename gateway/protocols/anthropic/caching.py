"""Prompt-cache breakpoints (`cache_control`), both ways.

https://platform.claude.com/docs/en/build-with-claude/prompt-caching
"""

from collections.abc import Mapping

from gateway.canonical.content import CacheMark
from gateway.canonical.json import Extras, JsonObject
from gateway.protocols.codec import Losses
from gateway.protocols.fields import Fields

MOST_MARKS = 4
"""How many breakpoints the API takes in one request."""

_LIFETIMES: Mapping[str, str] = {"5m": "5m", "1h": "1h", "30m": "1h", "12h": "1h", "24h": "1h"}

_PLAIN = {"type", "ttl"}


def decode_mark(value: JsonObject) -> CacheMark:
    """The breakpoint that a `cache_control` object sets."""
    ttl = value.get("ttl")
    return CacheMark(ttl if isinstance(ttl, str) else None)


def settle(fields: Fields) -> tuple[CacheMark | None, Extras]:
    """What is left of a block or tool once its own fields are taken: its breakpoint, and what nobody knows.

    A breakpoint with fields beside its lifetime (a beta's `scope`) is among the latter.
    """
    value = fields.object("cache_control")
    extras = fields.rest("anthropic")
    if value is None:
        return None, extras
    if value.keys() <= _PLAIN:
        return decode_mark(value), extras
    extras.setdefault("anthropic", {})["cache_control"] = value
    return None, extras


class CacheMarks:
    """Writes the breakpoints of one request, as many as the API takes; names the others as lost."""

    __slots__ = ("_allowed", "_left", "losses")

    def __init__(self, losses: Losses, *, allowed: bool) -> None:
        self.losses = losses
        self._allowed = allowed
        self._left = MOST_MARKS

    def put(self, block: JsonObject, mark: CacheMark | None, path: str) -> None:
        """Write `mark` into `block`, which stands at `path` in the client's body."""
        if mark is None:
            return
        place = f"{path}.cache_control" if path else "cache_control"
        if not self._allowed or not self._left:
            self.losses.drop(place)
            return
        self._left -= 1
        control: JsonObject = {"type": "ephemeral"}
        if mark.ttl is not None:
            control["ttl"] = _LIFETIMES.get(mark.ttl, "5m")
            if control["ttl"] != mark.ttl:
                self.losses.drop(f"{place}.ttl", f"{mark.ttl}->{control['ttl']}")
        block["cache_control"] = control
