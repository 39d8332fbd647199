"""The one that answers soonest, as far as the past can tell."""

from dataclasses import dataclass, field
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from gateway.pool.strategies.strategy import Rank, Standing, Strategy


class FastestOptions(BaseModel):
    """`decay_factor`: how much of the old figure stays with each new one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    decay_factor: Annotated[float, Field(ge=0, lt=1)] = 0.9


@dataclass(slots=True, eq=False)
class Fastest(Strategy[FastestOptions]):
    """By peak-EWMA latency (as in Finagle): a slow answer counts at once, a quick one by and by; a request in
    flight counts like one that will take as long as they do. Members nobody has tried yet come first.
    """

    _latency_s: dict[Standing, float] = field(default_factory=dict)

    def rank(self, member: Standing) -> Rank:
        """How long a request there would take, the ones in flight included."""
        expected_s = self._latency_s.get(member, member.latency_s) * (member.in_flight + 1)
        return expected_s, member.in_flight, member.used, member.place

    def end(self, member: Standing, seconds: float | None) -> None:
        """Learn from an answer; failures are the failure policy's."""
        if seconds is None:
            return
        old, keep = self._latency_s.get(member, member.latency_s), self.options.decay_factor
        member.latency_s = self._latency_s[member] = max(seconds, keep * old + (1 - keep) * seconds)
