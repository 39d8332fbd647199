"""The messages of a request."""

from typing import Any

import pytest

from gateway.canonical.content import (
    Base64,
    Blocks,
    CacheMark,
    Citation,
    FileRef,
    Media,
    Message,
    Opaque,
    Part,
    PlainText,
    Refusal,
    Signature,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Url,
)
from gateway.errors import InvalidRequest, Unsayable
from tests.protocols.ollama.exchange import messages, said, user

PNG = "iVBORw0KGgo="
CALLING = {
    "role": "assistant",
    "content": "",
    "tool_calls": [
        {"function": {"name": "a", "arguments": {"x": 1}}},
        {"function": {"name": "b", "arguments": {}}},
        {"function": {"name": "a"}},
    ],
}


def results(message: Message) -> list[tuple[str, str | None]]:
    return [(part.call_id, part.name) for part in message.parts if isinstance(part, ToolResult)]


def test_results_find_their_calls_by_name_and_in_order() -> None:
    by_name = messages(
        CALLING,
        {"role": "tool", "tool_name": "b", "content": "1"},
        {"role": "tool", "tool_name": "a", "content": "2"},
        {"role": "tool", "content": "3"},
    )
    assert results(by_name[1]) == [("call_0_1", None), ("call_0_0", None), ("call_0_2", None)]


def test_results_find_their_calls_by_id() -> None:
    calling = {"role": "assistant", "tool_calls": [{"id": "c1", "function": {"index": 0, "name": "a"}}]}
    answered = messages(calling, {"role": "tool", "tool_call_id": "c1", "tool_name": "other", "content": "1"})
    assert results(answered[1]) == [("c1", "other")]


def test_a_result_with_a_wrong_name_is_for_the_call_that_waits() -> None:
    calling = {"role": "assistant", "tool_calls": [{"function": {"name": "a"}}]}
    answered = messages(calling, {"role": "tool", "name": "z", "content": "1"})
    assert results(answered[1]) == [("call_0_0", "z")]


def test_a_result_without_any_call_is_named_as_lost() -> None:
    (turn,) = messages({"role": "tool", "content": "1"})
    assert results(turn) == [("call_0_0", None)]
    wire, losses = said(turn, user(Text("Why?")))
    assert [message["role"] for message in wire] == ["user"]
    assert losses.dropped == ["messages[0]"]


def test_the_users_words_behind_results_are_the_same_turn() -> None:
    turns = messages(CALLING, {"role": "tool", "content": "1"}, {"role": "user", "content": "go", "x": 1})
    assert [type(part) for part in turns[1].parts] == [ToolResult, Text]
    assert turns[1].extras == {"ollama": {"x": 1}}


def test_the_same_history_without_ids_gives_the_same_bytes_twice() -> None:
    history: list[dict[str, Any]] = [CALLING, *({"role": "tool", "content": str(n)} for n in range(3))]
    assert said(*messages(*history)) == said(*messages(*history))


@pytest.mark.parametrize(
    ("data", "mime"),
    [
        (PNG, "image/png"),
        ("/9j/4AAQ", "image/jpeg"),
        ("R0lGODlh", "image/gif"),
        ("UklGRh4A", "image/webp"),
        ("Qk2aAAAA", "image/bmp"),
        ("AAAA", None),
    ],
)
def test_the_first_bytes_of_a_picture_tell_its_media_type(data: str, mime: str | None) -> None:
    (turn,) = messages({"role": "user", "content": "What?", "images": [data]})
    assert turn.parts[1] == Media("image", Base64(data), mime)


def test_a_picture_sent_as_a_data_url_is_its_bytes() -> None:
    (turn,) = messages({"role": "user", "images": [f"data:image/png;base64,{PNG}"]})
    assert turn.parts == [Media("image", Base64(PNG), "image/png")]


@pytest.mark.parametrize(
    ("wire", "path"),
    [
        ({"role": "robot", "content": "x"}, "messages[0].role"),
        ({"content": "x"}, "messages[0].role"),
        ({"role": "user", "content": ["x"]}, "messages[0].content"),
        ({"role": "user", "images": "x"}, "messages[0].images"),
        ({"role": "assistant", "tool_calls": [{}]}, "messages[0].tool_calls[0].function"),
        (
            {"role": "assistant", "tool_calls": [{"function": {"name": "a", "arguments": "{}"}}]},
            "messages[0].tool_calls[0].function.arguments",
        ),
    ],
)
def test_what_is_malformed_is_named_by_its_path(wire: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        messages(wire)
    assert caught.value.param == path


def test_leading_instructions_become_one_message() -> None:
    wire, losses = said(
        Message("system", [Text("x-anthropic-billing-header: 1", origin="system[0]"), Text("One.")]),
        Message("developer", [Text("Two.")], name="n", origin="messages[0]"),
        user(Text("Why?")),
        Message("developer", [Text("Three.")], origin="messages[2]"),
    )
    assert wire == [
        {"role": "system", "content": "One.\n\nTwo."},
        {"role": "user", "content": "Why?"},
        {"role": "system", "content": "Three."},
    ]
    assert losses.dropped == ["messages[0].name"]
    assert "system[0] billing line left out" in losses.repaired
    assert "messages[2] role system" in losses.repaired


def test_words_pictures_reasoning_and_calls_have_fields_of_their_own() -> None:
    call = ToolCall("c1", "f", '{"b":1,"a":2}')
    turn = Message("assistant", [Thinking("hm"), Text("Well."), call], origin="messages[1]")
    wire, losses = said(user(Text("x"), Media("image", Base64(PNG), "image/png")), turn)
    assert wire[0] == {"role": "user", "content": "x", "images": [PNG]}
    assert wire[1] == {
        "role": "assistant",
        "content": "Well.",
        "thinking": "hm",
        "tool_calls": [{"id": "c1", "function": {"index": 0, "name": "f", "arguments": {"b": 1, "a": 2}}}],
    }
    assert list(wire[1]["tool_calls"][0]["function"]["arguments"]) == ["b", "a"]
    # Only the missing result had to be put in.
    assert wire[2]["content"] == "Error: [no result: interrupted]"
    assert losses.dropped == []


def test_pictures_of_a_result_stay_with_it() -> None:
    result = ToolResult("c1", [Text("seen"), Media("image", Base64(PNG), "image/png")])
    wire, losses = said(Message("assistant", [ToolCall("c1", "f")]), user(result))
    assert wire[1] == {
        "role": "tool",
        "tool_call_id": "c1",
        "tool_name": "f",
        "content": "seen",
        "images": [PNG],
    }
    assert not losses


@pytest.mark.parametrize(
    ("part", "dropped", "repaired"),
    [
        (Text("x", [Citation("url")], CacheMark(), origin="p"), ["p.citations", "p.cache_control"], 0),
        (Text("", origin="p"), [], 2),
        (Refusal("no", origin="p"), [], 1),
        (Refusal("", origin="p"), [], 2),
        (Thinking(signature=Signature("anthropic", "s"), redacted=True, origin="p"), ["p"], 1),
        (Thinking("t", signature=Signature("anthropic", "s"), origin="p"), ["p.signature"], 0),
        (Thinking(summary=["a", "b"], item_id="i", origin="p"), [], 1),
        (Media("image", Base64(PNG), "image/jpeg", detail="low", origin="p"), ["p.detail"], 1),
        (Media("image", Base64(PNG), "image/png", cache=CacheMark(), origin="p"), ["p.cache_control"], 0),
        (Media("document", PlainText("words"), title="T", citations=True, origin="p"), ["p.citations"], 1),
        (Media("document", Blocks([Text("a"), Text("b")]), context="C", origin="p"), [], 2),
        (Media("document", Blocks([Text("a")]), origin="p"), [], 1),
        (Media("document", PlainText("words"), origin="p"), [], 1),
    ],
)
def test_what_a_part_loses_is_named(part: Part, dropped: list[str], repaired: int) -> None:
    _, losses = said(user(part))
    assert (losses.dropped, len(losses.repaired)) == (dropped, repaired)


@pytest.mark.parametrize(
    "part",
    [
        Media("image", Url("https://p.example/a.png"), origin="p"),
        Media("image", FileRef("f", "anthropic"), origin="p"),
        Media("audio", Base64("UklGRg=="), "audio/wav", origin="p"),
        Media("document", Base64("JVBERi0="), "application/pdf", origin="p"),
        Media("document", Blocks([Refusal("no", origin="p")]), origin="q"),
        Opaque("anthropic", {}, origin="p"),
    ],
)
def test_what_has_no_word_is_refused_by_its_path(part: Part) -> None:
    with pytest.raises(Unsayable) as caught:
        said(user(part))
    assert caught.value.param == "p"


def test_a_model_that_reads_no_images_is_sent_none() -> None:
    with pytest.raises(Unsayable, match="reads no images"):
        said(user(Media("image", Base64(PNG), "image/png")), media=frozenset())


def test_what_a_call_and_a_result_lose_is_named() -> None:
    call = ToolCall(
        *("c1", "f", "not json"),
        namespace="n",
        signature=Signature("gemini", "s"),
        item_id="i",
        cache=CacheMark(),
        origin="c",
    )
    listed = ToolCall("c2", "g", "[1]", origin="d")
    patch = ToolCall("c3", "patch", "free words", kind="custom", origin="e")
    bare = ToolCall("c4", "h", "", origin="f")
    answers = [
        ToolResult("c1", [Text("1")], is_error=True, item_id="i", cache=CacheMark(), origin="r"),
        ToolResult("c2", [Text("2")], is_error=False, origin="s"),
        ToolResult("c3", [], is_error=True, name="patch", origin="t"),
        ToolResult("c4", [Text("4")], origin="u"),
    ]
    wire, losses = said(Message("assistant", [call, listed, patch, bare]), user(*answers))
    functions = [entry["function"] for entry in wire[0]["tool_calls"]]
    assert functions == [
        {"index": 0, "name": "n__f", "arguments": {"_raw": "not json"}},
        {"index": 1, "name": "g", "arguments": {"value": [1]}},
        {"index": 2, "name": "patch", "arguments": {"input": "free words"}},
        {"index": 3, "name": "h", "arguments": {}},
    ]
    assert [message["content"] for message in wire[1:]] == ["Error: 1", "2", "Error: ", "4"]
    assert losses.dropped == ["c.signature", "c.cache_control", "r.cache_control"]
    assert {repair.partition(" ")[0] for repair in losses.repaired} == {"c", "d", "e", "f", "r", "s", "t"}


def test_a_turn_of_nothing_but_results_has_no_place_for_its_fields() -> None:
    turn = user(ToolResult("c1", [Text("1")]))
    turn.extras = {"ollama": {"x": 1}}
    turn.item_id = "i"
    _, losses = said(Message("assistant", [ToolCall("c1", "f")]), turn)
    assert losses.dropped == ["messages[0].x"]
    assert losses.repaired == ["messages[0] without its item id"]


def test_parts_in_another_order_are_put_in_the_wires() -> None:
    wire, losses = said(user(Media("image", Base64(PNG), "image/png"), Text("a"), Text("b")))
    assert wire == [{"role": "user", "content": "a\n\nb", "images": [PNG]}]
    assert losses.repaired == [
        "messages[0] reordered: reasoning, words, pictures, calls",
        "messages[0] words joined",
    ]


def test_instructions_without_words_are_none() -> None:
    wire, losses = said(Message("system", [], origin="system"), user(Text("x")))
    assert [message["role"] for message in wire] == ["user"]
    assert losses.repaired == ["system left out: it is empty"]


def test_past_reasoning_comes_back_before_the_words() -> None:
    (turn,) = messages({"role": "assistant", "content": "Well.", "thinking": "hm"})
    assert turn.parts == [Thinking("hm"), Text("Well.")]


def test_a_document_of_parts_holds_pictures_too() -> None:
    document = Media("document", Blocks([Text("a"), Media("image", Base64(PNG), "image/png")]), title="T")
    wire, _ = said(user(document))
    assert wire == [{"role": "user", "content": "T\n\na", "images": [PNG]}]


def test_a_result_nobody_can_name_goes_by_its_id() -> None:
    wire, _ = said(Message("assistant", [ToolCall("c1", "")]), user(ToolResult("c1", [Text("1")])))
    assert wire[1] == {"role": "tool", "tool_call_id": "c1", "tool_name": "", "content": "1"}
