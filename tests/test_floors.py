"""The package keeps the rules of the house, and each rule is seen failing."""

from collections.abc import Callable, Iterator, Mapping

import pytest

from tests.house_rules import (
    RULES,
    Module,
    acquaintances,
    cycle,
    excuses,
    impurities,
    module_graph,
    modules,
    mutable_state,
    oversizes,
    strangers_to_aiohttp,
    upward_imports,
    vague_names,
)

EXCEPTIONS: Mapping[tuple[str, str], str] = {}
"""(rule, module) -> why it may break the rule."""


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_file_keeps_the_rule(rule: Callable[[Module], Iterator[str]]) -> None:
    broken = [
        f"gateway.{module.name}: {what}"
        for module in modules()
        if (rule.__name__, module.name) not in EXCEPTIONS
        for what in rule(module)
    ]
    assert broken == []


def test_the_package_was_found() -> None:
    assert {"canonical.content", "protocols.codec", "wire.sse", ""} <= {module.name for module in modules()}


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert cycle(module_graph()) == []


def test_a_circle_of_imports_would_be_found() -> None:
    assert cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}, "e": set()}) == ["b", "c"]


BAD: tuple[tuple[Callable[[Module], Iterator[str]], str, str], ...] = (
    (upward_imports, "wire.bad", "from gateway.protocols.codec import Codec"),
    (upward_imports, "protocols.bad", "from gateway.config import schema"),
    (upward_imports, "pool.bad", "if TYPE_CHECKING:\n    from gateway.relay.route import Route"),
    (upward_imports, "wire.bad", "from . import frames"),
    (upward_imports, "cellar.bad", "x = 1"),
    (impurities, "protocols.anthropic.bad", "import time"),
    (impurities, "timing", "from asyncio import sleep"),
    (impurities, "canonical.bad", "async def f(): ..."),
    (impurities, "pool.policy", "from datetime import datetime\nx = datetime.now()"),
    (acquaintances, "protocols.anthropic.bad", "from gateway.protocols.openai_chat.request import decode"),
    (acquaintances, "protocols.anthropic.bad", "from gateway.protocols import CODECS"),
    (acquaintances, "pool.strategies.lru", "from gateway.pool.strategies.random import Random"),
    (acquaintances, "providers.openai", "import gateway.providers.anthropic"),
    (strangers_to_aiohttp, "relay.bad", "import aiohttp"),
    (strangers_to_aiohttp, "providers.transport", "from aiohttp import web"),
    (oversizes, "wire.bad", "x = 1\n" * 401),
    (oversizes, "wire.bad", "def f():\n" + "    x = 1\n" * 50),
    (oversizes, "wire.bad", "def f(a, b, c, d, *, e, g, h): ..."),
    (oversizes, "wire.bad", "def f():\n if a:\n  for b in c:\n   with d:\n    if e:\n     x = 1"),
    (
        oversizes,
        "wire.bad",
        "def f():\n try:\n  match a:\n   case 1:\n    while b:\n     if e:\n      x = 1\n finally: y",
    ),
    (mutable_state, "wire.bad", "cache = {}"),
    (mutable_state, "wire.bad", "SEEN: set[str] = set()\ndef f(x): SEEN.add(x)"),
    (mutable_state, "wire.bad", "TABLE = {}\ndef f(x): TABLE[x] = 1"),
    (mutable_state, "wire.bad", "X = 1\ndef f():\n    global X"),
    (vague_names, "wire.utils", ""),
    (excuses, "wire.bad", "x = 1  # pragma: no cover"),
)


@pytest.mark.parametrize(("rule", "name", "source"), BAD)
def test_a_file_that_breaks_a_rule_is_found(
    rule: Callable[[Module], Iterator[str]], name: str, source: str
) -> None:
    assert list(rule(Module(name, source)))


GOOD: tuple[tuple[Callable[[Module], Iterator[str]], str, str], ...] = (
    (upward_imports, "relay.good", "from gateway.pool.pool import Pools\nimport orjson"),
    (upward_imports, "wire.good", "from gateway.canonical.json import JsonValue"),
    (
        acquaintances,
        "protocols.anthropic.good",
        "from gateway.protocols.anthropic import media\nfrom gateway.protocols import carry",
    ),
    (acquaintances, "providers.openai", "from gateway.providers.provider import Provider"),
    (oversizes, "protocols.anthropic.stream", "x = 1\n" * 500),
    (
        oversizes,
        "wire.good",
        "def f():\n if a:\n  x\n elif b:\n  x\n elif c:\n  x\n elif d:\n  x\n else:\n  x",
    ),
    (mutable_state, "wire.good", "_TABLE = {'a': 1}\ndef f(x):\n    own = {}\n    own[x] = _TABLE[x]"),
)


@pytest.mark.parametrize(("rule", "name", "source"), GOOD)
def test_a_file_that_keeps_the_rules_is_left_alone(
    rule: Callable[[Module], Iterator[str]], name: str, source: str
) -> None:
    assert list(rule(Module(name, source))) == []
