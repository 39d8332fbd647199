"""The vocabulary of JSON Schema, keyword by keyword: to which kind each belongs, and what a plain form keeps.

Nothing here follows a reference or looks into a schema inside.
"""

from collections.abc import Iterator, Mapping
from math import ceil, floor, isfinite

from gateway.canonical.json import JsonObject, JsonValue

KINDS = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})

LEAST = frozenset({"minimum", "minLength", "minItems", "minProperties"})
GREATEST = frozenset({"maximum", "maxLength", "maxItems", "maxProperties"})
_COUNTS = (LEAST | GREATEST) - {"minimum", "maximum"}
_KEPT = LEAST | GREATEST | {"pattern", "format", "default", "example"}
"""Keywords with plain values that dialects have words for."""

_DEEPEST_VALUE = 4
"""How deep the value of a keyword may nest; what is deeper is told in words."""

_OPEN: Mapping[str, str] = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}

_NUMERIC = frozenset({"minimum", "maximum", *_OPEN, "multipleOf", "format"})
_OF_KIND: Mapping[str, frozenset[str]] = {
    "string": frozenset({"minLength", "maxLength", "pattern", "format"})
    | {"contentEncoding", "contentMediaType", "contentSchema"},
    "number": _NUMERIC,
    "integer": _NUMERIC,
    "boolean": frozenset(),
    "array": frozenset({"items", "prefixItems", "additionalItems", "unevaluatedItems", "uniqueItems"})
    | {"minItems", "maxItems", "contains", "minContains", "maxContains"},
    "object": frozenset({"properties", "required", "minProperties", "maxProperties", "patternProperties"})
    | {"additionalProperties", "unevaluatedProperties", "propertyNames"}
    | {"dependentRequired", "dependentSchemas", "dependencies"},
    "null": frozenset(),
}
"""The keywords that say something of each kind; the others are of all."""

_OF_ONE_KIND = frozenset[str]().union(*_OF_KIND.values())

_TOLD = frozenset(
    {"not", "if", "then", "else", "examples", "multipleOf", *_OPEN}
    | {"contentEncoding", "contentMediaType", "contentSchema"}
    | {"uniqueItems", "contains", "minContains", "maxContains", "unevaluatedItems"}
    | {"patternProperties", "propertyNames", "dependentRequired", "dependentSchemas", "dependencies"}
    | {"additionalProperties", "unevaluatedProperties"}
)
"""Constraints that are told in words."""

_SILENT: Mapping[str, tuple[JsonValue, ...]] = {
    "additionalProperties": (True, False, {}),
    "unevaluatedProperties": (True, False, {}),
    "unevaluatedItems": (True, False, {}),
    "uniqueItems": (False,),
}
"""Values that say nothing, or only what a model does anyway: it writes no property it was not told of."""


def listed(value: JsonValue) -> list[JsonValue]:
    """The items of a list; none of anything else."""
    return value if isinstance(value, list) else []


def texts(value: JsonValue) -> list[str]:
    """The strings of a list."""
    return [item for item in listed(value) if isinstance(item, str)]


def named_schemas(value: JsonValue) -> list[tuple[str, JsonValue]]:
    """The names and schemas of an object of schemas."""
    return [*value.items()] if isinstance(value, dict) else []


def kinds_said(schema: JsonObject) -> list[str]:
    """The kinds that `schema` names, or that follow from what else it says; none for any."""
    said = schema.get("type")
    named = [said] if isinstance(said, str) else texts(said)
    kinds = [kind for name in named if (kind := name.lower()) in KINDS]
    if kinds:
        return [*dict.fromkeys(kinds)]
    if "properties" in schema:
        return ["object"]
    if "items" in schema or "prefixItems" in schema:
        return ["array"]
    kinds = [_kind_of(value) for value in _values(schema)]
    if "array" in kinds or "object" in kinds:
        # Which lists or objects: a kind alone would not say it.
        return []
    # A choice among whole numbers and others is one among numbers.
    whole = ["number" if kind == "integer" and "number" in kinds else kind for kind in kinds]
    return [*dict.fromkeys(whole)]


def allows_null(schema: JsonObject) -> bool:
    """Whether `schema` says that null will do, beside what else it says."""
    said = schema.get("type")
    return schema.get("nullable") is True or "null" in texts(said) or None in _values(schema)


def _kind_of(value: JsonValue) -> str:
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return kinds.get(type(value), "null")


def _is_of(value: JsonValue, kind: str) -> bool:
    return kind in (_kind_of(value), "number" if _kind_of(value) == "integer" else None)


def _values(schema: JsonObject) -> list[JsonValue]:
    return [schema["const"]] if "const" in schema else listed(schema.get("enum"))


def constants(schema: JsonObject) -> list[JsonValue] | None:
    """The values that `schema` allows, without null; None for any."""
    return [value for value in _values(schema) if value is not None] or None


def split(schema: JsonObject, kinds: list[str]) -> Iterator[JsonObject]:
    """`schema`, which is of several kinds, as one schema for each of them: its values and its keywords."""
    values = constants(schema) or []
    possible = [kind for kind in kinds if any(_is_of(value, kind) for value in values)]
    for kind in possible or kinds:
        said: JsonObject = {name: value for name, value in schema.items() if name in _OF_KIND[kind]}
        own = [value for value in values if _is_of(value, kind)] or values
        yield {"type": kind, **said, **({"enum": own} if own else {})}


def outside(schema: JsonObject) -> JsonObject:
    """What remains of a schema that was split."""
    gone = _OF_ONE_KIND | {"type", "enum", "const", "nullable"}
    return {name: value for name, value in schema.items() if name not in gone}


def _applies(name: str, kind: str | None) -> bool:
    return kind is None or name not in _OF_ONE_KIND or name in _OF_KIND[kind]


def words(schema: JsonObject, kind: str | None) -> Iterator[tuple[str, JsonValue]]:
    """The keywords of `schema` that are kept; an open bound of a whole number is a closed one."""
    for name, value in schema.items():
        if name in _KEPT and _applies(name, kind) and (sound := _sound(name, value)) is not None:
            yield name, sound
    if kind != "integer":
        return
    for name, closed in _OPEN.items():
        bound, said = _number(schema.get(name)), _number(schema.get(closed))
        if bound is not None:
            least = name == "exclusiveMinimum"
            inner = floor(bound) + 1 if least else ceil(bound) - 1
            yield closed, inner if said is None else max(inner, said) if least else min(inner, said)


def _number(value: JsonValue) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
        return None
    return value


def _sound(name: str, value: JsonValue) -> JsonValue:
    """The value of a keyword if it is one that the keyword can have."""
    if name in _COUNTS:
        count = _number(value)
        return int(count) if count is not None and count == int(count) else None
    if name in {"minimum", "maximum"}:
        return _number(value)
    if name in {"pattern", "format"}:
        return value if isinstance(value, str) else None
    return value if _is_shallow(value, _DEEPEST_VALUE) else None


def _is_shallow(value: JsonValue, deepest: int) -> bool:
    inner = value.values() if isinstance(value, dict) else listed(value)
    return deepest > 0 and all(_is_shallow(one, deepest - 1) for one in inner)


def told(schema: JsonObject, kind: str | None) -> Iterator[str]:
    """The keywords of `schema` that must be told in words."""
    for name, value in schema.items():
        if name in {"default", "example"} and not _is_shallow(value, _DEEPEST_VALUE):
            yield name
        if name not in _TOLD or not _applies(name, kind) or value in _SILENT.get(name, ()):
            continue
        if kind != "integer" or name not in _OPEN or _number(value) is None:
            yield name
