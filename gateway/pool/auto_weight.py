"""Weights that follow the load: the busier a member is, the less it weighs."""

from dataclasses import dataclass, field

from gateway.pool.strategies.strategy import Standing

EVERY_S = 10.0
_IDLE = 0.1


@dataclass(slots=True)
class AutoWeight:
    """Weighs members anew when they get a request, each at most once in `EVERY_S`."""

    _weighed: dict[Standing, tuple[float, float]] = field(default_factory=dict)

    def weigh(self, member: Standing, now: float) -> None:
        """Set the weight of `member`, on which a request is about to start: what is configured, times
        1 / (load + 0.1).
        """
        configured, at = self._weighed.get(member, (member.weight, now - EVERY_S))
        if now - at >= EVERY_S:
            member.weight = configured / (member.load + _IDLE)
            self._weighed[member] = configured, now
