"""Streams as the official SDKs put them together: what a client sends back is what the upstream said."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.wire.fast_json import dumps
from tests.clients.conversations import WRITE, Conversation, Wish
from tests.clients.speakers import Gemini, Gpt, Llama
from tests.gateways import anthropic, running
from tests.upstreams import Play, playing

pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")

WISH = Wish("claude-opus-5", stream=True, tools=(WRITE,), thinks=True)
THOUGHTS: list[dict[str, Any]] = [
    {"type": "thinking", "thinking": "First this.", "signature": "c2lnLTE="},
    {"type": "redacted_thinking", "data": "c2VjcmV0"},
    {"type": "thinking", "thinking": "Then that.", "signature": "c2lnLTI="},
]
CITED = ["https://example.com/one", "https://example.com/two"]
CALL: dict[str, Any] = {"type": "tool_use", "id": "toolu_1", "name": WRITE.name, "input": {}}


def record(kind: str, **fields: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), dumps({"type": kind, **fields}))


def block(index: int, start: dict[str, Any], *deltas: dict[str, Any]) -> bytes:
    said = b"".join(record("content_block_delta", index=index, delta=delta) for delta in deltas)
    start_record = record("content_block_start", index=index, content_block=start)
    return start_record + said + record("content_block_stop", index=index)


def thought(index: int, whole: dict[str, Any]) -> bytes:
    if whole["type"] == "redacted_thinking":
        return block(index, whole)
    return block(
        index,
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "thinking_delta", "thinking": whole["thinking"]},
        {"type": "signature_delta", "signature": whole["signature"]},
    )


def reply(*blocks: bytes, stop: str) -> Play:
    """A stream of the Messages API."""
    message: dict[str, Any] = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": WISH.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 9, "output_tokens": 1},
    }
    end = {"delta": {"stop_reason": stop, "stop_sequence": None}, "usage": {"output_tokens": 7}}
    return Play(
        [
            record("message_start", message=message),
            *blocks,
            record("message_delta", **end),
            record("message_stop"),
        ]
    )


def citation(url: str) -> dict[str, Any]:
    fields = {"type": "web_search_result_location", "url": url, "title": "T", "cited_text": "c"}
    return {"type": "citations_delta", "citation": {**fields, "encrypted_index": "ZQ=="}}


UNSEEN = {"thinking_config": {"thinking_level": "LOW"}}


@pytest.mark.parametrize(
    ("speaker", "settings", "seen"),
    [
        (Gpt, {}, "First this.Then that."),
        (Gpt, {"extra_body": {"reasoning": {"effort": "low", "exclude": True}}}, ""),
        (Gemini, {}, "First this.Then that."),
        (Gemini, UNSEEN, ""),
        (Llama, {}, "First this.Then that."),
    ],
    ids=["openai", "openai-unseen", "google-genai", "google-genai-unseen", "ollama"],
)
async def test_every_piece_of_reasoning_of_one_reply_comes_back_as_it_was_signed(
    speaker: type[Conversation], settings: dict[str, Any], seen: str
) -> None:
    wish = replace(WISH, settings=settings)
    calling = reply(
        *(thought(index, whole) for index, whole in enumerate(THOUGHTS)),
        block(3, CALL, {"type": "input_json_delta", "partial_json": '{"path":"p","content":"c"}'}),
        stop="tool_use",
    )
    done = reply(
        block(0, {"type": "text", "text": ""}, {"type": "text_delta", "text": "done"}), stop="end_turn"
    )
    async with playing(calling, done) as claude, running(anthropic(claude.url)) as gateway:
        conversation = speaker()
        conversation.say("Write it.")
        first = await conversation.hear(gateway, wish)
        conversation.results({call.id: "ok" for call in first.calls})

        heard = await conversation.hear(gateway, wish)

    assert (first.thought, heard.text) == (seen, "done")
    said, told = claude.heard[1].json["messages"][1:]
    # Ollama's SDK leaves ids out; the gateway gives calls and results the same anew.
    call_id = told["content"][0]["tool_use_id"] if speaker is Llama else CALL["id"]
    assert said["content"] == [*THOUGHTS, {**CALL, "id": call_id, "input": {"path": "p", "content": "c"}}]
    assert told["content"][0]["tool_use_id"] == call_id


async def test_several_citations_of_one_reply_reach_the_sdk() -> None:
    words = {"type": "text_delta", "text": "Both say so."}
    cited = block(0, {"type": "text", "text": "", "citations": []}, words, *map(citation, CITED))
    async with playing(reply(cited, stop="end_turn")) as claude, running(anthropic(claude.url)) as gateway:
        conversation = Gpt()
        conversation.say("Who says so?")

        heard = await conversation.hear(gateway, Wish(WISH.model, stream=True))

    assert heard.text == "Both say so."
    annotations = conversation.messages[-1]["annotations"]
    assert [annotation["url_citation"]["url"] for annotation in annotations] == CITED
