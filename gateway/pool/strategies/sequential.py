"""The first that can, in the order of priority and then of the configuration."""

from gateway.pool.strategies.strategy import NoOptions, Rank, Standing, Strategy


class Sequential(Strategy[NoOptions]):
    """Uses the second only while the first cannot be used."""

    __slots__ = ()

    def rank(self, member: Standing) -> Rank:
        """Its priority, whatever it is doing."""
        return member.priority, member.place
