"""The house rules, read from the source: what may import what, what stays pure, how large things may grow.

Every rule is a function from a module to its violations, so that tests can show each of them
failing.
"""

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import gateway

ROOT = Path(gateway.__file__).parent

FLOORS: Mapping[str, int] = {
    **dict.fromkeys(("errors", "timing", "canonical", "wire"), 0),
    **dict.fromkeys(("protocols", "auth", "store", "config", "telemetry"), 1),
    **dict.fromkeys(("providers", "ledger", "access"), 2),
    "pool": 3,
    "relay": 4,
    **dict.fromkeys(("server", "fleet"), 5),
    "app": 6,
    "cli": 7,
    "__main__": 8,
}
"""The floor of every room. A file may import its own room and lower floors; ground-floor rooms see each
other.
"""

PURE = ("canonical", "wire", "protocols", "pool.strategies", "pool.policy", "timing")
IMPURE_MODULES = frozenset(
    {"asyncio", "aiohttp", "ssl", "socket", "time", "random", "uuid", "secrets", "threading"}
)
CLOCKS = frozenset({"now", "utcnow", "today"})
NAMES_TOO_VAGUE = frozenset({"utils", "util", "helpers", "helper", "common", "core", "manager", "misc"})
MAY_BE_LONG = {"stream": 500}
"""A codec's stream.py holds two state machines that are read side by side."""

MOST_LINES, MOST_FUNCTION_LINES, MOST_NESTING, MOST_PARAMETERS = 400, 50, 3, 6
AIOHTTP: Mapping[str, tuple[str, ...]] = {
    "aiohttp.web": ("server", "app", "cli"),
    "aiohttp": ("server", "app", "cli", "providers.transport"),
}
"""Which rooms may see aiohttp: the server side of it, and all of it."""

STRANGERS: Mapping[str, frozenset[str]] = {
    "protocols": frozenset(),
    "pool.strategies": frozenset({"strategy"}),
    "providers": frozenset({"provider", "transport", "capabilities", "compatible"}),
}
"""Rooms whose members do not know each other, and the modules that all of them share. In `protocols` the
codecs are the folders; every single module there is shared.
"""

MUTATIONS = frozenset(
    {
        "append",
        "extend",
        "insert",
        "add",
        "update",
        "setdefault",
        "pop",
        "popitem",
        "remove",
        "discard",
        "clear",
    }
)


@dataclass(frozen=True)
class Module:
    """One file of the package: its name below `gateway` (empty for the package itself) and its source."""

    name: str
    source: str
    package: bool = False

    @property
    def tree(self) -> ast.Module:
        """The parsed source."""
        return _parsed(self.source)

    @property
    def room(self) -> str:
        """The first part of its name."""
        return self.name.partition(".")[0]

    def inside(self, place: str) -> bool:
        """Whether it is `place` or stands below it."""
        return self.name == place or self.name.startswith(f"{place}.")


@cache
def _parsed(source: str) -> ast.Module:
    return ast.parse(source)


@cache
def modules() -> tuple[Module, ...]:
    """Every file of the package."""
    return tuple(
        Module(_name(path), path.read_text(encoding="utf-8"), path.name == "__init__.py")
        for path in sorted(ROOT.rglob("*.py"))
    )


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(module: Module) -> Iterator[str]:
    """The full names of what `module` imports, wherever the import stands."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
            if node.level or node.module is None:
                yield f"{'.' * node.level}{node.module or ''}"


def rooms_seen(module: Module) -> Iterator[str]:
    """What it imports from the package, below `gateway`."""
    yield from (name.removeprefix("gateway.") for name in imports(module) if name.startswith("gateway."))


def upward_imports(module: Module) -> Iterator[str]:
    """Imports of a neighbour or of a higher floor; relative imports, which hide where they lead."""
    yield from (f"relative import {name}" for name in imports(module) if name.startswith("."))
    floor = FLOORS.get(module.room)
    if floor is None:
        if module.name:
            yield "a room without a floor"
        return
    for seen in rooms_seen(module):
        room = seen.partition(".")[0]
        other = FLOORS.get(room)
        if other is not None and room != module.room and not (other < floor or other == floor == 0):
            yield f"imports {seen}, floor {other}, from floor {floor}"


def impurities(module: Module) -> Iterator[str]:
    """Waiting, clocks and chance in rooms that only compute."""
    if not any(module.inside(place) for place in PURE):
        return
    for name in imports(module):
        if name.partition(".")[0] in IMPURE_MODULES:
            yield f"imports {name}"
    for node in ast.walk(module.tree):
        if isinstance(node, (ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, ast.Await)):
            yield f"line {node.lineno}: waits"
        elif isinstance(node, ast.Attribute) and node.attr in CLOCKS:
            yield f"line {node.lineno}: reads a clock"


def acquaintances(module: Module) -> Iterator[str]:
    """A codec that knows another codec; a strategy or a provider that knows another."""
    for place, shared in STRANGERS.items():
        own = _child(module.name, place)
        if not own or own in shared:
            continue
        free = shared | (_single_modules(place) if place == "protocols" else frozenset())
        for seen in rooms_seen(module):
            other = _child(seen, place)
            if other and other != own and other not in free:
                yield f"imports {seen}"


def _child(name: str, place: str) -> str:
    """The member of `place` that `name` belongs to, empty if it is none."""
    return name[len(place) + 1 :].partition(".")[0] if name.startswith(f"{place}.") else ""


@cache
def _single_modules(place: str) -> frozenset[str]:
    return frozenset(_child(module.name, place) for module in modules() if not module.package) - frozenset(
        _child(module.name, place) for module in modules() if module.package
    )


def strangers_to_aiohttp(module: Module) -> Iterator[str]:
    """aiohttp outside the rooms that speak HTTP."""
    for name in imports(module):
        library = "aiohttp.web" if name.startswith("aiohttp.web") else name.partition(".")[0]
        if not any(module.inside(room) for room in AIOHTTP.get(library, (module.name,))):
            yield f"imports {name}"


def oversizes(module: Module) -> Iterator[str]:
    """Files, functions, nesting and parameter lists over their budgets."""
    lines = len(module.source.splitlines())
    if lines > MAY_BE_LONG.get(module.name.rpartition(".")[2], MOST_LINES):
        yield f"{lines} lines"
    for node in ast.walk(module.tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from (f"{node.name}: {what}" for what in _oversizes_of(node))


def _oversizes_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    length = (function.end_lineno or function.lineno) - function.lineno + 1
    if length > MOST_FUNCTION_LINES:
        yield f"{length} lines"
    arguments = function.args
    parameters = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    count = len([parameter for parameter in parameters if parameter.arg not in {"self", "cls"}])
    if count > MOST_PARAMETERS and function.name != "__init__":
        yield f"{count} parameters"
    if (depth := _nesting(function.body)) > MOST_NESTING:
        yield f"nested {depth} deep"


def _nesting(body: list[ast.stmt]) -> int:
    return max((_depth(statement) for statement in body), default=0)


def _depth(statement: ast.stmt) -> int:
    """How deep a statement nests; `elif` and `else` stand beside their `if`, a `case` inside its `match`."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return 0
    if isinstance(statement, ast.Match):
        return 1 + max(_nesting(case.body) for case in statement.cases)
    if (
        isinstance(statement, ast.If)
        and len(statement.orelse) == 1
        and isinstance(statement.orelse[0], ast.If)
    ):
        return max(1 + _nesting(statement.body), _depth(statement.orelse[0]))
    blocks = [getattr(statement, name, []) for name in ("body", "orelse", "finalbody")]
    blocks += [handler.body for handler in getattr(statement, "handlers", [])]
    return 1 + max(map(_nesting, blocks)) if any(blocks) else 0


def mutable_state(module: Module) -> Iterator[str]:
    """State that outlives a call: `global`, a module-level collection that is no constant, or one that is
    changed.
    """
    collections: set[str] = set()
    for statement in module.tree.body:
        for name in _collections_of(statement):
            collections.add(name)
            if name.strip("_") != name.strip("_").upper() and name != "__all__":
                yield f"line {statement.lineno}: {name} is a collection, but no constant"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Global):
            yield f"line {node.lineno}: global {', '.join(node.names)}"
        elif (changed := _changed(node)) in collections:
            yield f"line {getattr(node, 'lineno', 0)}: {changed} is changed"


def _collections_of(statement: ast.stmt) -> Iterator[str]:
    value = getattr(statement, "value", None)
    made = isinstance(value, (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)) or (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Name)
        and value.func.id
        in {"list", "dict", "set", "bytearray", "defaultdict", "deque", "Counter", "OrderedDict"}
    )
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    yield from (target.id for target in targets if made and isinstance(target, ast.Name))


def _changed(node: ast.AST) -> str | None:
    """The name of the collection that `node` changes."""
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, (ast.Store, ast.Del)):
        return node.value.id if isinstance(node.value, ast.Name) else None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MUTATIONS:
        return node.func.value.id if isinstance(node.func.value, ast.Name) else None
    return None


def vague_names(module: Module) -> Iterator[str]:
    """Names that say nothing of what is inside."""
    yield from NAMES_TOO_VAGUE.intersection(module.name.split("."))


def excuses(module: Module) -> Iterator[str]:
    """Lines that excuse themselves from coverage without being unreachable."""
    for number, line in enumerate(module.source.splitlines(), 1):
        if "pragma: no" in line and not any(
            reason in line for reason in ("TYPE_CHECKING", "__main__", "assert_never")
        ):
            yield f"line {number}: {line.strip()}"


RULES: tuple[Callable[[Module], Iterator[str]], ...] = (
    upward_imports,
    impurities,
    acquaintances,
    strangers_to_aiohttp,
    oversizes,
    mutable_state,
    vague_names,
    excuses,
)


def cycle(graph: Mapping[str, set[str]]) -> list[str]:
    """The names that lie on some cycle of `graph`: what is left when leaves and roots are taken away."""
    left = {name: set(others) for name, others in graph.items()}
    while True:
        imported = set().union(*left.values()) if left else set()
        gone = {name for name, others in left.items() if not others & left.keys() or name not in imported}
        if not gone:
            return sorted(left)
        left = {name: others - gone for name, others in left.items() if name not in gone}


def module_graph() -> Mapping[str, set[str]]:
    """Which module imports which."""
    known = {module.name for module in modules()}
    return {
        module.name: {
            target for seen in rooms_seen(module) if (target := _resolved(seen, known)) != module.name
        }
        for module in modules()
    }


def _resolved(seen: str, known: set[str]) -> str:
    return seen if seen in known else seen.rpartition(".")[0]
