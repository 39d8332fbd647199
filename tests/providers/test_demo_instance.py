"""Values made from schemas."""

import time
from typing import Any

import pytest

from gateway.canonical.json import JsonObject, JsonValue
from gateway.providers.demo.instance import instance_of


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, "demo"),
        ({"type": "boolean"}, True),
        ({"type": "null"}, None),
        ({"type": "integer"}, 1),
        ({"type": "number"}, 1.0),
        ({"type": "array", "items": {"type": "string"}}, []),
        ({"type": "object"}, {}),
        ({"type": ["null", "integer"]}, 1),
        ({"type": ["null"]}, None),
        ({}, "demo"),
        ({"type": "unheard-of"}, "demo"),
        ({"const": {"a": 1}}, {"a": 1}),
        ({"const": None}, None),
        ({"enum": ["red", "green"]}, "red"),
        ({"type": "string", "examples": ["Paris"]}, "Paris"),
        ({"type": "integer", "default": 7}, 7),
        ({"type": "string", "format": "date-time"}, "2026-01-01T12:00:00Z"),
        ({"type": "string", "format": "uuid"}, "00000000-0000-4000-8000-000000000000"),
        ({"type": "string", "format": "unheard-of"}, "demo"),
        ({"type": "string", "minLength": 8}, "demo...."),
        ({"type": "string", "maxLength": 2}, "de"),
        ({"type": "string", "pattern": r"^\d{3}$"}, "123"),
        ({"type": "string", "pattern": "^[A-Z]{4}$"}, "DEMO"),
        ({"type": "string", "pattern": "("}, "demo"),
        ({"type": "string", "pattern": "a" * 201}, "demo"),
        ({"type": "integer", "minimum": 5}, 5),
        ({"type": "integer", "exclusiveMinimum": 5}, 6),
        ({"type": "integer", "maximum": -3}, -3),
        ({"type": "integer", "exclusiveMaximum": 0}, -1),
        ({"type": "integer", "minimum": 11, "multipleOf": 5}, 15),
        ({"type": "integer", "maximum": 13, "multipleOf": 5}, 5),
        ({"type": "integer", "maximum": 4, "multipleOf": 5}, 0),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 0.6}, 0.5),
        ({"minimum": 3}, 3.0),
        ({"minItems": 2, "items": {"type": "integer"}}, [1, 1]),
        ({"prefixItems": [{"const": "a"}, {"type": "null"}], "minItems": 3}, ["a", None, "demo"]),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, 1),
        ({"oneOf": [{"type": "null"}, {"type": "integer"}]}, None),
    ],
)
def test_a_value_fits_its_schema(schema: JsonObject, value: JsonValue) -> None:
    made = instance_of(schema)
    assert made == value
    assert type(made) is type(value)


def test_an_object_has_its_required_fields_and_no_others() -> None:
    schema: JsonObject = {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "days": {"type": "integer", "minimum": 2},
            "options": {"type": "object", "properties": {"unit": {"enum": ["C", "F"]}}, "required": ["unit"]},
            "note": {"type": "string"},
        },
        "required": ["city", "days", "options", "undescribed"],
    }
    assert instance_of(schema) == {"city": "demo", "days": 2, "options": {"unit": "C"}, "undescribed": "demo"}


def test_references_are_followed_in_both_old_and_new_places() -> None:
    schema: JsonObject = {
        "$defs": {"a/b": {"type": "integer"}},
        "definitions": {"colour": {"enum": ["red"]}},
        "properties": {
            "n": {"$ref": "#/$defs/a~1b"},
            "c": {"$ref": "#/definitions/colour"},
            "lost": {"$ref": "#/nowhere"},
            "far": {"$ref": "https://example.com/schema"},
        },
        "required": ["n", "c", "lost", "far"],
    }
    assert instance_of(schema) == {"n": 1, "c": "red", "lost": "demo", "far": "demo"}


def test_conjuncts_add_up() -> None:
    schema: JsonObject = {
        "allOf": [
            {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
            {"properties": {"b": {"type": "boolean"}}, "required": ["b", "a"]},
        ]
    }
    assert instance_of(schema) == {"a": 1, "b": True}


def test_a_field_that_agents_act_upon_gets_something_harmless() -> None:
    schema: JsonObject = {"properties": {"command": {"type": "string"}}, "required": ["command"]}
    assert instance_of(schema) == {"command": "echo demo"}


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}, "required": ["a", "b"]},
        {"allOf": [{"$ref": "#"}, {"$ref": "#"}, {"$ref": "#"}]},
        {"minItems": 10**9, "items": {"$ref": "#"}},
        {"type": "string", "minLength": 10**9},
        {"type": "string", "pattern": "^(([a-z])+.)+[A-Z]([a-z])+$"},
        {"type": "integer", "minimum": 1e308, "multipleOf": 1e-300},
        {"type": "integer", "minimum": 10**400},
        {"type": "number", "multipleOf": 0},
        {"type": "object", "required": "a", "properties": []},
        {"type": "array", "items": 5, "minItems": "x"},
        {"enum": [], "type": 5, "anyOf": [], "allOf": {}},
    ],
)
def test_a_hostile_schema_costs_little(schema: dict[str, Any]) -> None:
    start = time.process_time()
    instance_of(schema)
    assert time.process_time() - start < 1
