"""JSON Schemas of tools as OpenAI takes them: https://platform.openai.com/docs/guides/function-calling."""

from functools import lru_cache
from typing import Any

from gateway.canonical.json import JsonObject, JsonValue
from gateway.protocols.references import followed
from gateway.wire.fast_json import dumps, loads

_COMBINERS = ("oneOf", "anyOf", "allOf")
_OF_SCHEMAS = frozenset({"properties", "$defs", "definitions", "patternProperties"})
_LISTS = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
_SCHEMAS = frozenset({"items", "additionalProperties", "not", "if", "then", "else"})


def object_schema(schema: JsonObject) -> JsonObject:
    """`schema` as the upstream takes it: an object at its root without alternatives or a reference, lists
    with `items`. The result may be shared: nobody may change it.
    """
    # The same tools come with every turn of a conversation.
    return _fitted(dumps(schema))


@lru_cache(maxsize=512)
def _fitted(document: bytes) -> JsonObject:
    parsed: Any = loads(document)
    schema = followed(parsed)
    if schema.get("type", "object") != "object":
        # A tool's arguments are an object whatever the schema says; this is what such a tool can be called
        # with.
        return {"type": "object", "properties": {"input": _with_items(schema)}, "required": ["input"]}
    root = {name: value for name, value in schema.items() if name not in {"$schema", "enum", "not"}}
    root = {"type": "object", **_flattened(root)} if "type" not in root else _flattened(root)
    fitted = _with_items(root)
    return fitted if isinstance(fitted, dict) else root


def _flattened(root: JsonObject) -> JsonObject:
    """Alternatives at the root become the union of their properties; only what all require stays required."""
    branches = [(combiner, branch) for combiner in _COMBINERS for branch in _objects(root.get(combiner))]
    if not any(combiner in root for combiner in _COMBINERS):
        return root
    flat: JsonObject = {name: value for name, value in root.items() if name not in _COMBINERS}
    properties: JsonObject = {}
    required = set(_names(root.get("required")))
    choices = [set(_names(branch.get("required"))) for combiner, branch in branches if combiner != "allOf"]
    required |= set.intersection(*choices) if choices else set()
    for combiner, branch in branches:
        properties |= _object(branch.get("properties"))
        if combiner == "allOf":
            required |= set(_names(branch.get("required")))
    properties |= _object(root.get("properties"))
    flat["properties"] = properties
    if required:
        flat["required"] = [name for name in properties if name in required]
    return flat


def _objects(value: JsonValue) -> list[JsonObject]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _object(value: JsonValue) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _names(value: JsonValue) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _with_items(schema: JsonValue) -> JsonValue:
    """`schema` with `items` in every list that lacks them; walks by position, so that a property may be
    called `items`.
    """
    if not isinstance(schema, dict):
        return schema
    fitted: JsonObject = {}
    for name, value in schema.items():
        if name in _OF_SCHEMAS and isinstance(value, dict):
            fitted[name] = {key: _with_items(inner) for key, inner in value.items()}
        elif name in _LISTS and isinstance(value, list):
            fitted[name] = [_with_items(inner) for inner in value]
        else:
            fitted[name] = _with_items(value) if name in _SCHEMAS else value
    kind = schema.get("type")
    if "items" not in schema and (kind == "array" or (isinstance(kind, list) and "array" in kind)):
        fitted["items"] = {}
    return fitted
