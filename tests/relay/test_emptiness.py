import pytest

from gateway.canonical.content import Part, Text, Thinking, ToolCall
from gateway.canonical.usage import Stop, StopReason
from gateway.relay.emptiness import empty_reply, says_nothing, unexplained

CALL = ToolCall(id="1", name="look", arguments="{}")


@pytest.mark.parametrize(
    ("parts", "reason", "empty"),
    [
        ([], StopReason.END, True),
        ([Text("")], StopReason.END, True),
        ([Text("")], StopReason.TOOL_CALL, True),
        ([Text(" ")], StopReason.END, False),
        ([Thinking("hm")], StopReason.END, False),
        ([Text(""), CALL], StopReason.TOOL_CALL, False),
        ([], StopReason.LENGTH, False),
        ([], StopReason.CONTENT_FILTER, False),
        ([], StopReason.REFUSAL, False),
        ([], StopReason.LOAD, False),
    ],
)
def test_a_reply_without_anything_in_it_needs_a_reason(
    parts: list[Part], reason: StopReason, *, empty: bool
) -> None:
    assert says_nothing(parts, Stop(reason)) is empty


def test_one_choice_that_says_why_is_enough() -> None:
    assert unexplained([Stop(StopReason.END)])
    assert not unexplained([Stop(StopReason.END), Stop(StopReason.LENGTH)])


async def test_what_delivers_it_is_taken_once() -> None:
    delivered = []

    async def deliver() -> None:
        delivered.append(1)

    error = empty_reply(deliver)
    await error.taken()()
    assert (delivered, error.deliver) == ([1], None)
