"""At random, each as likely as any other."""

from dataclasses import dataclass, field
from math import log

from gateway.pool.strategies.strategy import NoOptions, Rank, Standing, Strategy


@dataclass(slots=True, eq=False)
class AtRandom(Strategy[NoOptions]):
    """Every member keeps an appointment a random, exponentially distributed while ahead, and makes the next
    one when a request starts there. Such waiting has no memory: whoever is next is any of them, whoever was
    last.
    """

    _due: dict[Standing, float] = field(default_factory=dict)
    _now: float = 0.0

    def __post_init__(self) -> None:
        self._due = {member: self._while() for member in self.members}

    def rank(self, member: Standing) -> Rank:
        """When it is due."""
        return self._due[member], member.place

    def start(self, member: Standing) -> None:
        """Make the next appointment."""
        self._now = max(self._now, self._due[member])
        self._due[member] = self._now + self._while()

    def join(self, member: Standing) -> None:
        """An appointment that was missed is made anew."""
        if self._due[member] < self._now:
            self._due[member] = self._now + self._while()

    def _while(self) -> float:
        return -log(1 - self.chance())
