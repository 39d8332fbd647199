"""At random, each as likely as any other."""

from typing import ClassVar

from gateway.pool.strategies.strategy import NoOptions, Rank, Standing, Strategy

_ANYWHERE: Rank = (0.0,)


class AtRandom(Strategy[NoOptions]):
    """Whoever is next is any of them, whoever was last."""

    __slots__ = ()
    by_lot: ClassVar[bool] = True

    def rank(self, member: Standing) -> Rank:  # noqa: ARG002 - whoever it is
        """The same for all, as lots do not heed it."""
        return _ANYWHERE
