"""JSON Schema in its plain form, as the OpenAPI subset shows it: references, joins and what has no end."""

from itertools import pairwise
from typing import Any

import pytest

from gateway.canonical.json import JsonObject, JsonValue
from gateway.protocols.json_schema import to_openapi
from gateway.wire.fast_json import MAX_DEPTH, dumps, loads
from tests.openapi_reader import faults

NODE: JsonObject = {"type": "object", "properties": {"q": {"type": "string"}}}
SAID: JsonObject = {"type": "OBJECT", "properties": {"q": {"type": "STRING"}}}


def of(value: JsonObject, **definitions: JsonValue) -> JsonValue:
    """What becomes of a property."""
    schema: JsonObject = {"type": "object", "properties": {"x": value}, "$defs": definitions}
    properties = to_openapi(schema)["properties"]
    assert isinstance(properties, dict)
    return properties["x"]


@pytest.mark.parametrize(
    "reference",
    ["#/$defs/node", "#/$defs/a~1b", "#/$defs/a%20b", "#/$defs/union/anyOf/1", "#/$defs/again"],
)
def test_a_reference_is_followed_however_its_pointer_is_spelled(reference: str) -> None:
    definitions: JsonObject = {
        "node": NODE,
        "a/b": NODE,
        "a b": NODE,
        "union": {"anyOf": [{"type": "string"}, NODE]},
        "again": {"$ref": "#/$defs/node"},
    }
    assert of({"$ref": reference}, **definitions) == SAID


def test_words_beside_a_reference_win_over_those_behind_it() -> None:
    node: JsonObject = {"type": "string", "description": "there", "maxLength": 5, "minLength": 1}
    said = of({"$ref": "#/$defs/node", "description": "here", "maxLength": 9}, node=node)
    assert said == {"type": "STRING", "maxLength": 5, "minLength": 1, "description": "here"}


def test_an_optional_reference_keeps_all_of_what_it_names() -> None:
    assert of({"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}, node=NODE) == {
        **SAID,
        "nullable": True,
    }
    assert of({"allOf": [{"$ref": "#/$defs/node"}], "nullable": True}, node=NODE) == {
        **SAID,
        "nullable": True,
    }


@pytest.mark.parametrize(
    ("reference", "kind"),
    [
        ("#/nowhere", "OBJECT"),
        ("#/$defs/list/anyOf/7", "OBJECT"),
        ("https://x.example/schema.json", "OBJECT"),
        ("#/$defs/word/type", "OBJECT"),
    ],
)
def test_a_reference_to_nothing_is_told(reference: str, kind: str) -> None:
    definitions: JsonObject = {"list": {"anyOf": [NODE]}, "word": {"type": "string"}}
    said = of({"$ref": reference}, **definitions)
    assert said == {"type": kind, "description": f"$ref: {reference}"}


def test_a_schema_that_goes_round_comes_to_an_end() -> None:
    tree: JsonObject = {
        "type": "object",
        "properties": {"left": {"$ref": "#/$defs/tree"}, "word": {"$ref": "#/$defs/word"}},
    }
    word: JsonObject = {"type": "string", "minLength": 1, "not": {"$ref": "#/$defs/word"}}
    fitted = to_openapi({"$ref": "#/$defs/tree", "$defs": {"tree": tree, "word": word}})
    assert fitted == {
        "type": "OBJECT",
        "properties": {
            "left": {"type": "OBJECT", "description": "$ref: #/$defs/tree"},
            "word": {"type": "STRING", "minLength": 1, "description": 'not: {"$ref":"#/$defs/word"}'},
        },
    }
    assert to_openapi({"type": "object", "properties": {"inner": {"$ref": "#"}}})["properties"] == {
        "inner": {
            "type": "OBJECT",
            "properties": {"inner": {"type": "OBJECT", "description": "$ref: #"}},
        }
    }
    assert of({"$ref": "#/$defs/word"}, word={"$ref": "#/$defs/word", "type": "string"}) == {
        "type": "STRING",
        "description": "$ref: #/$defs/word",
    }


def test_a_short_schema_that_unfolds_without_end_stays_small() -> None:
    # Each definition holds the next one ten times: unfolded there would be a million million.
    names = [f"d{number}" for number in range(12)]
    definitions: JsonObject = {
        name: {"type": "object", "properties": {f"p{n}": {"$ref": f"#/$defs/{inner}"} for n in range(10)}}
        for name, inner in pairwise([*names, names[0]])
    }
    fitted = dumps(to_openapi({"$ref": "#/$defs/d0", "$defs": definitions}))
    told = dumps(to_openapi({"type": "object", "not": {"$ref": "#/$defs/d0"}, "$defs": definitions}))
    assert max(len(fitted), len(told)) < 400_000
    assert b"$ref: #/$defs/d" in fitted


def test_definitions_are_followed_through_long_chains() -> None:
    definitions: JsonObject = {
        f"d{number}": {"type": "object", "properties": {"p": {"$ref": f"#/$defs/d{number + 1}"}}}
        for number in range(8)
    }
    said: Any = of({"$ref": "#/$defs/d0"}, **definitions, d8={"type": "string", "maxLength": 77})
    for _ in range(8):
        said = said["properties"]["p"]
    assert said == {"type": "STRING", "maxLength": 77}


@pytest.mark.parametrize("word", ["items", "anyOf", "allOf", "$ref"])
def test_what_stands_too_deep_is_told(word: str) -> None:
    schema: JsonObject = {"type": "string", "pattern": "the innermost"}
    definitions: JsonObject = {}
    for number in range(28):
        around: dict[str, JsonObject] = {
            "items": {"type": "array", "items": schema},
            "anyOf": {"anyOf": [schema, {"type": "integer", "maximum": number}]},
            "allOf": {"allOf": [schema]},
            "$ref": {"type": "object", "properties": {"p": {"$ref": f"#/$defs/d{number - 1}"}}},
        }
        schema = around[word]
        definitions[f"d{number}"] = schema
    fitted = to_openapi({"type": "object", "properties": {"x": schema}, "$defs": definitions})
    assert list(faults(fitted)) == []
    assert b"the innermost" in dumps(fitted) or word == "$ref"
    assert loads(dumps(fitted)) == fitted, f"deeper than {MAX_DEPTH}"


def test_all_of_is_joined_and_what_a_condition_adds_is_optional() -> None:
    schema: JsonObject = {
        "allOf": [{"$ref": "#/$defs/a"}, {"properties": {"b": {"type": "integer"}}, "required": ["b"]}],
        "if": {"properties": {"a": {"const": "x"}}},
        "then": {"properties": {"c": {"type": "boolean"}}, "required": ["c"]},
        "else": {"properties": {"c": {"type": "string"}}},
        "$defs": {"a": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}},
    }
    assert to_openapi(schema) == {
        "type": "OBJECT",
        "properties": {
            "a": {"type": "STRING"},
            "b": {"type": "INTEGER"},
            "c": {"anyOf": [{"type": "BOOLEAN"}, {"type": "STRING"}]},
        },
        "required": ["a", "b"],
        "description": (
            'if: {"properties":{"a":{"const":"x"}}}\n'
            'then: {"properties":{"c":{"type":"boolean"}},"required":["c"]}\n'
            'else: {"properties":{"c":{"type":"string"}}}'
        ),
    }


@pytest.mark.parametrize(
    ("one", "other", "joined"),
    [
        ({"type": "number"}, {"type": "integer"}, {"type": "INTEGER"}),
        ({"type": "string"}, {"type": "integer"}, {"type": "STRING", "description": "type: integer"}),
        ({"enum": ["a", "b"]}, {"enum": ["b", "c"]}, {"type": "STRING", "enum": ["b"]}),
        (
            {"enum": ["a"]},
            {"enum": ["b"]},
            {"type": "STRING", "enum": ["a"], "description": 'enum: ["b"]'},
        ),
        ({"pattern": "a"}, {"pattern": "a"}, {"pattern": "a"}),
        ({"pattern": "a"}, {"pattern": "b"}, {"pattern": "a", "description": 'pattern: "b"'}),
        ({"minimum": 1, "maximum": 9}, {"minimum": 3, "maximum": 7}, {"minimum": 3, "maximum": 7}),
        (
            {"properties": {"p": {"type": "string"}}},
            {"properties": {"p": {"maxLength": 4}}},
            {"type": "OBJECT", "properties": {"p": {"type": "STRING", "maxLength": 4}}},
        ),
        (
            {"items": {"type": "string"}},
            {"items": {"maxLength": 4}},
            {"type": "ARRAY", "items": {"type": "STRING", "maxLength": 4}},
        ),
        (
            {"anyOf": [{"type": "string"}, {"type": "integer"}]},
            {"anyOf": [{"type": "string", "maxLength": 4}, {"type": "number", "maximum": 9}]},
            {"anyOf": [{"type": "STRING", "maxLength": 4}, {"type": "INTEGER", "maximum": 9}]},
        ),
    ],
)
def test_schemas_that_hold_at_once_are_one(one: JsonObject, other: JsonObject, joined: JsonObject) -> None:
    assert of({"allOf": [one, other]}) == joined


def test_alternatives_that_only_name_what_is_required_are_told() -> None:
    schema: JsonObject = {**NODE, "anyOf": [{"required": ["q"]}, {"required": ["r"]}]}
    assert of(schema) == {**SAID, "description": 'anyOf: [{"required":["q"]},{"required":["r"]}]'}


def test_too_many_alternatives_at_once_are_told() -> None:
    many: list[JsonValue] = [{"type": "array", "minItems": number} for number in range(9)]
    said = of({"anyOf": many, "oneOf": many})
    both = of({"allOf": [{"anyOf": many}, {"anyOf": many}]})
    for fitted, word in ((said, "oneOf"), (both, "allOf")):
        assert isinstance(fitted, dict)
        assert isinstance(fitted["anyOf"], list)
        assert len(fitted["anyOf"]) == 9
        assert str(fitted["description"]).startswith(f"{word}: ")


def test_what_is_told_names_what_its_references_name() -> None:
    said = of(
        {"type": "object", "additionalProperties": {"$ref": "#/$defs/node", "title": "T"}, "not": [1]},
        node=NODE,
    )
    assert said == {
        "type": "OBJECT",
        "description": (
            'additionalProperties: {"type":"object","properties":{"q":{"type":"string"}},"title":"T"}\n'
            "not: [1]"
        ),
    }
