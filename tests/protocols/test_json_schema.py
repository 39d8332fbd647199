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
                "description": 'prefixItems: [{"type":"string"},{"type":"integer"}]',
            },
        ),
        (
            {"prefixItems": [{"type": "string"}], "items": {"type": "integer"}, "maxItems": 3.0},
            {
                "type": "ARRAY",
                "items": {"anyOf": [{"type": "STRING"}, {"type": "INTEGER"}]},
                "maxItems": 3,
                "description": 'prefixItems: [{"type":"string"}]',
            },
        ),
        ({"type": "integer", "exclusiveMinimum": 0}, {"type": "INTEGER", "minimum": 1}),
        ({"type": "integer", "exclusiveMaximum": 9}, {"type": "INTEGER", "maximum": 8}),
        ({"type": "number", "exclusiveMinimum": 0}, {"type": "NUMBER", "description": "exclusiveMinimum: 0"}),
        (
            {"type": "integer", "exclusiveMinimum": 0, "minimum": 3},
            {"type": "INTEGER", "minimum": 3},
        ),
        ({"type": "string", "format": "email"}, {"type": "STRING", "description": "format: email"}),
        ({"type": "string", "format": "date-time"}, {"type": "STRING", "format": "date-time"}),
        (
            {"type": "object", "propertyNames": {"maxLength": 3}, "additionalProperties": False},
            {"type": "OBJECT", "description": 'propertyNames: {"maxLength":3}'},
        ),
        ({"type": "string", "minLength": 1.5, "maximum": 3, "pattern": 7}, {"type": "STRING"}),
        ({"type": "integer", "minimum": True, "maximum": 9}, {"type": "INTEGER", "maximum": 9}),
        (
            {"type": "number", "exclusiveMinimum": True, "minimum": 3},
            {"type": "NUMBER", "minimum": 3, "description": "exclusiveMinimum: true"},
        ),
        (
            {"default": [[[["deep"]]]], "example": [[1]]},
            {"example": [[1]], "description": 'default: [[[["deep"]]]]'},
        ),
        ({"type": "null"}, {"type": "NULL"}),
        ({"anyOf": [{"type": "null"}, {"const": None}]}, {"type": "NULL"}),
        (
            {"enum": [1, "a", True, None]},
            {
                "nullable": True,
                "anyOf": [
                    {"type": "INTEGER", "description": "One of: [1]"},
                    {"type": "STRING", "enum": ["a"]},
                    {"type": "BOOLEAN", "description": "One of: [true]"},
                ],
            },
        ),
        ({"enum": [1, 2.5]}, {"type": "NUMBER", "description": "One of: [1,2.5]"}),
        ({"enum": [[1], {"a": 1}]}, {"description": 'One of: [[1],{"a":1}]'}),
        ({"type": "string", "enum": [""]}, {"type": "STRING", "description": 'One of: [""]'}),
        (
            {"type": ["string", "integer"], "enum": [True]},
            {
                "anyOf": [
                    {"type": "STRING", "description": "One of: [true]"},
                    {"type": "INTEGER", "description": "One of: [true]"},
                ]
            },
        ),
        (
            {"anyOf": [{"const": "a", "description": "first"}, {"const": "b"}]},
            {"type": "STRING", "enum": ["a", "b"], "description": '"a": first'},
        ),
        (
            {"type": ["string", "array"], "minLength": 2, "items": {"type": "integer"}, "description": "d"},
            {
                "anyOf": [
                    {"type": "STRING", "minLength": 2},
                    {"type": "ARRAY", "items": {"type": "INTEGER"}},
                ],
                "description": "d",
            },
        ),
        (
            {"anyOf": [{"type": "array", "uniqueItems": True}, {"type": "null"}]},
            {
                "type": "ARRAY",
                "nullable": True,
                "items": {"type": "STRING"},
                "description": "uniqueItems: true",
            },
        ),
        (
            {"type": "string", "properties": {"a": {}}, "required": ["a"], "minItems": 1},
            {"type": "STRING"},
        ),
        ({"anyOf": [False, {"type": "string"}]}, {"type": "STRING"}),
        ({"anyOf": []}, {}),
        (
            {"type": "object", "additionalProperties": {"type": "string"}},
            {"type": "OBJECT", "description": 'additionalProperties: {"type":"string"}'},
        ),
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
        "description": 'required: ["gone"]',
    }


def test_a_property_that_may_not_be_is_told() -> None:
    schema: JsonObject = {"type": "object", "properties": {"a": False, "b": True}}
    assert to_openapi(schema) == {"type": "OBJECT", "properties": {"b": {}}, "description": 'never: "a"'}


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
