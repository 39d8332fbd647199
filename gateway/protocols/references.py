"""References at the root of a JSON schema, which upstreams refuse although they take them further in."""

from gateway.canonical.json import JsonObject, JsonValue

_MOST_STEPS = 8


def followed(schema: JsonObject) -> JsonObject:
    """The definition that a root `$ref` names, with the definitions kept; bounded, for those that go
    round.
    """
    for _ in range(_MOST_STEPS):
        reference = schema.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return schema
        found: JsonValue = schema
        for step in reference[2:].split("/"):
            found = found.get(step) if isinstance(found, dict) else None
        if not isinstance(found, dict):
            return schema
        rest = {name: value for name, value in schema.items() if name != "$ref"}
        schema = {**rest, **found}
    return schema
