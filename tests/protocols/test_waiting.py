"""Calls that wait for their results."""

from gateway.canonical.content import ToolCall
from gateway.protocols.waiting import Waiting


def waiting(*calls: str) -> Waiting:
    """Calls spelled `id:name`."""
    pairs = (call.split(":") for call in calls)
    return Waiting(ToolCall(call_id, name) for call_id, name in pairs)


def told(call: ToolCall | None) -> str | None:
    return None if call is None else f"{call.id}:{call.name}"


def test_the_first_is_the_one_that_waits_longest() -> None:
    calls = waiting("a:look", "b:find")
    assert told(calls.first()) == "a:look"
    calls.answer("a")
    assert told(calls.first()) == "b:find"
    calls.answer("b")
    assert calls.first() is None


def test_calls_are_found_by_name_in_their_order() -> None:
    calls = waiting("a:look", "b:find", "c:find")
    assert told(calls.named("find")) == "b:find"
    calls.answer("b")
    assert told(calls.named("find")) == "c:find"
    calls.answer("c")
    assert calls.named("find") is None
    assert calls.named(None) is None


def test_calls_are_found_by_id_and_of_several_the_one_with_the_name() -> None:
    calls = waiting("a:look", "a:find", "b:find")
    assert told(calls.of_id("a")) == "a:look"
    assert told(calls.of_id("a", "find")) == "a:find"
    assert told(calls.of_id("a", "other")) == "a:look"
    assert calls.of_id("c") is None
    assert calls.of_id(None) is None


def test_an_answer_counts_for_every_call_of_its_id_and_a_stray_one_for_none() -> None:
    calls = waiting("a:look", "a:look", "b:find")
    assert len(calls) == 3
    calls.answer("a")
    calls.answer("stray")
    assert len(calls) == 1
    assert calls.named("look") is None


def test_calls_may_come_one_by_one() -> None:
    calls = waiting()
    calls.add(ToolCall("a", "look"))
    assert (len(calls), told(calls.first())) == (1, "a:look")
