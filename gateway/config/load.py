"""Configuration from files: config.yaml, and the pools in it or in a file of their own.

Everything wrong in the files is said at once, each mistake by file, line and column; values are never
repeated.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from gateway.config import references
from gateway.config.checks import is_loopback
from gateway.config.document import DeploymentDocument, GatewayDocument, PoolDocument, PoolsDocument
from gateway.config.errors import ConfigError
from gateway.config.interpolation import Lookup, interpolate
from gateway.config.key_files import keys_in
from gateway.config.kinds import Kinds
from gateway.config.members import DeploymentConfig, PoolConfig, PoolsConfig
from gateway.config.problems import Place, Problem, guess, refusal
from gateway.config.schema import AuthConfig, GatewayConfig, LogConfig, ServerConfig
from gateway.config.validation import Source
from gateway.config.variables import level_said, server_said, value_of
from gateway.config.yaml_nodes import Scalar, find, parse, scalars

LARGEST = 1024 * 1024
"""Bytes of a file; more than any real one has, and less than would keep the operator waiting."""

D = TypeVar("D", bound=BaseModel)


def load(
    path: Path, kinds: Kinds, env: Mapping[str, str], options: Mapping[str, str] | None = None
) -> GatewayConfig:
    """The gateway that the file at `path` describes, with references to variables taken from `env`.

    `options` (SERVER_HOST, SERVER_PORT, SERVER_WORKERS, LOG_LEVEL) win over what the file says.

    Raises:
        ConfigError: something is wrong; tells all that is, at most a screen of it.
    """
    files = _Files(kinds, partial(value_of, env))
    main, document = files.read(path, GatewayDocument)
    options = options or {}
    server = None if document is None else server_said(options, document.server)
    beside = files.pools_file(main, path)
    source, pools = (main, document) if beside is None else files.read(beside, PoolsDocument)
    if pools is not None:
        files.check_pools(source, pools, server)
    if document is not None and server is not None and pools is not None:
        files.check_names(main, document, list(pools.pools))
        files.check_exposure(main, document, server)
        files.refuse_if_wrong()
        return _gateway(document, _pools(pools, kinds, files.keys), options)
    raise refusal(files.problems)


def load_pools(path: Path, kinds: Kinds, env: Mapping[str, str], server: ServerConfig) -> PoolsConfig:
    """The pools that the file at `path` describes, for a gateway that listens as `server` says.

    Raises:
        ConfigError: as above.
    """
    files = _Files(kinds, partial(value_of, env))
    source, document = files.read(path, PoolsDocument)
    if document is None:
        raise refusal(files.problems)
    files.check_pools(source, document, server)
    files.refuse_if_wrong()
    return _pools(document, kinds, files.keys)


class _Files:
    """One reading of the files, which collects what is wrong in them."""

    def __init__(self, kinds: Kinds, lookup: Lookup) -> None:
        self.problems: list[Problem] = []
        self.keys: references.Keys = {}
        self._kinds = kinds
        self._lookup = lookup

    def refuse_if_wrong(self) -> None:
        """Raise what was found, if anything was."""
        if self.problems:
            raise refusal(self.problems)

    def read(self, path: Path, model: type[D]) -> tuple[Source, D | None]:
        """The file at `path`, its references replaced, and the document in it, None if it is none.

        Raises:
            ConfigError: it cannot be read or is no YAML.
        """
        tree, problems = parse(_text(path), str(path))
        written = Source(tree)
        problems += [
            written.problem(steps, "is the # a part of the key? Quote it; a comment has a space behind its #")
            for steps, scalar in scalars(tree)
            if scalar.cut and ("api_key" in steps or steps == ("admin", "key"))
        ]
        tree, unresolved = interpolate(tree, self._lookup)
        source = Source(tree)
        document, invalid = source.validated(model, frozenset(problem.place for problem in unresolved))
        self.problems += [*problems, *unresolved, *invalid]
        return source, document

    def pools_file(self, main: Source, path: Path) -> Path | None:
        """The file that holds the pools, seen from the working directory and else from the file that names
        it; None where they are in `main`.
        """
        named = find(main.node, "provider_pools_file")
        if not isinstance(named, Scalar) or not named.text:
            return None
        here = [key for key in PoolsDocument.model_fields if find(main.node, key) is not None]
        for key in here:
            what = "provider_pools_file names a file for this; keep one of the two"
            self.problems.append(main.problem((key,), what, by_key=True))
        found = _found(named.text, path)
        if found is None:
            self.problems.append(main.problem(("provider_pools_file",), _NOWHERE))
        return None if here else found

    def check_pools(self, source: Source, document: PoolsDocument, server: ServerConfig | None) -> None:
        """What the pools say of each other and of what exists."""
        self.keys = self._keys(source, document)
        self.problems += references.pools(source, document, self._kinds, server)
        self.problems += references.twins(source, document, self.keys)
        self.problems += references.chains(source, document)
        self.problems += references.groups(source, document)

    def _keys(self, source: Source, document: PoolsDocument) -> references.Keys:
        """The keys of entries that name a file of them."""
        found: references.Keys = {}
        for name, pool in document.pools.items():
            for position, entry in enumerate(pool.deployments):
                if entry.keys_file is None:
                    continue
                path = ("pools", name, "deployments", position, "keys_file")
                try:
                    found[name, position] = _keys_of(entry, Path(source.node.place.file))
                except ValueError as error:
                    self.problems.append(source.problem(path, str(error)))
        return found

    def check_names(self, main: Source, document: GatewayDocument, pools: list[str]) -> None:
        """What the rest says of the pools."""
        if not pools:
            what = "there are no pools: write them below pools:, or name their file by provider_pools_file:"
            if find(main.node, "provider_pools_file") is None:
                self.problems.append(Problem(Place(main.node.place.file), "", what))
            return
        self.problems += references.models(main, document.models, pools)
        default = document.default_provider
        if default is not None and default not in pools:
            what = f"there is no pool of this name{guess(default, pools, 'pools')}"
            self.problems.append(main.problem(("default_provider",), what))

    def check_exposure(self, main: Source, document: GatewayDocument, server: ServerConfig) -> None:
        """Beyond this machine a gateway is open only where that is written."""
        if document.auth is None and not is_loopback(server.host):
            self.problems.append(main.problem(("server", "host"), _EXPOSED))
        if server.port == 0:
            self.problems.append(
                main.problem(("server", "port"), "a whole number from 1 to 65535 is required")
            )


_EXPOSED = (
    'beyond this machine every caller needs a key; add the line `auth: {api_key: "${API_KEY}"}` and start '
    "with API_KEY=$(openssl rand -hex 32), or write `auth: none` to let everybody in"
)


_NOWHERE = "there is no such file, neither in the working directory nor beside this one"


def _found(name: str, beside: Path) -> Path | None:
    """The file `name`, seen from the working directory and else from the file that names it."""
    places = (Path(name), beside.parent / name)
    return next((place for place in places if place.is_file()), None)


def _keys_of(entry: DeploymentDocument, beside: Path) -> references.KeyFile:
    """The file that `entry` names, and what is in it.

    Raises:
        ValueError: it cannot be used.
    """
    if entry.api_key is not None:
        raise ValueError("there is an api_key as well; keep one of the two")
    file = _found(entry.keys_file or "", beside)
    if file is None:
        raise ValueError(_NOWHERE)
    return file, keys_in(file)


def _text(path: Path) -> str:
    """What the file at `path` holds.

    Raises:
        ConfigError: it cannot be read, is too large, or no UTF-8.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}; -config names the file") from error
    if len(content) > LARGEST:
        raise refusal([Problem(Place(str(path)), "", f"larger than {LARGEST} bytes: not a configuration")])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        place = Place(str(path), before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1)
        what = "not UTF-8 text; save the file as UTF-8"
        raise refusal([Problem(place, "", what)]) from None  # the cause holds the whole file


def _gateway(document: GatewayDocument, pools: PoolsConfig, options: Mapping[str, str]) -> GatewayConfig:
    keys = document.auth.api_key if document.auth is not None else ()
    return GatewayConfig(
        server=server_said(options, document.server),
        auth=AuthConfig(api_keys=keys, open=not keys),
        admin=document.admin,
        log=LogConfig(level=level_said(options, document.log.level), format=document.log.format),
        timeouts=document.timeouts,
        health_check=document.health_check,
        failure_policy=document.failure_policy,
        max_attempts=document.max_attempts,
        pools=pools.pools,
        default_pool=document.default_provider or pools.pools[0].name,
        models=document.models,
        fallback_chains=pools.fallback_chains,
        groups=pools.groups,
    )


def _pools(document: PoolsDocument, kinds: Kinds, keys: references.Keys) -> PoolsConfig:
    return PoolsConfig(
        pools=tuple(_pool(name, pool, kinds, keys) for name, pool in document.pools.items()),
        fallback_chains=document.fallback_chains,
        groups=document.groups,
    )


def _pool(name: str, pool: PoolDocument, kinds: Kinds, keys: references.Keys) -> PoolConfig:
    return PoolConfig(
        name=name,
        deployments=tuple(
            deployment
            for position, entry in enumerate(pool.deployments)
            for deployment in _by_key(
                _deployment(name, position, entry, kinds),
                references.ids_of(name, position, entry, keys),
                keys.get((name, position)),
            )
        ),
        default_model=pool.default_model,
        unknown_models=pool.unknown_models,
        strategy=pool.strategy,
        sticky=pool.sticky,
        auto_weight=pool.auto_weight,
        failure_policy=pool.failure_policy,
    )


def _by_key(
    whole: DeploymentConfig, ids: Sequence[str], held: references.KeyFile | None
) -> Iterator[DeploymentConfig]:
    """`whole`, or one for each key of those that are `held` in a file."""
    if held is None:
        yield whole
        return
    file, keys = held
    for each, key in zip(ids, keys, strict=True):
        yield whole.model_copy(update={"id": each, "api_key": key, "keys_file": file})


def _deployment(pool: str, position: int, entry: DeploymentDocument, kinds: Kinds) -> DeploymentConfig:
    provider = references.provider_of(pool, entry, kinds)
    assert provider is not None
    return DeploymentConfig(
        id=references.id_of(pool, position, entry),
        provider=provider,
        name=entry.name,
        api_key=entry.api_key,
        base_url=entry.base_url,
        models=tuple(each.name for each in entry.models or () if each.is_name),
        named=tuple(each for each in entry.models or () if not each.is_name),
        exclude=entry.exclude,
        tuning=entry.tuning,
        fetch_models=entry.fetch_models,
        enabled=entry.enabled,
        check_health=entry.check_health,
        check_model=entry.check_model,
        check_prompt=entry.check_prompt,
        check_expect=entry.check_expect,
        failure_policy=entry.failure_policy,
        capabilities=entry.capabilities,
        timeouts=entry.patience,
        weight=entry.weight,
        priority=entry.priority,
        price=entry.price,
        limits=entry.limits,
        group=entry.group,
        balance=entry.balance,
        switch_penalty=entry.switch_penalty,
    )
