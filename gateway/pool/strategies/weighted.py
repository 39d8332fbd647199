"""By weight: of five requests, a member of weight 3 has three and one of weight 2 has two.

Stride scheduling (Waldspurger and Weihl, 1995): every request moves its member on by one over its weight, and
the one furthest behind is next. Unlike a draw by weight it keeps the shares in every short stretch as well.
"""

from dataclasses import dataclass, field

from gateway.pool.strategies.strategy import NoOptions, Rank, Standing, Strategy


@dataclass(slots=True, eq=False)
class Weighted(Strategy[NoOptions]):
    """Shares requests in proportion to the weights."""

    _at: dict[Standing, float] = field(default_factory=dict)
    _now: float = 0.0

    def __post_init__(self) -> None:
        self._at = {member: 1 / member.weight for member in self.members}

    def rank(self, member: Standing) -> Rank:
        """How far its next step will bring it."""
        return self._at[member], member.place

    def start(self, member: Standing) -> None:
        """Move it on by a step."""
        self._now = max(self._now, self._at[member])
        self._at[member] += 1 / member.weight

    def join(self, member: Standing) -> None:
        """What it missed is not made up for: that would be a burst on the one that just came back."""
        self._at[member] = max(self._at[member], self._now + 1 / member.weight)
