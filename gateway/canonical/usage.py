"""What a reply cost and why it ended."""

from dataclasses import dataclass, field, fields
from enum import StrEnum

from gateway.canonical.json import Extras, JsonValue


class StopReason(StrEnum):
    """Why the model stopped, in one vocabulary for all protocols."""

    END = "end"
    TOOL_CALL = "tool_call"
    LENGTH = "length"
    CONTEXT_WINDOW = "context_window"
    STOP_SEQUENCE = "stop_sequence"
    CONTENT_FILTER = "content_filter"
    REFUSAL = "refusal"
    RECITATION = "recitation"
    PAUSE = "pause"
    COMPACTION = "compaction"
    ERROR = "error"
    LOAD = "load"
    UNLOAD = "unload"
    OTHER = "other"


@dataclass(slots=True)
class Stop:
    """Why one choice ended: the unified reason, the upstream's own word, the stop sequence that matched."""

    reason: StopReason
    raw: str = ""
    sequence: str | None = None
    details: JsonValue = None


@dataclass(slots=True)
class Usage:
    """Token counts. None means "not said", never zero.

    `input_tokens` counts everything read, cached parts included; `output_tokens` everything written,
    reasoning included. `cache_write` is the sum of its 5-minute and 1-hour shares where those are known.
    `estimated` marks numbers of our own.
    """

    input_tokens: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    cache_write_5m: int | None = None
    cache_write_1h: int | None = None
    audio_input: int | None = None
    tool_input: int | None = None
    output_tokens: int | None = None
    reasoning: int | None = None
    audio_output: int | None = None
    accepted_prediction: int | None = None
    rejected_prediction: int | None = None
    service_tier: str | None = None
    estimated: bool = False
    extras: Extras = field(default_factory=dict)

    def update(self, later: "Usage") -> None:
        """Take what `later` says: counts are cumulative, so the last one said wins and None changes
        nothing.
        """
        for name in _SAID:
            value = getattr(later, name)
            if value is not None:
                setattr(self, name, value)
        self.estimated = later.estimated
        for protocol, extra in later.extras.items():
            self.extras[protocol] = {**self.extras.get(protocol, {}), **extra}


_SAID = tuple(f.name for f in fields(Usage) if f.name not in {"estimated", "extras"})
