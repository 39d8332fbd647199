"""`gateway models`: the names that clients may use and where they lead, from the configuration alone."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

import typer

from gateway import fleet
from gateway.cli.configuration import configuration
from gateway.cli.table import table
from gateway.config.schema import GatewayConfig
from gateway.pool.pool import Pool
from gateway.pool.pools import Pools
from gateway.providers.demo import DemoTransport
from gateway.wire import fast_json

_COLUMNS = ("name", "pool", "upstream model", "then")
_SAME = "(the same)"


@dataclass(slots=True, frozen=True)
class Name:
    """A name or a pattern of names: the pool it leads to, what the model is called there (None: the same),
    and the places to try after that, as `pool/model`.
    """

    name: str
    pool: str
    model: str | None
    then: tuple[str, ...] = ()


def run(options: Mapping[str, str | None], *, as_json: bool) -> None:
    """Print the names, as a table or as JSON.

    Raises:
        typer.Exit: with code 2 after an explanation, if the configuration is none.
    """
    names = list(names_of(configuration(options)))
    if as_json:
        typer.echo(fast_json.dumps([asdict(name) for name in names]).decode())
        return
    rows = [(name.name, name.pool, name.model or _SAME, ", ".join(name.then)) for name in names]
    typer.echo("\n".join(table(_COLUMNS, rows)))


def names_of(config: GatewayConfig) -> Iterator[Name]:
    """First the exact names, in the order in which they are listed to clients, then patterns in the order in
    which they are looked at; the pattern `*` is for whatever else is asked.
    """
    # Nobody is asked, so that a transport which leads nowhere will do.
    pools = fleet.pools_of(config, DemoTransport())
    router = fleet.router_of(config, pools)
    exact = [card.id for card in router.models()]
    for name in exact:
        first, *others = router.route(name)
        yield Name(name, first.pool, first.model, tuple(f"{hop.pool}/{hop.model}" for hop in others))
    patterns = [name for name in (*_aliases(config), *_claimed(pools)) if name.name not in exact]
    yield from patterns
    if "*" not in {name.name for name in patterns}:
        yield from _by_default(pools[config.default_pool])


def _aliases(config: GatewayConfig) -> Iterator[Name]:
    for name, alias in config.models.items():
        target, *others = (each.target for each in alias.targets)
        pool, _, model = target.partition("/")
        yield Name(name, pool, model or None, tuple(others))


def _claimed(pools: Pools) -> Iterator[Name]:
    for pool in pools:
        globs = [glob for member in pool.members for glob in member.models or member.provider.claims]
        yield from (Name(glob, pool.name, None) for glob in dict.fromkeys(globs))


def _by_default(pool: Pool) -> Iterator[Name]:
    if pool.takes_unknown:
        yield Name("*", pool.name, pool.default_model)
