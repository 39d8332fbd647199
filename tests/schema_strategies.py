"""Hypothesis strategies for JSON Schemas, each with a value it allows and with marks of all it demands."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from gateway.canonical.json import JsonObject, JsonValue

Draw: TypeAlias = Callable[[SearchStrategy[Any]], Any]

NAMES = (
    *("a", "b", "", "ключ", "type", "properties", "required", "items", "enum", "anyOf", "allOf", "nullable"),
    *("$ref", "$defs", "const", "description", "not", "title"),
)
"""Names of properties: any word may be one, keywords as well."""


@dataclass
class Sample:
    """A schema, a value that it allows, and its marks: words that say what it demands, each occurring once.

    A mark that is a number may come back as its neighbour: an open bound of whole numbers as a closed one.
    """

    schema: JsonObject
    value: JsonValue
    marks: list[str | int] = field(default_factory=list)


@dataclass
class _Writer:
    """Writes the schemas of one document; `definitions` are those it refers to."""

    draw: Draw
    marks: list[str | int] = field(default_factory=list)
    definitions: dict[str, JsonObject] = field(default_factory=dict)

    def number(self) -> int:
        """A number that occurs nowhere else in the document, nor do its neighbours."""
        mark = 1000 + 10 * len(self.marks)
        self.marks.append(mark)
        return mark

    def word(self) -> str:
        """A word that occurs nowhere else in the document."""
        mark = f"w{1000 + 10 * len(self.marks)}"
        self.marks.append(mark)
        return mark

    def any(self, depth: int) -> Sample:
        forms = _LEAVES if depth == 0 else (*_LEAVES, *_NESTED)
        form = self.draw(st.sampled_from(forms))
        sample: Sample = form(self, depth)
        if self.draw(st.integers(0, 3)) == 0:
            sample.schema = {**sample.schema, **self._annotation()}
        return sample

    def _annotation(self) -> JsonObject:
        annotations: list[JsonObject] = [
            {"title": "T", "$comment": "c", "readOnly": True, "x-vendor": {"deep": [1]}},
            {"deprecated": True, "$id": "urn:x"},
        ]
        chosen: JsonObject = self.draw(st.sampled_from(annotations))
        return chosen

    def some(self, keywords: dict[str, Callable[[], JsonValue]]) -> JsonObject:
        """At most two of `keywords`."""
        names = self.draw(st.lists(st.sampled_from(sorted(keywords)), max_size=2, unique=True))
        return {name: keywords[name]() for name in names}

    def string(self, _: int) -> Sample:
        said = self.some(
            {
                "maxLength": self.number,
                "pattern": lambda: f"v|{self.word()}",
                "format": lambda: f"x-{self.word()}",
                "not": lambda: {"const": self.word()},
                "contentEncoding": self.word,
                "default": self.word,
                "examples": lambda: [self.word()],
            }
        )
        return Sample({"type": "string", **said}, "v")

    def whole_number(self, _: int) -> Sample:
        bounds = self.some(
            {
                "minimum": lambda: -self.number(),
                "maximum": self.number,
                "exclusiveMinimum": lambda: -self.number(),
                "exclusiveMaximum": self.number,
                "multipleOf": self.number,
                "not": lambda: {"const": self.number()},
            }
        )
        # Of two lower bounds only the stricter need be said.
        if {"minimum", "exclusiveMinimum"} <= bounds.keys() or {
            "maximum",
            "exclusiveMaximum",
        } <= bounds.keys():
            bounds.popitem()
            self.marks.pop()
        return Sample({"type": self.draw(st.sampled_from(["integer", "number"])), **bounds}, 0)

    def truth(self, _: int) -> Sample:
        return Sample({"type": "boolean"}, True)

    def nothing(self, _: int) -> Sample:
        return Sample(self.draw(st.sampled_from([{"type": "null"}, {"const": None}])), None)

    def choice(self, _: int) -> Sample:
        makers: list[Callable[[], JsonValue]] = [
            self.word,
            self.number,
            lambda: True,
            lambda: None,
            lambda: "",
        ]
        kinds = self.draw(st.lists(st.sampled_from(range(len(makers))), min_size=1, max_size=3, unique=True))
        values = [makers[kind]() for kind in kinds]
        word = self.draw(st.sampled_from(["enum", "const", "anyOf", "oneOf"]))
        if word == "const" and len(values) == 1:
            return Sample({"const": values[0]}, values[0])
        if word in {"anyOf", "oneOf"}:
            return Sample({word: [{"const": value} for value in values]}, values[-1])
        return Sample({"enum": values}, values[-1])

    def several_kinds(self, _: int) -> Sample:
        kinds = self.draw(st.permutations(["string", "integer", "boolean", "null"]))[
            : self.draw(st.integers(2, 4))
        ]
        said = {
            **({"maxLength": self.number()} if "string" in kinds else {}),
            **({"maximum": self.number()} if "integer" in kinds else {}),
        }
        values: dict[str, JsonValue] = {"string": "v", "integer": 0, "boolean": False, "null": None}
        return Sample({"type": [*kinds], **said}, values[kinds[-1]])

    def array(self, depth: int) -> Sample:
        if self.draw(st.booleans()):
            places = [self.any(depth - 1) for _ in range(self.draw(st.integers(1, 2)))]
            word = self.draw(st.sampled_from(["prefixItems", "items"]))
            return Sample(
                {"type": "array", word: [place.schema for place in places]}, [place.value for place in places]
            )
        item = self.any(depth - 1)
        said = self.some(
            {
                "maxItems": self.number,
                "contains": lambda: {"maximum": self.number()},
                "uniqueItems": lambda: True,
            }
        )
        return Sample({"type": "array", "items": item.schema, **said}, [item.value])

    def object(self, depth: int) -> Sample:
        names = self.draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True))
        members = {name: self.any(depth - 1) for name in names}
        extra = self.some(
            {
                "maxProperties": self.number,
                "propertyNames": lambda: {"maxLength": self.number()},
                "patternProperties": lambda: {f"^{self.word()}": {"type": "string"}},
                "dependentRequired": lambda: {self.word(): [self.word()]},
                "additionalProperties": lambda: self.any(depth - 1).schema,
                "then": lambda: {"properties": {self.word(): {"maximum": self.number()}}},
            }
        )
        required = self.draw(st.lists(st.sampled_from(names), unique=True))
        kind: JsonObject = self.draw(st.sampled_from([{"type": "object"}, {}]))
        schema: JsonObject = {
            **kind,
            "properties": {name: member.schema for name, member in members.items()},
            **({"required": required} if required else {}),
            **extra,
        }
        return Sample(schema, {name: member.value for name, member in members.items()})

    def one_of_them(self, depth: int) -> Sample:
        branches = [self.any(depth - 1) for _ in range(self.draw(st.integers(1, 3)))]
        word = self.draw(st.sampled_from(["anyOf", "oneOf"]))
        # Of two descriptions the outer one is about this use: the inner need not be said.
        beside = {"description": "about this use"} if self.draw(st.booleans()) else {}
        chosen = self.draw(st.sampled_from(branches))
        return Sample({word: [branch.schema for branch in branches], **beside}, chosen.value)

    def all_of_them(self, depth: int) -> Sample:
        parts = [self.any(depth - 1) for _ in range(2)]
        names = [self.word() for _ in parts]
        objects: list[JsonValue] = [
            {"type": "object", "properties": {name: part.schema}, "required": [name]}
            for name, part in zip(names, parts, strict=True)
        ]
        return Sample({"allOf": objects}, {name: part.value for name, part in zip(names, parts, strict=True)})

    def reference(self, depth: int) -> Sample:
        target = self.any(depth - 1)
        name = self.draw(st.sampled_from(["plain", "a/b", "a~b", "a b"])) + str(len(self.definitions))
        self.definitions[name] = target.schema
        pointer = name.replace("~", "~0").replace("/", "~1").replace(" ", "%20")
        beside = {"description": "about this use"} if self.draw(st.booleans()) else {}
        return Sample({"$ref": f"#/$defs/{pointer}", **beside}, target.value)


_LEAVES = (
    _Writer.string,
    _Writer.whole_number,
    _Writer.truth,
    _Writer.nothing,
    _Writer.choice,
    _Writer.several_kinds,
)
_NESTED = (
    _Writer.array,
    _Writer.object,
    _Writer.object,
    _Writer.one_of_them,
    _Writer.all_of_them,
    _Writer.reference,
)


@st.composite
def schemas(draw: Draw) -> Sample:
    """The schema of an object, as tools and answers have it."""
    writer = _Writer(draw)
    sample = writer.object(draw(st.integers(1, 4)))
    sample.schema = {**sample.schema, "$schema": "https://json-schema.org/draft/2020-12/schema"}
    if writer.definitions:
        sample.schema["$defs"] = {**writer.definitions}
    sample.marks = writer.marks
    return sample
