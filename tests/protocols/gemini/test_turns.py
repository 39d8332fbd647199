"""A conversation in the form the API takes."""

from typing import Any

import pytest

from gateway.canonical.content import (
    CacheMark,
    Citation,
    Media,
    Message,
    Opaque,
    Part,
    Signature,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Url,
)
from gateway.errors import Unsayable
from gateway.protocols.codec import Losses
from tests.protocols.gemini.exchange import asking, assistant, sent, user

HELLO = user(Text("hi"))
PICTURE = Media("image", Url("https://x.example/a.png"), origin="picture")


def system(*parts: Part, origin: str = "system") -> Message:
    """Instructions."""
    return Message("system", list(parts), origin=origin)


def test_empty_instructions_are_left_out() -> None:
    losses = Losses()
    body = sent(asking(system(), system(Text("", origin="system[1]")), HELLO), losses)
    assert "systemInstruction" not in body
    assert losses.dropped == []
    assert "system[1] empty text left out" in losses.repaired


@pytest.mark.parametrize("place", [0, 1])
def test_only_text_may_stand_in_instructions(place: int) -> None:
    messages = [HELLO]
    messages.insert(place, system(PICTURE))
    with pytest.raises(Unsayable, match="only text"):
        sent(asking(*messages))


def test_instructions_amid_the_conversation_lose_their_cache_mark_and_nothing_if_they_are_empty() -> None:
    losses = Losses()
    later = system(Text("be kind", cache=CacheMark(), origin="m1"), origin="m1")
    body = sent(asking(HELLO, later, system(Text(""), origin="m2")), losses)
    assert [part["text"] for part in body["contents"][0]["parts"]] == ["hi", "<system>\nbe kind\n</system>"]
    assert losses.dropped == ["m1.cache_control"]


def test_a_turn_without_words_is_left_out_or_given_some() -> None:
    losses = Losses()
    body = sent(asking(user(Text("")), assistant(Text("")), user()), losses)
    assert body["contents"] == [{"role": "user", "parts": [{"text": "(empty message)"}]}]
    assert losses.dropped == []


def test_names_and_phases_are_named_losses_and_item_ids_none() -> None:
    losses = Losses()
    named = Message("user", [Text("hi")], name="ann", item_id="msg_1", origin="m0")
    spoken = Message("assistant", [Text("a")], phase="commentary", origin="m1")
    sent(asking(named, spoken, HELLO), losses)
    assert losses.dropped == ["m0.name", "m1.phase"]
    assert losses.repaired == ["m0 without its item id"]


def test_a_prefill_is_refused_where_the_model_does_not_go_on() -> None:
    request = asking(HELLO, assistant(Text("and")))
    assert sent(request)["contents"][-1]["role"] == "model"
    with pytest.raises(Unsayable, match="does not continue"):
        sent(request, prefill=False)


def test_marks_of_calls_and_results_are_named_losses() -> None:
    losses = Losses()
    call = ToolCall("c", "p", "free words", kind="custom", cache=CacheMark(), origin="m1")
    result = ToolResult("c", [Text("no")], is_error=True, kind="custom", cache=CacheMark(), origin="m2")
    contents = sent(asking(HELLO, assistant(call), user(result)), losses)["contents"]
    assert contents[1]["parts"][0]["functionCall"]["args"] == {"input": "free words"}
    assert contents[2]["parts"][0]["functionResponse"]["response"] == {"error": "no"}
    assert losses.dropped == ["m1.cache_control", "m2.cache_control"]


@pytest.mark.parametrize(
    "messages",
    [
        (user(ToolCall("c", "f", origin="p")),),
        (HELLO, assistant(ToolResult("c", origin="p")), HELLO),
        (HELLO, assistant(Thinking("t", signature=Signature("gemini", "c2ln")), Opaque("openai_chat", {}))),
    ],
)
def test_parts_where_they_cannot_stand_are_refused(messages: tuple[Message, ...]) -> None:
    with pytest.raises(Unsayable):
        sent(asking(*messages))


def test_what_only_this_provider_can_read_goes_back_to_it() -> None:
    losses = Losses()
    raw: Any = {"executableCode": {"language": "PYTHON", "code": "1"}, "thoughtSignature": "c2ln"}
    thought = Thinking("t", signature=Signature("gemini", "c2ln"), summary=["s"], origin="m1")
    cited = Text("said", [Citation("url", "https://x.example")], origin="m2")
    body = sent(asking(HELLO, assistant(thought, Opaque("gemini", raw), cited), HELLO), losses)
    assert body["contents"][1]["parts"] == [
        {"text": "t", "thought": True, "thoughtSignature": "c2ln"},
        raw,
        {"text": "said"},
    ]
    assert losses.dropped == ["m2.citations"]
    assert losses.repaired == ["m1 told by its signature alone"]


def test_texts_of_a_model_that_follow_each_other_are_told_to_be_one() -> None:
    losses = Losses()
    body = sent(asking(HELLO, assistant(Text("a"), Text("b", origin="second")), HELLO), losses)
    assert body["contents"][1]["parts"] == [{"text": "a"}, {"text": "b"}]
    assert losses.repaired == ["second goes on with the text before it"]
