"""The shapes of the two files: what operators write, before names are looked up.

config.yaml          everything, the pools included or in a file of their own
provider-pools.yaml  pools and what stands in for them
"""

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue

from gateway.config.failure_policy import FailurePolicy, FailurePolicyConfig
from gateway.config.mapping import Alias, NamedModel, TuningConfig
from gateway.config.members import (
    PRICE_CLASSES,
    BalanceConfig,
    LimitsConfig,
    Price,
    Stickiness,
    StrategyConfig,
    SwitchPenaltyConfig,
    TimeoutOverrides,
    Weight,
)
from gateway.config.schema import AdminConfig, HealthCheckConfig, LogConfig, ServerConfig, TimeoutsConfig
from gateway.config.sections import BaseUrl, Number, Pattern, Seconds, Secret, Section, typed

T = TypeVar("T")


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _filled(values: tuple[T, ...]) -> tuple[T, ...]:
    # pydantic's own `min_length` also complains where the only member is wrong.
    if not values:
        raise ValueError("empty; at least one is required, or remove the line")
    return values


def _long_form(value: object) -> object:
    return {"deployments": value} if isinstance(value, list) else value


Word = Annotated[str, Field(min_length=1)]

Some: TypeAlias = Annotated[tuple[T, ...], AfterValidator(_filled)]
"""A list that is not empty."""

OneOrMore: TypeAlias = Annotated[tuple[T, ...], BeforeValidator(_listed), AfterValidator(_filled)]
"""A list, or the only member of one."""


def _named(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


class DeploymentDocument(TuningConfig):
    """One entry of a pool: a deployment, or with a `keys_file` one for each key in it. `timeout` is
    first_content, idle and non_stream together, where `timeouts` does not name them.
    """

    uuid: Word | None = None
    name: Word | None = None
    provider: Word | None = None
    enabled: bool = True
    check_health: bool = True
    check_model: Word | None = None
    check_prompt: Word | None = None
    check_expect: Word | None = None
    failure_policy: FailurePolicy = FailurePolicyConfig()
    api_key: Secret | None = None
    keys_file: Word | None = None
    base_url: BaseUrl | None = None
    models: OneOrMore[Annotated[NamedModel, BeforeValidator(_named)]] | None = None
    exclude: OneOrMore[Pattern] = ()
    fetch_models: Seconds | None = None
    capabilities: Annotated[Mapping[str, JsonValue], BeforeValidator(typed)] = Field(default_factory=dict)
    timeout: Seconds | None = None
    timeouts: TimeoutOverrides = TimeoutOverrides()
    weight: Weight = 1
    priority: Number = 0
    price: Price = PRICE_CLASSES["normal"]
    limits: LimitsConfig = LimitsConfig()
    group: Word | None = None
    balance: BalanceConfig | None = None
    switch_penalty: SwitchPenaltyConfig | None = None

    @property
    def tuning(self) -> TuningConfig:
        """What is changed of requests, by itself."""
        return TuningConfig.model_validate({name: getattr(self, name) for name in TuningConfig.model_fields})

    @property
    def patience(self) -> TimeoutOverrides:
        """Both ways to say a time, in one."""
        together = dict.fromkeys(("first_content", "idle", "non_stream"), self.timeout)
        return TimeoutOverrides.model_validate({**together, **self.timeouts.model_dump(exclude_none=True)})


def _strategy(value: object) -> object:
    """`lru`, or the name above its options: `rotate: {models_every: 5}`."""
    match value:
        case str():
            return {"name": value}
        case dict() if len(value) == 1:
            [(name, options)] = value.items()
            return {"name": name, "options": typed(options) or {}}
        case _:
            raise ValueError("the name of a strategy is required, or its name above its options")


class PoolDocument(Section):
    """A pool in its long form."""

    default_model: Word | None = None
    unknown_models: Literal["default", "refuse"] = "refuse"
    strategy: Annotated[StrategyConfig, BeforeValidator(_strategy)] = StrategyConfig()
    failure_policy: FailurePolicy = FailurePolicyConfig()
    sticky: Stickiness = None
    auto_weight: bool = False
    deployments: Some[DeploymentDocument]


class PoolsDocument(Section):
    """provider-pools.yaml. A pool is a list of entries, or the long form."""

    fallback_chains: Mapping[str, OneOrMore[Word]] = Field(default_factory=dict)
    groups: Mapping[str, LimitsConfig] = Field(default_factory=dict)
    pools: Mapping[str, Annotated[PoolDocument, BeforeValidator(_long_form)]] = Field(default_factory=dict)


class AuthDocument(Section):
    """Who may call. Without keys, which only the word `none` in place of the mapping says, everybody."""

    api_key: OneOrMore[Secret]


def _auth(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value.lower() != "none":
        raise ValueError("write `auth: none`, or api_key: in an indented line below")
    return AuthDocument.model_construct(api_key=())


class GatewayDocument(PoolsDocument):
    """config.yaml."""

    server: ServerConfig = ServerConfig()
    auth: Annotated[AuthDocument | None, BeforeValidator(_auth)] = None
    admin: AdminConfig = AdminConfig()
    log: LogConfig = LogConfig()
    default_provider: Word | None = None
    provider_pools_file: Word | None = None
    health_check: HealthCheckConfig = HealthCheckConfig()
    failure_policy: FailurePolicy = FailurePolicyConfig()
    max_attempts: Annotated[int, Field(gt=0)] = 3
    models: Mapping[str, Alias] = Field(default_factory=dict)
    timeouts: TimeoutsConfig = TimeoutsConfig()
