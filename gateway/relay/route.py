"""Which deployments may serve a model name, and what the model is called there.

    a  a pool in the path, or `pool/model` where such a pool exists
    b  `models:` of the configuration, exact names before patterns
    c  pools whose deployments list the name, or whose provider claims it
    d  the default pool, which serves unknown names by its default model where it is told to

Behind each pool comes its fallback chain; a pool there that does not serve the name uses its default model.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from gateway.config.patterns import is_exact, matches
from gateway.errors import ModelNotFound, NotFound
from gateway.pool.pool import Hop, Pool
from gateway.pool.pools import Pools
from gateway.protocols.codec import ModelCard
from gateway.relay.aliases import Alias, Aliases, Destination

_REMEMBERED = 1000
"""Names whose way is remembered at most: they come from clients."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Map:
    """What the operator says of names: aliases (names or patterns), fallback chains, and the pool for names
    that nothing else claims (None: there is none).
    """

    models: Mapping[str, Alias] = field(default_factory=dict)
    chains: Mapping[str, Sequence[str]] = field(default_factory=dict)
    default: str | None = None


class Router:
    """Finds ways for names, and finds them again when other models are served than before."""

    def __init__(self, pools: Pools, chart: Map) -> None:
        self._pools = pools
        self._chart = chart
        self._aliases = Aliases(chart.models)
        self._cards = {card.id: card for card in self._listed()}
        self._ways: dict[tuple[str, str | None], Sequence[Hop]] = {}
        pools.watch(self._renew)

    def _renew(self) -> None:
        self._cards = {card.id: card for card in self._listed()}
        self._ways.clear()

    def route(self, model: str, pool: str | None = None) -> Sequence[Hop]:
        """The pools to try for `model`, in order, each with the name the model has there.

        Raises:
            ModelNotFound: nobody serves it; names the nearest ones that are served.
            NotFound: there is no such `pool`.
        """
        known = self._ways.get((model, pool))
        if known is not None:
            return known
        meant = self._meant(model)
        hops = list(self._within(pool, meant) if pool is not None else self._anywhere(meant))
        if not hops:
            raise self._unknown(model)
        way = tuple(dict.fromkeys(self._with_chains(hops)))
        if len(self._ways) >= _REMEMBERED:
            del self._ways[next(iter(self._ways))]
        self._ways[model, pool] = way
        return way

    def models(self, pool: str | None = None) -> list[ModelCard]:
        """The exact names that clients may use, each once; with `pool` those that lead there.

        Raises:
            NotFound: there is no such `pool`.
        """
        if pool is None:
            return list(self._cards.values())
        own = [ModelCard(name, pool) for name in _exact_names(self._pool(pool))]
        return list(dict.fromkeys([*(card for card in self._cards.values() if card.owned_by == pool), *own]))

    def model(self, name: str, pool: str | None = None) -> ModelCard:
        """What is known of one name.

        Raises:
            ModelNotFound: nobody serves it under that name.
            NotFound: there is no such `pool`.
        """
        card = self._cards.get(self._meant(name))
        if card is not None and pool in (None, card.owned_by):
            return card
        hop = self.route(name, pool)[0]
        if hop.model != name:
            raise self._unknown(name)
        return ModelCard(name, hop.pool)

    def _meant(self, name: str) -> str:
        """The listed name that `name` stands for: clients that know tags leave out the one for the latest."""
        latest = f"{name}:latest"
        return latest if name not in self._cards and latest in self._cards else name

    def _anywhere(self, model: str) -> Iterable[Hop]:
        name, slash, rest = model.partition("/")
        if slash and rest and name in self._pools:
            return [self._named(name, rest)]
        aliased = list(self._aliased(model))
        if aliased:
            return aliased
        claiming = [Hop(pool.name, model, claimed=True) for pool in self._pools if pool.serving(model)]
        return claiming or self._by_default()

    def _within(self, name: str, model: str) -> Iterable[Hop]:
        pool = self._pool(name)
        own = model.removeprefix(f"{name}/")
        if pool.serving(own):
            return [Hop(name, own, claimed=True)]
        hops = [hop for hop in self._aliased(model) if hop.pool == name]
        if not hops and pool.takes_unknown:
            return [Hop(name, pool.default_model)]
        return hops

    def _pool(self, name: str) -> Pool:
        if name not in self._pools:
            known = ", ".join(pool.name for pool in self._pools)
            raise NotFound(f"there is no pool {name!r}; the pools are {known}")
        return self._pools[name]

    def _aliased(self, model: str) -> Iterator[Hop]:
        alias = self._aliases.of(model)
        for to in alias.destinations:
            if to.is_pattern:
                listed = dict.fromkeys(_exact_names(self._pools[to.pool]))
                meant = (name for name in listed if matches(name, (to.model,), alias.exclude))
                yield from (Hop(to.pool, name, claimed=True, tuning=to.tuning) for name in meant)
            else:
                yield replace(self._target(to, model), tuning=to.tuning)

    def _by_default(self) -> Iterable[Hop]:
        if self._chart.default is None:
            return ()
        pool = self._pools[self._chart.default]
        return [Hop(pool.name, pool.default_model)] if pool.takes_unknown else ()

    def _target(self, to: Destination, model: str) -> Hop:
        return self._named(to.pool, to.model) if to.model else self._nearest(self._pools[to.pool], model)

    def _named(self, name: str, model: str) -> Hop:
        """A model that was asked for by name: of those that list it, or else of the whole pool."""
        return Hop(name, model, claimed=bool(self._pools[name].serving(model)))

    def _nearest(self, pool: Pool, model: str) -> Hop:
        if pool.serving(model):
            return Hop(pool.name, model, claimed=True)
        return Hop(pool.name, pool.default_model)

    def _with_chains(self, hops: Iterable[Hop]) -> Iterator[Hop]:
        hops = list(hops)
        yield from hops
        for hop in hops:
            for name in self._chart.chains.get(hop.pool, ()):
                yield self._nearest(self._pools[name], hop.model)

    def _unknown(self, model: str) -> ModelNotFound:
        near = get_close_matches(model, self._cards, n=3, cutoff=0.4)
        hint = f"; did you mean {', '.join(near)}?" if near else "; GET /v1/models lists what is served"
        return ModelNotFound(f"no deployment serves the model {model!r}{hint}", param="model")

    def _listed(self) -> Iterator[ModelCard]:
        listed: dict[str, str] = {}
        for name, alias in self._aliases.exact.items():
            listed.setdefault(name, alias.destinations[0].pool)
        for pool in self._pools:
            for name in _exact_names(pool):
                listed.setdefault(name, pool.name)
        return (ModelCard(name, owner) for name, owner in listed.items())


def _exact_names(pool: Pool) -> Iterator[str]:
    """The names that can be listed, of all that `pool` serves."""
    for member in pool.members:
        exact = [name for name in member.models if is_exact(name) and member.serves(name)]
        named = [*exact, *pool.fetched(member)]
        yield from named or (name for name in member.provider.models if member.serves(name))
