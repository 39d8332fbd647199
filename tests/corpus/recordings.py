"""Recorded exchanges with real services, from the folder that the environment variable GATEWAY_SHARED
names.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from gateway.protocols import CODECS
from gateway.protocols.codec import Call, Endpoint
from gateway.wire.document import Document
from tests.shared import shared

GENERATING = frozenset(
    {"messages", "vertex_raw_predict", "chat.completions", "chat", "generate"}
    | {"generateContent", "streamGenerateContent"}
)
"""The endpoints of the protocols with a codec that ask for a reply."""


NO_REPLIES: Mapping[str, str] = {
    "gemini/json/google-gemini-1-5-flash-002-2f7e0511.json": "a cached content",
    "gemini/json/xai-x-6630032f.json": "a count of tokens",
    "gemini/stream/xai-x-beb6d260.json": "made by hand, without a finish reason",
}
"""Recordings that are not what they are filed under."""


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
    framing: str

    @property
    def call(self) -> Call:
        """The request as a codec is given it; a body whose model stood in the address has it put in."""
        assert self.request is not None
        payload = {"model": self.model, **self.request}
        return Call(Document.of(payload), self.headers, {"model": self.model}, endpoint=self._route)

    @property
    def _route(self) -> Endpoint | None:
        """The route, where one protocol has several for the same thing."""
        routes = CODECS[self.protocol].endpoints
        ends = (f"/api/{self.endpoint}", f":{self.endpoint}")
        return next((route for route in routes if route.path.endswith(ends)), None)


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
        framing=response.get("framing") or "",
    )
