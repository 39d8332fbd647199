"""JSON Schema as the OpenAPI subset that Gemini's `parameters` and `responseSchema` are, and back.

A walk by position: below `properties` stand names of the user's, which may be `type` or `required`. What the
subset has no word for goes into the description, where the model reads it. Pure; nothing is ever changed in
place. https://ai.google.dev/api/caching#Schema
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import chain

from gateway.canonical.json import JsonObject, JsonValue
from gateway.wire.fast_json import dumps, loads

_MOST_FOLLOWED = 4
"""How often references are followed inside each other: schemas of trees would never end."""

_PLAIN = frozenset(
    {"minItems", "maxItems", "minProperties", "maxProperties", "minLength", "maxLength", "pattern"}
    | {"minimum", "maximum", "default", "example", "nullable"}
)
"""Keywords that mean the same in both."""

_COUNTS = frozenset({"minItems", "maxItems", "minProperties", "maxProperties", "minLength", "maxLength"})

_TOLD = frozenset(
    {"patternProperties", "propertyNames", "dependentRequired", "not", "contains", "minContains"}
    | {"maxContains", "uniqueItems", "multipleOf", "contentEncoding", "contentMediaType", "examples"}
    | {"exclusiveMinimum", "exclusiveMaximum", "unevaluatedProperties"}
)
"""Constraints without a word that the description keeps."""

_FORMATS: Mapping[str, frozenset[str]] = {
    "string": frozenset({"enum", "date-time"}),
    "integer": frozenset({"int32", "int64"}),
    "number": frozenset({"float", "double"}),
}
_TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object"})
_NUMBERED = ("type_unspecified", "string", "number", "integer", "boolean", "array", "object", "null")
"""Clients that number their enums say a type by its place."""

_STRICTER: Mapping[str, tuple[str, int]] = {
    "exclusiveMinimum": ("minimum", 1),
    "exclusiveMaximum": ("maximum", -1),
}


def to_openapi(schema: JsonObject) -> JsonObject:
    """`schema` in the subset."""
    fitted: JsonObject = loads(_fitted(dumps(schema)))
    return fitted


@lru_cache(maxsize=512)
def _fitted(text: bytes) -> bytes:
    """Lists of tools are long and come with every turn."""
    schema: JsonObject = loads(text)
    return dumps(_Fitter(schema).fit(schema, ()))


def _objects(value: JsonValue) -> list[JsonObject]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _names(value: JsonValue) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


class _Fitter:
    """Fits the schemas of one document; `root` holds the definitions."""

    def __init__(self, root: JsonObject) -> None:
        self._root = root

    def fit(self, value: JsonValue, followed: tuple[str, ...]) -> JsonObject:
        """The schema `value`; `followed` are the references that led to it."""
        if not isinstance(value, dict):
            return {}
        schema, followed = self._resolved(value, followed)
        schema = self._merged(schema, followed)
        notes: list[str] = []
        schema = _with_alternatives(_with_choices(schema, notes))
        wire: JsonObject = {}
        kind = _kind(schema)
        if kind is not None:
            wire["type"] = kind.upper()
        wire |= {name: schema[name] for name in _PLAIN if _fits(name, schema.get(name))}
        wire |= _enum(schema, kind, notes)
        wire |= _format(schema, kind, notes)
        wire |= _bounds(schema, kind, notes)
        wire |= self._array(schema, followed) if kind == "array" else {}
        wire |= self._object(schema, followed)
        branches = [self.fit(branch, followed) for branch in _objects(schema.get("anyOf"))]
        if branches:
            wire["anyOf"] = [*branches]
        description = "\n".join(filter(None, (_text(schema.get("description")), *notes)))
        return {**wire, "description": description} if description else wire

    def _resolved(self, schema: JsonObject, followed: tuple[str, ...]) -> tuple[JsonObject, tuple[str, ...]]:
        """`schema` with its reference replaced by what it names, and what was followed on the way."""
        reference = schema.get("$ref")
        if not isinstance(reference, str):
            return schema, followed
        beside: JsonObject = {name: value for name, value in schema.items() if name != "$ref"}
        found: JsonValue = self._root if reference.startswith("#") else None
        for step in reference.removeprefix("#").split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            found = found.get(name) if isinstance(found, dict) else None
        if not isinstance(found, dict) or followed.count(reference) or len(followed) >= _MOST_FOLLOWED:
            return {"type": "object", **beside}, followed
        return self._resolved({**found, **beside}, (*followed, reference))

    def _merged(self, schema: JsonObject, followed: tuple[str, ...]) -> JsonObject:
        """`schema` with `allOf` and `if` put into it; what the branches of an `if` add is optional."""
        needed = _objects(schema.get("allOf"))
        optional = [branch for name in ("if", "then", "else") for branch in _objects([schema.get(name)])]
        if not needed and not optional:
            return schema
        merged: JsonObject = {
            name: value for name, value in schema.items() if name not in {"allOf", "if", "then", "else"}
        }
        for branch in chain(needed, optional):
            part, inner = self._resolved(branch, followed)
            part = self._merged(part, inner)
            if branch not in needed:
                part = {name: value for name, value in part.items() if name == "properties"}
            merged = _united(part, merged)
        return merged

    def _array(self, schema: JsonObject, followed: tuple[str, ...]) -> JsonObject:
        items, places = schema.get("items"), schema.get("prefixItems")
        tuples = places if isinstance(places, list) else items if isinstance(items, list) else []
        if tuples:
            kinds = [self.fit(place, followed) for place in tuples]
            distinct = [kind for number, kind in enumerate(kinds) if kind not in kinds[:number]]
            wire: JsonObject = {"items": distinct[0] if len(distinct) == 1 else {"anyOf": [*distinct]}}
            return wire | {"minItems": len(tuples), "maxItems": len(tuples)}
        fitted = self.fit(items, followed)
        return {"items": fitted or {"type": "STRING"}}

    def _object(self, schema: JsonObject, followed: tuple[str, ...]) -> JsonObject:
        said = schema.get("properties")
        properties: JsonObject = {
            name: self.fit(value, followed)
            for name, value in (said.items() if isinstance(said, dict) else ())
            if value is not False
        }
        if not properties:
            return {}
        required: list[JsonValue] = [name for name in _names(schema.get("required")) if name in properties]
        return {"properties": properties, "required": required} if required else {"properties": properties}


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else ""


def _united(one: JsonObject, other: JsonObject) -> JsonObject:
    """Both schemas at once; where they differ `other` wins."""
    united = {**one, **other}
    first, second = one.get("properties"), other.get("properties")
    if isinstance(first, dict) and isinstance(second, dict):
        united["properties"] = {**first, **second}
    required = dict.fromkeys([*_names(other.get("required")), *_names(one.get("required"))])
    if required:
        united["required"] = [*required]
    return united


def _with_choices(schema: JsonObject, notes: list[str]) -> JsonObject:
    """`const` as an `enum` of one, `oneOf` as `anyOf`, alternatives of constants as one `enum`; the
    constraints without a word go to `notes`.
    """
    notes += [
        f"{name}: {dumps(schema[name]).decode()}"
        for name in schema
        if name in _TOLD and not (name in _STRICTER and _kind(schema) == "integer")
    ]
    schema = dict(schema)
    if "const" in schema:
        schema["enum"] = [schema.pop("const")]
    branches = [*_objects(schema.get("anyOf")), *_objects(schema.pop("oneOf", None))]
    if not branches:
        schema.pop("anyOf", None)
        return schema
    constants = [_constants(branch) for branch in branches]
    if all(constants) and "enum" not in schema:
        schema.pop("anyOf", None)
        schema["enum"] = [*chain.from_iterable(constants)]
    else:
        schema["anyOf"] = [*branches]
    return schema


def _constants(branch: JsonObject) -> list[JsonValue]:
    """The values that a schema of nothing else allows."""
    if branch.keys() - {"const", "enum", "type", "title", "description"}:
        return []
    values = branch.get("enum")
    return [branch["const"]] if "const" in branch else [*values] if isinstance(values, list) else []


def _with_alternatives(schema: JsonObject) -> JsonObject:
    """Lists of types as alternatives, and `null` among the alternatives as `nullable`."""
    schema = dict(schema)
    kinds = schema.get("type")
    if isinstance(kinds, list):
        others = [kind for kind in kinds if kind != "null"]
        if len(others) < len(kinds):
            schema["nullable"] = True
        del schema["type"]
        if len(others) == 1:
            schema["type"] = others[0]
        elif others and "anyOf" not in schema:
            schema["anyOf"] = [{"type": kind} for kind in others]
    branches = _objects(schema.get("anyOf"))
    left = [branch for branch in branches if branch.get("type") != "null"]
    if len(left) < len(branches):
        schema["nullable"] = True
    if len(left) == 1:
        # The words on the outside are about this use of it.
        outside: JsonObject = {name: value for name, value in schema.items() if name != "anyOf"}
        return _with_alternatives(_with_choices({**left[0], **outside}, []))
    values = schema.get("enum")
    if isinstance(values, list) and None in values:
        schema["nullable"], schema["enum"] = True, [value for value in values if value is not None]
    return schema


def _kind(schema: JsonObject) -> str | None:
    """The type that is said, or that follows from what else is said."""
    kind = schema.get("type")
    if isinstance(kind, str):
        return kind.lower() if kind.lower() in _TYPES else None
    if "properties" in schema:
        return "object"
    if "items" in schema or "prefixItems" in schema:
        return "array"
    values = schema.get("enum")
    return _kind_of(values[0]) if isinstance(values, list) and values else None


def _kind_of(value: JsonValue) -> str | None:
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string"}
    return kinds.get(type(value))


def _fits(name: str, value: JsonValue) -> bool:
    """Whether a keyword has a value of the type the subset wants."""
    if name in _COUNTS:
        return isinstance(value, int) and not isinstance(value, bool)
    return value is not None


def _enum(schema: JsonObject, kind: str | None, notes: list[str]) -> JsonObject:
    """Choices among strings; any others the description says: a model told them as strings answers so."""
    values = schema.get("enum")
    if not isinstance(values, list) or not values:
        return {}
    words: list[JsonValue] = [value for value in values if isinstance(value, str) and value]
    if kind in {"string", None} and len(words) == len(values):
        return {"type": "STRING", "enum": words}
    notes.append(f"One of: {dumps(values).decode()}")
    return {}


def _format(schema: JsonObject, kind: str | None, notes: list[str]) -> JsonObject:
    form = schema.get("format")
    if not isinstance(form, str):
        return {}
    if form in _FORMATS.get(kind or "", frozenset()):
        return {"format": form}
    notes.append(f"format: {form}")
    return {}


def _bounds(schema: JsonObject, kind: str | None, notes: list[str]) -> JsonObject:
    """The open bounds of a whole number, as closed ones."""
    wire: JsonObject = {}
    for name, (closed, step) in _STRICTER.items():
        bound = schema.get(name)
        if kind != "integer" or bound is None:
            continue
        if isinstance(bound, int) and not isinstance(bound, bool) and closed not in schema:
            wire[closed] = bound + step
        else:
            notes.append(f"{name}: {dumps(bound).decode()}")
    return wire


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
        order = dict.fromkeys([*_names(said.get("propertyOrdering")), *properties])
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
