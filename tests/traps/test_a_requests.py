"""A: roles, messages and content of requests."""

import re
from typing import Any

import aiohttp
import pytest

from gateway.errors import InvalidRequest
from gateway.protocols.anthropic.turns import CALL_ID
from gateway.wire.fast_json import loads
from tests.gateways import openai, running
from tests.traps.wire import (
    CHAT,
    CLAUDE,
    GEMINI,
    HI,
    OBJECT,
    OLLAMA,
    call,
    calling,
    chat,
    claude,
    cross,
    from_chat,
    from_claude,
    function,
    kinds,
    result,
    tool,
    use,
)
from tests.upstreams import Play, playing

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
IMAGE: dict[str, Any] = {
    "type": "image",
    "source": {"type": "base64", "media_type": "image/png", "data": PNG},
}
IMAGE_URL: dict[str, Any] = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
TOOLS = [{"name": "run", "input_schema": OBJECT}]


async def counted(gateway: str, **body: Any) -> int:
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{gateway}/v1/messages/count_tokens", json={"model": "m", **body}) as said:
            tokens: int = (await said.json())["input_tokens"]
            return tokens


@pytest.mark.parametrize(("model", "role"), [("gpt-4.1", "system"), ("gpt-5.5", "developer")])
async def test_t001_instructions_amid_a_conversation_stay_where_they_are_and_are_counted(
    model: str, role: str
) -> None:
    amid = {"role": "system", "content": "S2 " * 1000}
    sent = from_claude(HI, amid, HI, model=model)
    assert [found["role"] for found in sent.messages] == ["user", role, "user"]
    assert sent.messages[1]["content"] == amid["content"]
    async with playing(Play()) as upstream, running(openai(upstream.url)) as gateway:
        assert (
            await counted(gateway, messages=[HI, amid, HI]) > await counted(gateway, messages=[HI, HI]) + 500
        )


def test_t003_system_blocks_stay_two_with_the_cache_mark_on_the_first() -> None:
    marked = {"type": "text", "text": "A", "cache_control": {"type": "ephemeral"}}
    plain = {"type": "text", "text": "B"}
    assert cross(claude(system=[marked, plain]), CLAUDE, CLAUDE).body["system"] == [marked, plain]


def test_t004_the_billing_line_of_claude_code_reaches_no_other_vendor() -> None:
    billing = {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1; cch=5f1c1;"}
    rules = {"type": "text", "text": "You are a coding agent."}
    assert from_claude(system=[billing, rules]).messages[0] == {"role": "system", "content": rules["text"]}
    assert from_claude(system=[billing]).messages == [HI]


def test_t005_instructions_alone_become_a_valid_request_with_a_users_turn() -> None:
    body = from_chat({"role": "system", "content": "be brief"}).body
    assert body["system"] == [{"type": "text", "text": "be brief"}]
    assert [turn["role"] for turn in body["messages"]] == ["user"]
    assert body["messages"][0]["content"][0]["text"].strip()


def test_t007_three_parallel_results_share_one_turn_in_order() -> None:
    calls = calling(*(call(name) for name in "abc"))
    sent = from_chat(HI, calls, *(tool(name) for name in "abc"), tools=[function()])
    assert [turn["role"] for turn in sent.messages] == ["user", "assistant", "user"]
    assert [block["tool_use_id"] for block in sent.messages[2]["content"]] == ["a", "b", "c"]
    assert kinds(sent.messages[2]) == ["tool_result"] * 3


def test_t010_an_empty_content_beside_calls_is_no_text_block() -> None:
    sent = from_chat(HI, calling(call("a"), content=""), tool("a"), tools=[function()])
    assert kinds(sent.messages[1]) == ["tool_use"]


def test_t011_an_empty_text_beside_an_image_is_left_out() -> None:
    sent = from_chat({"role": "user", "content": [{"type": "text", "text": ""}, IMAGE_URL]})
    assert sent.messages == [{"role": "user", "content": [IMAGE]}]


def test_t012_a_tools_result_stands_before_the_text_of_its_turn() -> None:
    turn = {"role": "user", "content": [{"type": "text", "text": "and now?"}, result("a")]}
    history = (HI, {"role": "assistant", "content": [use("a")]}, turn)
    sent = cross(claude(*history, tools=TOOLS), CLAUDE, CLAUDE)
    assert kinds(sent.messages[2]) == ["tool_result", "text"]
    assert [found["role"] for found in from_claude(*history).messages] == [
        "user",
        "assistant",
        "tool",
        "user",
    ]


def test_t013_the_clients_calls_stand_behind_the_providers_own_tools() -> None:
    search = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}}
    found = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
    turn = {"role": "assistant", "content": [use("toolu_1", "saveNote"), search, found]}
    sent = cross(claude(HI, turn, {"role": "user", "content": [result("toolu_1")]}), CLAUDE, CLAUDE)
    assert kinds(sent.messages[1]) == ["server_tool_use", "web_search_tool_result", "tool_use"]


def test_t014_of_two_results_for_one_call_one_survives() -> None:
    twice = {"role": "user", "content": [result("a", "first"), result("a", "second")]}
    history = (HI, {"role": "assistant", "content": [use("a")]}, twice)
    assert [found["role"] for found in from_claude(*history).messages] == ["user", "assistant", "tool"]
    sent = from_chat(HI, calling(call("a")), tool("a", "first"), tool("a", "second"), tools=[function()])
    assert kinds(sent.messages[2]) == ["tool_result"]
    assert sent.dropped == ["messages[2]"]


def test_t015_a_result_without_an_id_is_never_guessed() -> None:
    nameless = {"role": "tool", "content": "42"}
    with pytest.raises(InvalidRequest) as caught:
        from_chat(HI, calling(call("a"), call("b")), nameless, nameless)
    assert caught.value.param == "messages[2].tool_call_id"
    sent = from_chat(HI, calling(call("a")), nameless, tools=[function()])
    assert sent.messages[2]["content"][0]["tool_use_id"] == "a"


def test_t016_results_are_paired_by_id_and_sent_in_the_order_of_the_calls() -> None:
    sent = from_chat(HI, calling(call("a"), call("b")), tool("b", "B"), tool("a", "A"), tools=[function()])
    assert [(found["tool_use_id"], found["content"][0]["text"]) for found in sent.messages[2]["content"]] == [
        ("a", "A"), ("b", "B")
    ]  # fmt: skip
    uses = {"role": "assistant", "content": [use("a"), use("b")]}
    back = from_claude(HI, uses, {"role": "user", "content": [result("b", "B"), result("a", "A")]})
    assert [(found["tool_call_id"], found["content"]) for found in back.messages[2:]] == [
        ("a", "A"),
        ("b", "B"),
    ]


def test_t017_a_null_content_goes_out_only_beside_calls() -> None:
    silent = {"role": "assistant", "content": None}
    sent = cross(chat(HI, silent, HI, calling(call("a")), tool("a")), CHAT, CHAT).messages
    assert [found["content"] for found in sent if found["role"] == "assistant"] == ["", None]
    assert [turn["role"] for turn in from_chat(HI, silent, HI).messages] == ["user"]


@pytest.mark.parametrize("call_id", ["call_1__thought__" + "s" * 70, "codex_mcp__" + "x" * 72])
def test_t023_an_id_that_is_too_long_is_shortened_alike_every_time(call_id: str) -> None:
    uses = {"role": "assistant", "content": [use(call_id)]}
    history = (HI, uses, {"role": "user", "content": [result(call_id)]})
    first, later = from_claude(*history).messages, from_claude(*history, HI).messages
    sent = first[1]["tool_calls"][0]["id"]
    assert len(sent) <= 64
    assert sent == first[2]["tool_call_id"] == later[1]["tool_calls"][0]["id"]


@pytest.mark.parametrize("call_id", ["functions.f:0", "call/1", "a b"])
def test_t024_an_id_with_foreign_signs_is_respelled_for_anthropic(call_id: str) -> None:
    sent = from_chat(HI, calling(call(call_id)), tool(call_id), tools=[function()]).messages
    assert CALL_ID.fullmatch(sent[1]["content"][0]["id"])
    assert sent[1]["content"][0]["id"] == sent[2]["content"][0]["tool_use_id"]


def test_t028_images_of_results_follow_all_tool_messages() -> None:
    uses = {"role": "assistant", "content": [use("a"), use("b")]}
    seen = [{"type": "text", "text": "a picture"}, IMAGE]
    sent = from_claude(HI, uses, {"role": "user", "content": [result("a", seen), result("b")]}).messages
    assert [found["role"] for found in sent] == ["user", "assistant", "tool", "tool", "user"]
    assert "a picture" in str(sent[2]["content"])
    assert sent[4]["content"] == [IMAGE_URL]
    history = claude(HI, uses, {"role": "user", "content": [result("a", seen), result("b")]})
    assert [found.get("images") for found in cross(history, CLAUDE, OLLAMA).messages[2:]] == [[PNG], None]


@pytest.mark.parametrize("content", [{}, {"content": []}, {"content": ""}])
def test_t029_a_result_without_content_is_an_empty_string(content: dict[str, Any]) -> None:
    said = {"type": "tool_result", "tool_use_id": "a", **content}
    sent = from_claude(HI, {"role": "assistant", "content": [use("a")]}, {"role": "user", "content": [said]})
    assert sent.messages[2] == {"role": "tool", "tool_call_id": "a", "content": ""}
    history = ({"role": "assistant", "content": [use("a")]}, {"role": "user", "content": [said]})
    (part,) = cross(claude(HI, *history), CLAUDE, GEMINI).body["contents"][2]["parts"]
    assert part["functionResponse"] == {"id": "a", "name": "run", "response": {"output": ""}}


def test_t030_arguments_that_are_no_json_do_not_fail_the_request() -> None:
    sent = from_chat(HI, calling(call("a", arguments='{"a": ')), tool("a"), tools=[function()])
    made = sent.messages[1]["content"][0]["input"]
    assert isinstance(made, dict)
    assert '{"a": ' in made.values()


@pytest.mark.parametrize("arguments", ["[1,2]", '"text"', "7", "null"])
def test_t031_arguments_that_are_no_object_are_put_into_one(arguments: str) -> None:
    sent = from_chat(HI, calling(call("a", arguments=arguments)), tool("a"), tools=[function()])
    assert isinstance(sent.messages[1]["content"][0]["input"], dict)
    history = chat(HI, calling(call("a", arguments=arguments)), tool("a"))
    made = cross(history, CHAT, GEMINI).body["contents"][1]["parts"][0]["functionCall"]["args"]
    local = cross(history, CHAT, OLLAMA).messages[1]["tool_calls"][0]["function"]["arguments"]
    assert list(made.values()) == list(local.values()) == [loads(arguments.encode())]


@pytest.mark.parametrize("arguments", [None, ""])
def test_t032_missing_arguments_are_an_empty_object(arguments: str | None) -> None:
    history = (HI, calling(call("a", arguments=arguments)), tool("a"))
    assert from_chat(*history, tools=[function()]).messages[1]["content"][0]["input"] == {}
    again = cross(chat(*history), CHAT, CHAT).messages[1]
    assert again["tool_calls"][0]["function"]["arguments"] == "{}"
    bare = {"type": "tool_use", "id": "a", "name": "run"}
    sent = from_claude(
        HI, {"role": "assistant", "content": [bare]}, {"role": "user", "content": [result("a")]}
    )
    assert sent.messages[1]["tool_calls"][0]["function"]["arguments"] == "{}"


def test_t034_an_image_in_base64_is_a_data_url() -> None:
    sent = from_claude({"role": "user", "content": [IMAGE]}).messages[0]["content"][0]
    assert re.match("data:image/png;base64,iVBOR", sent["image_url"]["url"])
