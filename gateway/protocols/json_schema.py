"""JSON Schema as the OpenAPI subset that Gemini's `parameters` and `responseSchema` are, and back.

What the subset has no word for goes into the description, where the model reads it. Pure; nothing is ever
changed in place. https://ai.google.dev/api/caching#Schema
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache

from gateway.canonical.json import JsonObject, JsonValue
from gateway.protocols.plain_schema import Plain, plain
from gateway.protocols.schema_words import listed, texts
from gateway.wire.fast_json import dumps, loads

_COUNTS = frozenset({"minItems", "maxItems", "minProperties", "maxProperties", "minLength", "maxLength"})

_FORMATS: Mapping[str, frozenset[str]] = {
    "string": frozenset({"enum", "date-time"}),
    "integer": frozenset({"int32", "int64"}),
    "number": frozenset({"float", "double"}),
}
_NUMBERED = ("type_unspecified", "string", "number", "integer", "boolean", "array", "object", "null")
"""Clients that number their enums say a type by its place."""


def to_openapi(schema: JsonObject) -> JsonObject:
    """`schema` in the subset."""
    fitted: JsonObject = loads(_fitted(dumps(schema)))
    return fitted


@lru_cache(maxsize=512)
def _fitted(text: bytes) -> bytes:
    """Lists of tools are long and come with every turn."""
    return dumps(_said(plain(loads(text))))


def _said(schema: Plain) -> JsonObject:
    """A plain schema in the words of the subset, what it has none for in the description."""
    notes = list(schema.notes)
    wire: JsonObject = {} if schema.kind is None else {"type": schema.kind.upper()}
    wire |= {name: value for name, value in schema.words.items() if name != "format"}
    wire |= _format(schema, notes)
    wire |= _enum(schema, notes)
    if schema.nullable:
        wire["nullable"] = True
    if schema.kind == "array":
        # The API demands items, and a model that is told nothing of them writes words.
        wire["items"] = (_said(schema.items) if schema.items is not None else {}) or {"type": "STRING"}
    wire |= _members(schema, notes)
    if schema.alternatives:
        wire["anyOf"] = [_said(branch) for branch in schema.alternatives]
    description = "\n".join(filter(None, (schema.description, *notes)))
    return {**wire, "description": description} if description else wire


def _enum(schema: Plain, notes: list[str]) -> JsonObject:
    """Choices among strings; any others the description says: a model told them as strings answers so."""
    if schema.choices is None:
        return {}
    if schema.kind == "string" and all(isinstance(choice, str) and choice for choice in schema.choices):
        return {"enum": schema.choices}
    notes.append(f"One of: {dumps(schema.choices).decode()}")
    return {}


def _format(schema: Plain, notes: list[str]) -> JsonObject:
    form = schema.words.get("format")
    if form is None or form in _FORMATS.get(schema.kind or "", ()):
        return {} if form is None else {"format": form}
    notes.append(f"format: {form}")
    return {}


def _members(schema: Plain, notes: list[str]) -> JsonObject:
    """The properties, and those of them that are required: the API refuses the names of others there."""
    required: list[JsonValue] = [name for name in schema.required if name in schema.properties]
    others: list[JsonValue] = [name for name in schema.required if name not in schema.properties]
    if others:
        notes.append(f"required: {dumps(others).decode()}")
    wire: JsonObject = {}
    if schema.properties:
        wire["properties"] = {name: _said(found) for name, found in schema.properties.items()}
    return {**wire, "required": required} if required else wire


def _objects(value: JsonValue) -> list[JsonObject]:
    return [item for item in listed(value) if isinstance(item, dict)]


def from_openapi(schema: JsonObject) -> JsonObject:
    """The JSON Schema that a schema of the subset is: types in lower case, `nullable` as the type `null`."""
    said = dict(_spelled(schema))
    kind = said.get("type")
    if isinstance(kind, int) and 0 <= kind < len(_NUMBERED):
        said["type"] = _NUMBERED[kind]
    elif isinstance(kind, str):
        said["type"] = kind.lower()
    if said.get("type") == "type_unspecified":
        del said["type"]
    if said.get("format") == "enum":
        del said["format"]
    said |= {
        name: int(value) for name in _COUNTS if isinstance(value := said.get(name), str) and value.isdigit()
    }
    said |= _inner(said)
    said.pop("propertyOrdering", None)
    return _with_null(said) if said.pop("nullable", None) is True else said


def _spelled(schema: JsonObject) -> Iterator[tuple[str, JsonValue]]:
    for name, value in schema.items():
        head, *tail = name.split("_")
        yield (head + "".join(map(str.capitalize, tail)) if head else name), value


def _inner(said: JsonObject) -> JsonObject:
    """The schemas inside, in the order in which the properties are wanted."""
    inner: JsonObject = {}
    for name in ("items", "additionalProperties"):
        value = said.get(name)
        if isinstance(value, dict):
            inner[name] = from_openapi(value)
    if "anyOf" in said:
        inner["anyOf"] = [from_openapi(branch) for branch in _objects(said["anyOf"])]
    properties = said.get("properties")
    if isinstance(properties, dict):
        order = dict.fromkeys([*texts(said.get("propertyOrdering")), *properties])
        inner["properties"] = {
            name: from_openapi(value) for name in order if isinstance(value := properties.get(name), dict)
        }
    return inner


def _with_null(said: JsonObject) -> JsonObject:
    values = said.get("enum")
    if isinstance(values, list):
        said["enum"] = [*values, None]
    if isinstance(said.get("type"), str):
        return {**said, "type": [said["type"], "null"]}
    branches = said.get("anyOf")
    return {**said, "anyOf": [*branches, {"type": "null"}]} if isinstance(branches, list) else said
