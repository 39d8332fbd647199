"""What exists, as configuration wants to know it: taken from the tables of providers and protocols."""

from gateway.config.kinds import Kinds, ProviderFacts
from gateway.ledger.balance import READERS
from gateway.pool.strategies import STRATEGIES
from gateway.protocols import CODECS
from gateway.protocols.target import Capabilities
from gateway.providers import PROVIDERS

_ROUTES = ("anthropic", "api", "v1", "v1beta")
"""First words of routes that clients know, whether or not a protocol has them yet."""

_OWN = ("admin", "health", "livez", "metrics", "readyz", "static", "ui")


def kinds() -> Kinds:
    """The providers that variables and files can name, and the words that pools cannot have for names."""
    codecs = CODECS.values()
    words = (endpoint.path.strip("/").partition("/")[0] for codec in codecs for endpoint in codec.endpoints)
    return Kinds(
        providers={
            name: ProviderFacts(provider.env, provider.base_url_env, provider.default_port)
            for name, provider in PROVIDERS.items()
        },
        capabilities=Capabilities,
        reserved=frozenset((*_ROUTES, *_OWN, *words)),
        strategies={name: kind.options for name, kind in STRATEGIES.items()},
        balance_readers=frozenset(READERS),
    )
