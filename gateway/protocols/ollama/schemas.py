"""JSON Schemas of tools as Ollama reads them: into a structure of its own, not as a document.

Keywords that the structure lacks vanish there in silence, so the root is made a plain object and references
are followed here (github.com/ollama/ollama, api/types.go).
"""

from gateway.canonical.json import JsonObject, JsonValue
from gateway.protocols.object_root import arguments_schema, definitions_of
from gateway.protocols.references import followed

_MOST_STEPS = 8


def object_schema(schema: JsonObject | None) -> JsonObject:
    """`schema` with an object of named properties at its root and no references: itself where it is one."""
    if schema is None:
        return {"type": "object", "properties": {}}
    root = arguments_schema(schema)
    known = definitions_of(root)
    plain = {name: _inlined(value, known, _MOST_STEPS) for name, value in root.items() if name not in known}
    properties = plain.get("properties")
    named = properties if isinstance(properties, dict) else {}
    return {**plain, "properties": {name: _property(value) for name, value in named.items()}}


def _property(value: JsonValue) -> JsonValue:
    """A property must be an object there; `true`, which allows anything, is one without keywords."""
    return value if isinstance(value, dict) else {}


def _inlined(value: JsonValue, known: JsonObject, steps: int) -> JsonValue:
    """`value` with every reference to one of the `known` definitions replaced by what it names; where
    references go round, by any object.
    """
    if isinstance(value, list):
        return [_inlined(item, known, steps) for item in value]
    if not isinstance(value, dict):
        return value
    reference = value.get("$ref")
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return {name: _inlined(item, known, steps) for name, item in value.items()}
    if not steps:
        return {"type": "object"}
    named = followed({**known, **value})
    rest: JsonObject = {name: item for name, item in named.items() if name not in {"$ref", *known}}
    return _inlined(rest, known, steps - 1)
