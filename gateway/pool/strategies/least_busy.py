"""The one with the least to do for its weight."""

from gateway.pool.strategies.strategy import NoOptions, Rank, Standing, Strategy


class LeastBusy(Strategy[NoOptions]):
    """Gives twice as much at once to a member of twice the weight."""

    __slots__ = ()

    def rank(self, member: Standing) -> Rank:
        """How busy it would be with one request more, for its weight."""
        with_one_more = (member.in_flight + 1) / (member.most_in_flight or 1)
        return with_one_more / member.weight, member.used, member.place
