"""JSON schemas in the forms the Messages API takes.

Tools take draft 2020-12 as it is with a plain object at its root. Structured answers and strict tools take
less (https://platform.claude.com/docs/en/build-with-claude/structured-outputs): what they refuse becomes
part of the description, where the model reads it.
"""

from gateway.canonical.json import JsonObject, JsonValue
from gateway.wire import fast_json

_UNIONS = ("anyOf", "oneOf", "allOf")
_BY_NAME = ("properties", "$defs", "definitions")

_REFUSED = frozenset({
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength",
    "pattern", "maxItems", "uniqueItems", "minProperties", "maxProperties", "not", "patternProperties",
    "propertyNames", "unevaluatedProperties", "unevaluatedItems", "contains", "minContains", "maxContains",
    "dependentRequired", "dependentSchemas", "if", "then", "else",
})  # fmt: skip
_FORMATS = frozenset({
    "date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid",
})  # fmt: skip


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
