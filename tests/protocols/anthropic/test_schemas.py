import pytest

from gateway.canonical.json import JsonObject, JsonValue
from gateway.protocols.anthropic.schemas import closed, plain_object

A: JsonObject = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
B: JsonObject = {"type": "object", "properties": {"b": {"type": "integer"}}, "required": ["b"]}


def test_a_plain_object_stays_itself() -> None:
    assert plain_object(A) is A


@pytest.mark.parametrize("kind", [["object", "null"], "object"])
def test_an_object_with_other_words_for_it_becomes_plain(kind: JsonValue) -> None:
    assert plain_object({"type": kind, "anyOf": []}) == {"type": "object", "properties": {}}


@pytest.mark.parametrize(("union", "required"), [("anyOf", None), ("oneOf", None), ("allOf", ["a", "b"])])
def test_a_union_becomes_an_object_of_all_properties(union: str, required: JsonValue) -> None:
    plain = plain_object({union: [A, B]})
    assert plain is not None
    assert plain["properties"] == {"a": {"type": "string"}, "b": {"type": "integer"}}
    assert plain.get("required") == required


def test_what_the_root_says_wins_over_its_branches() -> None:
    root: JsonObject = {"properties": {"a": {"type": "null"}, "c": True}, "required": ["c"], "anyOf": [A]}
    assert plain_object(root) == {
        "type": "object", "properties": {"a": {"type": "null"}, "c": True}, "required": ["a", "c"]
    }  # fmt: skip


def test_branches_may_refer_to_the_roots_definitions() -> None:
    root: JsonObject = {"$defs": {"A": A}, "oneOf": [{"$ref": "#/$defs/A"}]}
    plain = plain_object(root)
    assert plain is not None
    assert (plain["properties"], plain["$defs"]) == (A["properties"], {"A": A})


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string"},
        {"type": ["string", "null"]},
        {"anyOf": [A, {"type": "string"}]},
        {"anyOf": [A, True]},
        {"$defs": {"A": {"anyOf": [{"$ref": "#/$defs/A"}]}}, "$ref": "#/$defs/A"},
    ],
    ids=["text", "text or null", "an object or text", "an object or anything", "a union of itself"],
)
def test_what_cannot_be_a_plain_object_is_none(schema: JsonObject) -> None:
    assert plain_object(schema) is None


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
