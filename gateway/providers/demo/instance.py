"""A value that a JSON Schema accepts, made without any knowledge of what it is for.

Covers what clients write for tools and structured answers: types, required fields, enums, constants, formats,
bounds, references, alternatives. Where a schema contradicts itself the result is merely a good try.
"""

import re
from collections.abc import Callable, Mapping
from math import ceil, inf
from types import MappingProxyType

from gateway.canonical.json import JsonObject, JsonValue

_MAX_DEPTH = 16
_MAX_VALUES = 5_000
"""Schemas come from clients: one that refers to itself twice would otherwise grow without end."""

_LARGEST = 1e300
_EXACT = 2**53
_MAX_ITEMS = 100
_MAX_PATTERN = 200
"""Patterns come from clients: a long one may take long to compile, so it is not tried."""

_FORMATS: Mapping[str, str] = MappingProxyType(
    {
        "date": "2026-01-01",
        "date-time": "2026-01-01T12:00:00Z",
        "duration": "PT1M",
        "email": "demo@example.com",
        "hostname": "example.com",
        "ipv4": "192.0.2.1",
        "ipv6": "2001:db8::1",
        "regex": ".*",
        "time": "12:00:00Z",
        "uri": "https://example.com/",
        "url": "https://example.com/",
        "uuid": "00000000-0000-4000-8000-000000000000",
    }
)
# Fields of coding agents' tools: harmless if they are really run.
_NAMES: Mapping[str, str] = MappingProxyType(
    {"command": "echo demo", "file_path": "demo.txt", "path": "demo.txt", "url": "https://example.com/"}
)
# Short on purpose: a pattern that backtracks without end needs a long text to do so.
_GUESSES = (
    "demo",
    "Demo",
    "DEMO",
    "a",
    "A",
    "1",
    "10",
    "123",
    "12345",
    "a1",
    "2026-01-01",
    "1.0",
    "1.0.0",
    "#000000",
)


def instance_of(schema: JsonObject) -> JsonValue:
    """A value for `schema`; of an object only the required fields."""
    return _Maker(schema).value(schema, "", 0)


class _Maker:
    """Makes the values of one document; references are resolved in it."""

    def __init__(self, root: JsonObject) -> None:
        self._root = root
        self._left = _MAX_VALUES
        self._makers: Mapping[str, Callable[[JsonObject, str, int], JsonValue]] = {
            "array": self._array,
            "boolean": lambda _schema, _name, _depth: True,
            "integer": lambda schema, _name, _depth: int(_number(schema, whole=True)),
            "null": lambda _schema, _name, _depth: None,
            "number": lambda schema, _name, _depth: _number(schema, whole=False),
            "object": self._object,
            "string": lambda schema, name, _depth: _string(schema, name),
        }

    def value(self, schema: JsonValue, name: str, depth: int) -> JsonValue:
        """A value for `schema`, which stands under the field `name`."""
        if not isinstance(schema, dict) or self._spent(depth):
            return "demo" if schema is True else None
        schema = self._resolved(schema, depth)
        if "const" in schema:
            return schema["const"]
        for field in ("enum", "examples"):
            choices = schema.get(field)
            if isinstance(choices, list) and choices:
                return choices[0]
        if "default" in schema:
            return schema["default"]
        return self._makers.get(_type_of(schema), self._makers["string"])(schema, name, depth)

    def _resolved(self, schema: JsonObject, depth: int) -> JsonObject:
        """`schema` with its reference, the first of its alternatives and all its conjuncts merged in."""
        if self._spent(depth):
            return {}
        merged = {key: item for key, item in schema.items() if key not in {"$ref", "anyOf", "oneOf", "allOf"}}
        parts: list[JsonValue] = [self._referred(schema.get("$ref"))]
        for field, many in (("allOf", True), ("anyOf", False), ("oneOf", False)):
            branches = schema.get(field)
            if isinstance(branches, list):
                parts += branches if many else branches[:1]
        for part in parts:
            if isinstance(part, dict):
                merged = _merged(merged, self._resolved(part, depth + 1))
        return merged

    def _spent(self, depth: int) -> bool:
        self._left -= 1
        return depth > _MAX_DEPTH or self._left < 0

    def _referred(self, reference: JsonValue) -> JsonValue:
        if not isinstance(reference, str) or not reference.startswith("#"):
            return None
        found: JsonValue = self._root
        for step in filter(None, reference[1:].split("/")):
            found = found.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
        return found

    def _object(self, schema: JsonObject, _name: str, depth: int) -> JsonValue:
        properties, required = schema.get("properties"), schema.get("required")
        known = properties if isinstance(properties, dict) else {}
        names = [name for name in required if isinstance(name, str)] if isinstance(required, list) else []
        return {name: self.value(known.get(name, True), name, depth + 1) for name in names}

    def _array(self, schema: JsonObject, name: str, depth: int) -> JsonValue:
        prefix = schema.get("prefixItems")
        items = [self.value(item, name, depth + 1) for item in prefix] if isinstance(prefix, list) else []
        least = min(_whole(schema.get("minItems"), 0), _MAX_ITEMS)
        while len(items) < least:
            items.append(self.value(schema.get("items", True), name, depth + 1))
        return items


def _merged(left: JsonObject, right: JsonObject) -> JsonObject:
    """Both together: fields and required names add up, of anything else the left word stands."""
    merged = {**right, **left}
    ours, theirs = left.get("properties"), right.get("properties")
    if isinstance(ours, dict) and isinstance(theirs, dict):
        merged["properties"] = {**theirs, **ours}
    mine, more = left.get("required"), right.get("required")
    if isinstance(mine, list) and isinstance(more, list):
        merged["required"] = [*mine, *(name for name in more if name not in mine)]
    return merged


def _type_of(schema: JsonObject) -> str:
    """The type that `schema` names, or else the one its other words imply."""
    named = schema.get("type")
    if isinstance(named, list):
        named = next((name for name in named if name != "null"), "null")
    if isinstance(named, str):
        return named
    if schema.keys() & {"properties", "required"}:
        return "object"
    if schema.keys() & {"items", "prefixItems", "minItems"}:
        return "array"
    return "number" if schema.keys() & {"minimum", "maximum", "multipleOf"} else "string"


def _number(schema: JsonObject, *, whole: bool) -> float:
    """The smallest allowed number from 1 on, or the largest where that is less."""
    step = abs(_real(schema.get("multipleOf")) or 0.0) or (1.0 if whole else None)
    gap = step or 0.5
    low, above = _real(schema.get("minimum")), _real(schema.get("exclusiveMinimum"))
    high, below = _real(schema.get("maximum")), _real(schema.get("exclusiveMaximum"))
    lows = [bound for bound in (low, above + gap if above is not None else None) if bound is not None]
    highs = [bound for bound in (high, below - gap if below is not None else None) if bound is not None]
    number = min([max(lows, default=1.0), *highs])
    return _on_step(number, step, min(highs, default=inf)) if step else number


def _on_step(number: float, step: float, high: float) -> float:
    """The next multiple of `step` upwards, or the one below where that is too high."""
    if abs(number) > _EXACT * step:
        return number
    count = ceil(number / step)
    return (count if count * step <= high else count - 1) * step


def _string(schema: JsonObject, name: str) -> str:
    named = schema.get("format")
    pattern = schema.get("pattern")
    if isinstance(named, str) and named in _FORMATS:
        return _FORMATS[named]
    least, most = _whole(schema.get("minLength"), 0), _whole(schema.get("maxLength"), 1_000)
    if isinstance(pattern, str):
        return _matching(pattern, least, most)
    text = _NAMES.get(name, "demo")
    return text.ljust(min(least, 10_000), ".")[: max(most, 0)]


def _matching(pattern: str, least: int, most: int) -> str:
    if len(pattern) > _MAX_PATTERN:
        return _GUESSES[0]
    try:
        compiled = re.compile(pattern)
    except re.error:
        return _GUESSES[0]
    fitting = (guess for guess in _GUESSES if least <= len(guess) <= most and compiled.search(guess))
    return next(fitting, _GUESSES[0])


def _whole(value: JsonValue, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def _real(value: JsonValue) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) > _LARGEST:
        return None
    return float(value)
