"""Schemas of tools."""

from typing import Any

import pytest

from gateway.canonical.json import JsonObject
from gateway.protocols.ollama.schemas import object_schema

STRING = {"type": "string"}
EMPTY = {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    ("schema", "fitted"),
    [
        (None, EMPTY),
        ({}, EMPTY),
        (EMPTY, EMPTY),
        ({"properties": {"type": STRING}}, {"type": "object", "properties": {"type": STRING}}),
        ({"type": "object", "properties": []}, EMPTY),
        ({"type": "object", "properties": {"a": True}}, {"type": "object", "properties": {"a": {}}}),
        (STRING, {"type": "object", "properties": {"input": STRING}, "required": ["input"]}),
        (
            {"$ref": "#/$defs/A", "$defs": {"A": {"type": "object", "properties": {"a": STRING}}}},
            {"type": "object", "properties": {"a": STRING}},
        ),
        (
            {
                "properties": {"a": {"$ref": "#/$defs/A", "description": "d"}, "b": {"anyOf": [STRING]}},
                "$defs": {"A": STRING},
            },
            {
                "type": "object",
                "properties": {"a": {"description": "d", "type": "string"}, "b": {"anyOf": [STRING]}},
            },
        ),
        ({"oneOf": [{"properties": {"a": STRING}}]}, {"type": "object", "properties": {"a": STRING}}),
    ],
)
def test_the_root_is_an_object_of_named_properties(schema: Any, fitted: dict[str, Any]) -> None:
    assert object_schema(schema) == fitted


def test_a_property_may_be_called_like_the_place_of_definitions() -> None:
    properties: Any = {"definitions": {"$ref": "#/$defs/A"}}
    schema: JsonObject = {"type": "object", "properties": properties, "$defs": {"A": {"type": "string"}}}
    assert object_schema(schema) == {"type": "object", "properties": {"definitions": STRING}}


def test_references_that_go_round_end_in_any_object() -> None:
    node: JsonObject = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}
    fitted = object_schema({"$ref": "#/$defs/Node", "$defs": {"Node": node}})
    assert "$ref" not in str(fitted)
    assert str(fitted).endswith("{'next': {'type': 'object'}}" + "}" * (str(fitted).count("{") - 2))


def test_a_reference_to_nothing_is_left_to_the_server() -> None:
    schema: JsonObject = {"type": "object", "properties": {"a": {"$ref": "https://x.example/schema"}}}
    assert object_schema(schema) == schema
