"""JSON Schemas of tools as Ollama reads them: into a structure of its own, not as a document.

Keywords that the structure lacks vanish there in silence, so the root is made a plain object and references
are followed here (github.com/ollama/ollama, api/types.go).
"""

from gateway.canonical.json import JsonObject, JsonValue
from gateway.protocols.references import followed

_COMBINERS = ("anyOf", "oneOf", "allOf")
_DEFINITIONS = ("$defs", "definitions")
_MOST_STEPS = 8


def object_schema(schema: JsonObject | None) -> JsonObject:
    """`schema` with an object of named properties at its root and no references: itself where it is one."""
    if schema is None:
        return {"type": "object", "properties": {}}
    root = followed(schema)
    if root.get("type", "object") != "object":
        # A tool's arguments are an object whatever the schema says; this is what such a tool can be called
        # with.
        root = {"type": "object", "properties": {"input": root}, "required": ["input"]}
    if any(combiner in root for combiner in _COMBINERS):
        root = _flattened(root)
    plain = _inlined(root, schema, _MOST_STEPS)
    assert isinstance(plain, dict)
    kept = {name: value for name, value in plain.items() if name not in _DEFINITIONS}
    kept = kept if "type" in kept else {"type": "object", **kept}
    properties = kept.get("properties")
    named = properties if isinstance(properties, dict) else {}
    return {**kept, "properties": {name: _property(value) for name, value in named.items()}}


def _property(value: JsonValue) -> JsonValue:
    """A property must be an object there; `true`, which allows anything, is one without keywords."""
    return value if isinstance(value, dict) else {}


def _flattened(root: JsonObject) -> JsonObject:
    """Alternatives at the root become the union of their properties; required is what all of them require."""
    flat: JsonObject = {name: value for name, value in root.items() if name not in _COMBINERS}
    properties: JsonObject = {}
    required = set(_names(root.get("required")))
    for combiner in _COMBINERS:
        branches = root.get(combiner)
        plain = [followed({**_definitions(root), **branch}) for branch in _objects(branches)]
        for branch in plain:
            said = branch.get("properties")
            properties |= said if isinstance(said, dict) else {}
        lists = [set(_names(branch.get("required"))) for branch in plain]
        join = set.union if combiner == "allOf" else set.intersection
        required |= join(*lists) if lists else set()
    own = root.get("properties")
    properties |= own if isinstance(own, dict) else {}
    needed: list[JsonValue] = [name for name in properties if name in required]
    return {**flat, "properties": properties, **({"required": needed} if needed else {})}


def _definitions(root: JsonObject) -> JsonObject:
    return {name: root[name] for name in _DEFINITIONS if name in root}


def _objects(value: JsonValue) -> list[JsonObject]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _names(value: JsonValue) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _inlined(value: JsonValue, root: JsonObject, steps: int) -> JsonValue:
    """`value` with every reference into `root` replaced by what it names; where references go round, by any
    object.
    """
    if isinstance(value, list):
        return [_inlined(item, root, steps) for item in value]
    if not isinstance(value, dict):
        return value
    reference = value.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/"):
        if not steps:
            return {"type": "object"}
        named = followed({**_definitions(root), **value})
        rest: JsonObject = {name: item for name, item in named.items() if name not in {"$ref", *_DEFINITIONS}}
        return _inlined(rest, root, steps - 1)
    return {
        name: item if name in _DEFINITIONS else _inlined(item, root, steps) for name, item in value.items()
    }
