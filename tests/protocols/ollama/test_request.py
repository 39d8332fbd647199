"""Settings and tools of a request, and prompts."""

from typing import Any

import pytest

from gateway.canonical.content import CacheMark, Message, Text
from gateway.canonical.json import JsonObject
from gateway.canonical.request import (
    Continuation,
    OutputFormat,
    Reasoning,
    Request,
    Sampling,
    Tool,
    ToolChoice,
)
from gateway.errors import InvalidRequest, Unsayable
from tests.protocols.ollama.exchange import CHAT, GENERATE, asking, decoded, sent

TURN = {"role": "user", "content": "Why?"}
SCHEMA: JsonObject = {"type": "object", "properties": {"x": {"type": "string"}}}


def test_options_are_settings_under_their_own_paths() -> None:
    request = decoded(
        messages=[TURN],
        options={"num_predict": 5, "stop": ["."], "repeat_penalty": 1.1, "num_ctx": 8192, "typical_p": 0.5},
        stream=False,
        keep_alive="5m",
    )
    assert (request.max_tokens, request.stop, request.stream) == (5, ["."], False)
    assert request.sampling == Sampling(repetition_penalty=1.1)
    assert request.origin_of("repetition_penalty") == "options.repeat_penalty"
    # What tunes the machine is nobody else's and no loss.
    assert request.extras == {"ollama": {"options.typical_p": 0.5, "keep_alive": "5m"}}
    body, _ = sent(request)
    assert body["keep_alive"] == "5m"
    assert body["options"] == {"typical_p": 0.5, "repeat_penalty": 1.1, "stop": ["."], "num_predict": 5}


@pytest.mark.parametrize("limit", [-1, -2, 0, None])
def test_no_limit_is_no_limit(limit: int | None) -> None:
    assert decoded(messages=[TURN], options={"num_predict": limit}).max_tokens is None


def test_replies_are_streamed_unless_the_client_says_otherwise() -> None:
    assert decoded(messages=[TURN]).stream
    assert decoded(messages=[TURN], stream=None).stream
    assert not decoded(messages=[TURN], stream=False).stream


@pytest.mark.parametrize(
    ("think", "meant"),
    [
        (True, Reasoning("auto")),
        (False, Reasoning("off")),
        ("low", Reasoning("effort", "low")),
        ("max", Reasoning("effort", "max")),
        ("", None),
        (None, None),
    ],
)
def test_think_says_whether_and_how_much(think: object, meant: Reasoning | None) -> None:
    assert decoded(messages=[TURN], think=think).reasoning == meant


@pytest.mark.parametrize(
    ("form", "meant"),
    [
        ("json", OutputFormat("json_object")),
        (SCHEMA, OutputFormat("json_schema", schema=SCHEMA)),
        ("", None),
    ],
)
def test_format_is_a_word_or_a_schema(form: object, meant: OutputFormat | None) -> None:
    assert decoded(messages=[TURN], format=form).output == meant


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"options": {"seed": "x"}}, "options.seed"),
        ({"options": {"stop": "x"}}, "options.stop"),
        ({"options": {"top_k": 1.5}}, "options.top_k"),
        ({"options": []}, "options"),
        ({"think": "deeply"}, "think"),
        ({"format": "yaml"}, "format"),
        ({"stream": 1}, "stream"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].function"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"messages": []}, "messages"),
        ({"model": ""}, "model"),
    ],
)
def test_what_is_malformed_is_named_by_its_path(body: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        decoded(**{"messages": [TURN], **body})
    assert caught.value.param == path


def test_the_tag_of_the_latest_is_taken_off_and_no_other() -> None:
    assert decoded(messages=[TURN], model="org/m:latest").model == "org/m"
    assert decoded(messages=[TURN], model="org/m:free").model == "org/m:free"


def test_a_prompt_is_a_conversation_of_one_turn() -> None:
    request = decoded(GENERATE, prompt="Why?", system="Be brief.", images=["AAAA"], template="", raw=False)
    assert [message.role for message in request.messages] == ["system", "user"]
    assert request.messages[0].parts == [Text("Be brief.")]
    assert len(request.messages[1].parts) == 2
    assert request.extras == {}


@pytest.mark.parametrize("body", [{"raw": True}, {"template": "x"}, {"context": [1]}, {"suffix": "}"}])
def test_what_only_a_server_of_its_own_can_do_is_refused(body: dict[str, Any]) -> None:
    (name,) = body
    with pytest.raises(Unsayable, match="only an Ollama server") as caught:
        decoded(GENERATE, prompt="x", **body)
    assert caught.value.param == name


def test_unknown_fields_of_tools_are_kept() -> None:
    tool = {"type": "function", "items": 1, "function": {"name": "f", "parameters": SCHEMA, "x": 2}}
    request = decoded(CHAT, messages=[TURN], tools=[tool, {"function": {"name": "g"}}])
    assert request.tools[0].extras == {"ollama": {"x": 2, "items": 1}}
    body, _ = sent(request)
    assert body["tools"][1]["function"]["parameters"] == {"type": "object", "properties": {}}


def test_an_upstream_is_told_how_much_context_to_set_aside() -> None:
    assert sent(asking(), num_ctx=4096)[0]["options"] == {"num_ctx": 4096}
    assert "options" not in sent(asking())[0]


TOOLS = [Tool("a", schema=SCHEMA), Tool("b", schema=SCHEMA, namespace="n", origin="tools[1]")]


@pytest.mark.parametrize(
    ("choice", "names", "dropped"),
    [
        (ToolChoice("auto"), ["a", "n__b"], []),
        (ToolChoice("none"), [], []),
        (ToolChoice("any"), ["a", "n__b"], ["tool_choice any->auto"]),
        (ToolChoice("validated"), ["a", "n__b"], ["tool_choice validated->auto"]),
        (ToolChoice("one", ["n__b"]), ["n__b"], ["tool_choice one->auto"]),
        (ToolChoice("allowed", ["a", "b"]), ["a", "n__b"], []),
        (ToolChoice("allowed", ["a"], required=True), ["a"], ["tool_choice allowed->auto"]),
    ],
)
def test_nobody_is_made_to_call_but_tools_can_be_kept_away(
    choice: ToolChoice, names: list[str], dropped: list[str]
) -> None:
    body, losses = sent(asking(tools=TOOLS, tool_choice=choice))
    assert [tool["function"]["name"] for tool in body.get("tools", [])] == names
    assert losses.dropped == dropped


@pytest.mark.parametrize(
    ("tool", "dropped"),
    [
        (Tool("f", "d", SCHEMA, strict=True, cache=CacheMark(), origin="t"), ["t.strict", "t.cache_control"]),
        (Tool("f", "d", SCHEMA, strict=False, origin="t"), []),
        (Tool("f", kind="custom", format={"type": "grammar"}, origin="t"), ["t.format"]),
        (Tool("f", kind="custom", format={"type": "text"}, origin="t"), []),
        (Tool("f", kind="custom", origin="t"), []),
    ],
)
def test_what_a_tool_loses_is_named(tool: Tool, dropped: list[str]) -> None:
    assert sent(asking(tools=[tool]))[1].dropped == dropped


def test_a_tool_of_another_provider_is_refused() -> None:
    with pytest.raises(Unsayable, match="web_search"):
        sent(asking(tools=[Tool("web_search", kind="builtin", origin="tools[0]")]))


@pytest.mark.parametrize(
    ("reasoning", "can", "think", "dropped"),
    [
        (Reasoning("off"), {}, False, []),
        (Reasoning("off"), {"thinking": "none"}, False, []),
        (Reasoning("off"), {"can_disable": False}, "low", ["think off->low"]),
        (Reasoning("off"), {"can_disable": False, "thinking": "adaptive"}, None, ["think"]),
        (Reasoning("auto"), {}, True, []),
        (Reasoning("auto"), {"thinking": "none"}, None, []),
        (Reasoning("effort", "high"), {}, "high", []),
        (Reasoning("effort", "high"), {"thinking": "none"}, None, ["think"]),
        (Reasoning("effort", "high"), {"thinking": "adaptive"}, True, ["think high->true"]),
        (Reasoning("effort", "minimal"), {}, "low", ["think minimal->low"]),
        (Reasoning("effort", "max"), {"efforts": ("low", "high")}, "high", ["think max->high"]),
        (Reasoning("auto", "low"), {}, "low", []),
        (Reasoning("budget", budget=9000), {}, "high", ["think 9000->high"]),
        (Reasoning("budget", budget=99000), {"thinking": "adaptive"}, True, ["think 99000->true"]),
        (Reasoning("between_tools"), {}, True, ["think between_tools->true"]),
        (Reasoning(visibility="omit"), {}, None, []),
        (Reasoning(visibility="summary"), {}, None, ["visibility"]),
        (Reasoning("auto", visibility="full"), {}, True, []),
    ],
)
def test_reasoning_is_asked_for_as_the_model_takes_it(
    reasoning: Reasoning, can: dict[str, Any], think: object, dropped: list[str]
) -> None:
    body, losses = sent(asking(reasoning=reasoning, origins={"reasoning": "think"}), **can)
    assert body.get("think") == think
    assert losses.dropped == dropped


@pytest.mark.parametrize(
    ("output", "can", "form", "dropped"),
    [
        (OutputFormat("text"), {}, None, []),
        (OutputFormat("json_object"), {}, "json", []),
        (OutputFormat("json_schema", "n", schema=SCHEMA), {}, SCHEMA, []),
        (OutputFormat("json_schema", schema=SCHEMA), {}, SCHEMA, []),
        (OutputFormat("json_schema"), {}, "json", ["output json_schema->json"]),
        (
            OutputFormat("json_schema", schema=SCHEMA),
            {"structured_output": False},
            "json",
            ["output json_schema->json"],
        ),
    ],
)
def test_the_form_of_the_answer_is_said_or_named_as_lost(
    output: OutputFormat, can: dict[str, Any], form: object, dropped: list[str]
) -> None:
    body, losses = sent(asking(output=output), **can)
    assert body.get("format") == form
    assert losses.dropped == dropped


def test_settings_without_a_word_are_named_as_lost() -> None:
    request = asking(
        sampling=Sampling(logit_bias={"1": 1}, top_k=3, seed=1, presence_penalty=0.5, temperature=0.1),
        max_tokens=99,
        stop=["."],
        n=1,
        modalities=["audio"],
        audio={},
        verbosity="low",
        user="u",
        metadata={},
        service_tier="auto",
        cache=CacheMark(),
        cache_key="k",
        logprobs=True,
        parallel_tool_calls=False,
    )
    body, losses = sent(
        request, top_k=False, seed=False, penalties=False, stop=False, logprobs=False, max_output=9
    )
    assert body["options"] == {"temperature": 0.1, "num_predict": 9}
    assert {drop.partition(" ")[0] for drop in losses.dropped} == {
        *("logit_bias", "top_k", "seed", "presence_penalty", "max_tokens", "stop", "modalities", "audio"),
        *("verbosity", "user", "metadata", "service_tier", "cache", "cache_key", "logprobs"),
        "parallel_tool_calls",
    }
    assert len(losses.repaired) == 1


def test_settings_that_change_nothing_are_no_loss() -> None:
    _, losses = sent(asking(modalities=["text"], parallel_tool_calls=True, logprobs=True, top_logprobs=2))
    assert losses.dropped == []


def test_a_model_that_takes_no_sampling_is_sent_none() -> None:
    body, losses = sent(asking(sampling=Sampling(temperature=0.1)), sampling="never")
    assert "options" not in body
    assert losses.dropped == ["temperature"]


@pytest.mark.parametrize(
    "request_",
    [
        asking(n=2),
        asking(continuation=Continuation(previous_response_id="r")),
        Request("m", [Message("assistant", [Text("x")])]),
    ],
)
def test_what_would_change_the_meaning_is_refused(request_: Request) -> None:
    with pytest.raises(Unsayable):
        sent(request_, prefill=False)


def test_a_prompt_without_instructions_is_a_users_turn_alone() -> None:
    request = decoded(GENERATE, prompt="hi")
    assert [message.role for message in request.messages] == ["user"]
    both = decoded(GENERATE, prompt="hi", system="be kind")
    assert [message.role for message in both.messages] == ["system", "user"]
