"""Calls and results are paired as upstreams want them, and what had to change is said."""

from copy import deepcopy
from itertools import zip_longest

from hypothesis import given
from hypothesis import strategies as st

from gateway.canonical.content import Message, Part, Text, ToolCall, ToolResult
from gateway.protocols.codec import Losses
from gateway.protocols.history import NO_RESULT, calls_of, paired


def _call(call_id: str) -> ToolCall:
    return ToolCall(call_id, "look", origin=f"call {call_id}")


def _result(call_id: str, words: str = "found") -> ToolResult:
    said: list[Part] = [Text(words)] if words else []
    return ToolResult(call_id, said, origin=f"result {call_id}")


def _assistant(*parts: Part) -> Message:
    return Message("assistant", [*parts], origin="assistant")


def _user(*parts: Part, name: str | None = None) -> Message:
    return Message("user", [*parts], name, origin="user")


def test_a_history_that_is_right_stays_as_it_is_and_says_nothing() -> None:
    losses = Losses()
    history = [
        _user(Text("find")),
        _assistant(_call("a"), _call("b")),
        _user(_result("a"), _result("b"), Text("go on")),
        Message("system", [Text("be brief")]),
        _assistant(Text("done")),
    ]
    assert paired(history, losses) == history
    assert not losses


def test_results_are_put_in_the_order_of_the_calls_and_before_words() -> None:
    losses = Losses()
    said = _user(Text("here"), _result("b"), _result("a"))
    asked = _assistant(_call("a"), _call("b"))
    assert paired([asked, said], losses) == [asked, _user(_result("a"), _result("b"), Text("here"))]
    assert losses.repaired == ["user tool results put first, in the order of the calls"]
    assert not losses.dropped


def test_a_missing_result_is_put_in_as_an_error() -> None:
    losses = Losses()
    history = paired([_assistant(_call("a"), _call("b")), _user(_result("b"))], losses)
    missing, kept = history[1].parts
    assert missing == ToolResult("a", [Text(NO_RESULT)], is_error=True, name="look")
    assert kept == _result("b")
    assert losses.repaired == ["call a answered: its result was missing"]


def test_a_call_that_nothing_follows_is_answered_too() -> None:
    history = paired([_assistant(_call("a"))], Losses())
    assert [message.role for message in history] == ["assistant", "user"]
    assert isinstance(history[1].parts[0], ToolResult)


def test_a_result_without_a_call_is_a_named_loss_and_empties_its_message() -> None:
    losses = Losses()
    assert paired([_user(_result("x")), _user(Text("hello"), _result("y"))], losses) == [_user(Text("hello"))]
    assert losses.dropped == ["result x", "result y"]


def test_a_result_for_another_turns_call_is_a_named_loss() -> None:
    losses = Losses()
    asked = _assistant(_call("a"))
    assert paired([asked, _user(_result("a"), _result("old"))], losses) == [asked, _user(_result("a"))]
    assert losses.dropped == ["result old"]


def test_of_two_results_for_one_call_the_last_that_says_something_stays() -> None:
    losses = Losses()
    said = _user(_result("a", "first"), _result("a", "second"), _result("a", ""))
    assert paired([_assistant(_call("a")), said], losses)[1] == _user(_result("a", "second"))
    assert losses.dropped == ["result a", "result a"]


def test_results_of_calls_that_share_an_id_keep_their_order() -> None:
    history = [_assistant(_call("a"), _call("a")), _user(_result("a", "one"), _result("a", "two"))]
    losses = Losses()
    assert paired(history, losses) == history
    assert not losses


def test_user_messages_behind_a_call_become_one() -> None:
    losses = Losses()
    history = [_assistant(_call("a"), _call("b")), _user(_result("a")), _user(_result("b"), name="ann")]
    assert paired([*history, _user(Text("next"))], losses)[1] == _user(
        _result("a"), _result("b"), Text("next"), name="ann"
    )
    assert losses.repaired == ["user joined to the tool results before it"] * 2


def test_instructions_between_a_call_and_its_result_move_behind_it() -> None:
    losses = Losses()
    asked, rule, said = (
        _assistant(_call("a")),
        Message("system", [Text("rule")], origin="rule"),
        _user(_result("a")),
    )
    assert paired([asked, rule, said], losses) == [asked, said, rule]
    assert losses.repaired == ["rule moved behind the tool results"]


def test_assistant_messages_without_results_between_become_one() -> None:
    losses = Losses()
    history = [_assistant(_call("a")), _assistant(_call("b")), _user(_result("a"), _result("b"))]
    assert paired(history, losses) == [_assistant(_call("a"), _call("b")), history[2]]
    assert losses.repaired == ["assistant joined to the tool calls before it"]


_IDS = st.sampled_from("abc")
_PARTS: st.SearchStrategy[Part] = st.one_of(
    _IDS.map(_call), _IDS.map(_result), st.just("").map(lambda _: Text("words"))
)


@st.composite
def _histories(draw: st.DrawFn) -> list[Message]:
    history: list[Message] = []
    for _ in range(draw(st.integers(0, 6))):
        parts = draw(st.lists(_PARTS, min_size=1, max_size=4))
        if draw(st.booleans()):
            history.append(_assistant(*(part for part in parts if not isinstance(part, ToolResult))))
        elif draw(st.booleans()):
            history.append(_user(*(part for part in parts if not isinstance(part, ToolCall))))
        else:
            history.append(Message("system", [Text("rule")]))
    return history


@given(_histories())
def test_every_call_of_any_history_is_followed_by_its_results_in_order(history: list[Message]) -> None:
    before = deepcopy(history)
    settled = paired(history, Losses())
    assert history == before
    for message, follower in zip_longest(settled, settled[1:]):
        wanted = [call.id for call in calls_of(message)] if message.role == "assistant" else []
        results = [part for part in follower.parts if isinstance(part, ToolResult)] if follower else []
        if wanted:
            assert follower is not None
            assert follower.role == "user"
            assert [result.call_id for result in results] == wanted
            assert follower.parts[: len(wanted)] == results
        else:
            assert results == []


@given(_histories())
def test_pairing_twice_changes_nothing_more(history: list[Message]) -> None:
    settled = paired(history, Losses())
    losses = Losses()
    assert paired(settled, losses) == settled
    assert not losses
