"""D: streams, record by record."""

from typing import Any

import pytest

from gateway.canonical.content import Signature, Thinking
from gateway.canonical.events import Choice, Response, explode
from gateway.canonical.usage import Stop, StopReason
from gateway.errors import BadUpstreamReply
from gateway.protocols.codec import Codec, Losses, Sent
from gateway.wire.fast_json import loads
from tests.traps.wire import (
    CHAT,
    CLAUDE,
    asked,
    begin,
    block,
    blocks_of,
    calls_of,
    carried,
    delta,
    finish,
    fragment,
    fragments,
    lane,
    parsed,
    records,
    stream,
    words,
)

ROLE = delta({"role": "assistant", "content": ""})
STOP = [delta({}, "stop"), "[DONE]"]
CALLED = [delta({}, "tool_calls"), "[DONE]"]
USAGE = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
TOOL_USE = {"type": "tool_use", "id": "toolu_1", "name": "run", "input": {}}


def to_claude(*payloads: Any, **wishes: Any) -> list[Any]:
    """The events a Claude client gets of a Chat stream."""
    return stream(payloads, CHAT, CLAUDE, **wishes)


def to_chat(*payloads: Any, **wishes: Any) -> list[Any]:
    """The chunks a Chat client gets of a Claude stream."""
    return stream(payloads, CLAUDE, CHAT, **wishes)


def shown(blocks: list[Any]) -> list[tuple[str, str]]:
    return [(made["type"], made.get("text") or made.get("thinking") or "") for made in blocks]


def made_of(*payloads: Any) -> list[tuple[str, Any]]:
    """The calls a Claude client builds of a Chat stream."""
    return [(made["name"], made["input"]) for made in blocks_of(to_claude(ROLE, *payloads, *CALLED))]


def test_t086_reasoning_first_is_the_first_block() -> None:
    events = to_claude(ROLE, delta({"reasoning_content": "hm"}), delta({"content": "hi"}), *STOP)
    assert shown(blocks_of(events)) == [("thinking", "hm"), ("text", "hi")]


def test_t087_the_first_words_after_reasoning_are_not_lost() -> None:
    told = [delta({"reasoning_content": "a"}), delta({"content": "He"}), delta({"content": "llo"})]
    assert shown(blocks_of(to_claude(*told, *STOP))) == [("thinking", "a"), ("text", "Hello")]


def test_t088_a_call_right_after_reasoning_is_the_second_block() -> None:
    events = to_claude(delta({"reasoning": "a"}), fragments(fragment(0, "c1", "run", "{}")), *CALLED)
    assert shown(blocks_of(events)) == [("thinking", "a"), ("tool_use", "")]
    order = [event["type"] for event in events if event["type"].startswith("content_block_st")]
    assert order == ["content_block_start", "content_block_stop"] * 2


def test_t089_one_delta_with_both_closes_the_reasoning_first() -> None:
    events = to_claude(delta({"reasoning_content": "a", "content": "b"}), *STOP)
    assert shown(blocks_of(events)) == [("thinking", "a"), ("text", "b")]


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([(None, "a", "f", '{"x":1}'), (None, "b", "g", '{"y":2}')], id="no index, whole"),
        pytest.param([(None, "a", "f", '{"x"'), (None, None, None, ":1}"), (None, "b", "g", '{"y":2}')],
                     id="no index, in pieces"),
        pytest.param([(0, "a", "f", '{"x":1}'), (0, "b", "g", '{"y":2}')], id="all 0, ids differ"),
        pytest.param([(1, "a", "f", '{"x":1}'), (2, "b", "g", '{"y":2}')], id="from 1"),
        pytest.param([(0, "a", "f", '{"x"'), (0, "", "", ":1}"), (1, "b", "g", ""), (1, "", "", '{"y":2}')],
                     id="later ids and names empty"),
        pytest.param([(0, "a", "f", '{"x"'), (0, "a", "f", ":1}"), (1, "b", "g", '{"y":2}')],
                     id="ids and names repeated"),
    ],
)  # fmt: skip
def test_t090_fragments_find_their_calls_however_they_are_numbered(pieces: list[Any]) -> None:
    assert made_of(*(fragments(fragment(*piece)) for piece in pieces)) == [("f", {"x": 1}), ("g", {"y": 2})]


def test_t091_a_call_starts_with_its_name_and_without_one_never() -> None:
    late = [fragment(0, "a", None, ""), fragment(0, None, None, '{"x"'), fragment(0, None, "f", ":1}")]
    assert made_of(*map(fragments, late)) == [("f", {"x": 1})]
    never = [fragment(0, "a", "", "{}"), fragment(0, None, "", "")]
    assert shown(blocks_of(to_claude(ROLE, *map(fragments, never), *STOP))) == [("text", "")]


def test_t092_arguments_that_could_end_are_not_ended_early() -> None:
    pieces = [fragment(0, "a", "f", '{"a":1}'), fragment(0, None, None, " "), fragment(0, None, None, "\n")]
    events = to_claude(*map(fragments, pieces), *CALLED)
    assert blocks_of(events)[0]["input"] == {"a": 1}
    said = [event["delta"]["partial_json"] for event in events if event["type"] == "content_block_delta"]
    assert "".join(said) == '{"a":1} \n'


def test_t093_interleaved_calls_become_blocks_one_after_the_other() -> None:
    pieces = [(0, "a", "f", '{"x"'), (1, "b", "g", '{"y"'), (0, None, None, ":1}"), (1, None, None, ":2}")]
    assert made_of(*(fragments(fragment(*piece)) for piece in pieces)) == [("f", {"x": 1}), ("g", {"y": 2})]


@pytest.mark.parametrize(
    "payloads",
    [
        pytest.param([delta({"content": "x"}), delta({}, "stop"), {"choices": [], "usage": USAGE}],
                     id="last"),
        pytest.param([delta({"content": "x"}, usage=None), delta({}, "stop", usage=None),
                      {"choices": [], "usage": USAGE}], id="null before"),
        pytest.param([delta({"content": "x"}), delta({}, "stop"), delta({}, usage=USAGE)], id="after finish"),
        pytest.param([delta({"content": "x"}), delta({}, "stop", usage=USAGE)], id="with finish"),
    ],
)  # fmt: skip
def test_t094_usage_is_told_wherever_it_comes(payloads: list[Any]) -> None:
    told = to_claude(*payloads, "[DONE]")[-2]
    assert told["type"] == "message_delta"
    assert (told["usage"]["input_tokens"], told["usage"]["output_tokens"]) == (7, 2)


@pytest.mark.parametrize(
    "last",
    [{"output_tokens": 5}, {"input_tokens": 10, "output_tokens": 5}, {"input_tokens": 0, "output_tokens": 5}],
)
def test_t095_input_tokens_are_neither_lost_nor_counted_twice(last: dict[str, Any]) -> None:
    told = to_chat(begin(), *words(0, "hi"), *finish(**last), include_usage=True)
    assert (told[-1]["usage"]["prompt_tokens"], told[-1]["usage"]["completion_tokens"]) == (10, 5)


def test_t096_the_input_is_estimated_where_the_upstream_says_it_last() -> None:
    started = to_claude(delta({"content": "x"}), *STOP)[0]
    assert started["message"]["usage"]["input_tokens"] == asked().input_tokens > 0


@pytest.mark.parametrize("client", [CLAUDE, CHAT])
def test_t097_an_end_without_a_finish_is_an_error(client: Codec) -> None:
    told = carried(lane(CHAT, client), records([ROLE, delta({"content": "half"})], CHAT))
    assert b"half" in told
    assert b'"error"' in told
    assert b"[DONE]" not in told
    assert b"message_stop" not in told
    told = carried(lane(CLAUDE, client), records([begin(), *words(0, "half")], CLAUDE))
    assert b'"error"' in told
    assert b"[DONE]" not in told
    assert b"message_stop" not in told


def test_t098_a_terminator_alone_ends_a_stream_where_the_upstream_is_known_for_it() -> None:
    told = [fragments(fragment(0, "a", "f", "{}")), "[DONE]"]
    events = to_claude(*told, sent=Sent(finish_optional=True))
    assert blocks_of(events)[0]["name"] == "f"
    assert events[-2]["delta"]["stop_reason"] == "tool_use"
    assert to_claude(*told)[-1]["type"] == "error"


@pytest.mark.parametrize("client", [CLAUDE, CHAT])
def test_t099_what_follows_the_terminator_is_not_told(client: Codec) -> None:
    way = lane(CHAT, client)
    told = way.feed(records([delta({"content": "x"}), *STOP, delta({"content": "late"})], CHAT))
    assert b'"x"' in told.data
    assert b"late" not in told.data
    assert way.complete


@pytest.mark.parametrize("client", [CLAUDE, CHAT])
def test_t100_a_second_start_is_ignored_unless_it_is_another_message(client: Codec) -> None:
    told = stream([begin(), begin(), *words(0, "hi"), *finish()], CLAUDE, client)
    assert sum(event.get("type") == "message_start" for event in told) == (client is CLAUDE)
    assert "error" not in str(told)
    way = lane(CLAUDE, client)
    broken = way.feed(records([begin(), *words(0, "hi"), begin(id="msg_2")], CLAUDE))
    assert isinstance(broken.error, BadUpstreamReply)
    assert b"msg_2" not in broken.data


@pytest.mark.parametrize(
    ("status", "claude_type"), [(500, "api_error"), (502, "api_error"), (503, "overloaded_error")]
)
def test_t105_a_failure_amid_a_stream_is_the_servers_and_not_the_clients(
    status: int, claude_type: str
) -> None:
    failure = {"error": {"code": status, "message": "upstream broke", "type": "invalid_request_error"}}
    told = [delta({"content": "half"}), failure]
    assert to_claude(*told)[-1]["error"]["type"] == claude_type
    chunks = parsed(carried(lane(CHAT, CHAT), records(told, CHAT)))
    assert chunks[-1]["error"]["type"] == "server_error"


@pytest.mark.parametrize("client", [CLAUDE, CHAT])
def test_t108_no_ids_and_no_retry_lines_reach_a_client(client: Codec) -> None:
    data = records([delta({"content": "x"}), *STOP], CHAT)
    odd = data.replace(b"data: ", b"id: 7\nretry: 3000\n: note\ndata: ")
    told = carried(lane(CHAT, client), odd)
    assert not [line for line in told.split(b"\n") if line.startswith((b"id:", b"retry:"))]
    assert b'"x"' in told


CUTS = [1, 2, 3, 7, 4096]


@pytest.mark.parametrize("size", CUTS)
@pytest.mark.parametrize(("old", "new"), [(b"data: ", b"data:"), (b"\n", b"\r\n"), (b"\n", b"\r")])
@pytest.mark.parametrize("client", [CLAUDE, CHAT])
def test_t109_streams_are_read_however_they_are_spelled_and_cut(
    size: int, old: bytes, new: bytes, client: Codec
) -> None:
    data = records([ROLE, delta({"content": "Grüße 🚀"}), *STOP], CHAT).replace(old, new)
    told = carried(lane(CHAT, client), *(data[at : at + size] for at in range(0, len(data), size)))
    assert "Grüße 🚀" in "".join(str(found) for found in parsed(told))
    assert told == carried(lane(CHAT, client), records([ROLE, delta({"content": "Grüße 🚀"}), *STOP], CHAT))


def test_t115_a_signature_stands_before_the_end_of_its_block_and_summaries_share_one() -> None:
    signed = [{"type": "thinking_delta", "thinking": "hm"}, {"type": "signature_delta", "signature": "s1g"}]
    told = [begin(), *block(0, {"type": "thinking", "thinking": "", "signature": ""}, *signed), *finish()]
    assert blocks_of(stream(told, CLAUDE, CLAUDE))[0]["signature"] == "s1g"
    thought = Thinking(summary=["first", "second"], signature=Signature("openai_responses", "enc"))
    encoder = CLAUDE.stream_encoder(asked(), Losses())
    whole = explode(Response([Choice([thought], Stop(StopReason.END))]))
    written = [loads(frame.data) for event in whole for frame in encoder.encode(event)]
    made = blocks_of(written)
    assert [found["thinking"] for found in made] == ["first\n\nsecond"]
    assert made[0]["signature"].startswith("gw1.openai_responses.")
    kinds = [event.get("delta", {}).get("type", event["type"]) for event in written]
    assert kinds.index("signature_delta") == kinds.index("content_block_stop") - 1


@pytest.mark.parametrize("client", [CLAUDE, CHAT])
def test_t116_a_second_finish_is_not_told(client: Codec) -> None:
    nothing = {"type": "message_delta", "delta": {"stop_reason": None}, "usage": {"output_tokens": 5}}
    last, stop = finish("max_tokens")
    told = stream([begin(), *words(0, "hi"), last, nothing, stop], CLAUDE, client)
    if client is CHAT:
        reasons = [chunk["choices"][0]["finish_reason"] for chunk in told]
        assert [reason for reason in reasons if reason] == ["length"]
    else:
        reasons = [event["delta"]["stop_reason"] for event in told if event["type"] == "message_delta"]
        assert reasons == ["max_tokens"]


def test_t121_the_client_reads_the_name_it_asked_for() -> None:
    assert to_claude(delta({"content": "x"}), *STOP)[0]["message"]["model"] == "alias"
    chunks = to_chat(begin(), *words(0, "hi"), *finish())
    assert {chunk["model"] for chunk in chunks} == {"alias"}


@pytest.mark.parametrize("piece", ["", None])
def test_t123_a_call_without_arguments_has_an_empty_object(piece: str | None) -> None:
    told = to_claude(ROLE, fragments(fragment(0, "a", "f", "")), *CALLED)
    assert blocks_of(told)[0]["input"] == {}
    deltas = [] if piece is None else [{"type": "input_json_delta", "partial_json": piece}]
    chunks = to_chat(begin(), *block(0, TOOL_USE, *deltas), *finish("tool_use"))
    assert calls_of(chunks) == [("toolu_1", "run", "{}")]


@pytest.mark.parametrize("client", [CLAUDE, CHAT])
def test_t124_missing_usage_is_filled_before_the_client_reads_it(client: Codec) -> None:
    bare = {"type": "message_start", "message": {"id": "msg_1", "model": "up"}}
    last = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}
    told = stream([bare, *words(0, "x"), last, finish()[1]], CLAUDE, client, include_usage=True)
    if client is CLAUDE:
        assert told[0]["message"]["usage"]["input_tokens"] == 7
        assert told[-2]["usage"]["output_tokens"] == 0
    else:
        assert told[-1]["usage"]["prompt_tokens"] == 7


def test_t138_usage_comes_once_after_the_finish_and_only_if_it_was_asked_for() -> None:
    told = [begin(), *words(0, "hi"), *finish()]
    with_usage, without = to_chat(*told, include_usage=True), to_chat(*told)
    assert [bool(chunk["usage"]) for chunk in with_usage] == [False] * (len(with_usage) - 1) + [True]
    assert with_usage[-1]["choices"] == []
    assert with_usage[-2]["choices"][0]["finish_reason"] == "stop"
    assert not [chunk for chunk in without if chunk.get("usage") or not chunk["choices"]]


def test_t139_later_fragments_of_a_call_repeat_neither_id_nor_name() -> None:
    pieces = [{"type": "input_json_delta", "partial_json": piece} for piece in ('{"a"', ":1", "}")]
    chunks = to_chat(begin(), *block(0, TOOL_USE, *pieces), *finish("tool_use"))
    said = [one for chunk in chunks for one in chunk["choices"][0]["delta"].get("tool_calls", ())]
    assert ["id" in one or "name" in one["function"] for one in said] == [True] + [False] * (len(said) - 1)
    assert calls_of(chunks) == [("toolu_1", "run", '{"a":1}')]


def test_t140_the_input_is_counted_at_the_start_and_truly_at_the_end() -> None:
    events = to_claude(delta({"content": "x"}), delta({}, "stop", usage=USAGE), "[DONE]")
    assert events[0]["message"]["usage"]["input_tokens"] > 0
    assert events[-2]["usage"]["input_tokens"] == USAGE["prompt_tokens"]


def test_t148_each_parallel_call_has_its_own_index_start_and_stop() -> None:
    calls = fragments(*(fragment(at, f"c{at}", "run", f'{{"n":{at}}}') for at in range(3)))
    events = to_claude(ROLE, calls, *CALLED)
    assert [made["input"] for made in blocks_of(events)] == [{"n": 0}, {"n": 1}, {"n": 2}]
    for kind in ("content_block_start", "content_block_stop"):
        assert [event["index"] for event in events if event["type"] == kind] == [0, 1, 2]
