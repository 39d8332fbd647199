"""Reading typed fields, and naming what is wrong by its path."""

from collections.abc import Callable

import pytest

from gateway.canonical.json import JsonValue
from gateway.errors import InvalidRequest
from gateway.protocols.fields import Fields, wrong


def test_every_kind_of_field_is_read_as_its_type() -> None:
    fields = Fields(
        {"t": "a", "b": False, "i": 1, "f": 2.0, "n": 1.5, "o": {"x": 1}, "a": [1], "s": ["x"], "any": [None]}
    )
    assert fields.text("t") == "a"
    assert fields.boolean("b") is False
    assert (fields.integer("i"), fields.integer("f")) == (1, 2)
    assert fields.number("n") == 1.5
    assert fields.object("o") == {"x": 1}
    assert fields.array("a") == [1]
    assert fields.texts("s") == ["x"]
    assert fields.any("any") == [None]
    assert fields.rest("openai_chat") == {}


@pytest.mark.parametrize("value", [{}, {"x": None}])
def test_null_and_absent_both_mean_not_said(value: dict[str, JsonValue]) -> None:
    readers: list[Callable[[Fields], object]] = [
        lambda fields: fields.text("x"),
        lambda fields: fields.boolean("x"),
        lambda fields: fields.integer("x"),
        lambda fields: fields.number("x"),
        lambda fields: fields.object("x"),
        lambda fields: fields.fields("x"),
        lambda fields: fields.array("x"),
        lambda fields: fields.texts("x"),
        lambda fields: fields.any("x"),
    ]
    assert [read(Fields(value)) for read in readers] == [None] * len(readers)
    assert list(Fields(value).items("x")) == []


@pytest.mark.parametrize(
    ("read", "value", "message"),
    [
        (lambda fields: fields.text("x"), 1, "a.x: expected a string, got a number"),
        (lambda fields: fields.required_text("x"), None, "a.x: a string is required"),
        (lambda fields: fields.required_text("x"), [], "a.x: expected a string, got a list"),
        (lambda fields: fields.boolean("x"), 1, "a.x: expected true or false, got a number"),
        (lambda fields: fields.integer("x"), True, "a.x: expected a whole number, got a boolean"),
        (lambda fields: fields.integer("x"), 1.5, "a.x: expected a whole number, got a number"),
        (lambda fields: fields.number("x"), "1", "a.x: expected a number, got a string"),
        (lambda fields: fields.number("x"), False, "a.x: expected a number, got a boolean"),
        (lambda fields: fields.object("x"), [], "a.x: expected an object, got a list"),
        (lambda fields: fields.fields("x"), "", "a.x: expected an object, got a string"),
        (lambda fields: fields.array("x"), {}, "a.x: expected a list, got an object"),
        (lambda fields: fields.texts("x"), ["a", None], "a.x[1]: expected a string, got null"),
        (lambda fields: list(fields.items("x")), [{}, 1], "a.x[1]: expected an object, got a number"),
    ],
)
def test_a_field_of_the_wrong_type_is_named_by_its_path(
    read: Callable[[Fields], object], value: JsonValue, message: str
) -> None:
    with pytest.raises(InvalidRequest) as raised:
        read(Fields({"x": value}, "a"))
    assert raised.value.message == message
    assert raised.value.param == message.partition(":")[0]


def test_a_body_that_is_no_object_is_named_as_the_body() -> None:
    with pytest.raises(InvalidRequest, match="body: expected an object, got a list"):
        Fields([])


def test_nested_objects_know_their_own_path() -> None:
    fields = Fields({"messages": [{}, {"content": {"type": 1}}]})
    message = list(fields.items("messages"))[1]
    content = message.fields("content")
    assert content is not None
    assert (content.path, content.at("type")) == ("messages[1].content", "messages[1].content.type")


def test_a_required_text_is_returned() -> None:
    assert Fields({"x": ""}).required_text("x") == ""


def test_the_rest_is_what_nobody_took_and_was_not_null() -> None:
    fields = Fields({"known": 1, "new": {"a": None}, "null": None})
    fields.integer("known")
    assert fields.rest("anthropic") == {"anthropic": {"new": {"a": None}}}


def test_reading_leaves_the_object_alone() -> None:
    value: dict[str, JsonValue] = {"x": "a"}
    Fields(value).text("x")
    assert value == {"x": "a"}


def test_an_error_never_echoes_the_value() -> None:
    assert "sk-secret" not in wrong("key", "a number", "sk-secret").message
