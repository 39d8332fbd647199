"""What each model can, as data: built-in rules by glob, then the provider's word, then the deployment's."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from gateway.canonical.json import JsonValue
from gateway.protocols.target import Capabilities

_KNOWN = {field.name for field in fields(Capabilities)}


@dataclass(slots=True, frozen=True)
class Rule:
    """What all models of `protocol` whose names match one of `models` have in common."""

    protocol: str
    models: tuple[str, ...]
    says: Mapping[str, JsonValue]


class CapabilityTable:
    """Answers what a model can. Of several rules that match, the later ones win, field by field."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = tuple(rules)
        self._known: dict[tuple[str, str], dict[str, JsonValue]] = {}

    def of(self, protocol: str, model: str, *overrides: Mapping[str, JsonValue]) -> Capabilities:
        """What `model` can, when `protocol` is spoken to it; `overrides` win in the order given."""
        says = self._known.get((protocol, model))
        if says is None:
            says = self._match(protocol, model)
            # Model names come from clients: remember only as many as a sane deployment uses.
            if len(self._known) < 1000:
                self._known[protocol, model] = says
        return capabilities({**says, **{name: value for said in overrides for name, value in said.items()}})

    def _match(self, protocol: str, model: str) -> dict[str, JsonValue]:
        name = model.rpartition("/")[2].lower()
        says: dict[str, JsonValue] = {}
        for rule in self._rules:
            if rule.protocol == protocol and any(fnmatchcase(name, glob) for glob in rule.models):
                says.update(rule.says)
        return says


def capabilities(says: Mapping[str, Any]) -> Capabilities:
    """The record that `says` fills in; lists become the record's own containers.

    Raises:
        ValueError: a name that no capability has.
    """
    if unknown := says.keys() - _KNOWN:
        raise ValueError(f"unknown capabilities: {', '.join(sorted(unknown))}")
    values = dict(says)
    if "media" in values:
        values["media"] = frozenset(values["media"])
    if "efforts" in values:
        values["efforts"] = tuple(values["efforts"])
    return Capabilities(**values)


def built_in() -> CapabilityTable:
    """The rules that come with the gateway (`capabilities.yaml`)."""
    return CapabilityTable(_rules())


@cache
def _rules() -> tuple[Rule, ...]:
    document = yaml.safe_load(files(__package__).joinpath("capabilities.yaml").read_text("utf-8"))
    return tuple(
        Rule(protocol, tuple(entry["models"]), {k: v for k, v in entry.items() if k != "models"})
        for protocol, entries in document.items()
        for entry in entries
    )
