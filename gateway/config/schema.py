"""The whole gateway, described: checked, frozen, and the same from variables as from files.

Everything here is plain data: providers are names, checked by whoever knows them. Times are in seconds; files
may give them a unit (`500ms`, `10m`) and call them without the `_s`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    SecretStr,
    model_validator,
)

from gateway.config.checks import (
    checked_base_url,
    checked_glob,
    checked_host,
    checked_key,
    checked_origin,
    seconds_of,
)


def _checked_secret(secret: SecretStr) -> SecretStr:
    return SecretStr(checked_key(secret.get_secret_value()))


Secret = Annotated[SecretStr, AfterValidator(_checked_secret)]
"""A key; shown as stars wherever it is printed."""

Seconds = Annotated[float, BeforeValidator(seconds_of), Field(gt=0, allow_inf_nan=False)]
"""A time that may be written with its unit."""

Glob = Annotated[str, AfterValidator(checked_glob)]

Host = Annotated[str, AfterValidator(checked_host)]

BaseUrl = Annotated[str, AfterValidator(checked_base_url)]

_DAY_S = 86400

MOST_WORKERS = 64

LogLevel = Literal["debug", "info", "warning", "error"]

_SYNONYMS = {"warn": "warning"}


def level_of(word: object) -> object:
    """A log level as it is meant: in any case, and by any of its names."""
    return _SYNONYMS.get(word.lower(), word.lower()) if isinstance(word, str) else word


LogFormat = Literal["auto", "text", "json"]


class Section(BaseModel):
    """A part of the configuration. Unknown names are errors, and errors never show what was written."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, validate_by_name=True, validate_by_alias=True
    )


class ServerConfig(Section):
    """The listener, and what one client may ask of it.

    `heartbeat_s` is the silence after which a waiting client is sent a sign of life. After SIGTERM the
    gateway accepts for `accept_while_draining_s` more and is gone after `drain_s` in all. Over
    `max_in_flight` requests, or `bodies_limit_bytes` in the bodies of all of them, new ones are refused.
    `expose_headers`: replies say in `x-gateway-…` headers how they came about. Port 0 is any free one.
    `cors_origins` are those whose pages may call from a browser, `allowed_hosts` the names, beside this
    machine's own, by which clients may call a gateway that only listens here. `workers` are processes that
    share the port and nothing else: every limit holds for each of them.
    """

    host: Host = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 3000
    workers: Annotated[int, Field(ge=1, le=MOST_WORKERS)] = 1
    heartbeat_s: Annotated[Seconds, Field(validation_alias="heartbeat")] = 15
    body_limit_bytes: Annotated[int, Field(gt=0)] = 32 * 1024 * 1024
    bodies_limit_bytes: Annotated[int, Field(gt=0)] = 256 * 1024 * 1024
    header_timeout_s: Annotated[Seconds, Field(validation_alias="header_timeout")] = 10
    body_timeout_s: Annotated[Seconds, Field(validation_alias="body_timeout")] = 30
    expose_headers: bool = True
    drain_s: Annotated[Seconds, Field(validation_alias="drain")] = 22
    accept_while_draining_s: Annotated[
        float,
        BeforeValidator(seconds_of),
        Field(ge=0, allow_inf_nan=False, validation_alias="accept_while_draining"),
    ] = 3
    max_in_flight: Annotated[int, Field(gt=0)] = 1000
    cors_origins: tuple[Annotated[str, AfterValidator(checked_origin)], ...] = ()
    allowed_hosts: tuple[Host, ...] = ()

    @model_validator(mode="after")
    def _draining_is_longer_than_accepting(self) -> Self:
        if self.accept_while_draining_s >= self.drain_s:
            raise ValueError("accept_while_draining must be shorter than drain")
        return self

    @model_validator(mode="after")
    def _one_body_fits_among_all(self) -> Self:
        if self.body_limit_bytes > self.bodies_limit_bytes:
            raise ValueError("bodies_limit_bytes must not be less than body_limit_bytes")
        return self


class AuthConfig(Section):
    """Who may call: the holders of `api_keys`, or, only where it is written out, everybody (`open`)."""

    api_keys: tuple[Secret, ...] = ()
    open: bool = False

    @model_validator(mode="after")
    def _either_keys_or_open(self) -> Self:
        if self.open == bool(self.api_keys):
            raise ValueError("either give api_keys or say `open: true`")
        return self


class LogConfig(Section):
    """What is written to the log. `auto` is text on a terminal and JSON anywhere else."""

    level: Annotated[LogLevel, BeforeValidator(level_of)] = "info"
    format: LogFormat = "auto"


class TimeoutsConfig(Section):
    """How long to wait for what.

    `first_content`: until the first word of a streamed reply. `idle`: between two reads. `progress`: between
    two events with content, so that signs of life alone do not keep a stream open. `total`: the whole
    request, all attempts. `non_stream`: one attempt at a reply that comes whole.
    """

    connect: Seconds = 5
    first_content: Seconds = 300
    idle: Seconds = 300
    progress: Seconds = 600
    total: Seconds = 3600
    non_stream: Seconds = 600

    def overridden(self, overrides: "TimeoutOverrides") -> "TimeoutsConfig":
        """These, but what `overrides` says."""
        return self.model_copy(update=overrides.model_dump(exclude_none=True))


class TimeoutOverrides(Section):
    """Where one deployment needs more or less patience; None leaves the gateway's own figure."""

    connect: Seconds | None = None
    first_content: Seconds | None = None
    idle: Seconds | None = None
    progress: Seconds | None = None
    total: Seconds | None = None
    non_stream: Seconds | None = None


class HealthCheckConfig(Section):
    """The periodic look at deployments: every `interval`, and after how many failures in a row one that
    answers no more is left out until it does.
    """

    enabled: bool = True
    interval: Seconds = 600
    max_error_count: Annotated[int, Field(gt=0)] = 3


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

Number = Annotated[float, Field(allow_inf_nan=False)]

Price = Annotated[float, BeforeValidator(_price_of), Field(ge=0, allow_inf_nan=False)]


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError):
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
    and quotas.
    """

    max_concurrency: Count | None = None
    qps: Weight | None = None
    rpm: Weight | None = None
    tpm: Weight | None = None
    quotas: tuple[QuotaConfig, ...] = ()


class DeploymentConfig(Section):
    """One account at one upstream.

    `name` is for people, None meaning that the id will do. `base_url` None is the provider's own. `models`
    are globs of the names served here, none meaning what the provider claims. Without `api_key` nothing is
    sent that convinces, as local servers have it. `check_health`: whether the periodic check looks here,
    asking for `check_model` (None: the provider's cheapest). `capabilities` correct what is known of the
    models here. `weight`, `priority` and `price` (a number or one of `PRICE_CLASSES`) are what strategies go
    by: more weight, more requests; smaller priorities and prices first. `limits` are its own, those of its
    `group` are shared.
    """

    id: Annotated[str, Field(min_length=1)]
    provider: Annotated[str, Field(min_length=1)]
    name: str | None = None
    api_key: Secret | None = None
    base_url: BaseUrl | None = None
    models: tuple[Glob, ...] = ()
    enabled: bool = True
    check_health: bool = True
    check_model: str | None = None
    capabilities: Mapping[str, JsonValue] = Field(default_factory=dict)
    timeouts: TimeoutOverrides = TimeoutOverrides()
    weight: Weight = 1
    priority: Number = 0
    price: Price = PRICE_CLASSES["normal"]
    limits: LimitsConfig = LimitsConfig()
    group: str | None = None


class StrategyConfig(Section):
    """How a pool chooses among its deployments: the name of a strategy, and what it leaves open."""

    name: str = "lru"
    options: Mapping[str, JsonValue] = Field(default_factory=dict)


class PoolConfig(Section):
    """Deployments that stand in for each other.

    `default_model` stands in for names that the pool does not serve; None is the provider's. `unknown_models`
    says whether it may do so for a name which nothing in the configuration claims, or only in a fallback
    chain.
    """

    name: Annotated[str, Field(min_length=1)]
    deployments: Annotated[tuple[DeploymentConfig, ...], Field(min_length=1)]
    default_model: str | None = None
    unknown_models: Literal["default", "refuse"] = "refuse"
    strategy: StrategyConfig = StrategyConfig()


class PoolsConfig(Section):
    """What is there to choose from, and what holds for several."""

    pools: tuple[PoolConfig, ...]
    fallback_chains: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    groups: Mapping[str, LimitsConfig] = Field(default_factory=dict)


class GatewayConfig(Section):
    """All of it.

    `pools` stand in order of preference; `default_pool` serves names which nothing claims. `models` are names
    or globs that clients may use, to targets `pool` or `pool/model`; `fallback_chains` are pools to the pools
    that stand in for them, in order. `groups` are limits that several deployments share.
    """

    server: ServerConfig = ServerConfig()
    auth: AuthConfig
    log: LogConfig = LogConfig()
    timeouts: TimeoutsConfig = TimeoutsConfig()
    health_check: HealthCheckConfig = HealthCheckConfig()
    pools: Annotated[tuple[PoolConfig, ...], Field(min_length=1)]
    default_pool: str
    models: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    fallback_chains: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    groups: Mapping[str, LimitsConfig] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_fit_together(self) -> Self:
        _refuse_twins("pool", (pool.name for pool in self.pools))
        _refuse_twins("deployment", (deployment.id for deployment in self.deployments))
        if all(pool.name != self.default_pool for pool in self.pools):
            raise ValueError(f"default_pool: there is no pool {self.default_pool}")
        return self

    @property
    def deployments(self) -> tuple[DeploymentConfig, ...]:
        """Those of all pools."""
        return tuple(deployment for pool in self.pools for deployment in pool.deployments)

    @property
    def idle_pools(self) -> tuple[str, ...]:
        """Pools that serve nothing because all their deployments are switched off: worth a warning."""
        return tuple(
            pool.name for pool in self.pools if not any(member.enabled for member in pool.deployments)
        )

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret in the clear, for the log's redaction and for nothing else."""
        upstream = (deployment.api_key for deployment in self.deployments)
        return tuple(key.get_secret_value() for key in (*self.auth.api_keys, *upstream) if key is not None)


def _refuse_twins(what: str, names: Iterable[str]) -> None:
    twins = [name for name, count in Counter(names).items() if count > 1]
    if twins:
        raise ValueError(f"two {what}s are called {twins[0]}")
