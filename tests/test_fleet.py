"""What a configuration says of accounts is wired as it is meant."""

from math import inf

from pydantic import SecretStr

from gateway.config.members import (
    BalanceConfig,
    DeploymentConfig,
    LimitsConfig,
    PoolConfig,
    SwitchPenaltyConfig,
)
from gateway.config.schema import GatewayConfig
from gateway.fleet import pools_of
from gateway.ledger.balance import READERS
from gateway.pool.adaptive import Adaptive
from gateway.pool.deployment import Deployment
from gateway.pool.pools import Pools
from gateway.providers import PROVIDERS
from tests.gateways import configured


def made(config: GatewayConfig) -> Pools:
    nowhere = PROVIDERS["demo"].transport
    assert nowhere is not None
    return pools_of(config, nowhere)


def members(*entries: DeploymentConfig, group: LimitsConfig | None = None) -> tuple[Deployment, ...]:
    config = configured(PoolConfig(name="p", deployments=entries))
    pools = made(config.model_copy(update={"groups": {} if group is None else {"site": group}}))
    return pools["p"].members


def entry(name: str, key: str, **more: object) -> DeploymentConfig:
    return DeploymentConfig(id=name, provider="siliconflow", api_key=SecretStr(key), **more)  # type: ignore[arg-type]  # fields of DeploymentConfig


def test_deployments_of_one_key_have_one_purse_and_one_warmth() -> None:
    said = {"balance": BalanceConfig(soft=5, hard=0.5), "switch_penalty": SwitchPenaltyConfig()}
    first, same, other = members(
        entry("a", "key-9f4c", **said), entry("b", "key-9f4c"), entry("c", "key-1b7d", **said)
    )
    assert first.purse is not None
    assert first.purse is same.purse
    assert first.warmth is same.warmth
    assert other.purse is not first.purse
    assert other.warmth is not first.warmth
    assert first.purse in first.limits
    assert first.purse in first.observers
    assert (first.purse.reader, first.purse.soft, first.purse.hard) == (READERS["siliconflow"], 5, 0.5)


def test_nothing_is_asked_where_nothing_is_said() -> None:
    (plain,) = members(entry("a", "key-9f4c"))
    assert (plain.purse, plain.warmth) == (None, None)


def test_a_reader_may_be_another_than_the_providers() -> None:
    (one,) = members(entry("a", "key-9f4c", balance=BalanceConfig(reader="novita", currency="USD")))
    assert one.purse is not None
    assert (one.purse.reader, one.purse.currency) == (READERS["novita"], "USD")


def test_the_limits_of_a_group_hold_for_its_members_together() -> None:
    first, second, alone = members(
        entry("a", "key-9f4c", group="site"),
        entry("b", "key-1b7d", group="site"),
        entry("c", "key-77aa"),
        group=LimitsConfig(max_concurrency=1),
    )
    for limit in first.limits:
        limit.start(0.0, "m")
    assert max(limit.opens_at(0.0, "m") for limit in second.limits) == inf
    assert max(limit.opens_at(0.0, "m") for limit in alone.limits) == 0.0


def test_a_group_that_finds_out_what_is_taken_hears_every_answer() -> None:
    first, second = members(
        entry("a", "key-9f4c", group="site"),
        entry("b", "key-1b7d", group="site"),
        group=LimitsConfig(adaptive=True),
    )
    adaptive = first.limits[0]
    assert isinstance(adaptive, Adaptive)
    assert adaptive is second.limits[0]
    assert adaptive in first.observers
    assert adaptive in second.observers
