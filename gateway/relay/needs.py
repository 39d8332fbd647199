"""What a request needs of a model, and whether a model has it: who lacks something is not tried first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.canonical.content import Blocks, Media, Part, ToolResult
from gateway.canonical.request import Request
from gateway.canonical.tokens import estimate
from gateway.protocols.target import Capabilities


@dataclass(slots=True, frozen=True)
class Needs:
    """`tools`: some are offered. `media`: the kinds that are shown. `tokens`: about how many are read."""

    tools: bool = False
    media: frozenset[str] = frozenset()
    tokens: int = 0

    def met_by(self, can: Capabilities) -> bool:
        """Whether a model that `can` so much can take the request; where nothing is known it can."""
        return not self.unmet_by(can)

    def unmet_by(self, can: Capabilities) -> list[str]:
        """What a model that `can` so much lacks."""
        lacks = [] if can.tools or not self.tools else ["tools"]
        lacks += sorted(self.media - can.media)
        if can.context is not None and self.tokens > can.context:
            lacks.append(f"room for {self.tokens} tokens (it has {can.context})")
        return lacks


def needs_of(request: Request) -> Needs:
    """What `request` needs."""
    media = frozenset(
        part.kind for message in request.messages for part in _all(message.parts) if isinstance(part, Media)
    )
    return Needs(bool(request.tools), media, estimate(request))


def asked_for(can: Capabilities) -> tuple[bool, frozenset[str], int | None]:
    """What of a model's capabilities requests may need."""
    return can.tools, can.media, can.context


def _all(parts: Sequence[Part]) -> Iterator[Part]:
    for part in parts:
        yield part
        if isinstance(part, ToolResult):
            yield from _all(part.content)
        elif isinstance(part, Media) and isinstance(part.source, Blocks):
            yield from _all(part.source.parts)
