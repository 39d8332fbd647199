"""JSON Schemas of tools as OpenAI takes them: https://platform.openai.com/docs/guides/function-calling."""

from functools import lru_cache
from typing import Any

from gateway.canonical.json import JsonObject, JsonValue
from gateway.protocols.object_root import arguments_schema
from gateway.wire.fast_json import dumps, loads

_REFUSED = frozenset({"$schema", "enum", "not"})
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
    schema: Any = loads(document)
    root: JsonObject = {
        name: value for name, value in arguments_schema(schema).items() if name not in _REFUSED
    }
    # An object that says nothing of its properties is refused.
    root.setdefault("properties", {})
    return _with_items(root)


def _fitted_value(value: JsonValue) -> JsonValue:
    return _with_items(value) if isinstance(value, dict) else value


def _with_items(schema: JsonObject) -> JsonObject:
    """`schema` with `items` in every list that lacks them; walks by position, so that a property may be
    called `items`.
    """
    fitted: JsonObject = {}
    for name, value in schema.items():
        if name in _OF_SCHEMAS and isinstance(value, dict):
            fitted[name] = {key: _fitted_value(inner) for key, inner in value.items()}
        elif name in _LISTS and isinstance(value, list):
            fitted[name] = [_fitted_value(inner) for inner in value]
        else:
            fitted[name] = _fitted_value(value) if name in _SCHEMAS else value
    kind = schema.get("type")
    if "items" not in schema and (kind == "array" or (isinstance(kind, list) and "array" in kind)):
        fitted["items"] = {}
    return fitted
