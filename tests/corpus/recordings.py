"""Recorded exchanges with real services, from the folder that the environment variable GATEWAY_SHARED
names.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from gateway.protocols.codec import Call
from gateway.wire.fast_json import dumps
from tests.shared import shared

GENERATING = frozenset({"messages", "vertex_raw_predict", "chat.completions"})
"""The endpoints of the protocols with a codec that ask for a reply."""


@dataclass(frozen=True)
class Recording:
    """One exchange. `request` is the body that was sent, None if only the reply was recorded."""

    name: str
    protocol: str
    endpoint: str
    provider: str
    model: str
    stream: bool
    features: frozenset[str]
    request: dict[str, Any] | None
    headers: dict[str, str]
    status: int
    reply: bytes

    @property
    def call(self) -> Call:
        """The request as a codec is given it; a body whose model stood in the address has it put in."""
        assert self.request is not None
        payload = {"model": self.model, **self.request}
        return Call(payload, dumps(payload), self.headers)


def recordings(protocol: str | None = None, endpoints: frozenset[str] = GENERATING) -> Iterator[Recording]:
    """The recordings of `protocol` (None: of all) at `endpoints`, in the order of their names."""
    for recording in _all(shared("corpus", "exchanges")):
        if protocol in {None, recording.protocol} and recording.endpoint in endpoints:
            yield recording


@cache
def _all(place: Path) -> tuple[Recording, ...]:
    return tuple(_read(path, str(path.relative_to(place))) for path in sorted(place.glob("*/*/*.json")))


def _read(path: Path, name: str) -> Recording:
    raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    request = raw["request"] or {}
    body = request.get("body")
    response = raw["response"]
    said = response["stream"] if "stream" in response else response.get("body")
    return Recording(
        name=name,
        protocol=raw["protocol"],
        endpoint=raw["endpoint"],
        provider=raw["provider"],
        model=raw["model"] or "unknown",
        stream=raw["stream"],
        features=frozenset(raw["features"]),
        request=body if isinstance(body, dict) else None,
        headers={key.lower(): str(value) for key, value in (request.get("headers") or {}).items()},
        status=response["status"],
        reply=said.encode() if isinstance(said, str) else json.dumps(said).encode(),
    )
