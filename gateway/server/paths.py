"""Paths on which clients ask for replies, understood without a request that came on one of them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from gateway.errors import InvalidRequest
from gateway.protocols.codec import Codec, Endpoint, Operation
from gateway.server.http import mounted

_ANSWERS = frozenset({Operation.GENERATE, Operation.COMPLETE})
_VARIABLE = re.compile(r"\{(\w+)(?::([^{}]+))?\}")
_BELOW_A_POOL = "/{pool}/"


@dataclass(slots=True, frozen=True)
class Place:
    """Where a path leads, and what it says."""

    codec: Codec
    endpoint: Endpoint
    params: dict[str, str]
    query: dict[str, str]


@dataclass(slots=True)
class Paths:
    """The paths of `codecs`."""

    codecs: Iterable[Codec]
    _known: list[tuple[re.Pattern[str], Codec, Endpoint]] = field(default_factory=list)

    def __post_init__(self) -> None:
        found = [(codec, point) for codec in self.codecs for point in mounted(codec)]
        # As for requests: a path of its own comes before one that may be below any pool.
        found.sort(key=lambda each: each[1].path.startswith(_BELOW_A_POOL))
        self._known = [
            (_pattern(point.path), codec, point) for codec, point in found if point.operation in _ANSWERS
        ]

    def place(self, path: str) -> Place:
        """Where `path` leads, which may have a query.

        Raises:
            InvalidRequest: no client asks for a reply there.
        """
        parts = urlsplit(path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        for pattern, codec, endpoint in self._known:
            if (match := pattern.fullmatch(unquote(parts.path))) is not None:
                return Place(codec, endpoint, match.groupdict(), query)
        known = ", ".join(codec.mounts[0] + _first(codec) for codec in self.codecs)
        raise InvalidRequest(f"path: nobody asks for replies there; where they do: {known}", param="path")


def _first(codec: Codec) -> str:
    """Where clients of `codec` ask most often, without what variables must look like."""
    path = next(point.path for point in codec.endpoints if point.operation in _ANSWERS)
    return _VARIABLE.sub(r"{\1}", path)


def _pattern(path: str) -> re.Pattern[str]:
    """What matches the paths that `path` is the template of, in aiohttp's spelling."""
    words, at = "", 0
    for found in _VARIABLE.finditer(path):
        words += re.escape(path[at : found.start()]) + f"(?P<{found[1]}>{found[2] or '[^{}/]+'})"
        at = found.end()
    return re.compile(words + re.escape(path[at:]))
