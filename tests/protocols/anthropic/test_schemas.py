import pytest

from gateway.canonical.json import JsonObject
from gateway.protocols.anthropic.schemas import closed

A: JsonObject = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}


def test_a_closed_schema_takes_no_other_properties_at_any_depth() -> None:
    schema: JsonObject = {
        "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
        "properties": {"one": {"type": "object"}, "many": {"type": "array", "items": A}, "free": True},
        "$defs": {"A": A},
    }  # fmt: skip
    shut: JsonObject = {**A, "additionalProperties": False}
    assert closed(schema) == {
        "type": "object",
        "properties": {
            "one": {"type": "object", "additionalProperties": False},
            "many": {"type": "array", "items": shut},
            "free": True,
        },
        "$defs": {"A": shut},
        "additionalProperties": False,
    }


def test_one_of_several_is_said_as_any_of_them() -> None:
    assert closed({"oneOf": [{"type": "null"}, True]}) == {"anyOf": [{"type": "null"}, True]}


def test_limits_become_words_that_the_model_reads() -> None:
    schema: JsonObject = {"type": "integer", "description": "age", "minimum": 0, "maximum": 120}
    assert closed(schema) == {"type": "integer", "description": "age; minimum: 0; maximum: 120"}
    assert closed({"type": "string", "format": "iban"})["description"] == 'format: "iban"'


@pytest.mark.parametrize(
    "schema", [{"type": "string", "format": "date"}, {"type": "array", "minItems": 1}, {"items": True}]
)
def test_limits_that_are_taken_stay(schema: JsonObject) -> None:
    assert closed(schema) == schema


def test_a_list_of_at_least_two_is_a_wish() -> None:
    assert closed({"type": "array", "minItems": 2}) == {"type": "array", "description": "minItems: 2"}


def test_a_property_may_be_called_like_a_keyword() -> None:
    schema: JsonObject = {"properties": {"minimum": {"type": "string"}, "items": {"type": "string"}}}
    assert closed(schema) == {**schema, "additionalProperties": False}
