import pytest

from gateway.canonical.json import JsonObject, JsonValue
from gateway.protocols.object_root import arguments_schema, object_root

A: JsonObject = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
B: JsonObject = {"type": "object", "properties": {"b": {"type": "integer"}}, "required": ["b"]}
TEXT: JsonObject = {"type": "string"}
NOTHING: JsonObject = {"type": "object", "properties": {}}


def kind(word: str) -> JsonObject:
    """A branch of a union whose branches are told apart by their kind."""
    return {"properties": {"kind": {"const": word}, word: TEXT}, "required": ["kind", word]}


def test_a_plain_object_stays_itself() -> None:
    assert object_root(A) is A
    assert arguments_schema(A) is A


@pytest.mark.parametrize(
    "schema",
    [{}, {"type": ["object", "null"]}, {"type": "object", "anyOf": []}, {"anyOf": 1}, {"oneOf": [True]}],
)
def test_an_object_with_other_words_for_it_becomes_plain(schema: JsonObject) -> None:
    assert object_root(schema) == NOTHING


@pytest.mark.parametrize(("union", "required"), [("anyOf", None), ("oneOf", None), ("allOf", ["a", "b"])])
def test_a_union_becomes_an_object_of_all_properties(union: str, required: JsonValue) -> None:
    plain = object_root({union: [A, B]})
    assert plain is not None
    assert plain["properties"] == {"a": {"type": "string"}, "b": {"type": "integer"}}
    assert plain.get("required") == required


def test_what_all_branches_require_is_required() -> None:
    plain = object_root(
        {"anyOf": [A, {**B, "required": ["a", "b"]}], "required": ["c"], "properties": {"c": 1}}
    )
    assert plain is not None
    assert plain["required"] == ["c", "a"]


def test_what_the_root_says_wins_over_its_branches() -> None:
    root: JsonObject = {"properties": {"a": {"type": "null"}, "c": True}, "required": ["c"], "anyOf": [A]}
    assert object_root(root) == {
        "type": "object", "properties": {"a": {"type": "null"}, "c": True}, "required": ["a", "c"]
    }  # fmt: skip


def test_a_property_that_tells_the_branches_apart_keeps_the_word_of_each() -> None:
    assert object_root({"oneOf": [kind("cat"), kind("dog")]}) == {
        "type": "object",
        "properties": {"kind": {"anyOf": [{"const": "cat"}, {"const": "dog"}]}, "cat": TEXT, "dog": TEXT},
        "required": ["kind"],
    }


def test_a_property_that_all_branches_limit_keeps_every_limit() -> None:
    plain = object_root(
        {"allOf": [{"properties": {"n": {"minimum": 1}}}, {"properties": {"n": {"maximum": 9}}}]}
    )
    assert plain == {"type": "object", "properties": {"n": {"allOf": [{"minimum": 1}, {"maximum": 9}]}}}


def test_branches_may_refer_to_the_roots_definitions() -> None:
    root: JsonObject = {"$defs": {"A": A}, "oneOf": [{"$ref": "#/$defs/A"}]}
    plain = object_root(root)
    assert plain is not None
    assert (plain["properties"], plain["$defs"]) == (A["properties"], {"A": A})


@pytest.mark.parametrize("reference", ["#/$defs/A", "https://x.example/schema.json"])
def test_a_reference_that_leads_nowhere_is_left_out(reference: str) -> None:
    schema: JsonObject = {"type": "object", "$ref": reference, "properties": {"a": TEXT}}
    assert object_root(schema) == {"type": "object", "properties": {"a": TEXT}}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string"},
        {"type": ["string", "null"]},
        {"anyOf": [A, {"type": "string"}]},
        {"$defs": {"A": {"anyOf": [{"$ref": "#/$defs/A"}]}}, "$ref": "#/$defs/A"},
    ],
    ids=["text", "text or null", "an object or text", "a union of itself"],
)
def test_what_cannot_be_a_plain_object_is_one_argument(schema: JsonObject) -> None:
    definitions: JsonObject = {name: schema[name] for name in schema if name == "$defs"}
    argument: JsonObject = {name: schema[name] for name in schema if name != "$defs"}
    assert object_root(schema) is None
    assert arguments_schema(schema) == {
        "type": "object", "properties": {"input": argument}, "required": ["input"], **definitions
    }  # fmt: skip


def test_malformed_properties_and_requirements_say_nothing() -> None:
    malformed: JsonObject = {"properties": 1, "required": 1}
    assert object_root({"allOf": [A, malformed, {"required": [1]}]}) == A
