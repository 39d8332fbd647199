"""Traps of Gemini, by their numbers: conversations, ids and signatures on their way to an upstream."""

from base64 import b64encode
from typing import Any

import pytest

from gateway.protocols.codec import Call, Codec, Losses
from gateway.protocols.gemini.signatures import SENTINEL
from gateway.protocols.target import Target
from gateway.wire.document import Document
from gateway.wire.fast_json import dumps
from tests.traps.wire import (
    CHAT,
    CLAUDE,
    GEMINI,
    HI,
    OBJECT,
    OLLAMA,
    Crossing,
    call,
    calling,
    candidate,
    chat,
    claude,
    cross,
    function,
    generate,
    reply,
    result,
    tool,
    turn,
    use,
)

SIGNED = b64encode(b"why \xff\xfe first").decode()
ASK = turn({"text": "hi"})
NAMES = ("a", "b", "c")


def to_gemini(payload: dict[str, Any], client: Codec, model: str = "", **can: Any) -> Crossing:
    return cross(payload, client, GEMINI, model, **can)


def parts_of(content: Any, kind: str) -> list[Any]:
    """The parts of one kind, all of which the content must be made of."""
    assert all(kind in part for part in content["parts"])
    return [part[kind] for part in content["parts"]]


def answered(told: Any, client: Codec, *ids: str) -> dict[str, Any]:
    """The client's next request: the reply `told` sent back as it was read, its calls answered."""
    if client is CHAT:
        message = told["choices"][0]["message"]
        return chat(HI, message, *map(tool, ids), tools=[function(name) for name in NAMES])
    history = (
        {"role": "assistant", "content": told["content"]},
        {"role": "user", "content": [*map(result, ids)]},
    )
    return claude(HI, *history, tools=[{"name": name, "input_schema": OBJECT} for name in NAMES])


def test_t002_instructions_at_the_end_are_the_users_last_words() -> None:
    said = {"role": "assistant", "content": "hello"}
    sent = to_gemini(claude(HI, said, {"role": "system", "content": "S2"}), CLAUDE)
    assert [content["role"] for content in sent.body["contents"]] == ["user", "model", "user"]
    assert "S2" in str(sent.body["contents"][-1])
    assert "systemInstruction" not in sent.body


@pytest.mark.parametrize("client", [CHAT, CLAUDE, OLLAMA])
def test_t006_a_history_that_begins_with_the_model_gets_a_users_turn_in_front(client: Codec) -> None:
    history = ({"role": "assistant", "content": "hello"}, HI)
    payload = claude(*history) if client is CLAUDE else chat(*history)
    contents = to_gemini(payload, client).body["contents"]
    assert [content["role"] for content in contents] == ["user", "model", "user"]
    assert contents[0]["parts"][0]["text"]
    assert contents[1]["parts"] == [{"text": "hello"}]


def test_t008_the_results_of_parallel_calls_are_one_content() -> None:
    calls = [call(name, name) for name in NAMES]
    payload = chat(HI, calling(*calls), tool("a", "A"), tool("c", "C"), tool("b", "B"))
    contents = to_gemini(payload, CHAT).body["contents"]
    assert [content["role"] for content in contents] == ["user", "model", "user"]
    results = parts_of(contents[2], "functionResponse")
    assert [(found["name"], found["response"]) for found in results] == [
        (name, {"output": name.upper()}) for name in NAMES
    ]


@pytest.mark.parametrize("client", [CHAT, CLAUDE])
def test_t009_of_parallel_calls_only_the_first_is_signed_after_the_way_through_a_client(
    client: Codec,
) -> None:
    calls: list[Any] = [{"functionCall": {"id": name, "name": name, "args": {}}} for name in NAMES]
    calls[0]["thoughtSignature"] = SIGNED
    told = reply(candidate(*calls), GEMINI, client)
    contents = to_gemini(answered(told, client, *NAMES), client).body["contents"]
    assert [content["role"] for content in contents] == ["user", "model", "user"]
    assert [found["name"] for found in parts_of(contents[1], "functionCall")] == [*NAMES]
    assert [part.get("thoughtSignature") for part in contents[1]["parts"]] == [SIGNED, None, None]


def test_t021_names_with_underscores_say_the_same() -> None:
    schema = {"type": "OBJECT", "properties": {"user_id": {"type": "STRING"}}}
    declared = [{"name": "run", "parameters": schema}]
    camel = generate(
        ASK,
        systemInstruction={"parts": [{"text": "S"}]},
        generationConfig={"maxOutputTokens": 9, "stopSequences": ["x"]},
        tools=[{"functionDeclarations": declared}],
    )
    snake = generate(
        ASK,
        system_instruction={"parts": [{"text": "S"}]},
        generation_config={"max_output_tokens": 9, "stop_sequences": ["x"]},
        tools=[{"function_declarations": declared}],
    )
    for upstream in (CHAT, CLAUDE):
        one, other = cross(camel, GEMINI, upstream), cross(snake, GEMINI, upstream)
        assert one.body == other.body
        assert 9 in (one.body.get("max_tokens"), one.body.get("max_completion_tokens"))
        assert "user_id" in str(one.body["tools"])
        assert one.dropped == other.dropped == []


def test_t022_a_content_of_the_system_is_an_instruction_and_one_of_nobody_the_users() -> None:
    contents = [turn({"text": "S"}, role="system"), {"parts": [{"text": "hi"}]}]
    sent = cross(generate(*contents), GEMINI, CHAT)
    assert [(found["role"], found["content"]) for found in sent.messages] == [("system", "S"), ("user", "hi")]


@pytest.mark.parametrize("upstream", [CHAT, CLAUDE, GEMINI])
def test_t025_a_history_without_ids_is_sent_with_the_same_bytes_every_time(upstream: Codec) -> None:
    calls: list[Any] = [{"functionCall": {"name": name, "args": {}}} for name in ("a", "a", "b")]
    results = [{"functionResponse": {"name": name, "response": {"output": "x"}}} for name in ("a", "a", "b")]
    unnamed: list[Any] = [{"function": {"name": name, "arguments": {}}} for name in ("a", "b")]
    said = {"role": "assistant", "content": "", "tool_calls": unnamed}
    of_gemini = [ASK, turn(*calls, role="model"), turn(*results)]
    of_ollama = [HI, said, {"role": "tool", "content": "A"}, {"role": "tool", "content": "B"}]
    more_gemini = [turn({"text": "done"}, role="model"), ASK]
    more_ollama = [{"role": "assistant", "content": "done"}, HI]
    kept = "contents" if upstream is GEMINI else "messages"
    for payload, client, history, more in (
        (generate, GEMINI, of_gemini, more_gemini),
        (chat, OLLAMA, of_ollama, more_ollama),
    ):
        first = dumps(cross(payload(*history), client, upstream).body)
        assert first == dumps(cross(payload(*history), client, upstream).body)
        later = dumps(cross(payload(*history, *more), client, upstream).body[kept])
        assert later.startswith(dumps(cross(payload(*history), client, upstream).body[kept])[:-1])


@pytest.mark.parametrize("text", ["not json {", '{"a": ', '{"a":1} and more', "[1]", '"x"'])
def test_t033_a_result_that_is_no_object_is_an_output_in_one(text: str) -> None:
    sent = to_gemini(chat(HI, calling(call("a")), tool("a", text)), CHAT)
    (found,) = parts_of(sent.body["contents"][2], "functionResponse")
    assert found["response"] == {"output": text}


@pytest.mark.parametrize(
    ("model", "words"), [("gemini-3.5-flash", [SENTINEL, None]), ("gemini-2.5-pro", [None] * 2)]
)
def test_t056_the_first_call_of_a_turn_carries_the_stand_in_where_nobody_signed_it(
    model: str, words: list[str | None]
) -> None:
    history = (HI, calling(call("a"), call("b")), tool("a"), tool("b"))
    contents = to_gemini(chat(*history, calling(call("c")), tool("c")), CHAT, model).body["contents"]
    assert [part.get("thoughtSignature") for part in contents[1]["parts"]] == words
    assert [part.get("thoughtSignature") for part in contents[3]["parts"]] == words[:1]


def test_t057_an_upstream_that_knows_no_ids_gets_none() -> None:
    sent = to_gemini(chat(HI, calling(call("a")), tool("a")), CHAT, call_ids=False)
    (made,) = parts_of(sent.body["contents"][1], "functionCall")[:1]
    (found,) = parts_of(sent.body["contents"][2], "functionResponse")
    assert made == {"name": "run", "args": {}}
    assert found == {"name": "run", "response": {"output": "ok"}}


@pytest.mark.parametrize("client", [CHAT, CLAUDE])
def test_t058_an_id_the_upstream_gave_comes_back_with_the_result(client: Codec) -> None:
    told = reply(candidate({"functionCall": {"id": "fc-7", "name": "a", "args": {}}}), GEMINI, client)
    contents = to_gemini(answered(told, client, "fc-7"), client).body["contents"]
    assert parts_of(contents[1], "functionCall")[0]["id"] == "fc-7"
    assert parts_of(contents[2], "functionResponse")[0]["id"] == "fc-7"


def test_t143_cache_marks_are_dropped_by_name_and_fail_nothing() -> None:
    mark: dict[str, Any] = {"cache_control": {"type": "ephemeral"}}
    said = {"role": "user", "content": [{"type": "text", "text": "hi", **mark}]}
    uses = {"role": "assistant", "content": [use("t1", **mark)]}
    results = {"role": "user", "content": [result("t1", **mark)]}
    sent = to_gemini(
        claude(
            said,
            uses,
            results,
            system=[{"type": "text", "text": "S", **mark}],
            tools=[{"name": "run", "input_schema": OBJECT, **mark}],
            **mark,
        ),
        CLAUDE,
    )
    assert b"cache" not in dumps(sent.body)
    assert sorted(sent.dropped) == [
        "cache_control",
        "messages[0].content[0].cache_control",
        "messages[1].content[0].cache_control",
        "messages[2].content[0].cache_control",
        "system[0].cache_control",
        "tools[0].cache_control",
    ]


@pytest.mark.parametrize("ids", [(None, None, None), ("get", "get", "get")], ids=["none", "the tool's name"])
def test_t144_calls_of_one_tool_have_ids_of_their_own(ids: tuple[str | None, ...]) -> None:
    def said(at: int, **fields: Any) -> dict[str, Any]:
        return {**({"id": ids[at]} if ids[at] else {}), "name": "get", **fields}

    def made(at: int) -> dict[str, Any]:
        return {"functionCall": said(at, args={"n": at})}

    def found(at: int) -> dict[str, Any]:
        return {"functionResponse": said(at, response={"output": str(at)})}

    history = (turn(made(0), made(1), role="model"), turn(found(0), found(1)))
    sent = cross(generate(ASK, *history, turn(made(2), role="model"), turn(found(2))), GEMINI, CLAUDE)
    blocks = [block for message in sent.messages for block in message["content"]]
    uses = [(block["id"], block["input"]["n"]) for block in blocks if block["type"] == "tool_use"]
    assert len({call_id for call_id, _ in uses}) == 3
    results = [block for block in blocks if block["type"] == "tool_result"]
    told = [(block["tool_use_id"], int(block["content"][0]["text"])) for block in results]
    assert told == uses


@pytest.mark.parametrize(
    ("model", "left", "dropped"),
    [
        ("claude-sonnet-4-5", {"temperature": 1}, ["generationConfig.topP"]),
        ("claude-opus-4-7", {}, ["generationConfig.temperature", "generationConfig.topP"]),
        ("claude-3-5-sonnet", {"temperature": 1, "top_p": 0.95}, []),
    ],
)
def test_t145_of_temperature_and_top_p_go_only_those_the_model_takes(
    model: str, left: dict[str, Any], dropped: list[str]
) -> None:
    sent = cross(generate(generationConfig={"temperature": 1, "topP": 0.95}), GEMINI, CLAUDE, model)
    assert {name: sent.body[name] for name in ("temperature", "top_p") if name in sent.body} == left
    assert sorted(sent.dropped) == dropped


def test_t155_no_signature_is_invented_and_none_that_is_no_base64_goes_out() -> None:
    foreign = {"type": "thinking", "thinking": "by Claude", "signature": "c2lnbmVk"}
    history = (
        {"role": "assistant", "content": [foreign, use("a")]},
        {"role": "user", "content": [result("a")]},
    )
    quiet = to_gemini(claude(HI, *history, thinking={"type": "disabled"}), CLAUDE, "gemini-2.5-flash")
    assert quiet.body["generationConfig"]["thinkingConfig"] == {"thinkingBudget": 0}
    assert b"ignature" not in dumps(quiet.body)
    signed = {"functionCall": {"name": "run", "args": {}}, "thoughtSignature": "no base64!"}
    past = (ASK, turn(signed, role="model"), turn({"functionResponse": {"name": "run", "response": {}}}))
    assert b"no base64" not in dumps(to_gemini(generate(*past), GEMINI).body)
    told = reply(candidate(signed), GEMINI, GEMINI)["candidates"][0]["content"]["parts"][0]
    assert "thoughtSignature" not in told
    assert told["functionCall"]["name"] == "run"


def test_t156_a_thinking_level_goes_up_as_the_client_spelled_it() -> None:
    payload = generate(generationConfig={"thinkingConfig": {"thinkingLevel": "HIGH"}})
    body, _ = GEMINI.redirect(Call(Document.of(payload)), Target("gemini-3.5-flash"), Losses())
    assert body == dumps(payload)
    translated = to_gemini(payload, GEMINI)
    assert translated.body["generationConfig"]["thinkingConfig"]["thinkingLevel"] == "HIGH"
    effort = cross(payload, GEMINI, CHAT, "gpt-5.5").body["reasoning_effort"]
    assert to_gemini(chat(reasoning_effort=effort), CHAT).body["generationConfig"]["thinkingConfig"] == {
        "thinkingLevel": "HIGH",
        "includeThoughts": True,
    }


@pytest.mark.parametrize("key", ["content", "result", "output", "data"])
@pytest.mark.parametrize("value", ["42 °C", {"degrees": 42}, ["42"]])
def test_t157_a_results_content_is_kept_whatever_it_is_called(key: str, value: Any) -> None:
    history = (
        ASK,
        turn({"functionCall": {"name": "run", "args": {}}}, role="model"),
        turn({"functionResponse": {"name": "run", "response": {"name": "run", key: value}}}),
    )
    assert "42" in cross(generate(*history), GEMINI, CHAT).messages[2]["content"]
    assert "42" in str(cross(generate(*history), GEMINI, CLAUDE).messages[2]["content"])
    (found,) = parts_of(to_gemini(generate(*history), GEMINI).body["contents"][2], "functionResponse")
    assert found["response"] == {"name": "run", key: value}
