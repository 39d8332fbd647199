"""Which deployments may serve a model name, and what the model is called there."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from gateway.errors import ModelNotFound
from gateway.pool.pool import Pools
from gateway.protocols.codec import ModelCard


@dataclass(slots=True, frozen=True)
class Route:
    """Pools to try in order. `claims` None: any of their deployments; else only those that serve that
    name.
    """

    pools: tuple[str, ...]
    claims: str | None
    upstream_model: str


class Router:
    """Finds routes. A name that no deployment claims goes to `fallback`'s default model, if there is a
    fallback.
    """

    def __init__(self, pools: Pools, fallback: str | None) -> None:
        self._pools = pools
        self._fallback = fallback

    def route(self, model: str) -> Route:
        """The way for `model`.

        Raises:
            ModelNotFound: nobody serves it; names the nearest ones that are served.
        """
        claiming = tuple(pool.name for pool in self._pools if pool.serving(model))
        if claiming:
            return Route(claiming, model, model)
        if self._fallback is not None:
            return Route((self._fallback,), None, self._pools[self._fallback].default_model)
        near = get_close_matches(model, [card.id for card in self.models()], n=3, cutoff=0.4)
        hint = f"; did you mean {', '.join(near)}?" if near else "; GET /v1/models lists what is served"
        raise ModelNotFound(f"no deployment serves the model {model!r}{hint}", param="model")

    def models(self) -> list[ModelCard]:
        """The names that clients may use and that can be listed, each once."""
        return [ModelCard(name, owner) for name, owner in dict(self._named()).items()]

    def model(self, name: str) -> ModelCard:
        """What is known of one name.

        Raises:
            ModelNotFound: nobody serves it.
        """
        listed = {card.id: card for card in self.models()}
        if name in listed:
            return listed[name]
        route = self.route(name)
        if route.claims is None:
            raise ModelNotFound(f"no deployment serves the model {name!r}", param="model")
        return ModelCard(name, route.pools[0])

    def _named(self) -> Iterable[tuple[str, str]]:
        for pool in self._pools:
            for member in pool.members:
                exact = [name for name in member.models if not any(sign in name for sign in "*?[")]
                names = exact or [name for name in member.provider.models if member.serves(name)]
                yield from ((name, pool.name) for name in names)
