"""The whole gateway, described: checked, frozen, and the same from variables as from files.

Everything here is plain data: providers are names, checked by whoever knows them. Times are in seconds; files
may give them a unit (`500ms`, `10m`) and call them without the `_s`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from gateway.config.checks import checked_origin, seconds_of
from gateway.config.failure_policy import FailurePolicy, FailurePolicyConfig
from gateway.config.mapping import Alias
from gateway.config.members import DeploymentConfig, LimitsConfig, PoolConfig, TimeoutOverrides
from gateway.config.sections import Host, Seconds, Secret, Section

MOST_WORKERS = 64

LogLevel = Literal["debug", "info", "warning", "error"]

_SYNONYMS = {"warn": "warning"}


def level_of(word: object) -> object:
    """A log level as it is meant: in any case, and by any of its names."""
    return _SYNONYMS.get(word.lower(), word.lower()) if isinstance(word, str) else word


LogFormat = Literal["auto", "text", "json"]


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


class AdminConfig(Section):
    """Who may use what is below `/api/`: the holder of `key`; without one, programs of this machine."""

    key: Secret | None = None


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


class HealthCheckConfig(Section):
    """The periodic look at deployments: every `interval`, and after how many failures in a row one that
    answers no more is left out until it does.
    """

    enabled: bool = True
    interval: Seconds = 600
    max_error_count: Annotated[int, Field(gt=0)] = 3


class GatewayConfig(Section):
    """All of it.

    `pools` stand in order of preference; `default_pool` serves names which nothing claims. `models` are names
    or patterns that clients may use, to where they lead; `fallback_chains` are pools to the pools
    that stand in for them, in order. `groups` are limits that several deployments share. `failure_policy`
    is what follows from failures, where pools and deployments do not say otherwise; `max_attempts` what one
    request may cost of attempts, over all pools.
    """

    server: ServerConfig = ServerConfig()
    auth: AuthConfig
    admin: AdminConfig = AdminConfig()
    log: LogConfig = LogConfig()
    timeouts: TimeoutsConfig = TimeoutsConfig()
    health_check: HealthCheckConfig = HealthCheckConfig()
    failure_policy: FailurePolicy = FailurePolicyConfig()
    max_attempts: Annotated[int, Field(gt=0)] = 3
    pools: Annotated[tuple[PoolConfig, ...], Field(min_length=1)]
    default_pool: str
    models: Mapping[str, Alias] = Field(default_factory=dict)
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
    def key_files(self) -> tuple[Path, ...]:
        """Files that keys were found in."""
        files = (deployment.keys_file for deployment in self.deployments)
        return tuple(dict.fromkeys(file for file in files if file is not None))

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret in the clear, for the log's redaction and for nothing else."""
        upstream = (deployment.api_key for deployment in self.deployments)
        keys = (*self.auth.api_keys, self.admin.key, *upstream)
        return tuple(key.get_secret_value() for key in keys if key is not None)


def _refuse_twins(what: str, names: Iterable[str]) -> None:
    twins = [name for name, count in Counter(names).items() if count > 1]
    if twins:
        raise ValueError(f"two {what}s are called {twins[0]}")
