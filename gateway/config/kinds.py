"""What configuration must know of the tables above it: it names providers and routes, but sees neither."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel


@dataclass(slots=True, frozen=True)
class ProviderFacts:
    """What can be said of a provider in variables: its keys, best name first, and another host for it (None:
    none is asked for), which may be a host alone where there is a `default_port`.
    """

    key_variables: tuple[str, ...] = ()
    base_url_variable: str | None = None
    default_port: int | None = None


@dataclass(slots=True, frozen=True)
class Kinds:
    """What exists: `providers` by name, in order of preference; `capabilities`, a dataclass whose fields
    deployments may correct; `reserved`, the first words of the gateway's own routes, which no pool may have
    for a name; `strategies` by name, each with what can be chosen about it; the `balance_readers`.
    """

    providers: Mapping[str, ProviderFacts]
    capabilities: type
    reserved: frozenset[str]
    strategies: Mapping[str, type[BaseModel]]
    balance_readers: frozenset[str]
