"""Traps of Gemini, by their numbers: replies, whole and streamed."""

from base64 import b64encode
from typing import Any

import pytest
from google.genai import types

from gateway.protocols.codec import Codec
from gateway.wire.fast_json import dumps, loads
from tests.traps.wire import (
    CHAT,
    CLAUDE,
    GEMINI,
    OLLAMA,
    begin,
    block,
    blocks_of,
    calls_of,
    candidate,
    cross,
    finish,
    generate,
    message,
    reply,
    stream,
    turn,
)

SIGNED = b64encode(b"why \xff\xfe first").decode()
CALL: dict[str, Any] = {"functionCall": {"name": "run", "args": {"q": "x"}}}
ENDED = candidate()
ASK = turn({"text": "hi"})


def deltas(chunks: list[Any], word: str) -> str:
    """What the chunks of a Chat stream say in one field of their deltas."""
    return "".join(choice["delta"].get(word) or "" for chunk in chunks for choice in chunk["choices"])


def finishes(chunks: list[Any]) -> list[tuple[int, str]]:
    """Which answers of a Chat stream ended, and why."""
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    return [(choice["index"], choice["finish_reason"]) for choice in choices if choice["finish_reason"]]


def test_t072_thoughts_words_and_a_call_are_told_apart_and_end_in_tool_calls() -> None:
    parts = ({"text": "hm", "thought": True}, {"text": "let me look"}, CALL)
    choice = reply(candidate(*parts), GEMINI, CHAT)["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] == "let me look"
    assert choice["message"]["reasoning_content"] == "hm"
    assert [made["function"]["name"] for made in choice["message"]["tool_calls"]] == ["run"]
    chunks = stream([candidate(*parts)], GEMINI, CHAT)
    assert finishes(chunks) == [(0, "tool_calls")]
    assert (deltas(chunks, "content"), deltas(chunks, "reasoning_content")) == ("let me look", "hm")


def test_t075_a_refused_prompt_is_a_success_with_a_content_filter() -> None:
    refused = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 4}}
    told = reply(refused, GEMINI, CHAT)
    assert told["choices"][0]["finish_reason"] == "content_filter"
    assert told["usage"]["prompt_tokens"] == 4
    assert finishes(stream([refused], GEMINI, CHAT)) == [(0, "content_filter")]
    assert reply(refused, GEMINI, CLAUDE)["stop_reason"] == "refusal"


def test_t077_thoughts_are_counted_with_the_output() -> None:
    counts = {
        "promptTokenCount": 10,
        "candidatesTokenCount": 5,
        "thoughtsTokenCount": 7,
        "totalTokenCount": 22,
    }
    body = candidate({"text": "x"}, usageMetadata=counts)
    for usage in (
        reply(body, GEMINI, CHAT)["usage"],
        stream([body], GEMINI, CHAT, include_usage=True)[-1]["usage"],
    ):
        assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (10, 12, 22)
        assert usage["completion_tokens_details"]["reasoning_tokens"] == 7
    assert reply(body, GEMINI, CLAUDE)["usage"]["output_tokens"] == 12


GROUNDED = {
    "groundingChunks": [{"web": {"uri": "https://example.com/a", "title": "A"}}],
    "groundingSupports": [{"segment": {"startIndex": 0, "endIndex": 4}, "groundingChunkIndices": [0]}],
    "webSearchQueries": ["a"],
}


def test_t111_grounding_that_comes_before_the_end_is_kept_to_the_end() -> None:
    grounded = candidate({"text": "said"}, finish=None)
    grounded["candidates"][0]["groundingMetadata"] = GROUNDED
    told = [grounded, candidate({"text": " more"}, finish=None), ENDED]
    chunks = stream(told, GEMINI, CHAT)
    cited = [
        one["url_citation"]
        for chunk in chunks
        for choice in chunk["choices"]
        for one in choice["delta"].get("annotations", ())
    ]
    assert [(one["url"], one["start_index"], one["end_index"]) for one in cited] == [
        ("https://example.com/a", 0, 4)
    ]
    # Collected for a client of the same protocol that wants a whole reply.
    whole = reply(told, GEMINI, GEMINI)["candidates"][0]
    assert whole["groundingMetadata"] == GROUNDED
    assert whole["content"]["parts"] == [{"text": "said more"}]


@pytest.mark.parametrize("last", [ENDED, candidate({"text": ""})])
def test_t112_an_end_apart_from_the_call_still_ends_in_tool_calls(last: dict[str, Any]) -> None:
    told = [candidate(CALL, finish=None), last]
    assert finishes(stream(told, GEMINI, CHAT)) == [(0, "tool_calls")]
    assert stream(told, GEMINI, CLAUDE)[-2]["delta"]["stop_reason"] == "tool_use"


@pytest.mark.parametrize("args", [{}, {"args": None}, {"args": {}}])
def test_t113_a_call_without_arguments_has_an_empty_object_and_its_signature(args: dict[str, Any]) -> None:
    body = candidate({"functionCall": {"name": "run", **args}, "thoughtSignature": SIGNED})
    (made,) = reply(body, GEMINI, CHAT)["choices"][0]["message"]["tool_calls"]
    assert made["function"]["arguments"] == "{}"
    assert made["extra_content"]["google"]["thought_signature"]
    chunks = stream([body], GEMINI, CHAT)
    assert [(name, arguments) for _, name, arguments in calls_of(chunks)] == [("run", "{}")]
    assert made["extra_content"]["google"]["thought_signature"] in str(chunks)
    blocks = blocks_of(stream([body], GEMINI, CLAUDE))
    assert [found["input"] for found in blocks if found["type"] == "tool_use"] == [{}]


def test_t114_two_answers_are_two_choices() -> None:
    def said(text: str, number: int, ended: str | None = None) -> dict[str, Any]:
        record = candidate({"text": text}, finish=ended)
        record["candidates"][0]["index"] = number
        return record

    both = said("a1", 0)
    both["candidates"] += said("b1", 1)["candidates"]
    chunks = stream([both, said("b2", 1, "MAX_TOKENS"), said("a2", 0, "STOP")], GEMINI, CHAT)
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    texts = [
        "".join(choice["delta"].get("content") or "" for choice in choices if choice["index"] == number)
        for number in (0, 1)
    ]
    assert texts == ["a1a2", "b1b2"]
    assert sorted(finishes(chunks)) == [(0, "stop"), (1, "length")]


@pytest.mark.parametrize("word", ["sig-1", "EqQBCkYIBxgC", "~~?>>ÿþ"])
def test_t135_what_another_signed_reaches_the_gemini_sdk_as_bytes(word: str) -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": word}
    whole = reply(message(thought, {"type": "text", "text": "hi"}), CLAUDE, GEMINI)
    signed = [{"type": "thinking_delta", "thinking": "hm"}, {"type": "signature_delta", "signature": word}]
    empty = {"type": "thinking", "thinking": "", "signature": ""}
    records = stream([begin(), *block(0, empty, *signed), *finish()], CLAUDE, GEMINI)
    for told in ([whole], records):
        read = [types.GenerateContentResponse.model_validate_json(dumps(one)) for one in told]
        parts = [part for one in read for part in one.parts or ()]
        (thinking,) = [part for part in parts if part.thought_signature]
        again = thinking.model_copy(update={"text": "hm"}).model_dump_json(by_alias=True, exclude_none=True)
        sent = cross(generate(ASK, turn(loads(again.encode()), role="model"), ASK), GEMINI, CLAUDE)
        assert sent.messages[1]["content"] == [thought]


@pytest.mark.parametrize("client", [CHAT, CLAUDE, OLLAMA])
def test_t147_words_beside_the_finish_reach_the_client_before_it(client: Codec) -> None:
    told = [candidate({"text": "first "}, finish=None), candidate({"text": "last words"})]
    records = stream(told, GEMINI, client)
    spoken = [place for place, record in enumerate(records) if b"last words" in dumps(record)]
    assert len(spoken) == 1
    ends = {"finish_reason": "stop", "stop_reason": "end_turn", "done_reason": "stop", "finishReason": "STOP"}
    ended = [
        place
        for place, record in enumerate(records)
        if any(b'"%b":"%b"' % (name.encode(), word.encode()) in dumps(record) for name, word in ends.items())
    ]
    assert len(ended) == 1
    assert spoken < ended


@pytest.mark.parametrize("parts", [(CALL,), ({"text": "let me look"}, CALL), (CALL, CALL)])
def test_t154_an_ordinary_stop_with_calls_is_a_stop_for_calls(parts: tuple[Any, ...]) -> None:
    body = candidate(*parts)
    assert reply(body, GEMINI, CHAT)["choices"][0]["finish_reason"] == "tool_calls"
    assert reply(body, GEMINI, CLAUDE)["stop_reason"] == "tool_use"
    assert finishes(stream([body], GEMINI, CHAT)) == [(0, "tool_calls")]
    assert stream([body], GEMINI, CLAUDE)[-2]["delta"]["stop_reason"] == "tool_use"
    # And back: the protocol has no word of its own for it.
    uses = {"type": "tool_use", "id": "t1", "name": "run", "input": {}}
    assert reply(message(uses, stop="tool_use"), CLAUDE, GEMINI)["candidates"][0]["finishReason"] == "STOP"
