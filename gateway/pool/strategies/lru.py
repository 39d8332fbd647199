"""Least recently used first, of those with the fewest requests in flight."""

from gateway.pool.strategies.strategy import NoOptions, Rank, Standing, Strategy


class Lru(Strategy[NoOptions]):
    """Spreads requests evenly, also where some take longer than others."""

    __slots__ = ()

    def rank(self, member: Standing) -> Rank:
        """Idle ones first; of equals the one that has waited longest."""
        return member.in_flight, member.used, member.place
