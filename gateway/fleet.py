"""The pools and deployments that a configuration describes, made: a part of the composition root."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import blake2b
from random import random
from time import monotonic, time
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from gateway.config.failure_policy import FailurePolicyConfig
from gateway.config.mapping import AliasConfig, TargetConfig, TuningConfig
from gateway.config.members import DeploymentConfig, LimitsConfig, PoolConfig, SwitchPenaltyConfig
from gateway.config.schema import GatewayConfig, TimeoutsConfig
from gateway.ledger.balance import READERS
from gateway.pool import limits
from gateway.pool.adaptive import MOST as MOST_ADAPTIVE
from gateway.pool.adaptive import Adaptive
from gateway.pool.allowance import Allowance
from gateway.pool.deployment import Deployment, Timeouts
from gateway.pool.lasting import Estate, Lasting
from gateway.pool.policy import Policy
from gateway.pool.pool import Habits, Pool
from gateway.pool.pools import Pools
from gateway.pool.presets import DEFAULT, policy
from gateway.pool.purse import Purse
from gateway.pool.strategies import STRATEGIES
from gateway.pool.tuning import Tuning
from gateway.pool.warmth import Warmth
from gateway.providers import PROVIDERS
from gateway.providers.provider import Provider
from gateway.relay.aliases import Alias, Destination
from gateway.relay.route import Map, Router
from gateway.timing import Clock, Clocks, Day, Window
from gateway.wire.http import Transport

_THIS_MACHINES = Clocks(monotonic, time)


@dataclass(slots=True)
class _Shared:
    """What deployments have in common: the way to upstreams, limits of groups by their names, and accounts,
    known by their keys (or, without one, by the deployment). `salt` is in their marks.
    """

    transport: Transport
    groups: Mapping[str, tuple[limits.Limit, ...]]
    salt: bytes
    clocks: Clocks
    accounts: dict[str, str] = field(default_factory=dict)
    allowances: dict[str, Allowance] = field(default_factory=dict)
    purses: dict[str, Purse] = field(default_factory=dict)
    warmths: dict[str, Warmth] = field(default_factory=dict)
    policies: dict[tuple[FailurePolicyConfig, ...], Policy] = field(default_factory=dict)

    def account(self, entry: DeploymentConfig) -> str:
        """The account whose key `entry` has, at that host: the name of the first deployment that has it."""
        return self.accounts.setdefault(_identity(entry), entry.id)

    def mark(self, entry: DeploymentConfig) -> str:
        """What tells that account from others."""
        return blake2b(_identity(entry).encode(), key=self.salt, digest_size=8).hexdigest()

    def allowance(self, account: str) -> Allowance:
        """What the upstream says that `account` may."""
        return self.allowances.setdefault(account, Allowance(self.clocks.now, self.clocks.wall))

    def purse(self, account: str, entry: DeploymentConfig) -> Purse | None:
        """What is left of `account`, where it is said how to ask; the first who says so is believed."""
        said = entry.balance
        if said is not None and account not in self.purses:
            reader = READERS[said.reader or entry.provider]
            now = self.clocks.now
            self.purses[account] = Purse(account, reader, now, said.soft, said.hard, said.currency)
        return self.purses.get(account)

    def warmth(self, account: str, said: SwitchPenaltyConfig | None) -> Warmth | None:
        """Whether `account` is warm, where that matters; the first who says so is believed."""
        if said is not None:
            warmth = Warmth(said.idle, said.probe_every, said.give_up)
            return self.warmths.setdefault(account, warmth)
        return self.warmths.get(account)

    def policy(self, *said: FailurePolicyConfig) -> Policy:
        """What follows from failures; whoever is said later changes what was said before, and begins anew
        with the preset that it names.
        """
        if said not in self.policies:
            preset, changes = DEFAULT, dict[str, dict[str, Any]]()
            for each in said:
                if each.preset is not None:
                    preset, changes = each.preset, {}
                for name, row in each.changes.items():
                    changes[name] = {**changes.get(name, {}), **row}
            self.policies[said] = policy(preset, changes)
        return self.policies[said]


def pools_of(
    config: GatewayConfig, transport: Transport, salt: bytes = b"", clocks: Clocks = _THIS_MACHINES
) -> Pools:
    """The enabled deployments of `config` in their pools, talking to upstreams through `transport`. `salt`
    keeps the marks of their accounts from telling anything about keys.
    """
    groups = {name: tuple(_limits(said, clocks)) for name, said in config.groups.items()}
    shared = _Shared(transport, groups, salt, clocks)
    return Pools((_pool(entry, config, shared) for entry in config.pools), clocks.now)


def router_of(config: GatewayConfig, pools: Pools) -> Router:
    """Who serves which name, as `config` says."""
    models = {name: _alias(said) for name, said in config.models.items()}
    chart = Map(models=models, chains=config.fallback_chains, default=config.default_pool)
    return Router(pools, chart)


def _alias(said: AliasConfig) -> Alias:
    return Alias(tuple(map(_destination, said.targets)), said.exclude)


def _destination(said: TargetConfig) -> Destination:
    pool, _, model = said.target.partition("/")
    return Destination(pool, model, next(_tunings(said), None))


def _tunings(*said: TuningConfig) -> Iterator[Tuning]:
    """Those of `said` that change anything."""
    for each in said:
        if each.says_something:
            yield Tuning(
                defaults=each.defaults.model_dump(mode="json", exclude_none=True),
                force=each.force.model_dump(mode="json", exclude_none=True),
                remove=each.remove,
                extras=each.extras,
                before=each.system.before if each.system is not None else None,
                instead=each.system.instead if each.system is not None else None,
            )


def _pool(entry: PoolConfig, config: GatewayConfig, shared: _Shared) -> Pool:
    enabled = (member for member in entry.deployments if member.enabled)
    members = [
        one for member in enabled for one in _by_model(_deployment(member, entry, config, shared), member)
    ]
    default = entry.default_model or PROVIDERS[entry.deployments[0].provider].default_model
    takes_unknown = entry.unknown_models == "default"
    kind = STRATEGIES[entry.strategy.name]
    options = kind.options.model_validate(entry.strategy.options)
    return Pool(
        entry.name,
        members,
        default_model=default,
        takes_unknown=takes_unknown,
        strategy=lambda standings: kind.strategy(standings, random, options),
        habits=Habits(entry.sticky, entry.auto_weight),
    )


def _limits(said: LimitsConfig, clocks: Clocks) -> Iterator[limits.Limit]:
    if said.adaptive:
        yield Adaptive(clocks.now, said.max_concurrency or MOST_ADAPTIVE)
    elif said.max_concurrency is not None:
        yield limits.AtOnce(said.max_concurrency)
    for most, seconds in ((said.qps, 1.0), (said.rpm, 60.0)):
        if most is not None:
            yield limits.Requests(most, partial(Window, seconds))
    if said.tpm is not None:
        yield limits.Tokens(said.tpm, partial(Window, 60.0))
    for quota in said.quotas:
        rolling = partial(Window, quota.period)
        period = rolling if quota.reset is None else partial(Day, ZoneInfo(quota.reset), clocks.wall)
        if quota.requests is not None:
            yield limits.Requests(quota.requests, period, per_model=quota.per_model)
        if quota.tokens is not None:
            yield limits.Tokens(quota.tokens, period, per_model=quota.per_model)


def _deployment(
    entry: DeploymentConfig,
    pool: PoolConfig,
    config: GatewayConfig,
    shared: _Shared,
) -> Deployment:
    provider: Provider = PROVIDERS[entry.provider]
    account = shared.account(entry)
    purse = shared.purse(account, entry)
    told = (shared.allowance(account), purse) if purse is not None else (shared.allowance(account),)
    own, of_group = tuple(_limits(entry.limits, shared.clocks)), shared.groups.get(entry.group or "", ())
    configured, warmth = (*own, *of_group), shared.warmth(account, entry.switch_penalty)
    mark = shared.mark(entry)
    estates = (
        Estate(f"account {mark}", _present(allowance=told[0], balance=purse, warmth=warmth)),
        Estate(f"entry {mark} {entry.id}", _lasting(own)),
        Estate(f"group {entry.group}", _lasting(of_group)),
    )
    return Deployment(
        id=entry.id,
        entry=entry.id,
        pool=pool.name,
        provider=provider,
        credential=provider.credential(_key(entry)),
        transport=provider.transport or shared.transport,
        base_url=entry.base_url or provider.base_url,
        models=entry.models,
        exclude=entry.exclude,
        tunings=tuple(_tunings(entry.tuning)),
        fetch_models_s=entry.fetch_models,
        timeouts=_timeouts(_patience(entry, config, provider)),
        capabilities=entry.capabilities,
        check_health=entry.check_health,
        check_model=entry.check_model,
        check_prompt=entry.check_prompt,
        check_expect=entry.check_expect,
        policy=shared.policy(config.failure_policy, pool.failure_policy, entry.failure_policy),
        period=_day(entry.limits, shared.clocks.wall),
        weight=entry.weight,
        priority=entry.priority,
        price=entry.price,
        account=account,
        limits=(*configured, *told),
        observers=(*told, *(limit for limit in configured if isinstance(limit, Adaptive))),
        most_at_once=entry.limits.max_concurrency,
        purse=purse,
        warmth=warmth,
        mark=mark,
        estates=tuple(estate for estate in estates if estate.things),
    )


def _present(**things: Lasting | None) -> Mapping[str, Lasting]:
    return {name: thing for name, thing in things.items() if thing is not None}


def _lasting(among: tuple[limits.Limit, ...]) -> Mapping[str, Lasting]:
    """Those of them that outlive the process, by their names."""
    return {limit.name: limit for limit in among if isinstance(limit, limits.Spending | Adaptive)}


def _by_model(whole: Deployment, entry: DeploymentConfig) -> Iterator[Deployment]:
    """`whole`, and one for each model of which `entry` says more than its name; account and limits are the
    same.
    """
    if entry.models or not entry.named or entry.fetch_models is not None:
        yield whole
    for named in entry.named:
        yield replace(
            whole,
            id=f"{whole.id}:{named.upstream or named.name}",
            models=(named.name,),
            exclude=(*entry.exclude, *named.exclude),
            upstream=named.upstream,
            fetch_models_s=None,
            priority=whole.priority if named.priority is None else named.priority,
            tunings=tuple(_tunings(named, entry.tuning)),
        )


def _day(said: LimitsConfig, wall: Clock) -> Day | None:
    """The day that begins anew what the account may use."""
    zones = (quota.reset for quota in said.quotas if quota.reset is not None)
    return next((Day(ZoneInfo(zone), wall) for zone in zones), None)


def _identity(entry: DeploymentConfig) -> str:
    """Whose account it is: that of a key at a host, or without a key its own."""
    key, url = _key(entry), entry.base_url or PROVIDERS[entry.provider].base_url
    return f"{urlsplit(url).netloc} {key}" if key else f"{url} {entry.id}"


def _key(entry: DeploymentConfig) -> str | None:
    return entry.api_key.get_secret_value() if entry.api_key is not None else None


def _patience(entry: DeploymentConfig, config: GatewayConfig, provider: Provider) -> TimeoutsConfig:
    """How long to wait: as the deployment says, or the configuration, or the provider."""
    said = config.timeouts
    if provider.first_content_s is not None and "first_content" not in said.model_fields_set:
        said = said.model_copy(update={"first_content": provider.first_content_s})
    return said.overridden(entry.timeouts)


def _timeouts(entry: TimeoutsConfig) -> Timeouts:
    return Timeouts(
        connect=entry.connect,
        first_content=entry.first_content,
        idle=entry.idle,
        progress=entry.progress,
        total=entry.total,
        non_stream=entry.non_stream,
    )
