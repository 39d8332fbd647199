import pytest

from gateway.canonical.json import JsonObject
from gateway.protocols.references import followed

POINT: JsonObject = {"type": "object", "properties": {"x": {"type": "integer"}}}


def test_a_reference_is_followed_with_the_definitions_kept() -> None:
    definitions: JsonObject = {"Point": POINT, "Place": {"$ref": "#/$defs/Point"}}
    assert followed({"$ref": "#/$defs/Place", "$defs": definitions}) == {"$defs": definitions, **POINT}


@pytest.mark.parametrize(
    "reference", ["#/$defs/Nothing", "#/$defs/Point/type/deeper", "https://x.example/schema.json", 7]
)
def test_a_reference_that_leads_nowhere_stays(reference: str | int) -> None:
    schema: JsonObject = {"$ref": reference, "$defs": {"Point": POINT}}
    assert followed(schema) == schema


def test_references_that_go_round_come_to_an_end() -> None:
    schema: JsonObject = {"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}}
    assert followed(schema) == schema
