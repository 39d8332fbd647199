"""Signed reasoning that clients do not bring back."""

from dataclasses import replace

import pytest

from gateway.canonical.content import Message, Part, Signature, Text, Thinking, ToolCall, ToolResult
from gateway.relay.memory import Memory

ME, YOU = b"me", b"you"
THOUGHT = Thinking("Read it.", signature=Signature("anthropic", "c2ln"))
CALL = ToolCall("call_1", "read", '{"path":"a","line":1}')
SIGNED = replace(CALL, signature=Signature("gemini", "Z2Vt"))
HISTORY = [Message("system", [Text("Be brief.")]), Message("user", [Text("What does it say?")])]


class Clock:
    """A clock that tests turn."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def told(*reply: Part, family: str, most_bytes: int = 10_000) -> tuple[Memory, Clock]:
    """A memory of one reply to me."""
    clock = Clock()
    memory = Memory(clock, most_bytes)
    memory.keep(ME, lambda: HISTORY, reply, family)
    return memory, clock


def again(*parts: Part) -> list[Message]:
    """The conversation as its client sends it next."""
    return [*HISTORY, Message("assistant", [*parts]), Message("user", [ToolResult("call_1", [Text("42")])])]


def test_thoughts_and_signatures_come_back_to_the_call_they_belonged_to() -> None:
    memory, _ = told(THOUGHT, Text("I read."), CALL, family="anthropic")
    assert memory.recalled(ME, again(Text("I read."), CALL), "anthropic") == again(
        THOUGHT, Text("I read."), CALL
    )

    memory, _ = told(SIGNED, family="gemini")
    assert memory.recalled(ME, again(CALL), "gemini") == again(SIGNED)


def test_a_call_is_known_without_its_id_by_the_conversation_before_it() -> None:
    memory, _ = told(SIGNED, family="gemini")
    nameless = replace(CALL, id="call_2_0", arguments='{"line": 1, "path": "a"}')

    assert memory.recalled(ME, again(nameless), "gemini")[2].parts == [
        replace(nameless, signature=SIGNED.signature)
    ]
    elsewhere = [Message("user", [Text("Another question.")]), *again(nameless)[2:]]
    assert memory.recalled(ME, elsewhere, "gemini") == elsewhere


def test_a_later_call_is_known_by_all_that_was_said_before_it() -> None:
    memory, _ = told(SIGNED, family="gemini")
    later = again(replace(CALL, id="call_2_0"))
    memory.keep(ME, lambda: later, [SIGNED], "gemini")
    nameless = Message("assistant", [Thinking("hm"), replace(CALL, id="call_4_0")])

    recalled = memory.recalled(ME, [*later, nameless], "gemini")

    signatures = [
        part.signature for message in recalled for part in message.parts if isinstance(part, ToolCall)
    ]
    assert signatures == [SIGNED.signature, SIGNED.signature]


@pytest.mark.parametrize(
    ("client", "call", "family"),
    [
        (YOU, CALL, "gemini"),
        (ME, replace(CALL, arguments="{not json"), "gemini"),
        (ME, replace(CALL, name="write"), "gemini"),
        (ME, CALL, "anthropic"),
    ],
    ids=["another client", "other arguments", "another tool", "another issuer"],
)
def test_nothing_comes_back_to_another(client: bytes, call: ToolCall, family: str) -> None:
    memory, _ = told(SIGNED, family="gemini")
    memory.keep(
        ME, lambda: HISTORY, [THOUGHT, replace(CALL, id="call_x", arguments='{"path":"b"}')], "anthropic"
    )

    assert memory.recalled(client, again(call), family) == again(call)


def test_where_an_issuer_never_signed_anything_the_messages_are_not_looked_at() -> None:
    memory, _ = told(SIGNED, family="gemini")
    history = again(CALL)
    assert memory.recalled(ME, history, "anthropic") is history


def test_what_the_client_brings_back_itself_is_left_alone() -> None:
    memory, _ = told(THOUGHT, CALL, family="anthropic")
    own = replace(THOUGHT, signature=Signature("anthropic", "its own"))

    assert memory.recalled(ME, again(own, CALL), "anthropic") == again(own, CALL)


def test_thoughts_that_come_back_signed_are_not_said_twice() -> None:
    memory, _ = told(THOUGHT, CALL, family="anthropic")

    assert memory.recalled(ME, again(Thinking("Read it."), CALL), "anthropic") == again(THOUGHT, CALL)


def test_of_several_calls_each_gets_back_what_was_its_own() -> None:
    other = ToolCall("call_2", "read", '{"path":"b"}')
    memory, _ = told(THOUGHT, CALL, other, family="anthropic")
    assert memory.recalled(ME, again(CALL, other), "anthropic") == again(THOUGHT, CALL, other)

    memory, _ = told(SIGNED, other, family="gemini")
    assert memory.recalled(ME, again(CALL, other), "gemini") == again(SIGNED, other)


def test_where_nothing_was_signed_nobody_asks_what_was_said_before() -> None:
    def unread() -> list[Message]:
        raise AssertionError("somebody asked")

    Memory(lambda: 0.0).keep(ME, unread, [Text("Hi"), CALL], "anthropic")


def test_what_nobody_signed_or_nobody_called_for_is_not_kept() -> None:
    for reply in ([Thinking("hm"), CALL], [THOUGHT], [Text("Hi"), CALL]):
        memory, _ = told(*reply, family="anthropic")
        assert memory.recalled(ME, again(CALL), "anthropic") == again(CALL)


def test_what_is_not_asked_for_is_forgotten_in_time() -> None:
    memory, clock = told(SIGNED, family="gemini")
    clock.now = 3500.0
    assert memory.recalled(ME, again(CALL), "gemini") == again(SIGNED)
    clock.now = 7000.0
    assert memory.recalled(ME, again(CALL), "gemini") == again(SIGNED)
    clock.now = 20_000.0
    assert memory.recalled(ME, again(CALL), "gemini") == again(CALL)


def test_the_longest_unused_goes_first_where_there_is_no_room() -> None:
    memory, _ = told(SIGNED, family="gemini", most_bytes=5_000)
    for number in range(3):
        memory.keep(ME, lambda: HISTORY, [replace(SIGNED, id=f"call_{number + 2}")], "gemini")
        assert memory.recalled(ME, again(CALL), "gemini") == again(SIGNED)
    for number in range(10):
        call = replace(SIGNED, id=f"call_{number}0", arguments=f'{{"line": {number}}}')
        memory.keep(ME, lambda: HISTORY, [call], "gemini")

    assert memory.recalled(ME, again(CALL), "gemini") == again(CALL)
