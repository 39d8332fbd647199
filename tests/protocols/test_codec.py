"""What every codec shares: losses, foreign fields, the model's name."""

import pytest

from gateway.canonical.content import Blocks, Media, Message, Opaque, Text, ToolResult
from gateway.canonical.json import JsonObject, JsonValue, Untaken
from gateway.canonical.request import Reasoning, Request, Tool
from gateway.errors import InvalidRequest
from gateway.protocols.codec import Call, Losses, foreign_fields, required_model
from gateway.wire.document import Document


def test_losses_say_what_was_dropped_and_what_was_mended() -> None:
    losses = Losses()
    assert not losses
    losses.drop("seed")
    losses.drop("temperature", "1.4->1.0")
    assert losses.dropped == ["seed", "temperature 1.4->1.0"]
    assert losses


def test_a_repair_alone_is_a_loss_too() -> None:
    losses = Losses()
    losses.repair("messages[1]", "joined")
    assert losses.repaired == ["messages[1] joined"]
    assert losses


def test_fields_that_only_another_protocol_knows_are_found_wherever_they_stand() -> None:
    def other(name: str) -> dict[str, JsonObject]:
        return {"gemini": {name: 1}, "anthropic": {"own": 1}}

    document = Media("document", Blocks([Text("a", extras=other("deep"), origin="m[0].c[1].content[0]")]))
    request = Request(
        "m",
        [
            Message(
                "user",
                [
                    ToolResult("1", [Text("b", extras=other("inner"), origin="m[0].c[0].content[0]")]),
                    document,
                    Opaque("gemini", {}),
                ],
                extras=other("turn"),
                origin="m[0]",
            )
        ],
        tools=[Tool("f", extras=other("tool"), origin="tools[0]")],
        reasoning=Reasoning(extras=other("thought")),
        extras=other("top"),
        origins={"reasoning": "thinking"},
    )
    assert list(foreign_fields(request, "anthropic")) == [
        "top",
        "thinking.thought",
        "tools[0].tool",
        "m[0].turn",
        "m[0].c[0].content[0].inner",
        "m[0].c[1].content[0].deep",
    ]


def test_of_an_object_that_was_understood_only_the_other_fields_are_foreign() -> None:
    rest: JsonObject = {"source": Untaken(new=1, more={"a": 1}), "unknown": {"a": 1}}
    message = Message("user", [Text("a", extras={"anthropic": rest}, origin="m[0].c[0]")])
    assert list(foreign_fields(Request("m", [message], extras={"anthropic": rest}), "gemini")) == [
        "source.new",
        "source.more",
        "unknown",
        "m[0].c[0].source.new",
        "m[0].c[0].source.more",
        "m[0].c[0].unknown",
    ]


def test_a_request_without_foreign_fields_has_none() -> None:
    assert list(foreign_fields(Request("m", [Message("user", [Text("a")])]), "anthropic")) == []


def test_a_body_that_nests_too_deep_is_refused_where_it_is_read_and_only_there() -> None:
    call = Call(Document(b'{"model":"m","x":%b}' % (b"[" * 99 + b"]" * 99)))
    assert call.said("model") == "m"
    refusal = "not valid JSON: nested deeper than 64 levels"
    with pytest.raises(InvalidRequest, match=refusal):
        call.said("x")
    with pytest.raises(InvalidRequest, match=refusal):
        assert call.payload


def test_the_model_is_read_from_the_body() -> None:
    assert required_model("m") == "m"


@pytest.mark.parametrize("model", [None, "", 1])
def test_a_request_must_name_a_model(model: JsonValue) -> None:
    with pytest.raises(InvalidRequest, match="model: a non-empty string is required"):
        required_model(model)
