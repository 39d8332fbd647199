"""One account at one upstream: what is configured."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.auth.credential import Credential
from gateway.canonical.json import JsonValue
from gateway.config.patterns import matches
from gateway.pool.lasting import Estate
from gateway.pool.limits import Limit, Observer
from gateway.pool.policy import Policy
from gateway.pool.presets import preset
from gateway.pool.purse import Purse
from gateway.pool.tuning import Tuning
from gateway.pool.warmth import Warmth
from gateway.providers.provider import Provider
from gateway.timing import Period
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
    """Configured facts: provider, account, place. `models` are names and patterns; empty means what the
    provider claims. `exclude` wins over them. `upstream` is what any of them is called there, None meaning
    the same name. `tunings` are what is changed of requests. `fetch_models_s`: how often it is asked
    which models it has; None: never. `entry` is the id of what it was configured by, which may have become
    several.

    `policy` says what follows from failures, `period` when the account's own day ends, where that is known.
    `weight`, `priority` and `price` are for strategies: the more, the smaller and the smaller the sooner.
    `account` is whose key it uses; `limits` hold for it, some of them perhaps for others as well, `observers`
    are told of every answer; `most_at_once` is what limits come to for requests in flight, as far as
    strategies care. `purse`: what is left of the account's money, where that is asked for. `warmth`:
    whether it has answered lately, where it matters. `mark` tells the account from others over restarts
    without saying its key, `estates` are what outlives the process of all these.
    """

    id: str
    pool: str
    provider: Provider
    credential: Credential
    transport: Transport
    base_url: str
    models: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    entry: str = ""
    upstream: str | None = None
    tunings: tuple[Tuning, ...] = ()
    fetch_models_s: float | None = None
    timeouts: Timeouts = field(default_factory=Timeouts)
    capabilities: Mapping[str, JsonValue] = field(default_factory=dict)
    check_health: bool = True
    check_model: str | None = None
    check_prompt: str | None = None
    check_expect: str | None = None
    policy: Policy = field(default_factory=preset)
    period: Period | None = None
    weight: float = 1.0
    priority: float = 0
    price: float = 0
    account: str = ""
    limits: tuple[Limit, ...] = ()
    observers: tuple[Observer, ...] = ()
    most_at_once: int | None = None
    purse: Purse | None = None
    warmth: Warmth | None = None
    mark: str = ""
    estates: tuple[Estate, ...] = ()

    def serves(self, model: str) -> bool:
        """Whether a request for `model` may come here without further configuration."""
        return matches(model, self.models or self.provider.claims, self.exclude)

    def admits(self, model: str) -> bool:
        """Whether a model that the upstream has may be served here."""
        return matches(model, self.models or ("*",), self.exclude)

    def called(self, model: str) -> str:
        """What the upstream calls the model that is asked for as `model`."""
        return self.upstream or model
