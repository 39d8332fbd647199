"""Pools and their deployments, described: what there is to choose from, and how it is chosen."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, model_validator

from gateway.config.failure_policy import FailurePolicy, FailurePolicyConfig
from gateway.config.mapping import NamedModel, TuningConfig
from gateway.config.sections import BaseUrl, Number, Pattern, Seconds, Secret, Section

_DAY_S = 86400

PRICE_CLASSES: Mapping[str, float] = {
    "freebie": 0,
    "consumable": 20,
    "normal": 50,
    "expensive": 80,
    "precious": 100,
}
"""Prices for those who would rather not count: what a use of it costs beside a use of the others."""


def _price_of(value: object) -> object:
    return PRICE_CLASSES.get(value, value) if isinstance(value, str) else value


Weight = Annotated[float, Field(gt=0, allow_inf_nan=False)]

Price = Annotated[float, BeforeValidator(_price_of), Field(ge=0, allow_inf_nan=False)]


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("the name of a time zone is required, such as UTC or Asia/Shanghai") from None
    return name


Count = Annotated[int, Field(gt=0)]


class QuotaConfig(Section):
    """How many requests and tokens an account has in a period: any such stretch of time, or, with `reset`,
    the day that begins at midnight in that time zone. `per_model`: each of its models has as many.
    """

    requests: Count | None = None
    tokens: Weight | None = None
    period: Seconds = 86400
    reset: Annotated[str, AfterValidator(_zone)] | None = None
    per_model: bool = False

    @model_validator(mode="after")
    def _something_is_limited_for_a_day(self) -> Self:
        if self.requests is None and self.tokens is None:
            raise ValueError("a quota limits requests or tokens: say how many")
        if self.reset is not None and self.period != _DAY_S:
            raise ValueError("what is reset at midnight has a period of 1d")
        return self


class LimitsConfig(Section):
    """What an account takes at most: requests at once, new requests per second and minute, tokens per minute,
    and quotas. `adaptive`: how many at once is found out from what the upstream refuses, up to that.
    """

    max_concurrency: Count | None = None
    adaptive: bool = False
    qps: Weight | None = None
    rpm: Weight | None = None
    tpm: Weight | None = None
    quotas: tuple[QuotaConfig, ...] = ()


Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def _currency(code: str) -> str:
    if not re.fullmatch("[A-Z]{3}", code):
        raise ValueError("the code of a currency is required, such as CNY or USD")
    return code


class BalanceConfig(Section):
    """How an account's vendor is asked what is left: by which `reader` (None: the provider's own), and in
    which `currency` it counts (None: the vendor's only one). Below `soft` somebody is told, below `hard` the
    account rests until there is more on it.
    """

    reader: Annotated[str, Field(min_length=1)] | None = None
    soft: Amount = 0
    hard: Amount = 0
    currency: Annotated[str, AfterValidator(_currency)] | None = None

    @model_validator(mode="after")
    def _the_soft_one_comes_first(self) -> Self:
        if self.soft < self.hard and "soft" in self.model_fields_set:
            raise ValueError("soft must not be less than hard: it is the warning before")
        return self


class SwitchPenaltyConfig(Section):
    """An upstream that refuses for a while after a change of keys. A key that has not answered for `idle`
    takes requests only if no other can; the next one is asked every `probe_every` when the one in use runs
    low or rests, and after `give_up` in vain the next but one.
    """

    idle: Seconds = 3600
    probe_every: Seconds = 30
    give_up: Seconds = 21600


class TimeoutOverrides(Section):
    """Where one deployment needs more or less patience; None leaves the gateway's own figure."""

    connect: Seconds | None = None
    first_content: Seconds | None = None
    idle: Seconds | None = None
    progress: Seconds | None = None
    total: Seconds | None = None
    non_stream: Seconds | None = None


class DeploymentConfig(Section):
    """One account at one upstream.

    `name` is for people, None meaning that the id will do. `base_url` None is the provider's own. `models`
    are names and patterns served here, none of both meaning what the provider claims; `named` are those that
    have more to them; `exclude` wins over both. `tuning` is changed of every request.
    `fetch_models` is how often the upstream is asked which models it has; None: never. Without `api_key`
    nothing is sent that convinces, as local servers have it; `keys_file` is where it was found, if in one.
    `check_health`: whether the periodic check looks here, asking for `check_model` (None: the provider's
    cheapest); with `check_expect` a probe asks `check_prompt` and looks for that in the answer.
    `failure_policy` is what follows from failures here.
    `capabilities` correct what is known of the models here. `weight`, `priority` and `price` (a number or one
    of `PRICE_CLASSES`) are what strategies go by: more weight, more requests; smaller priorities and prices
    first. `limits` are its own, those of its `group` are shared. `balance`: what is left of the account is
    asked for; `switch_penalty`: it refuses at first after others were used.
    """

    id: Annotated[str, Field(min_length=1)]
    provider: Annotated[str, Field(min_length=1)]
    name: str | None = None
    api_key: Secret | None = None
    keys_file: Path | None = None
    base_url: BaseUrl | None = None
    models: tuple[Pattern, ...] = ()
    named: tuple[NamedModel, ...] = ()
    exclude: tuple[Pattern, ...] = ()
    tuning: TuningConfig = TuningConfig()
    fetch_models: Seconds | None = None
    enabled: bool = True
    check_health: bool = True
    check_model: str | None = None
    check_prompt: str | None = None
    check_expect: str | None = None
    failure_policy: FailurePolicy = FailurePolicyConfig()
    capabilities: Mapping[str, JsonValue] = Field(default_factory=dict)
    timeouts: TimeoutOverrides = TimeoutOverrides()
    weight: Weight = 1
    priority: Number = 0
    price: Price = PRICE_CLASSES["normal"]
    limits: LimitsConfig = LimitsConfig()
    group: str | None = None
    balance: BalanceConfig | None = None
    switch_penalty: SwitchPenaltyConfig | None = None


class StrategyConfig(Section):
    """How a pool chooses among its deployments: the name of a strategy, and what it leaves open."""

    name: str = "lru"
    options: Mapping[str, JsonValue] = Field(default_factory=dict)


Stickiness = Annotated[bool | None, BeforeValidator(lambda said: None if said == "auto" else said)]


class PoolConfig(Section):
    """Deployments that stand in for each other.

    `default_model` stands in for names that the pool does not serve; None is the provider's. `unknown_models`
    says whether it may do so for a name which nothing in the configuration claims, or only in a fallback
    chain. `failure_policy` is what follows from failures of its deployments. `sticky`: a conversation stays
    with the deployment that holds its prompt cache; None: where each account has one. `auto_weight`: weights
    shrink with the load.
    """

    name: Annotated[str, Field(min_length=1)]
    deployments: Annotated[tuple[DeploymentConfig, ...], Field(min_length=1)]
    default_model: str | None = None
    unknown_models: Literal["default", "refuse"] = "refuse"
    strategy: StrategyConfig = StrategyConfig()
    sticky: Stickiness = None
    auto_weight: bool = False
    failure_policy: FailurePolicy = FailurePolicyConfig()


class PoolsConfig(Section):
    """What is there to choose from, and what holds for several."""

    pools: tuple[PoolConfig, ...]
    fallback_chains: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    groups: Mapping[str, LimitsConfig] = Field(default_factory=dict)
