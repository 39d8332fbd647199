"""JSON schemas in the forms the Messages API takes.

Tools take draft 2020-12 as it is, but the root must be a plain object. Structured answers and strict tools
take less (https://platform.claude.com/docs/en/build-with-claude/structured-outputs): what they refuse becomes
part of the description, where the model reads it.
"""

from gateway.canonical.json import JsonObject, JsonValue
from gateway.protocols.references import followed
from gateway.wire import fast_json

_UNIONS = ("anyOf", "oneOf", "allOf")
_BY_NAME = ("properties", "$defs", "definitions")
_MOST_LEVELS = 8

_REFUSED = frozenset({
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength",
    "pattern", "maxItems", "uniqueItems", "minProperties", "maxProperties", "not", "patternProperties",
    "propertyNames", "unevaluatedProperties", "unevaluatedItems", "contains", "minContains", "maxContains",
    "dependentRequired", "dependentSchemas", "if", "then", "else",
})  # fmt: skip
_FORMATS = frozenset({
    "date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid",
})  # fmt: skip


def plain_object(schema: JsonObject, *, levels: int = _MOST_LEVELS) -> JsonObject | None:
    """`schema` with a root that is a plain object: itself where it is one, None where it cannot be.

    A reference at the root is followed. A union at the root becomes one object with the properties of all its
    branches, required where every branch (for `allOf`: any) requires them, so that arguments keep their
    shape. Unions in unions are followed for `levels`: references may go round.
    """
    plain = followed(schema)
    unions = [name for name in _UNIONS if name in plain]
    if not unions and plain.get("type") == "object":
        return plain
    if plain.get("type", "object") != "object" and plain.get("type") != ["object", "null"]:
        return None
    root: JsonObject = {name: value for name, value in plain.items() if name not in unions}
    root["type"] = "object"
    for name in unions:
        branches = _branches(plain[name], schema, levels) if levels else None
        if branches is None:
            return None
        _join(root, branches, every=name != "allOf")
    root.setdefault("properties", {})
    return root


def _branches(value: JsonValue, root: JsonObject, levels: int) -> list[JsonObject] | None:
    """The branches of a union, each a plain object; None if one is not."""
    definitions: JsonObject = {name: root[name] for name in _BY_NAME[1:] if name in root}
    branches: list[JsonObject] = []
    for branch in value if isinstance(value, list) else ():
        named = {**definitions, **branch} if isinstance(branch, dict) else None
        plain = None if named is None else plain_object(named, levels=levels - 1)
        if plain is None:
            return None
        branches.append(plain)
    return branches


def _join(root: JsonObject, branches: list[JsonObject], *, every: bool) -> None:
    properties: JsonObject = {}
    for schema in (root, *branches):
        said = schema.get("properties")
        for name, value in said.items() if isinstance(said, dict) else ():
            properties.setdefault(name, value)
    root["properties"] = properties
    lists = [set(_names(branch)) for branch in branches]
    joined = (set.intersection(*lists) if every else set.union(*lists)) if lists else set()
    required: list[JsonValue] = [name for name in properties if name in joined or name in _names(root)]
    if required:
        root["required"] = required


def _names(schema: JsonObject) -> list[str]:
    required = schema.get("required")
    return [name for name in required if isinstance(name, str)] if isinstance(required, list) else []


def closed(schema: JsonObject) -> JsonObject:
    """`schema` in the part of JSON Schema that constrained answers take: objects closed, limits as words."""
    kept: JsonObject = {}
    advice: list[str] = []
    for name, value in schema.items():
        if _refused(name, value):
            advice.append(f"{name}: {fast_json.dumps(value).decode()}")
        elif name != "$schema":
            kept["anyOf" if name == "oneOf" else name] = _closed_value(name, value)
    if kept.get("type") == "object" or "properties" in kept:
        kept["additionalProperties"] = False
    if advice:
        said = kept.get("description")
        kept["description"] = "; ".join([*([said] if isinstance(said, str) else []), *advice])
    return kept


def _refused(name: str, value: JsonValue) -> bool:
    if name == "format":
        return value not in _FORMATS
    if name == "minItems":
        return value not in (0, 1)
    return name in _REFUSED


def _closed_value(name: str, value: JsonValue) -> JsonValue:
    """The value of a keyword with the schemas inside it closed; walked by position, not by name."""
    if name in _BY_NAME and isinstance(value, dict):
        return {key: closed(item) if isinstance(item, dict) else item for key, item in value.items()}
    if name in _UNIONS and isinstance(value, list):
        return [closed(item) if isinstance(item, dict) else item for item in value]
    if name == "items" and isinstance(value, dict):
        return closed(value)
    return value
