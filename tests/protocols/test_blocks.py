"""Fragments in any order become blocks that never overlap."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.canonical.content import Citation, Media, Part, Refusal, Signature, Text, Thinking, ToolCall, Url
from gateway.canonical.events import Close, Collector, Delta, End, Event, Open, Start
from gateway.canonical.usage import Stop, StopReason
from gateway.protocols.blocks import Blocks


def _parts(events: list[Event]) -> list[Part]:
    collector = Collector()
    for event in [Start(), *events, End([Stop(StopReason.END)])]:
        collector.feed(event)
    return collector.response().parts


def test_text_opens_with_its_first_piece_and_closes_with_the_reply() -> None:
    blocks = Blocks()
    assert blocks.text("a") == [Open(0, Text("")), Delta(0, "text", "a")]
    assert blocks.text("b") == [Delta(0, "text", "b")]
    assert blocks.close() == [Close(0, Text("ab"))]


def test_another_kind_of_words_closes_the_block_before() -> None:
    blocks = Blocks()
    events = blocks.thinking("hm") + blocks.text("yes") + blocks.refusal("no") + blocks.close()
    assert _parts(events) == [Thinking("hm"), Text("yes"), Refusal("no")]


def test_every_event_names_its_choice() -> None:
    blocks = Blocks(2)
    assert blocks.text("a") + blocks.close() == [
        Open(0, Text(""), 2),
        Delta(0, "text", "a", 2),
        Close(0, Text("a"), 2),
    ]


def test_a_call_opens_only_when_its_name_is_known_and_then_says_what_was_held_back() -> None:
    blocks = Blocks()
    block, events = blocks.call(ToolCall("", ""))
    assert events == []
    assert blocks.arguments(block, '{"a":') == []
    assert blocks.name(block, "c1", "look") == [
        Open(0, ToolCall("c1", "look", "")),
        Delta(0, "arguments", '{"a":'),
    ]
    assert blocks.arguments(block, "1}") == [Delta(0, "arguments", "1}")]
    assert blocks.close() == [Close(0, ToolCall("c1", "look", '{"a":1}'))]


def test_fragments_of_parallel_calls_never_overlap() -> None:
    blocks = Blocks()
    first, events = blocks.call(ToolCall("a", "f"))
    second, more = blocks.call(ToolCall("b", "g"))
    events += more
    for block, piece in ((first, "{"), (second, '{"x"'), (first, "}"), (second, ":1}")):
        events += blocks.arguments(block, piece)
    assert _parts(events + blocks.close()) == [ToolCall("a", "f", "{}"), ToolCall("b", "g", '{"x":1}')]
    assert blocks.called


def test_words_behind_an_open_call_wait_for_it() -> None:
    blocks = Blocks()
    call, events = blocks.call(ToolCall("a", "f"))
    assert blocks.text("later") == []
    events += blocks.arguments(call, '{"a":1}') + blocks.close()
    assert _parts(events) == [ToolCall("a", "f", '{"a":1}'), Text("later")]


def test_a_call_that_never_says_its_name_is_left_out() -> None:
    blocks = Blocks()
    call, events = blocks.call(ToolCall("a", ""))
    events += blocks.arguments(call, "{}") + blocks.text("words")
    assert _parts(events + blocks.close()) == [Text("words")]
    assert not blocks.called


def test_a_function_without_arguments_has_an_empty_object_and_a_custom_tool_none() -> None:
    blocks = Blocks()
    events = blocks.call(ToolCall("a", "f"))[1] + blocks.call(ToolCall("b", "g", kind="custom"))[1]
    closed = events + blocks.close()
    assert _parts(closed) == [ToolCall("a", "f", "{}"), ToolCall("b", "g", "", kind="custom")]
    assert Delta(0, "arguments", "{}") in closed


def test_a_signature_ends_the_reasoning_it_signs() -> None:
    blocks = Blocks()
    one, two = Signature("x", "1"), Signature("x", "2")
    events = blocks.thinking("a") + blocks.sign(one, redacted=False)
    events += blocks.thinking("b") + blocks.sign(None, redacted=False) + blocks.sign(two, redacted=True)
    assert _parts(events + blocks.close()) == [
        Thinking("a", signature=one),
        Thinking("b"),
        Thinking(signature=two, redacted=True),
    ]


def test_no_signature_behind_no_reasoning_says_nothing() -> None:
    assert Blocks().sign(None, redacted=False) == []


def test_a_calls_signature_is_part_of_the_call() -> None:
    blocks = Blocks()
    call, events = blocks.call(ToolCall("a", "f"))
    events += blocks.sign_call(call, Signature("gemini", "s")) + blocks.close()
    assert _parts(events) == [ToolCall("a", "f", "{}", signature=Signature("gemini", "s"))]


def test_a_citation_belongs_to_the_text_before_it() -> None:
    blocks = Blocks()
    events = blocks.text("so") + blocks.cite(Citation("url", "https://a.example"))
    assert _parts(events + blocks.close()) == [Text("so", [Citation("url", "https://a.example")])]


def test_a_part_in_one_piece_is_told_with_its_deltas() -> None:
    blocks = Blocks()
    image, call = Media("image", Url("https://a.example/i.png")), ToolCall("a", "f", '{"a":1}')
    events = blocks.text("see") + blocks.whole(image) + blocks.whole(call)
    assert Delta(2, "arguments", '{"a":1}') in events
    assert _parts(events + blocks.close()) == [Text("see"), image, call]


_ACTS = st.lists(
    st.tuples(st.sampled_from(["text", "thinking", "call", "arguments", "name"]), st.integers(0, 2))
)


@given(_ACTS)
def test_no_order_of_fragments_breaks_the_grammar_or_loses_words(acts: list[tuple[str, int]]) -> None:
    blocks = Blocks()
    events: list[Event] = []
    calls = [blocks.call(ToolCall(str(number), ""))[0] for number in range(3)]
    named: set[int] = set()
    said = {"text": "", "thinking": ""}
    arguments = ["", "", ""]
    for act, number in acts:
        if act == "text":
            events += blocks.text(f"t{number}")
            said["text"] += f"t{number}"
        elif act == "thinking":
            events += blocks.thinking(f"h{number}")
            said["thinking"] += f"h{number}"
        elif act == "arguments":
            events += blocks.arguments(calls[number], str(number))
            arguments[number] += str(number)
        else:
            events += blocks.name(calls[number], str(number), "f")
            named.add(number)
    parts = _parts(events + blocks.close())
    assert "".join(part.text for part in parts if isinstance(part, Text)) == said["text"]
    assert "".join(part.text for part in parts if isinstance(part, Thinking)) == said["thinking"]
    assert {part.id: part.arguments for part in parts if isinstance(part, ToolCall)} == {
        str(number): arguments[number] or "{}" for number in named
    }
