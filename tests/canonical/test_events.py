"""The grammar of a stream, and the two ways between a stream and a whole reply."""

import pytest
from hypothesis import given

from gateway.canonical.content import (
    Base64,
    Citation,
    Media,
    Opaque,
    Part,
    Refusal,
    ServerToolResult,
    ServerToolUse,
    Signature,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from gateway.canonical.events import (
    Choice,
    Close,
    Collector,
    Delta,
    End,
    Event,
    GrammarError,
    Open,
    Response,
    Start,
    collect,
    complete_stop,
    explode,
    hollow,
)
from gateway.canonical.usage import Stop, StopReason, Usage
from tests.strategies import responses

STOP = Stop(StopReason.END, "stop")
BLOCK: list[Event] = [Open(0, Text("")), Delta(0, "text", "a"), Close(0, Text("a"))]


@given(responses())
def test_collecting_what_was_exploded_gives_the_response_back(response: Response) -> None:
    assert collect(explode(response)) == response


@pytest.mark.parametrize(
    "events",
    [
        [Open(0, Text(""))],
        [Delta(0, "usage", Usage())],
        [End([STOP])],
        [Start(), Start()],
        [Start(), Delta(0, "text", "a")],
        [Start(), Close(0, Text(""))],
        [Start(), Open(1, Text(""))],
        [Start(), Open(0, Text("")), Open(1, Text(""))],
        [Start(), Open(0, Text("")), Close(1, Text(""))],
        [Start(), Open(0, Text("")), Delta(1, "text", "a")],
        [Start(), Open(0, Text("")), Delta(0, "text", "a", 1)],
        [Start(), Open(0, Text("")), End([STOP])],
        [Start(), *BLOCK, Open(0, Text(""))],
        [Start(), *BLOCK, Delta(0, "text", "a")],
        [Start(), *BLOCK, End([])],
        [Start(), End([STOP]), End([STOP])],
        [Start(), End([STOP]), Delta(0, "usage", Usage())],
        [Start(), *BLOCK],
        [],
    ],
)
def test_what_is_not_a_stream_is_refused(events: list[Event]) -> None:
    with pytest.raises(GrammarError):
        collect(events)


def test_choices_may_interleave_each_keeping_the_grammar_for_itself() -> None:
    response = collect(
        [
            Start("id"),
            Open(0, Text(""), 0),
            Open(0, Text(""), 1),
            Delta(0, "text", "a", 0),
            Delta(0, "text", "b", 1),
            Close(0, Text("b"), 1),
            Close(0, Text("a"), 0),
            End([STOP, Stop(StopReason.LENGTH)]),
        ]
    )
    assert [choice.parts for choice in response.choices] == [[Text("a")], [Text("b")]]
    assert [choice.stop.reason for choice in response.choices] == [StopReason.END, StopReason.LENGTH]


@pytest.mark.parametrize(
    "events",
    [
        [Start(usage=Usage(input_tokens=3)), End([STOP], Usage(output_tokens=2))],
        [
            Start(),
            Delta(0, "usage", Usage(input_tokens=3, output_tokens=1)),
            End([STOP], Usage(output_tokens=2)),
        ],
        [
            Start(),
            Delta(0, "usage", Usage(input_tokens=3)),
            Delta(0, "usage", Usage(output_tokens=2)),
            End([STOP]),
        ],
    ],
)
def test_usage_may_be_said_at_any_time_and_the_last_word_counts(events: list[Event]) -> None:
    assert collect(events).usage == Usage(input_tokens=3, output_tokens=2)


def test_a_reply_that_says_no_usage_has_none() -> None:
    assert collect([Start(), End([STOP])]).usage is None


def test_log_probabilities_of_each_choice_are_joined() -> None:
    response = collect(
        [
            Start(),
            Delta(0, "logprobs", [{"token": "a"}]),
            Delta(0, "logprobs", [{"token": "b"}]),
            Delta(0, "logprobs", [], 1),
            End([STOP, STOP, STOP]),
        ]
    )
    assert [choice.logprobs for choice in response.choices] == [[{"token": "a"}, {"token": "b"}], [], None]


def test_extras_of_both_ends_reach_the_response() -> None:
    response = collect([Start(extras={"a": {"x": 1}}), End([STOP], extras={"b": {"y": 2}})])
    assert response.extras == {"a": {"x": 1}, "b": {"y": 2}}


def test_extras_of_one_protocol_said_at_both_ends_are_joined() -> None:
    response = collect([Start(extras={"a": {"x": 1}}), End([STOP], extras={"a": {"y": 2}})])
    assert response.extras == {"a": {"x": 1, "y": 2}}


def test_a_collector_tells_how_far_the_reply_has_come() -> None:
    collector = Collector()
    assert (collector.started, collector.complete, collector.stop) == (False, False, None)
    collector.feed(Start())
    assert (collector.started, collector.complete, collector.stop) == (True, False, None)
    collector.feed(End([STOP]))
    assert (collector.started, collector.complete, collector.stop) == (True, True, STOP)


def test_a_reply_without_choices_has_no_stop() -> None:
    collector = Collector()
    collector.feed(Start())
    collector.feed(End([]))
    assert collector.stop is None


def test_a_response_answers_for_its_first_choice() -> None:
    response = Response([Choice([Text("a")], STOP), Choice([], STOP)])
    assert (response.parts, response.stop) == ([Text("a")], STOP)


def test_collecting_leaves_the_usage_it_was_given_alone() -> None:
    usage = Usage(input_tokens=1)
    collect([Start(usage=usage), End([STOP], Usage(input_tokens=2))])
    assert usage == Usage(input_tokens=1)


SIGNATURE = Signature("anthropic", "c2ln")


@pytest.mark.parametrize(
    ("part", "empty"),
    [
        (Text("a", [Citation("url")]), Text("")),
        (Refusal("no"), Refusal("")),
        (Thinking("a", ["b"], SIGNATURE, item_id="rs_1"), Thinking(item_id="rs_1")),
        (ToolCall("1", "f", '{"a":1}', signature=SIGNATURE), ToolCall("1", "f", "")),
    ],
)
def test_a_part_that_comes_in_pieces_is_announced_empty(part: Part, empty: Part) -> None:
    assert hollow(part) == empty


@pytest.mark.parametrize(
    "part",
    [
        Thinking(signature=SIGNATURE, redacted=True),
        Media("image", Base64("aGk=")),
        ToolResult("1"),
        ServerToolUse("anthropic", "web_search", {}),
        ServerToolResult("anthropic", "web_search", {}),
        Opaque("anthropic", {}),
    ],
)
def test_a_part_that_comes_whole_is_announced_whole(part: Part) -> None:
    assert hollow(part) is part


@pytest.mark.parametrize(
    ("reason", "called", "expected"),
    [
        (StopReason.END, True, StopReason.TOOL_CALL),
        (StopReason.END, False, StopReason.END),
        (StopReason.TOOL_CALL, False, StopReason.END),
        (StopReason.TOOL_CALL, True, StopReason.TOOL_CALL),
        (StopReason.LENGTH, True, StopReason.LENGTH),
        (StopReason.REFUSAL, False, StopReason.REFUSAL),
    ],
)
def test_a_stop_agrees_with_whether_tools_were_called(
    reason: StopReason,
    called: bool,
    expected: StopReason,
) -> None:
    assert complete_stop(reason, "word", called=called) == Stop(expected, "word")
