"""One account at one upstream: what is configured, and how it has been doing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from gateway.auth.credential import Credential
from gateway.canonical.json import JsonValue
from gateway.pool.limits import Limit
from gateway.pool.strategies.strategy import Standing
from gateway.providers.provider import Provider
from gateway.wire.http import Transport


@dataclass(slots=True, frozen=True, kw_only=True)
class Timeouts:
    """How long to wait for what, in seconds.

    `connect`: for a connection, TLS included. `first_content`: until the first word of a streamed reply.
    `idle`: between two reads. `progress`: between two events with content, so that pings alone do not keep a
    stream alive. `total`: the whole request, all attempts. `non_stream`: one attempt at a reply that comes
    whole.
    """

    connect: float = 5
    first_content: float = 300
    idle: float = 300
    progress: float = 600
    total: float = 3600
    non_stream: float = 600


@dataclass(slots=True, frozen=True, kw_only=True, eq=False)
class Deployment:
    """Configured facts: provider, account, place. `models` are globs; empty means what the provider claims.

    `weight`, `priority` and `price` are for strategies: the more, the smaller and the smaller the sooner.
    `account` is whose key it uses; `limits` hold for it, some of them perhaps for others as well;
    `most_at_once` is what they come to for requests in flight, as far as strategies care.
    """

    id: str
    pool: str
    provider: Provider
    credential: Credential
    transport: Transport
    base_url: str
    models: tuple[str, ...] = ()
    timeouts: Timeouts = field(default_factory=Timeouts)
    capabilities: Mapping[str, JsonValue] = field(default_factory=dict)
    check_health: bool = True
    check_model: str | None = None
    weight: float = 1.0
    priority: float = 0
    price: float = 0
    account: str = ""
    limits: tuple[Limit, ...] = ()
    most_at_once: int | None = None

    def serves(self, model: str) -> bool:
        """Whether a request for `model` may come here without further configuration."""
        return any(fnmatchcase(model, glob) for glob in self.models or self.provider.claims)


@dataclass(slots=True)
class Health:
    """How a deployment has been doing; only the pool writes it. Times are of the pool's monotonic clock.

    `limited` says until when it takes no more requests for a model: other models are served meanwhile.
    """

    standing: Standing
    resting_until: float = 0.0
    limited: dict[str, float] = field(default_factory=dict)
    failures: int = 0
    last_error: str = ""

    @property
    def in_flight(self) -> int:
        """Requests that have started there and not ended."""
        return self.standing.in_flight
