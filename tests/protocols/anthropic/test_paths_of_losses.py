"""What cannot be said is named by the path in the client's own body."""

from gateway.canonical.content import Message, Text
from gateway.canonical.json import JsonObject
from gateway.canonical.request import OutputFormat, Request
from gateway.protocols.anthropic import CODEC
from gateway.protocols.codec import Call, Losses
from gateway.protocols.target import Target
from gateway.wire.document import Document


def test_a_container_and_the_display_of_thinking_are_named_as_the_client_wrote_them() -> None:
    payload: JsonObject = {
        "model": "m",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "hi"}],
        "container": "container_1",
        "thinking": {"type": "adaptive", "display": "omitted"},
    }
    request = CODEC.decode_request(Call(Document.of(payload)))

    assert request.origin_of("continuation") == "container"
    assert request.origin_of("visibility") == "thinking.display"


def _schema_sent(output: OutputFormat, losses: Losses) -> object:
    request = Request("m", [Message("user", [Text("hi")])], output=output)
    body = CODEC.encode_request(request, Target("m"), losses).body
    config = body["output_config"]
    assert isinstance(config, dict)
    form = config["format"]
    assert isinstance(form, dict)
    return form["schema"]


def test_the_description_of_an_answer_is_said_in_its_schema() -> None:
    losses = Losses()
    schema: JsonObject = {"type": "object", "properties": {}, "additionalProperties": False}
    sent = _schema_sent(OutputFormat("json_schema", description="a book", schema=schema), losses)

    assert sent == {"description": "a book", **schema}
    assert losses.dropped == []


def test_a_second_description_of_an_answer_is_a_named_loss() -> None:
    losses = Losses()
    schema: JsonObject = {"type": "object", "description": "a film", "additionalProperties": False}
    sent = _schema_sent(OutputFormat("json_schema", description="a book", schema=schema), losses)

    assert isinstance(sent, dict)
    assert sent["description"] == "a film"
    assert losses.dropped == ["output.description"]
