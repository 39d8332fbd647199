"""JSON Schema in the OpenAPI subset: what has a word is said, the rest is told, and names are only names."""

from copy import deepcopy

import pytest

from gateway.canonical.json import JsonObject, JsonValue
from gateway.protocols.json_schema import from_openapi, to_openapi


def of(value: JsonObject) -> JsonValue:
    """What becomes of a property."""
    properties = to_openapi({"type": "object", "properties": {"x": value}})["properties"]
    assert isinstance(properties, dict)
    return properties["x"]


@pytest.mark.parametrize(
    ("schema", "fitted"),
    [
        ({"type": "string", "title": "T", "$comment": "c"}, {"type": "STRING"}),
        ({"const": "a"}, {"type": "STRING", "enum": ["a"]}),
        ({"const": True}, {"type": "BOOLEAN", "description": "One of: [true]"}),
        ({"type": "integer", "enum": [1, 2]}, {"type": "INTEGER", "description": "One of: [1,2]"}),
        ({"anyOf": [{"const": "a"}, {"const": "b"}]}, {"type": "STRING", "enum": ["a", "b"]}),
        (
            {"oneOf": [{"type": "string"}, {"type": "integer"}]},
            {"anyOf": [{"type": "STRING"}, {"type": "INTEGER"}]},
        ),
        ({"type": ["string", "null"]}, {"type": "STRING", "nullable": True}),
        ({"type": ["string", "integer"]}, {"anyOf": [{"type": "STRING"}, {"type": "INTEGER"}]}),
        (
            {"anyOf": [{"type": "string", "description": "in"}, {"type": "null"}], "description": "out"},
            {"type": "STRING", "nullable": True, "description": "out"},
        ),
        ({"enum": ["a", None]}, {"type": "STRING", "nullable": True, "enum": ["a"]}),
        ({"type": "array"}, {"type": "ARRAY", "items": {"type": "STRING"}}),
        (
            {"prefixItems": [{"type": "string"}, {"type": "integer"}]},
            {
                "type": "ARRAY",
                "items": {"anyOf": [{"type": "STRING"}, {"type": "INTEGER"}]},
                "minItems": 2,
                "maxItems": 2,
            },
        ),
        ({"type": "integer", "exclusiveMinimum": 0}, {"type": "INTEGER", "minimum": 1}),
        ({"type": "integer", "exclusiveMaximum": 9}, {"type": "INTEGER", "maximum": 8}),
        ({"type": "number", "exclusiveMinimum": 0}, {"type": "NUMBER", "description": "exclusiveMinimum: 0"}),
        (
            {"type": "integer", "exclusiveMinimum": 0, "minimum": 3},
            {"type": "INTEGER", "minimum": 3, "description": "exclusiveMinimum: 0"},
        ),
        ({"type": "string", "format": "email"}, {"type": "STRING", "description": "format: email"}),
        ({"type": "string", "format": "date-time"}, {"type": "STRING", "format": "date-time"}),
        (
            {"type": "object", "propertyNames": {"maxLength": 3}, "additionalProperties": False},
            {"type": "OBJECT", "description": 'propertyNames: {"maxLength":3}'},
        ),
        ({"type": "string", "minLength": 1.5}, {"type": "STRING"}),
        ({"type": "weird"}, {}),
        ({"enum": []}, {}),
        (True, {}),
    ],
)
def test_each_keyword_is_said_or_told(schema: JsonObject, fitted: JsonObject) -> None:
    assert of(schema) == fitted


def test_properties_may_be_named_like_keywords() -> None:
    named: JsonObject = {
        name: {"type": "string"} for name in ("type", "properties", "required", "$ref", "title")
    }
    fitted = to_openapi({"type": "object", "properties": named, "required": ["type", "gone"]})
    assert fitted == {
        "type": "OBJECT",
        "properties": {name: {"type": "STRING"} for name in named},
        "required": ["type"],
    }


def test_a_property_that_may_not_be_is_left_out() -> None:
    schema: JsonObject = {"type": "object", "properties": {"a": False}, "required": ["a"]}
    assert to_openapi(schema) == {"type": "OBJECT"}


def test_references_are_followed_and_words_beside_them_win() -> None:
    schema: JsonObject = {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/A~1B", "description": "here"}, "b": {"$ref": "#/nowhere"}},
        "$defs": {"A/B": {"type": "string", "description": "there"}},
    }
    assert to_openapi(schema)["properties"] == {
        "a": {"type": "STRING", "description": "here"},
        "b": {"type": "OBJECT"},
    }


def test_a_schema_that_goes_round_comes_to_an_end() -> None:
    schema: JsonObject = {
        "$defs": {"tree": {"type": "object", "properties": {"left": {"$ref": "#/$defs/tree"}}}},
        "$ref": "#/$defs/tree",
    }
    assert to_openapi(schema) == {"type": "OBJECT", "properties": {"left": {"type": "OBJECT"}}}


def test_all_of_is_joined_and_what_a_condition_adds_is_optional() -> None:
    schema: JsonObject = {
        "allOf": [{"$ref": "#/$defs/a"}, {"properties": {"b": {"type": "integer"}}, "required": ["b"]}],
        "if": {"properties": {"a": {"const": "x"}}},
        "then": {"properties": {"c": {"type": "boolean"}}, "required": ["c"]},
        "$defs": {"a": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}},
    }
    fitted = to_openapi(schema)
    properties, required = fitted["properties"], fitted["required"]
    assert isinstance(properties, dict)
    assert sorted(properties) == ["a", "b", "c"]
    assert isinstance(required, list)
    assert sorted(map(str, required)) == ["a", "b"]


def test_nothing_is_changed_in_place_and_no_two_callers_share() -> None:
    schema: JsonObject = {"type": "object", "properties": {"a": {"type": ["string", "null"]}}}
    before = deepcopy(schema)
    first = to_openapi(schema)
    assert schema == before
    first["type"] = "changed"
    assert to_openapi(schema)["type"] == "OBJECT"


@pytest.mark.parametrize(
    ("schema", "plain"),
    [
        ({"type": "STRING", "nullable": True}, {"type": ["string", "null"]}),
        ({"type": "STRING", "format": "enum", "enum": ["a"]}, {"type": "string", "enum": ["a"]}),
        (
            {"type": "STRING", "enum": ["a"], "nullable": True},
            {"type": ["string", "null"], "enum": ["a", None]},
        ),
        ({"type": "TYPE_UNSPECIFIED"}, {}),
        (
            {"type": "ARRAY", "min_items": "1", "items": {"type": "OBJECT"}},
            {"type": "array", "minItems": 1, "items": {"type": "object"}},
        ),
        (
            {"any_of": [{"type": "STRING"}], "nullable": True},
            {"anyOf": [{"type": "string"}, {"type": "null"}]},
        ),
        ({"nullable": True}, {}),
        ({"type": 6}, {"type": "object"}),
    ],
)
def test_the_subset_is_read_as_json_schema(schema: JsonObject, plain: JsonObject) -> None:
    assert from_openapi(schema) == plain


def test_properties_come_in_the_order_that_is_wanted() -> None:
    schema: JsonObject = {
        "type": "OBJECT",
        "properties": {"any_of": {"type": "STRING"}, "b": {"type": "STRING"}},
        "propertyOrdering": ["b", "gone", "any_of"],
    }
    properties = from_openapi(schema)["properties"]
    assert isinstance(properties, dict)
    assert list(properties) == ["b", "any_of"]
