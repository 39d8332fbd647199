from typing import Any

import pytest

from gateway.canonical.content import (
    CacheMark,
    Media,
    Message,
    Part,
    ServerToolUse,
    Signature,
    Text,
    Thinking,
    ToolResult,
    Url,
)
from gateway.canonical.json import JsonValue
from gateway.errors import Unsayable
from gateway.protocols.codec import Losses
from gateway.protocols.target import Capabilities
from tests.protocols.anthropic.exchange import HELLO, answered, asked_of, body_of, call, encoded

TOP = Capabilities(system="top")


def message(role: Any, *parts: Part, **fields: Any) -> Message:
    return Message(role, list(parts), origin=f"a {role}", **fields)


def turns_of(*messages: Message, capabilities: Capabilities | None = None) -> tuple[list[Any], Losses]:
    """The turns of a conversation, and what had to change."""
    sent, losses = encoded(asked_of(*messages), capabilities)
    turns: Any = sent.body["messages"]
    return list(turns), losses


def words(text: str) -> list[JsonValue]:
    return [{"type": "text", "text": text}]


def test_all_instructions_in_front_are_the_system_prompt() -> None:
    instructions = [message("system", Text("A")), message("developer", Text("B"))]
    sent, losses = encoded(asked_of(*instructions, HELLO))
    assert sent.body["system"] == [*words("A"), *words("B")]
    assert losses.repaired == ["a developer joined to the system prompt"]


def test_empty_instructions_say_nothing() -> None:
    sent, losses = encoded(asked_of(message("system", Text(" ")), message("system"), HELLO))
    assert "system" not in sent.body
    assert losses.repaired == [
        "a system empty text left out",
        "a system joined to the system prompt",
        "a system empty message left out",
    ]


def test_fields_beside_instructions_are_a_named_loss() -> None:
    system = message("system", Text("A"), extras={"anthropic": {"odd": 1}}, name="ann", phase="final_answer")
    _, losses = encoded(asked_of(system, HELLO))
    assert losses.dropped == ["a system.name", "a system.phase", "a system fields beside its content"]


@pytest.mark.parametrize("capabilities", [Capabilities(), TOP])
def test_pictures_are_no_instructions(capabilities: Capabilities) -> None:
    picture = Media("image", Url("https://x.example/a.png"), origin="pic")
    with pytest.raises(Unsayable):
        encoded(asked_of(message("system", picture), HELLO), capabilities)
    with pytest.raises(Unsayable):
        encoded(asked_of(HELLO, message("system", picture)), TOP)


def test_instructions_amid_a_conversation_stay_where_the_model_reads_them() -> None:
    turns, losses = turns_of(HELLO, message("developer", Text("brief")))
    assert turns[1] == {"role": "system", "content": words("brief")}
    assert losses.repaired == ["a developer developer said as system"]


def test_marked_instructions_for_a_model_that_reads_them_only_in_front_keep_their_breakpoint() -> None:
    told = message("system", Text("A", cache=CacheMark()), Text("B"))
    turns, _ = turns_of(HELLO, told, capabilities=Capabilities(system="top", cache_marks=True))
    assert turns[0]["content"][1] == {
        "type": "text", "text": "<system>\nA\n\nB\n</system>", "cache_control": {"type": "ephemeral"}
    }  # fmt: skip


def test_instructions_without_words_are_left_out_where_they_would_be_a_users() -> None:
    turns, _ = turns_of(HELLO, message("system"), capabilities=TOP)
    assert turns == [{"role": "user", "content": words("hello")}]


def test_an_empty_turn_of_a_user_is_given_words_and_an_assistants_is_left_out() -> None:
    turns, losses = turns_of(message("user", Text(" ")), message("assistant"), message("user"))
    assert turns == [{"role": "user", "content": words("(empty message)")}]
    assert "a assistant empty turn left out" in losses.repaired
    assert "a user given words: a turn may not be empty" in losses.repaired


def test_a_conversation_that_an_assistant_begins_is_given_a_users_turn() -> None:
    turns, losses = turns_of(message("assistant", Text("hi")), HELLO)
    assert turns[0] == {"role": "user", "content": words("(the beginning of this conversation is not shown)")}
    assert losses.repaired == ["messages a user's turn put in front"]


def test_an_id_of_an_item_is_left_out() -> None:
    _, losses = turns_of(message("user", Text("hi"), item_id="msg_1"))
    assert losses.repaired == ["a user item id left out"]


@pytest.mark.parametrize(
    ("begun", "sent"), [([Text("I am ")], "I am"), ([Text("I am")], "I am"), ([Text("I"), Text("\n")], "I")]
)
def test_an_answer_begun_for_the_model_ends_without_white_space(begun: list[Part], sent: str) -> None:
    turns, _ = turns_of(HELLO, message("assistant", *begun))
    assert turns[1]["content"] == words(sent)


def test_a_turn_that_the_providers_own_tool_interrupted_goes_back_as_it_came() -> None:
    raw: Any = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    signed = Thinking("t", signature=Signature("anthropic", "s"))
    paused = message("assistant", Text("I search "), ServerToolUse("anthropic", "web_search", raw), signed)
    turns, losses = turns_of(HELLO, paused, capabilities=Capabilities(prefill=False))
    assert [block["type"] for block in turns[1]["content"]] == ["text", "server_tool_use", "thinking"]
    assert not losses


def test_a_call_of_a_user_is_refused() -> None:
    with pytest.raises(Unsayable, match="call a: only an assistant's turn holds tool calls"):
        turns_of(message("user", call("a")))


def test_a_result_of_an_assistant_is_refused() -> None:
    with pytest.raises(Unsayable, match="odd: only a user's turn holds tool results"):
        turns_of(HELLO, message("assistant", ToolResult("a", origin="odd")), HELLO)


def test_fields_that_only_this_protocol_knows_stay_on_their_turn() -> None:
    turns, losses = turns_of(message("user", Text("hi"), extras={"anthropic": {"odd": 1}}))
    assert turns == [{"odd": 1, "role": "user", "content": words("hi")}]
    assert not losses


def test_calls_and_results_that_fit_are_left_alone() -> None:
    body = body_of(*answered(Text("I run it"), call("a")))
    assert [block["type"] for block in body["messages"][1]["content"]] == ["text", "tool_use"]
