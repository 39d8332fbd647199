"""What one part of a file says of another: pools, chains, targets, providers. Each check yields its
mistakes.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path as FilePath
from typing import TypeAlias, get_type_hints

from pydantic import SecretStr, TypeAdapter, ValidationError

from gateway.canonical.json import JsonValue
from gateway.config.checks import leads_back
from gateway.config.document import DeploymentDocument, PoolsDocument
from gateway.config.kinds import Kinds
from gateway.config.mapping import AliasConfig
from gateway.config.members import StrategyConfig
from gateway.config.patterns import checked_pattern, is_rule
from gateway.config.problems import Path, Problem, guess
from gateway.config.schema import ServerConfig
from gateway.config.validation import Source, words_of

KeyFile: TypeAlias = tuple[FilePath, tuple[SecretStr, ...]]
"""A file, and the keys in it."""

Keys: TypeAlias = dict[tuple[str, int], KeyFile]
"""What entries have in place of a key, by their pool and position."""

_POOL = re.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def pools(
    source: Source, document: PoolsDocument, kinds: Kinds, server: ServerConfig | None
) -> Iterator[Problem]:
    """Of the pools and their entries. `server` None: not known well enough to compare with."""
    for name, pool in document.pools.items():
        if not _POOL.fullmatch(name):
            what = "a pool's name is made of letters, digits, -, _ and dots, and is part of its URL"
            yield source.problem(("pools", name), what, by_key=True)
        if name.lower() in kinds.reserved:
            what = "the gateway has a route of this name; call the pool something else"
            yield source.problem(("pools", name), what, by_key=True)
        yield from _strategy(source, ("pools", name, "strategy"), pool.strategy, kinds)
        for position, entry in enumerate(pool.deployments):
            path = ("pools", name, "deployments", position)
            yield from _entry(source, path, entry, kinds)
            if server is not None and entry.base_url and leads_back(entry.base_url, server.host, server.port):
                what = "this is the gateway's own address; name an upstream"
                yield source.problem((*path, "base_url"), what)


def chains(source: Source, document: PoolsDocument) -> Iterator[Problem]:
    """Of the fallback chains: they lead from pools to other pools, and nowhere back."""
    for name, targets in document.fallback_chains.items():
        path = ("fallback_chains", name)
        if name not in document.pools:
            what = f"there is no pool of this name{guess(name, document.pools, 'pools')}"
            yield source.problem(path, what, by_key=True)
        for position, target in enumerate(targets):
            if target not in document.pools:
                what = f"leads to no pool{guess(target, document.pools, 'pools')}"
                yield source.problem((*path, position), what)
            elif target in targets[:position]:
                yield source.problem((*path, position), "the same pool stands in twice; remove one of them")
            elif (way := _way(document.fallback_chains, target, name)) is not None:
                what = f"a circle: {' → '.join((name, *way))}; remove one of its links"
                yield source.problem((*path, position), what)


def models(source: Source, aliases: Mapping[str, AliasConfig], names: Sequence[str]) -> Iterator[Problem]:
    """Of the names that clients may use, whose targets must be pools among `names`."""
    for alias, meant in aliases.items():
        try:
            checked_pattern(alias)
        except ValueError as error:
            yield source.problem(("models", alias), str(error), by_key=True)
        for position, each in enumerate(meant.targets):
            path = ("models", alias, "targets", position, "target")
            pool, slash, model = each.target.partition("/")
            if pool not in names:
                what = (
                    f"a target is POOL or POOL/MODEL, and there is no such pool{guess(pool, names, 'pools')}"
                )
                yield source.problem(path, what)
            elif (what := _not_a_model(model)) and slash:
                yield source.problem(path, what)


def _not_a_model(written: str) -> str:
    """What is wrong with the model of a target, empty if nothing is."""
    if not is_rule(written):
        return "a target names one model: POOL/MODEL; or POOL alone" if not written or "*" in written else ""
    try:
        checked_pattern(written)
    except ValueError as error:
        return str(error)
    return ""


def provider_of(pool: str, entry: DeploymentDocument, kinds: Kinds) -> str | None:
    """The provider of `entry`: what it says, or the one its pool is named for."""
    return entry.provider or (pool if pool in kinds.providers else None)


def id_of(pool: str, position: int, entry: DeploymentDocument) -> str:
    """The id of `entry`: what it says, or its pool's name and its number there."""
    return entry.uuid or f"{pool}-{position + 1}"


def ids_of(pool: str, position: int, entry: DeploymentDocument, keys: Keys) -> Sequence[str]:
    """The ids of what `entry` becomes: its own, or, numbered, one for each key in its file."""
    own = id_of(pool, position, entry)
    held = keys.get((pool, position))
    return [own] if held is None else [f"{own}-{number}" for number in range(1, len(held[1]) + 1)]


def _entry(source: Source, path: Path, entry: DeploymentDocument, kinds: Kinds) -> Iterator[Problem]:
    pool = str(path[1])
    if entry.provider is not None and entry.provider not in kinds.providers:
        what = f"there is no such provider{guess(entry.provider, kinds.providers, 'providers')}"
        yield source.problem((*path, "provider"), what)
    elif provider_of(pool, entry, kinds) is None:
        known = ", ".join(sorted(kinds.providers))
        what = f"the pool's name is no provider's, so say provider: with one of {known}"
        yield source.problem(path, what)
    yield from _balance(source, (*path, "balance"), entry, kinds)
    yield from _capabilities(source, (*path, "capabilities"), entry.capabilities, kinds)


def _balance(source: Source, path: Path, entry: DeploymentDocument, kinds: Kinds) -> Iterator[Problem]:
    provider = provider_of(str(path[1]), entry, kinds)
    if entry.balance is None:
        return
    reader = entry.balance.reader
    if reader is None and provider not in kinds.balance_readers:
        known = ", ".join(sorted(kinds.balance_readers))
        what = f"nobody knows how to ask this provider; if it is one of {known}, say so by reader:"
        yield source.problem(path, what)
    elif reader is not None and reader not in kinds.balance_readers:
        what = f"there is no such reader{guess(reader, kinds.balance_readers, 'readers')}"
        yield source.problem((*path, "reader"), what)


def groups(source: Source, document: PoolsDocument) -> Iterator[Problem]:
    """Of the groups whose limits entries share."""
    for name, pool in document.pools.items():
        for position, entry in enumerate(pool.deployments):
            if entry.group is not None and entry.group not in document.groups:
                what = f"there is no such group{guess(entry.group, document.groups, 'groups')}"
                yield source.problem(("pools", name, "deployments", position, "group"), what)


def _strategy(source: Source, path: Path, said: StrategyConfig, kinds: Kinds) -> Iterator[Problem]:
    options = kinds.strategies.get(said.name)
    if options is None:
        what = f"there is no such strategy{guess(said.name, kinds.strategies, 'strategies')}"
        yield source.problem(path, what)
        return
    try:
        options.model_validate(said.options)
    except ValidationError as error:
        for each in error.errors(include_url=False):
            unknown = each["type"] == "extra_forbidden"
            hint = f"not an option of this strategy{guess('', options.model_fields, 'options')}"
            what = hint if unknown else words_of(each)
            yield source.problem((*path, said.name, *each["loc"]), what, by_key=unknown)


def _capabilities(
    source: Source, path: Path, said: Mapping[str, JsonValue], kinds: Kinds
) -> Iterator[Problem]:
    hints = get_type_hints(kinds.capabilities)
    known = [field.name for field in fields(kinds.capabilities)]
    for name, value in said.items():
        if name not in known:
            what = f"unknown capability{guess(name, known, 'capabilities')}"
            yield source.problem((*path, name), what, by_key=True)
            continue
        try:
            TypeAdapter(hints[name]).validate_python(value)
        except ValidationError:
            yield source.problem((*path, name), "not a value that this capability can have")


def twins(source: Source, document: PoolsDocument, keys: Keys) -> Iterator[Problem]:
    """Of ids, which must differ over all pools: records, limits and commands go by them."""
    seen: dict[str, str] = {}
    for name, pool in document.pools.items():
        for position, entry in enumerate(pool.deployments):
            here = f"pools.{name}[{position}]"
            ids = ids_of(name, position, entry, keys)
            first = next((seen[each] for each in ids if each in seen), None)
            if first is not None:
                what = f"the uuid that {first} has already; give each entry its own"
                yield source.problem(("pools", name, "deployments", position, "uuid"), what)
            seen.update(dict.fromkeys(ids, here))


def _way(chains: Mapping[str, Sequence[str]], start: str, end: str) -> list[str] | None:
    """The pools from `start` to `end` along the chains, None if they do not lead there."""
    ways, seen = [[start]], {start}
    while ways:
        way = ways.pop()
        if way[-1] == end:
            return way
        fresh = [name for name in chains.get(way[-1], ()) if name not in seen]
        seen.update(fresh)
        ways += [[*way, name] for name in fresh]
    return None
