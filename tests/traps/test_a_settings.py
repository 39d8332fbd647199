"""A: settings of requests, and what a model's history must and must not hold."""

from typing import Any

import aiohttp
import anthropic
import openai
import orjson
import pytest
from anthropic.types import MessageParam
from openai.types.chat import ChatCompletionUserMessageParam

from gateway.protocols.codec import Call, Losses
from gateway.protocols.target import Target
from gateway.wire.document import Document
from gateway.wire.fast_json import dumps, loads
from tests.gateways import anthropic as claude_gateway
from tests.gateways import openai as chat_gateway
from tests.gateways import running
from tests.traps.wire import (
    CHAT,
    CLAUDE,
    GEMINI,
    HI,
    OBJECT,
    call,
    calling,
    chat,
    claude,
    cross,
    from_chat,
    from_claude,
    kinds,
    message,
    result,
    tool,
    use,
)
from tests.upstreams import Play, completion, playing

SAYS = Play([orjson.dumps(message({"type": "text", "text": "fine"}))], content_type="application/json")
ANSWERS = Play([completion("fine")], content_type="application/json")
ASKED: MessageParam = {"role": "user", "content": "hi"}
CHATTED: ChatCompletionUserMessageParam = {"role": "user", "content": "hi"}
TOOLS = [{"name": "run", "input_schema": OBJECT}]


async def chatted(gateway: str, model: str, **settings: Any) -> str:
    """What the client is told it lost."""
    client = openai.AsyncOpenAI(base_url=f"{gateway}/v1", api_key="k", max_retries=0)
    async with client:
        raw = await client.chat.completions.with_raw_response.create(
            model=model, messages=[CHATTED], **settings
        )
        return str(raw.headers.get("x-gateway-dropped", ""))


async def test_t037_the_version_that_takes_sampling_goes_out_with_it_and_only_where_it_is_taken() -> None:
    async with playing(SAYS) as upstream, running(claude_gateway(upstream.url)) as gateway:
        client = anthropic.AsyncAnthropic(base_url=gateway, api_key="k", max_retries=0)
        async with client:
            await client.messages.create(model="claude-opus-4-7", max_tokens=9, messages=[ASKED])
        assert await chatted(gateway, "claude-sonnet-4-6", temperature=0.7) == ""
        assert await chatted(gateway, "claude-opus-4-7", temperature=0.7) == "temperature"
    native, warm, cold = upstream.heard
    # The vendor's own client speaks to the vendor in the version it chose.
    assert native.headers["anthropic-version"] == "2026-10-21"
    assert warm.headers["anthropic-version"] == "2023-06-01"
    assert warm.json["temperature"] == 0.7
    assert "temperature" not in cold.json


def test_t038_a_temperature_above_one_is_clamped_and_named() -> None:
    sent = from_chat(temperature=1.4, max_tokens=9)
    assert sent.body["temperature"] == 1.0
    assert sent.dropped == ["temperature 1.4->1.0"]


def test_t039_a_stop_of_white_space_is_left_out_and_named() -> None:
    sent = from_chat(stop="\n", max_tokens=9)
    assert "stop_sequences" not in sent.body
    assert sent.dropped == ["stop white space"]
    assert from_chat(stop=["\n", "END"]).body["stop_sequences"] == ["END"]


def test_t040_one_stop_sequence_is_still_a_list() -> None:
    assert from_claude(stop_sequences=["a"]).body["stop"] == ["a"]


def test_t041_max_completion_tokens_is_honoured() -> None:
    assert from_chat(max_completion_tokens=321).body["max_tokens"] == 321
    config = cross(chat(max_completion_tokens=321), CHAT, GEMINI).body["generationConfig"]
    assert config["maxOutputTokens"] == 321


def test_t042_a_thinking_budget_is_made_to_fit_below_max_tokens() -> None:
    thinking = {"type": "enabled", "budget_tokens": 31_999}
    body = cross({**claude(thinking=thinking), "max_tokens": 4096}, CLAUDE, CLAUDE).body
    assert 1024 <= body["thinking"]["budget_tokens"] < body["max_tokens"] <= 64_000


@pytest.mark.parametrize(("model", "effort"), [("gpt-5.5", "xhigh"), ("gpt-5", "high")])
def test_t043_the_strongest_effort_becomes_the_strongest_the_model_takes(model: str, effort: str) -> None:
    sent = from_claude(thinking={"type": "adaptive"}, output_config={"effort": "max"}, model=model)
    assert sent.body["reasoning_effort"] == effort
    assert sent.dropped == [f"output_config.effort max->{effort}"]


def test_t044_parallel_calls_switched_off_stay_off() -> None:
    choice = {"type": "auto", "disable_parallel_tool_use": True}
    assert from_claude(tools=TOOLS, tool_choice=choice).body["parallel_tool_calls"] is False


def test_t045_an_empty_list_of_tools_takes_the_choice_with_it() -> None:
    for sent in (
        from_chat(tools=[], tool_choice="auto"),
        from_claude(tools=[], tool_choice={"type": "auto"}),
        cross(chat(tools=[], tool_choice="auto"), CHAT, CHAT),
    ):
        assert not {"tools", "tool_choice"} & sent.body.keys()
        assert sent.dropped == ["tool_choice"]


async def test_t046_a_providers_own_tool_that_the_upstream_lacks_is_refused_by_name() -> None:
    computer = {
        "type": "computer_20251124",
        "name": "computer",
        "display_width_px": 1,
        "display_height_px": 1,
    }
    body = {"model": "gpt-test", **claude(tools=[*TOOLS, computer])}
    async with playing(ANSWERS) as upstream, running(chat_gateway(upstream.url)) as gateway:
        async with aiohttp.ClientSession() as session:
            async with session.post(f"{gateway}/v1/messages", json=body) as refused:
                told = await refused.json()
    assert (refused.status, told["error"]["type"]) == (400, "invalid_request_error")
    assert "tools[1]" in told["error"]["message"]
    assert "computer" in told["error"]["message"]
    assert upstream.heard == []


async def test_t048_a_beta_field_goes_with_its_header_to_anthropic_and_to_nobody_else() -> None:
    managed = {"edits": [{"type": "clear_tool_uses_20250919"}]}
    body = {"model": "m", **claude(context_management=managed)}
    headers = {"anthropic-beta": "context-management-2025-06-27"}
    async with playing(SAYS) as native, playing(ANSWERS) as other:
        async with running(claude_gateway(native.url)) as near, running(chat_gateway(other.url)) as far:
            async with aiohttp.ClientSession(headers=headers) as session:
                async with session.post(f"{near}/v1/messages", json=body) as kept:
                    assert kept.status == 200
                async with session.post(f"{far}/v1/messages", json=body) as stripped:
                    assert stripped.headers["x-gateway-dropped"] == "context_management"
    assert native.heard[0].json["context_management"] == managed
    assert native.heard[0].headers["anthropic-beta"] == headers["anthropic-beta"]
    assert "context_management" not in other.heard[0].json
    assert "anthropic-beta" not in other.heard[0].headers


def test_t049_a_cache_mark_is_taken_off_thinking_and_empty_text() -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    thinking = {"type": "thinking", "thinking": "t", "signature": "native", **mark}
    turn = {"role": "assistant", "content": [thinking, {"type": "text", "text": "", **mark}]}
    sent = cross(claude(HI, turn, HI), CLAUDE, CLAUDE)
    assert sent.messages[1]["content"] == [{"type": "thinking", "thinking": "t", "signature": "native"}]
    assert "messages[1].content[0].cache_control" in sent.dropped


THOUGHTS = [
    {"type": "thinking", "thinking": "by GPT", "signature": "gw1.none.."},
    {"type": "thinking", "thinking": "unsigned", "signature": ""},
    {"type": "thinking", "thinking": "no field"},
]


def test_t053_thinking_that_anthropic_did_not_sign_is_gone_before_anthropic_reads_it() -> None:
    native = {"type": "thinking", "thinking": "by Claude", "signature": "native"}
    said = {"type": "text", "text": "hello"}
    payload = {"model": "m", **claude(HI, {"role": "assistant", "content": [*THOUGHTS, native, said]}, HI)}
    dropped = [f"messages[1].content[{at}] reasoning of another provider" for at in range(len(THOUGHTS))]
    sent = cross(payload, CLAUDE, CLAUDE)
    assert sent.messages[1]["content"] == [native, said]
    assert sent.dropped == dropped
    losses = Losses()
    body, _ = CLAUDE.redirect(Call(Document.of(payload)), Target("m"), losses)
    assert loads(body)["messages"][1]["content"] == [native, said]
    assert losses.dropped == dropped
    turn = {"role": "assistant", "content": "hello", "reasoning_content": "hm"}
    assert kinds(from_chat(HI, turn, HI).messages[1]) == ["text"]


def test_t055_reasoning_comes_back_with_calls_where_the_model_demands_it() -> None:
    demanding: dict[str, Any] = {"reasoning_replay": True}
    thought = {"type": "thinking", "thinking": "look it up", "signature": "gw1.none.."}
    turns = {"role": "assistant", "content": [thought, use("a")]}
    sent = from_claude(HI, turns, {"role": "user", "content": [result("a")]}, can=demanding)
    assert sent.messages[1]["reasoning_content"] == "look it up"
    turn = calling(call("a"), reasoning_content="look it up")
    again = cross(chat(HI, turn, tool("a")), CHAT, CHAT, **demanding)
    assert again.messages[1]["reasoning_content"] == "look it up"
    # A call that was made without thinking has an empty one: the field must be there.
    bare = cross(chat(HI, calling(call("a")), tool("a")), CHAT, CHAT, **demanding)
    assert bare.messages[1]["reasoning_content"] == ""


def test_t152_a_free_text_tool_becomes_a_function_of_one_string() -> None:
    grammar = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: /.+/"}}
    patch = {"type": "custom", "custom": {"name": "apply_patch", "format": grammar}}
    past = {"id": "c1", "type": "custom", "custom": {"name": "apply_patch", "input": "*** Begin"}}
    sent = from_chat(HI, calling(past), tool("c1"), tools=[patch])
    assert sent.body["tools"][0]["input_schema"]["properties"] == {"input": {"type": "string"}}
    assert sent.messages[1]["content"][0]["input"] == {"input": "*** Begin"}
    assert sent.dropped == ["tools[0].format"]
    body = message(use("c2", "apply_patch", input={"input": "*** End"}), stop="tool_use")
    response = CLAUDE.decode_response(dumps(body), sent.sent)
    assert [(part.kind, part.arguments) for part in response.parts if part.name == "apply_patch"] == [  # type: ignore[union-attr]
        ("custom", "*** End")
    ]
