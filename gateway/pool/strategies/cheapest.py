"""The cheapest that can; equal prices share like `lru`."""

from gateway.pool.strategies.strategy import NoOptions, Rank, Standing, Strategy


class Cheapest(Strategy[NoOptions]):
    """Uses what costs more only while nothing cheaper can be used."""

    __slots__ = ()

    def rank(self, member: Standing) -> Rank:
        """Its price, and then how long it has waited."""
        return member.price, member.in_flight, member.used, member.place
