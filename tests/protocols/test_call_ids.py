"""Ids by position: the same place gives the same id, another place another one."""

from gateway.canonical.content import Message, Text, ToolCall
from gateway.protocols.call_ids import names_of, position_id, reply_id


def test_a_position_has_one_id_and_no_other_position_has_it() -> None:
    assert position_id(3, 1) == position_id(3, 1) == "call_3_1"
    assert len({position_id(message, call) for message in range(12) for call in range(12)}) == 144


def test_a_replys_ids_differ_by_reply_history_choice_and_number() -> None:
    places = [
        ("r1", 3, 0, 0),
        ("r2", 3, 0, 0),
        ("r1", 5, 0, 0),
        ("r1", 3, 1, 0),
        ("r1", 3, 0, 1),
        ("r1", 30, 0),
    ]
    ids = {reply_id(*place) for place in places}
    assert len(ids) == len(places)
    assert all(len(made) <= 40 and made.replace("_", "").isalnum() for made in ids)
    assert reply_id("r1", 3, 0, 0) in ids


def test_the_names_of_a_history_are_found_by_id_and_the_later_call_wins() -> None:
    first = Message("assistant", [Text("hm"), ToolCall("a", "look"), ToolCall("b", "read")])
    assert names_of([first, Message("assistant", [ToolCall("a", "write")])]) == {"a": "write", "b": "read"}
