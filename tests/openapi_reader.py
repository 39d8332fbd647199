"""The OpenAPI subset read strictly: what is no schema of it, and which values one allows."""

import re
from collections.abc import Iterator
from typing import Any

KEYWORDS = frozenset(
    {"type", "format", "description", "nullable", "enum", "items", "minItems", "maxItems", "properties"}
    | {"required", "minProperties", "maxProperties", "minimum", "maximum", "minLength", "maxLength"}
    | {"pattern", "anyOf", "default", "example"}
)
COUNTS = ("minItems", "maxItems", "minProperties", "maxProperties", "minLength", "maxLength")
FORMATS = {
    "STRING": {"enum", "date-time"},
    "INTEGER": {"int32", "int64"},
    "NUMBER": {"float", "double"},
}
TYPES: dict[str, type | tuple[type, ...]] = {
    "STRING": str,
    "INTEGER": int,
    "NUMBER": (int, float),
    "BOOLEAN": bool,
    "ARRAY": list,
    "OBJECT": dict,
    "NULL": type(None),
}
MOST_LEVELS = 32


def faults(schema: Any, path: str = "root", level: int = 0) -> Iterator[str]:
    """What the API would refuse in `schema`, by its path."""
    if not isinstance(schema, dict):
        yield f"{path}: no schema"
        return
    kind = schema.get("type")
    rules = {
        "too deep": level > MOST_LEVELS,
        f"unknown {sorted(schema.keys() - KEYWORDS)}": bool(schema.keys() - KEYWORDS),
        f"type {kind}": kind is not None and kind not in TYPES,
        "enum": "enum" in schema and (kind != "STRING" or not all(_is_word(one) for one in schema["enum"])),
        "format": "format" in schema and schema["format"] not in FORMATS.get(str(kind), ()),
        "counts": any(type(schema[name]) is not int for name in COUNTS if name in schema),
        "items": (kind == "ARRAY") != ("items" in schema),
        "properties": "properties" in schema and (kind != "OBJECT" or not schema["properties"]),
        "required": not set(schema.get("required", ())) <= set(schema.get("properties", ())),
        "anyOf": "anyOf" in schema and len(schema["anyOf"]) < 2,
        "nullable": "nullable" in schema and schema["nullable"] is not True,
    }
    yield from (f"{path}: {rule}" for rule, broken in rules.items() if broken)
    for name, inner in schema.get("properties", {}).items():
        yield from faults(inner, f"{path}.{name}", level + 1)
    if "items" in schema:
        yield from faults(schema["items"], f"{path}[]", level + 1)
    for number, inner in enumerate(schema.get("anyOf", ())):
        yield from faults(inner, f"{path}|{number}", level + 1)


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def allows(schema: dict[str, Any], value: Any) -> bool:
    """Whether `value` keeps to what `schema` says, its description apart."""
    if value is None and (schema.get("nullable") or not {"type", "anyOf"} & schema.keys()):
        return True
    return (
        _is_of_type(value, schema.get("type"))
        and value in schema.get("enum", [value])
        and _is_within(schema, value)
        and (not isinstance(value, str) or re.search(schema.get("pattern", ""), value) is not None)
        and (not isinstance(value, list) or all(allows(schema.get("items", {}), item) for item in value))
        and (not isinstance(value, dict) or _allows_members(schema, value))
        and ("anyOf" not in schema or any(allows(branch, value) for branch in schema["anyOf"]))
    )


def _is_of_type(value: Any, kind: str | None) -> bool:
    if kind is None:
        return True
    return isinstance(value, TYPES[kind]) and (kind == "BOOLEAN" or not isinstance(value, bool))


def _allows_members(schema: dict[str, Any], value: dict[str, Any]) -> bool:
    properties = schema.get("properties", {})
    return set(schema.get("required", ())) <= value.keys() and all(
        allows(properties.get(name, {}), member) for name, member in value.items()
    )


def _is_within(schema: dict[str, Any], value: Any) -> bool:
    units = {str: "Length", list: "Items", dict: "Properties", int: "imum", float: "imum"}
    unit = units.get(type(value))
    if unit is None:
        return True
    size = value if unit == "imum" else len(value)
    return bool(schema.get(f"min{unit}", size) <= size <= schema.get(f"max{unit}", size))
