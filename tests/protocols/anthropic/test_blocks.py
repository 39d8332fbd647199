from dataclasses import replace
from typing import Any

import pytest

from gateway.canonical.content import (
    CacheMark,
    Citation,
    Message,
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
from gateway.canonical.json import JsonObject
from gateway.errors import InvalidRequest
from gateway.protocols.anthropic.blocks import input_of, readable
from gateway.protocols.target import Capabilities
from tests.protocols.anthropic.exchange import HELLO, asked_of, blocks_of, call, decoded, encoded, said

WEB: JsonObject = {"type": "web_search_result_location", "url": "https://x.example", "title": "X",
                   "cited_text": "words", "encrypted_index": "e"}  # fmt: skip

SEARCH: JsonObject = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
FOUND: JsonObject = {
    "type": "web_search_tool_result", "tool_use_id": "s", "content": [{"title": "X", "url": "u"}]
}  # fmt: skip


def history(*blocks: dict[str, Any]) -> list[Part]:
    """The parts of an assistant's turn of `blocks`."""
    return decoded(messages=[{"role": "assistant", "content": list(blocks)}]).messages[0].parts


def turn(*parts: Part) -> tuple[list[Any], list[str], list[str]]:
    """The blocks of the assistant's turn that holds `parts`, with what was dropped and repaired."""
    calls: list[Part] = [ToolResult(part.id) for part in parts if isinstance(part, ToolCall)]
    sent, losses = encoded(
        asked_of(HELLO, Message("assistant", list(parts)), Message("user", calls or [Text("x")]))
    )
    turns: Any = sent.body["messages"]
    return list(turns[1]["content"]), losses.dropped, losses.repaired


@pytest.mark.parametrize(
    ("block", "part"),
    [
        (
            {"type": "text", "text": "hi", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            Text("hi", cache=CacheMark("1h")),
        ),
        (
            {"type": "text", "text": "hi", "cache_control": {"type": "ephemeral", "scope": "global"}},
            Text("hi", extras={"anthropic": {"cache_control": {"type": "ephemeral", "scope": "global"}}}),
        ),
        (
            {"type": "text", "text": "hi", "citations": [WEB]},
            Text("hi", [Citation("url", "https://x.example", "X", "words", raw={"anthropic": WEB})]),
        ),
        (
            {"type": "container_upload", "file_id": "f"},
            Opaque("anthropic", {"type": "container_upload", "file_id": "f"}, ""),
        ),
    ],
)  # fmt: skip
def test_a_block_goes_there_and_back(block: dict[str, Any], part: Part) -> None:
    assert said(block) == [part]
    blocks, losses = blocks_of(part)
    assert blocks == [block]
    assert not losses


def test_text_that_is_no_text_is_named_by_its_path() -> None:
    with pytest.raises(InvalidRequest, match="expected a string") as caught:
        said({"type": "text", "text": 7})
    assert caught.value.param == "messages[0].content[0].text"


def test_a_block_that_is_new_is_known_by_its_type() -> None:
    (part,) = said({"type": "hologram", "data": "?"})
    assert isinstance(part, Opaque)
    assert (part.name, part.text) == ("hologram", "")


@pytest.mark.parametrize(
    ("block", "part"),
    [
        (
            {"type": "redacted_thinking", "data": "EuY"},
            Thinking(signature=Signature("anthropic", "EuY"), redacted=True),
        ),
        (
            {"type": "thinking", "thinking": "t", "signature": "s", "novel": 1},
            Thinking("t", signature=Signature("anthropic", "s"), extras={"anthropic": {"novel": 1}}),
        ),
        (SEARCH, ServerToolUse("anthropic", "web_search", SEARCH, "s")),
        (FOUND, ServerToolResult("anthropic", "web_search", FOUND, "s", "X\nu")),
    ],
)
def test_a_block_of_an_answer_goes_there_and_back(block: dict[str, Any], part: Part) -> None:
    assert history(block) == [part]
    assert turn(part) == ([block], [], [])


@pytest.mark.parametrize("content", [7, {"type": "text", "text": "x"}])
def test_content_that_is_no_list_is_refused_by_its_path(content: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        said({"type": "tool_result", "tool_use_id": "a", "content": content})
    assert caught.value.param == "messages[0].content[0].content"


def test_a_citation_without_fields_is_a_citation_all_the_same() -> None:
    (text,) = said({"type": "text", "text": "x", "citations": ["odd"]})
    assert text == Text("x", [Citation("file", raw={"anthropic": {}})])


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("said", "said"),
        ([{"stdout": "1"}, {"error_code": "late"}, 7], "1\nlate"),
        ({"unknown": 1}, '{"unknown":1}'),
        (None, ""),
        ("x" * 5000, "x" * 4000),
    ],
)
def test_what_no_other_protocol_knows_is_shown_in_its_telling_words(value: Any, words: str) -> None:
    assert readable(value) == words


def test_a_breakpoint_on_reasoning_is_a_named_loss() -> None:
    block = {"type": "thinking", "thinking": "t", "signature": "s"}
    (part,) = history({**block, "cache_control": {"type": "ephemeral"}})
    blocks, dropped, _ = turn(part)
    assert blocks == [block]
    assert dropped == ["messages[0].content[0].cache_control"]


def test_a_summary_is_said_as_thinking() -> None:
    native = Thinking("t", ["one", "two"], Signature("anthropic", "s"), origin="here")
    blocks, _, repaired = turn(native)
    assert blocks == [{"type": "thinking", "thinking": "t\n\none\n\ntwo", "signature": "s"}]
    assert repaired == ["here summary said as thinking"]


def test_a_refusal_is_said_as_text() -> None:
    blocks, _, repaired = turn(Refusal("no", origin="here"))
    assert (blocks, repaired) == ([{"type": "text", "text": "no"}], ["here refusal said as text"])


def test_another_providers_citations_are_a_named_loss() -> None:
    blocks, dropped, _ = turn(Text("hi", [Citation("url", "https://x.example")], origin="here"))
    assert (blocks, dropped) == ([{"type": "text", "text": "hi"}], ["here.citations"])


def test_what_a_call_cannot_keep_is_named() -> None:
    foreign = call("a", item_id="i", namespace="mcp", signature=Signature("gemini", "c2ln"))
    (block,), dropped, repaired = turn(foreign)
    assert block == {"type": "tool_use", "id": "a", "name": "mcp__run", "input": {}}
    assert dropped == ["call a.signature"]
    assert repaired == ["call a item id left out", "call a name said as mcp__run"]


def test_a_custom_tools_text_is_put_into_an_object() -> None:
    assert input_of(ToolCall("a", "patch", "*** x", "custom"))[0] == {"input": "*** x"}


def result_of(result: ToolResult) -> tuple[Any, list[str], list[str]]:
    """The block of a call's result, with what was dropped and repaired."""
    messages = [HELLO, Message("assistant", [call("a")]), Message("user", [result])]
    sent, losses = encoded(asked_of(*messages), Capabilities(cache_marks=True))
    turns: Any = sent.body["messages"]
    return turns[2]["content"][0], losses.dropped, losses.repaired


RESULT = ToolResult("a", [Text("ok")], origin="result")


def test_a_result_goes_there_and_back() -> None:
    block: JsonObject = {
        "type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "ok"}],
        "is_error": False, "cache_control": {"type": "ephemeral"}, "novel": 1,
    }  # fmt: skip
    (result,) = said(block)
    assert result == ToolResult(
        "a", [Text("ok")], is_error=False, cache=CacheMark(), extras={"anthropic": {"novel": 1}}
    )
    assert isinstance(result, ToolResult)
    assert result_of(result) == (block, [], [])


def test_an_error_without_words_is_given_some() -> None:
    block, _, repaired = result_of(replace(RESULT, content=[], is_error=True))
    assert block["content"] == [{"type": "text", "text": "(the tool failed without a message)"}]
    assert block["is_error"] is True
    assert repaired == ["result given words: an error may not be empty"]


def test_a_result_may_be_empty() -> None:
    block, _, repaired = result_of(replace(RESULT, content=[Text(" ", origin="blank")]))
    assert block == {"type": "tool_result", "tool_use_id": "a"}
    assert repaired == ["blank empty text left out"]


def test_a_result_is_told_by_its_calls_id_alone() -> None:
    block, _, repaired = result_of(replace(RESULT, name="run", cache=CacheMark()))
    assert block == {
        "type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "ok"}],
        "cache_control": {"type": "ephemeral"},
    }  # fmt: skip
    assert repaired == ["result told by its call's id alone"]


def test_reasoning_in_a_result_is_a_named_loss() -> None:
    _, dropped, _ = result_of(replace(RESULT, content=[Text("ok"), Thinking("t", origin="thought")]))
    assert dropped == ["thought"]


@pytest.mark.parametrize("part", [call("b"), ToolResult("b", origin="call b")])
def test_a_call_in_a_result_is_refused(part: Part) -> None:
    with pytest.raises(InvalidRequest) as caught:
        result_of(replace(RESULT, content=[part]))
    assert caught.value.param == "call b"
