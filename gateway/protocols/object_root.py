"""JSON Schemas with a plain object at their root, which upstreams demand of what a tool takes.

A reference at the root is followed. A union there becomes one object with the properties of all its branches,
required where every branch (of `allOf`: any) requires them, so that arguments keep their shape.
"""

from collections.abc import Iterable

from gateway.canonical.json import JsonObject, JsonValue
from gateway.protocols.references import followed

_UNIONS = ("anyOf", "oneOf", "allOf")
_DEFINITIONS = ("$defs", "definitions")
_MOST_LEVELS = 8


def arguments_schema(schema: JsonObject) -> JsonObject:
    """`schema` with a plain object at its root: what cannot be one becomes the property `input` of one.

    A tool's arguments are an object whatever its schema says; this is what such a tool can be called with.
    """
    plain = object_root(schema)
    if plain is not None:
        return plain
    inner: JsonObject = {name: value for name, value in schema.items() if name not in _DEFINITIONS}
    return {"type": "object", "properties": {"input": inner}, "required": ["input"], **definitions_of(schema)}


def object_root(schema: JsonObject, *, levels: int = _MOST_LEVELS) -> JsonObject | None:
    """`schema` with a plain object at its root: itself where it has one, None where it cannot.

    Unions in unions are followed for `levels`: references may go round.
    """
    plain = followed(schema)
    unions = [name for name in _UNIONS if name in plain]
    kind = plain.get("type", "object")
    if kind != "object" and not (isinstance(kind, list) and "object" in kind):
        return None
    if not unions and plain.get("type") == "object" and "$ref" not in plain:
        return plain
    # A reference that is left leads nowhere.
    root: JsonObject = {name: value for name, value in plain.items() if name not in {*unions, "$ref"}}
    root["type"] = "object"
    for name in unions:
        branches = _branches(plain[name], schema, levels) if levels else None
        if branches is None:
            return None
        _join(root, branches, all_hold=name == "allOf")
    root.setdefault("properties", {})
    return root


def definitions_of(schema: JsonObject) -> JsonObject:
    """The definitions that references in `schema` may name, under the words that hold them."""
    return {name: schema[name] for name in _DEFINITIONS if name in schema}


def _branches(value: JsonValue, root: JsonObject, levels: int) -> list[JsonObject] | None:
    """The branches of a union, each a plain object; None if one is not. `true` is any object here."""
    branches: list[JsonObject] = []
    for branch in value if isinstance(value, list) else ():
        said = branch if isinstance(branch, dict) else {}
        plain = object_root({**definitions_of(root), **said}, levels=levels - 1)
        if plain is None:
            return None
        branches.append(plain)
    return branches


def _join(root: JsonObject, branches: list[JsonObject], *, all_hold: bool) -> None:
    """Take the properties of `branches` into `root`. What the root itself says of one wins; of one that the
    branches define differently, each definition stays.
    """
    found: dict[str, list[JsonValue]] = {}
    for branch in branches:
        for name, value in _properties(branch):
            said = found.setdefault(name, [])
            if value not in said:
                said.append(value)
    word = "allOf" if all_hold else "anyOf"
    properties: JsonObject = dict(_properties(root))
    for name, said in found.items():
        properties.setdefault(name, said[0] if len(said) == 1 else {word: said})
    root["properties"] = properties
    lists = [_required(branch) for branch in branches]
    join = set.union if all_hold else set.intersection
    needed = _required(root) | (join(*lists) if lists else set())
    required: list[JsonValue] = [name for name in properties if name in needed]
    if required:
        root["required"] = required


def _properties(schema: JsonObject) -> Iterable[tuple[str, JsonValue]]:
    said = schema.get("properties")
    return said.items() if isinstance(said, dict) else ()


def _required(schema: JsonObject) -> set[str]:
    said = schema.get("required")
    return {name for name in said if isinstance(name, str)} if isinstance(said, list) else set()
