"""At random, each as likely as any other."""

from typing import ClassVar

from gateway.pool.strategies.strategy import NoOptions, Rank, Standing, Strategy


class AtRandom(Strategy[NoOptions]):
    """Whoever is next is any of them, whoever was last."""

    __slots__ = ()
    by_lot: ClassVar[bool] = True

    def rank(self, member: Standing) -> Rank:
        """Where it is configured, which lots do not heed."""
        return (member.place,)
