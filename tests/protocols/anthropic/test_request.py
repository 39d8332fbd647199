from typing import Any

import pytest

from gateway.canonical.content import (
    Base64,
    CacheMark,
    FileRef,
    Media,
    Message,
    Opaque,
    Part,
    Signature,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from gateway.canonical.json import JsonObject, JsonValue
from gateway.canonical.request import OutputFormat, Reasoning, Request, Sampling, Tool, ToolChoice
from gateway.errors import InvalidRequest, Unsayable
from gateway.protocols import carry
from gateway.protocols.anthropic import CODEC
from gateway.protocols.codec import Call, Losses
from gateway.protocols.target import Capabilities, Target
from gateway.wire import fast_json
from gateway.wire.document import Document
from tests.protocols.anthropic.exchange import (
    HELLO,
    SCHEMA,
    answered,
    asked_of,
    body_of,
    call,
    decoded,
    encoded,
)

ADAPTIVE = Capabilities(thinking="adaptive", efforts=("low", "medium", "high", "max"), max_output=128_000)
BUDGET = Capabilities(thinking="budget", efforts=(), max_output=64_000)


def test_system_blocks_stay_apart_with_their_cache_marks() -> None:
    request = decoded(system=[{"type": "text", "text": "A", "cache_control": {"type": "ephemeral"}},
                              {"type": "text", "text": "B"}])  # fmt: skip
    assert request.messages[0] == Message("system", [Text("A", cache=CacheMark()), Text("B")])
    assert request.messages[0].parts[1].origin == "system[1]"
    assert len(encoded(request)[0].body["system"]) == 2  # type: ignore[arg-type]  # a list of blocks


def test_a_malformed_field_is_named_by_its_path() -> None:
    with pytest.raises(InvalidRequest) as caught:
        decoded(messages=[{"role": "assistant", "content": [{"type": "tool_use", "id": 7, "name": "f"}]}])
    assert caught.value.param == "messages[0].content[0].id"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": None}]}, "messages[0].content"),
        ({"messages": [{"role": ["user"], "content": "x"}]}, "messages[0].role"),
        ({"messages": ["x"]}, "messages[0]"),
        ({"tool_choice": {"type": "some"}}, "tool_choice.type"),
        ({"thinking": {"type": "much"}}, "thinking.type"),
        ({"output_config": {"effort": "huge"}}, "output_config.effort"),
        ({"output_config": {"format": {"type": "xml"}}}, "output_config.format.type"),
        ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "messages[0].content[0].source"),
    ],
)
def test_what_the_api_refuses_is_refused_with_its_path(body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        decoded(**body)
    assert caught.value.param == param


PLAIN: dict[str, JsonObject] = {
    "text": {"type": "text", "text": "hi"},
    "tool_use": {"type": "tool_use", "id": "a", "name": "f", "input": {"x": [1]}},
    "tool_result": {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "hi"}]},
}


@pytest.mark.parametrize("block", PLAIN.values(), ids=PLAIN)
def test_what_says_no_more_than_it_must_is_read_like_all_else(block: JsonObject) -> None:
    def read(beside: JsonObject) -> Request:
        message: JsonObject = {"role": "user", "content": [{**block, **beside}], **beside}
        tool: JsonObject = {"name": "f", "description": "d", "input_schema": SCHEMA, **beside}
        return decoded(messages=[message], tools=[tool])

    plain, other = read({}), read({"cache_control": None})
    assert (plain.messages, plain.tools) == (other.messages, other.tools)
    assert plain.messages[0].origin == other.messages[0].origin == "messages[0]"
    assert plain.messages[0].parts[0].origin == other.messages[0].parts[0].origin == "messages[0].content[0]"
    assert plain.tools[0].origin == other.tools[0].origin == "tools[0]"


@pytest.mark.parametrize(
    ("block", "field"),
    [(block, name) for block in PLAIN.values() for name in block if name not in {"input", "content"}],
)
def test_a_malformed_field_of_what_says_no_more_than_it_must_is_named(block: JsonObject, field: str) -> None:
    for value in (7, [block[field]], None):
        with pytest.raises(InvalidRequest) as caught:
            decoded(messages=[{"role": "user", "content": [{**block, field: value}]}])
        assert caught.value.param == f"messages[0].content[0].{field}"


@pytest.mark.parametrize("field", ["name", "description", "input_schema"])
def test_a_malformed_field_of_a_plain_tool_is_named(field: str) -> None:
    tool: JsonObject = {"name": "f", "description": "d", "input_schema": SCHEMA, field: 7}
    with pytest.raises(InvalidRequest) as caught:
        decoded(tools=[tool])
    assert caught.value.param == f"tools[0].{field}"


@pytest.mark.parametrize(
    ("body", "reasoning"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 2048}}, Reasoning("budget", budget=2048)),
        ({"thinking": {"type": "disabled"}}, Reasoning("off")),
        ({"thinking": {"type": "adaptive"}}, Reasoning("auto")),
        (
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}},
            Reasoning("effort", "high"),
        ),
        ({"output_config": {"effort": "low"}}, Reasoning(effort="low")),
        ({"thinking": {"type": "between_tools"}}, Reasoning("between_tools")),
        ({"thinking": {"type": "adaptive", "display": "omitted"}}, Reasoning("auto", visibility="omit")),
    ],
)
def test_every_way_to_ask_for_thinking_goes_there_and_back(
    body: dict[str, Any], reasoning: Reasoning
) -> None:
    request = decoded(max_tokens=9000, **body)
    assert request.reasoning == reasoning
    sent, losses = encoded(request)
    assert {name: sent.body.get(name) for name in body} == body
    assert not losses


def test_a_budget_larger_than_the_output_is_made_to_fit() -> None:
    request = asked_of(max_tokens=4096, reasoning=Reasoning("budget", budget=31_999))
    sent, losses = encoded(request, Capabilities(thinking="budget", efforts=(), max_output=8192))
    assert sent.body["max_tokens"] == 8192
    assert sent.body["thinking"] == {"type": "enabled", "budget_tokens": 7168}
    assert losses.dropped == ["max_tokens 4096->8192", "reasoning budget 31999->7168"]


def test_a_budget_becomes_an_effort_for_a_model_that_decides_itself() -> None:
    body = body_of(reasoning=Reasoning("budget", budget=20_000), capabilities=ADAPTIVE)
    assert (body["thinking"], body["output_config"]) == ({"type": "adaptive"}, {"effort": "high"})


def test_an_effort_the_model_lacks_becomes_the_next_stronger() -> None:
    sent, losses = encoded(asked_of(reasoning=Reasoning("effort", "xhigh")), ADAPTIVE)
    assert sent.body["output_config"] == {"effort": "max"}
    assert "reasoning effort xhigh->max" in losses.dropped


def test_thinking_gives_way_to_a_forced_tool() -> None:
    capabilities = Capabilities(thinking="budget", forced_tool_choice="without_thinking")
    request = asked_of(tools=[Tool("run", schema=SCHEMA)], tool_choice=ToolChoice("any"),
                       reasoning=Reasoning("effort", "low"))  # fmt: skip
    sent, losses = encoded(request, capabilities)
    assert "thinking" not in sent.body
    assert sent.body["tool_choice"] == {"type": "any"}
    assert losses.dropped == ["reasoning off: a tool call is forced"]


def test_a_model_that_cannot_be_forced_is_asked() -> None:
    request = asked_of(tools=[Tool("run", schema=SCHEMA)], tool_choice=ToolChoice("one", ["run"]))
    sent, losses = encoded(request, Capabilities(forced_tool_choice="never"))
    assert sent.body["tool_choice"] == {"type": "auto"}
    assert sent.body["system"] == [{"type": "text", "text": "Answer by calling the tool run."}]
    assert losses.dropped == ["tool_choice tool->auto"]


def test_calls_made_without_thinking_are_not_continued_with_a_budget() -> None:
    messages = answered(call("a"))
    sent, losses = encoded(asked_of(*messages, reasoning=Reasoning("budget", budget=2048)), BUDGET)
    assert "thinking" not in sent.body
    assert losses.dropped == ["reasoning off: the calls in progress were made without it"]


def test_temperature_is_clamped_and_named() -> None:
    sent, losses = encoded(asked_of(sampling=Sampling(temperature=1.4)))
    assert sent.body["temperature"] == 1.0
    assert losses.dropped == ["temperature 1.4->1.0"]


@pytest.mark.parametrize(
    ("rule", "kept"), [("never", set()), ("one_of", {"temperature"}), ("always", {"temperature", "top_p"})]
)
def test_sampling_follows_the_models_rule(rule: Any, kept: set[str]) -> None:
    sampling = Sampling(temperature=1.0, top_p=0.95)
    body = body_of(sampling=sampling, capabilities=Capabilities(sampling=rule))
    assert {"temperature", "top_p"} & body.keys() == kept


def test_what_the_api_has_no_word_for_is_named_and_neutral_values_are_not() -> None:
    sampling = Sampling(seed=1, presence_penalty=0.0, frequency_penalty=0.5)
    _, losses = encoded(asked_of(sampling=sampling, n=1, stop=["\n", "END"], origins={"stop": "stop"}))
    assert losses.dropped == ["seed", "frequency_penalty", "stop white space"]


@pytest.mark.parametrize("changes", [{"n": 2}, {"modalities": ["text", "audio"]}])
def test_another_kind_of_answer_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Unsayable):
        encoded(asked_of(**changes))


def test_parallel_results_share_one_turn_in_the_order_of_their_calls() -> None:
    results: list[Message] = [Message("user", [ToolResult(name, [Text(name)])]) for name in ("b", "a")]
    messages = body_of(HELLO, Message("assistant", [call("a"), call("b")]), *results)["messages"]
    assert [block["tool_use_id"] for block in messages[2]["content"]] == ["a", "b"]


def test_reasoning_stands_first_and_calls_last() -> None:
    native = Thinking("t", signature=Signature("anthropic", "sig"))
    body = body_of(*answered(call("a"), Text("said"), native))
    assert [block["type"] for block in body["messages"][1]["content"]] == ["thinking", "text", "tool_use"]


@pytest.mark.parametrize("signature", [None, Signature("gemini", "x")])
def test_reasoning_that_anthropic_did_not_sign_is_a_named_loss(signature: Signature | None) -> None:
    thinking = Thinking("t", signature=signature, origin="messages[1].content[0]")
    sent, losses = encoded(asked_of(HELLO, Message("assistant", [thinking]), HELLO))
    assert "thinking" not in str(sent.body["messages"])
    assert losses.dropped == ["messages[1].content[0] reasoning of another provider"]


def test_ids_that_the_api_refuses_are_respelled_alike_and_never_shared() -> None:
    body = body_of(*answered(call("functions.f:0")), *answered(call("x")), *answered(call("x")))
    uses = [block["id"] for turn in body["messages"] for block in turn["content"] if "id" in block]
    results = [block["tool_use_id"] for turn in body["messages"] for block in turn["content"]
               if "tool_use_id" in block]  # fmt: skip
    assert uses == results
    assert len(set(uses)) == 3


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [('{"a": ', {"_raw": '{"a": '}), ("[1]", {"value": [1]}), ("", {}), ('{"b":1,"a":2}', {"b": 1, "a": 2})],
)
def test_arguments_are_an_object_whatever_the_model_wrote(arguments: str, sent: dict[str, Any]) -> None:
    body = body_of(*answered(call("a", arguments=arguments)))
    assert body["messages"][1]["content"][0]["input"] == sent


def test_names_that_do_not_fit_come_with_the_way_back() -> None:
    names = ["mcp.server/tool", "mcp server/tool"]
    request = asked_of(tools=[Tool(name, schema=SCHEMA) for name in names],
                       tool_choice=ToolChoice("one", names[:1]))  # fmt: skip
    sent, _ = encoded(request)
    assert sorted(sent.tool_names.values()) == sorted(names)
    choice = sent.body["tool_choice"]
    assert isinstance(choice, dict)
    assert sent.tool_names[str(choice["name"])] == names[0]


def test_instructions_amid_a_conversation_follow_the_results() -> None:
    messages = [*answered(call("a")), Message("system", [Text("be brief")])]
    body = body_of(*messages, capabilities=Capabilities(system="top"))
    assert [block["type"] for block in body["messages"][2]["content"]] == ["tool_result", "text"]
    assert body["messages"][2]["content"][1]["text"] == "<system>\nbe brief\n</system>"


def test_a_request_of_instructions_alone_gets_a_users_turn() -> None:
    body = body_of(Message("system", [Text("be brief")]))
    assert [turn["role"] for turn in body["messages"]] == ["user"]


def test_a_begun_answer_is_refused_where_the_model_does_not_continue_it() -> None:
    with pytest.raises(Unsayable):
        encoded(asked_of(HELLO, Message("assistant", [Text("I")])), Capabilities(prefill=False))


@pytest.mark.parametrize(
    "part",
    [
        Media("audio", Base64("UklGRg=="), "audio/wav"),
        Media("image", Base64("Qk0="), "image/bmp"),
        Media("document", FileRef("f", "openai_chat")),
        Opaque("openai_responses", {"type": "item_reference"}),
    ],
)
def test_content_without_a_word_is_refused(part: Part) -> None:
    with pytest.raises(Unsayable):
        encoded(asked_of(Message("user", [part])))


def test_a_schema_without_support_becomes_a_tool_that_must_be_called() -> None:
    output = OutputFormat("json_schema", schema=SCHEMA)
    sent, _ = encoded(asked_of(output=output), Capabilities(structured_output=False))
    assert sent.json_tool == "json_output"
    assert sent.body["tool_choice"] == {"type": "tool", "name": "json_output"}


def test_a_union_at_the_root_of_a_tools_schema_keeps_the_shape_of_arguments() -> None:
    branches: list[Any] = [{**SCHEMA, "required": ["a"]},
                {"type": "object", "properties": {"b": {"type": "integer"}}, "required": ["b"]}]  # fmt: skip
    body = body_of(tools=[Tool("run", schema={"anyOf": branches})])
    schema = body["tools"][0]["input_schema"]
    assert schema["type"] == "object"
    assert schema["properties"].keys() == {"a", "b"}
    assert "anyOf" not in schema
    assert "required" not in schema


def test_a_calls_foreign_state_is_put_back_onto_the_call() -> None:
    signature = Signature("gemini", "c2ln", "g-3")
    carrier: Any = {"type": "thinking", "thinking": "", "signature": carry.wrap(signature, "anthropic")}
    use: Any = {"type": "tool_use", "id": "a", "name": "run", "input": {}}
    request = decoded(messages=[{"role": "assistant", "content": [carrier, use]}])
    assert request.messages[0].parts == [ToolCall("a", "run", signature=signature)]


def test_the_bytes_lane_changes_the_model_and_foreign_reasoning_and_nothing_else() -> None:
    body = b'{ "max_tokens": 1.0, "model":"m", "messages": [ {"role":"user","content":"\\u0041"} ] }'
    losses = Losses()
    sent = CODEC.redirect(Call(Document(body)), Target("up"), losses)
    assert sent == (body.replace(b'"m"', b'"up"'), False)
    assert not losses
    foreign: dict[str, Any] = {
        "type": "thinking",
        "thinking": "t",
        "signature": carry.wrap(None, "anthropic"),
    }
    payload: dict[str, Any] = {"model": "up", "messages": [{"role": "assistant", "content": [foreign]},
                                                          {"role": "user", "content": "x"}]}  # fmt: skip
    sent = CODEC.redirect(Call(Document.of(payload)), Target("up"), losses)
    assert fast_json.loads(sent[0])["messages"] == [{"role": "user", "content": "x"}]
    assert losses.dropped == ["messages[0].content[0] reasoning of another provider"]


def test_reasoning_of_its_own_leaves_the_bytes_alone() -> None:
    block = b'{ "type":"thinking", "thinking":"\\u0041", "signature":"EqQB" }'
    body = b'{"model":"up","messages":[{"role":"assistant","content":[%b]}]}' % block
    losses = Losses()
    assert CODEC.redirect(Call(Document(body)), Target("up"), losses) == (body, False)
    assert not losses


@pytest.mark.parametrize(
    ("thinking", "question", "sent"),
    [
        ({"type": "enabled", "budget_tokens": 9}, [], {"type": "disabled"}),
        ({"type": "enabled", "budget_tokens": 9}, ["And now?"], {"type": "enabled", "budget_tokens": 9}),
        ({"type": "adaptive"}, [], {"type": "adaptive"}),
    ],
    ids=["amid a loop", "behind a loop", "not demanded"],
)
def test_the_bytes_lane_stops_thinking_where_a_loop_is_left_without_it(
    thinking: JsonObject, question: list[JsonValue], sent: JsonObject
) -> None:
    turn: list[JsonValue] = [
        {"type": "thinking", "thinking": "t", "signature": carry.wrap(None, "anthropic")},
        {"type": "tool_use", "id": "a", "name": "run", "input": {}},
    ]
    messages: list[JsonValue] = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": turn},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "ok"}]},
        *({"role": "user", "content": words} for words in question),
    ]
    payload: JsonObject = {"model": "up", "thinking": thinking, "messages": messages}
    body, _ = CODEC.redirect(Call(Document.of(payload)), Target("up"), Losses())
    assert fast_json.loads(body)["thinking"] == sent


def test_routing_needs_the_model_and_whether_to_stream() -> None:
    told = CODEC.asked(Call(Document.of({"model": "m", "stream": True})))
    assert (told.model, told.stream) == ("m", True)
    with pytest.raises(InvalidRequest):
        CODEC.asked(Call(Document.of({"stream": True})))


def test_handles_and_unknown_fields_go_there_and_back() -> None:
    body: dict[str, Any] = {
        "metadata": {"user_id": "u", "session": 1}, "container": "c_1", "service_tier": "standard_only",
        "stop_sequences": ["END"], "stream": True, "novel": [3],
        "output_config": {"effort": "low", "novel": 2},
    }  # fmt: skip
    request = decoded(max_tokens=9000, **body)
    assert (request.user, request.service_tier, request.stop) == ("u", "standard_only", ["END"])
    sent, losses = encoded(request)
    assert {name: sent.body[name] for name in body} == body
    assert not losses


def test_metadata_without_a_user_is_kept_whole() -> None:
    sent, losses = encoded(decoded(max_tokens=9, metadata={"session": 1}, output_config={}))
    assert sent.body["metadata"] == {"session": 1}
    assert not losses


@pytest.mark.parametrize(
    ("tier", "sent", "dropped"), [("auto", "auto", []), ("flex", None, ["service_tier"])]
)
def test_only_tiers_that_mean_the_same_are_sent(tier: str, sent: str | None, dropped: list[str]) -> None:
    written, losses = encoded(asked_of(service_tier=tier))
    assert (written.body.get("service_tier"), losses.dropped) == (sent, dropped)


def test_a_model_that_knows_no_stop_sequences_is_sent_none() -> None:
    sent, losses = encoded(asked_of(stop=["END"]), Capabilities(stop=False))
    assert "stop_sequences" not in sent.body
    assert losses.dropped == ["stop"]


@pytest.mark.parametrize(
    ("output", "instructed", "dropped"),
    [
        (OutputFormat("text"), False, []),
        (OutputFormat("json_object"), True, ["output json_object->instruction"]),
    ],
)
def test_some_json_is_asked_for_in_words(output: OutputFormat, instructed: bool, dropped: list[str]) -> None:
    sent, losses = encoded(asked_of(output=output))
    assert ("system" in sent.body) == instructed
    assert losses.dropped == dropped


@pytest.mark.parametrize(
    ("schema", "forced"), [(SCHEMA, "never"), ({"type": "array", "items": {}}, "always")]
)
def test_a_schema_that_no_tool_can_stand_for_is_asked_for_in_words(schema: JsonObject, forced: Any) -> None:
    capabilities = Capabilities(structured_output=False, forced_tool_choice=forced)
    sent, losses = encoded(asked_of(output=OutputFormat("json_schema", schema=schema)), capabilities)
    assert sent.json_tool is None
    assert fast_json.dumps(schema).decode() in str(sent.body["system"])
    assert losses.dropped == ["output json_schema->instruction"]


def test_thinking_gives_way_to_an_answer_begun_for_the_model() -> None:
    begun = Message("assistant", [Text("I")])
    sent, losses = encoded(asked_of(HELLO, begun, reasoning=Reasoning("budget", budget=2048)), BUDGET)
    assert "thinking" not in sent.body
    assert losses.dropped == ["reasoning off: the answer is begun for the model"]


@pytest.mark.parametrize("begins", ["thinking", "redacted_thinking"])
def test_calls_made_with_thinking_go_on_with_it(begins: str) -> None:
    thought = Thinking("t" * (begins == "thinking"), signature=Signature("anthropic", "s"),
                       redacted=begins == "redacted_thinking")  # fmt: skip
    later = Message("system", [Text("be brief")])
    messages = [*answered(thought, call("a")), later]
    sent, losses = encoded(asked_of(*messages, reasoning=Reasoning("budget", budget=2048)), BUDGET)
    assert sent.body["thinking"] == {"type": "enabled", "budget_tokens": 2048}
    assert losses.dropped == []


def through(messages: Any, **fields: Any) -> tuple[dict[str, Any], Losses]:
    """What the bytes lane makes of a body with `messages`."""
    payload: dict[str, Any] = {"model": "up", "messages": messages, **fields}
    losses = Losses()
    body, _ = CODEC.redirect(Call(Document.of(payload)), Target("up"), losses)
    return dict(fast_json.loads(body)), losses


@pytest.mark.parametrize("messages", ["no list", [7, {"role": "user", "content": "hi"}], []])
def test_the_bytes_lane_leaves_to_the_upstream_what_is_odd(messages: Any) -> None:
    thinking = {"type": "thinking", "thinking": "t", "signature": "native"}
    body, losses = through(messages, thinking=thinking)
    assert body == {"model": "up", "messages": messages, "thinking": thinking}
    assert not losses


def test_the_bytes_lane_knows_a_loop_whose_calls_it_cannot_see() -> None:
    foreign = {"type": "thinking", "thinking": "t"}
    result = {"type": "tool_result", "tool_use_id": "a", "content": "ok"}
    messages = [{"role": "assistant", "content": [foreign]}, {"role": "user", "content": [result]}]
    body, losses = through(messages, thinking={"type": "enabled", "budget_tokens": 1024})
    assert body["messages"] == [{"role": "user", "content": [result]}]
    assert body["thinking"] == {"type": "enabled", "budget_tokens": 1024}
    assert losses.dropped == ["messages[0].content[0] reasoning of another provider"]


@pytest.mark.parametrize(
    ("thinking", "wanted"),
    [
        (None, True),
        ({"type": "adaptive"}, True),
        ({"type": "adaptive", "display": "summarized"}, True),
        ({"type": "adaptive", "display": "omitted"}, False),
    ],
)
def test_thinking_is_shown_but_to_those_who_do_not_want_it(thinking: JsonValue, wanted: bool) -> None:
    assert CODEC.asked(Call(Document.of({"model": "m", "thinking": thinking}))).thoughts is wanted
