"""Traps of Gemini, by their numbers: schemas of tools and of answers."""

from typing import Any

import pytest

from gateway.protocols.codec import Codec
from tests.traps.wire import CHAT, CLAUDE, GEMINI, chat, cross, function, generate

SUBSET = "gemini-2.0-flash"
"""A model that takes the OpenAPI subset; its successors take all of JSON Schema."""

RICH: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "m": {
            "type": "object",
            "propertyNames": {"pattern": "^a"},
            "patternProperties": {"^a": {"type": "string"}},
            "properties": {"b": {"type": "string"}},
        }
    },
}


def declared(schema: Any, model: str = SUBSET) -> Any:
    """The declaration of a Chat client's tool at the model."""
    sent = cross(chat(tools=[function(parameters=schema)]), CHAT, GEMINI, model)
    return sent.body["tools"][0]["functionDeclarations"][0]


def fitted(schema: Any) -> Any:
    """What becomes of the schema of an argument where only the subset is taken."""
    return declared({"type": "object", "properties": {"x": schema}})["parameters"]["properties"]["x"]


def test_t059_keywords_the_subset_lacks_are_said_in_words_and_elsewhere_the_schema_is_whole() -> None:
    parameters = declared(RICH)["parameters"]
    inner = parameters["properties"]["m"]
    assert parameters.keys() == {"type", "properties"}
    assert inner.keys() == {"type", "properties", "description"}
    assert "propertyNames" in inner["description"]
    assert "patternProperties" in inner["description"]
    whole = declared(RICH, "gemini-3.5-flash")["parametersJsonSchema"]
    assert whole == {name: value for name, value in RICH.items() if name != "$schema"}


@pytest.mark.parametrize("word", ["anyOf", "oneOf"])
def test_t060_alternatives_of_constants_are_an_enum_with_a_type(word: str) -> None:
    assert fitted({word: [{"const": "a"}, {"const": "b"}]}) == {"type": "STRING", "enum": ["a", "b"]}


def test_t061_an_open_bound_is_a_closed_one_or_words() -> None:
    assert fitted({"type": "integer", "exclusiveMinimum": 0}) == {"type": "INTEGER", "minimum": 1}
    real = fitted({"type": "number", "exclusiveMinimum": 0})
    assert real == {"type": "NUMBER", "description": "exclusiveMinimum: 0"}


def test_t062_an_array_without_items_is_given_some() -> None:
    assert fitted({"type": "array"}) == {"type": "ARRAY", "items": {"type": "STRING"}}


@pytest.mark.parametrize("kind", [{"type": "integer"}, {}])
def test_t063_numbers_to_choose_from_stay_numbers_and_are_listed_in_words(kind: dict[str, str]) -> None:
    numbers = {**kind, "enum": [1, 2]}
    in_words = {"type": "INTEGER", "description": "One of: [1,2]"}
    assert fitted(numbers) == in_words
    # Of a choice among strings the model would answer "1", which is none of the client's.
    root = {"type": "object", "properties": {"x": numbers}}
    answer = {"type": "json_schema", "json_schema": {"name": "answer", "schema": root}}
    for model, field, said in (
        (SUBSET, "responseSchema", in_words),
        ("gemini-3.5-flash", "responseJsonSchema", numbers),
    ):
        config = cross(chat(response_format=answer), CHAT, GEMINI, model).body["generationConfig"]
        assert config[field]["properties"]["x"] == said


@pytest.mark.parametrize("model", [SUBSET, "gemini-3.5-flash"])
def test_t070_a_tool_without_arguments_has_no_parameters(model: str) -> None:
    assert declared({"type": "object", "properties": {}}, model) == {"name": "run"}
    bare = generate(tools=[{"functionDeclarations": [{"name": "run"}]}])
    nothing = {"type": "object", "properties": {}}
    assert cross(bare, GEMINI, CHAT).body["tools"][0]["function"]["parameters"] == nothing
    assert cross(bare, GEMINI, CLAUDE).body["tools"][0]["input_schema"] == nothing


WHOLE = {"type": "object", "properties": {"user_id": {"type": ["string", "null"]}}, "required": ["user_id"]}
SUBSET_OF_IT = {
    "type": "OBJECT",
    "properties": {"user_id": {"type": "STRING", "nullable": True}},
    "required": ["user_id"],
}


@pytest.mark.parametrize("declarations", ["functionDeclarations", "function_declarations"])
@pytest.mark.parametrize(
    ("field", "schema"),
    [
        ("parametersJsonSchema", WHOLE),
        ("parameters_json_schema", WHOLE),
        ("parameters", SUBSET_OF_IT),
    ],
)
@pytest.mark.parametrize("upstream", [CHAT, CLAUDE])
def test_t151_a_tool_arrives_with_its_schema_however_its_fields_are_spelled(
    declarations: str, field: str, schema: Any, upstream: Codec
) -> None:
    tools = [{declarations: [{"name": "run", field: schema}]}]
    camel = {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["run"]}}
    snake = {"function_calling_config": {"mode": "ANY", "allowed_function_names": ["run"]}}
    sent = cross(generate(tools=tools, toolConfig=camel), GEMINI, upstream)
    assert sent.body == cross(generate(tools=tools, tool_config=snake), GEMINI, upstream).body
    assert "tool_choice" in sent.body
    tool = sent.body["tools"][0]
    assert tool.get("input_schema", tool.get("function", {}).get("parameters")) == WHOLE
    assert sent.dropped == []
