"""The settings of a request, both ways."""

from copy import deepcopy

import pytest

from gateway.canonical.content import CacheMark, Message, Text
from gateway.canonical.json import JsonObject, JsonValue
from gateway.canonical.request import Continuation, OutputFormat, Reasoning, Request, Sampling
from gateway.errors import InvalidRequest, Unsayable
from gateway.protocols.codec import Call, Losses
from gateway.protocols.openai_chat import CODEC
from gateway.wire.document import Document
from tests.protocols.openai_chat.exchange import asking, assistant, decoded, sent, user

_FUNCTION: JsonObject = {"type": "function", "function": {"name": "look"}}


def _out(request: Request, losses: Losses | None = None, **can: object) -> JsonObject:
    return sent(request, losses, **can).body


def test_every_setting_goes_both_ways() -> None:
    settings: dict[str, JsonValue] = {
        "max_tokens": 10,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 3,
        "min_p": 0.1,
        "seed": 7,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
        "repetition_penalty": 1.1,
        "logit_bias": {"1": 2},
        "logprobs": True,
        "top_logprobs": 2,
        "stop": ["a", "b"],
        "n": 2,
        "modalities": ["text"],
        "audio": {"voice": "alloy"},
        "verbosity": "low",
        "reasoning_effort": "high",
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "x", "description": "d", "schema": {"type": "object"}, "strict": True},
        },
        "tools": [_FUNCTION],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "user": "ann",
        "metadata": {"a": "b"},
        "store": True,
        "service_tier": "flex",
        "prompt_cache_key": "k",
        "stream": True,
        "stream_options": {"include_usage": True, "include_obfuscation": False},
        "prediction": {"type": "content", "content": "x"},
        "cache_control": {"type": "ephemeral", "ttl": "5m"},
    }
    losses = Losses()
    request = decoded(**settings)
    body = _out(request, losses, cache_marks=True)
    assert body == {"model": "up", "messages": [{"role": "user", "content": "hi"}], **settings}
    assert not losses
    assert request.extras == {
        "openai_chat": {
            "store": True,
            "stream_options": {"include_obfuscation": False},
            "prediction": {"type": "content", "content": "x"},
        }
    }
    assert request.cache == CacheMark("5m")


def test_encoding_changes_nothing_of_the_request() -> None:
    request = decoded(tools=[_FUNCTION], stop="x", user="u" * 80, reasoning_effort="max", odd={"a": [1]})
    before = deepcopy(request)
    sent(request, efforts=("low",))
    assert request == before


def test_what_the_client_called_a_setting_is_remembered() -> None:
    request = decoded(max_completion_tokens=5, max_tokens=9, random_seed=3, safety_identifier="x")
    assert (request.max_tokens, request.sampling.seed, request.user) == (5, 3, "x")
    names = ("max_tokens", "seed", "user", "temperature")
    assert [request.origin_of(name) for name in names] == [
        "max_completion_tokens",
        "random_seed",
        "safety_identifier",
        "temperature",
    ]


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({"messages": []}, "messages"),
        ({"temperature": "hot"}, "temperature"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"stop": [1]}, "stop[0]"),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"response_format": {"type": "yaml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
        ({"reasoning": "high"}, "reasoning"),
    ],
)
def test_a_malformed_setting_is_named_by_its_path(settings: JsonObject, path: str) -> None:
    messages: JsonValue = [{"role": "user", "content": "x"}]
    with pytest.raises(InvalidRequest) as caught:
        CODEC.decode_request(Call(Document.of({"model": "m", "messages": messages, **settings})))
    assert caught.value.param == path


def test_a_request_without_a_model_or_messages_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="model"):
        CODEC.decode_request(Call(Document.of({"messages": []})))
    with pytest.raises(InvalidRequest, match="messages: at least one"):
        CODEC.decode_request(Call(Document.of({"model": "m"})))


def test_both_names_of_a_user_go_both_ways() -> None:
    losses = Losses()
    body = _out(decoded(user="old", safety_identifier="new"), losses)
    assert (body["user"], body["safety_identifier"]) == ("old", "new")
    assert not losses


def test_a_long_user_is_hashed_the_same_every_time() -> None:
    losses = Losses()
    body = _out(decoded(user="u" * 65), losses)
    assert len(str(body["user"])) == 64
    assert body["user"] == _out(decoded(user="u" * 65))["user"]
    assert losses.repaired == ["user hashed"]


def test_metadata_goes_out_only_with_store() -> None:
    losses = Losses()
    assert "metadata" not in _out(decoded(metadata={"a": "b"}), losses)
    assert losses.dropped == ["metadata"]


def test_another_protocols_tier_is_a_named_loss() -> None:
    losses = Losses()
    request = asking(user(Text("hi")))
    request.service_tier = "standard_only"
    assert "service_tier" not in _out(request, losses)
    assert losses.dropped == ["service_tier"]


def test_the_limit_has_the_name_and_the_size_the_model_takes() -> None:
    losses = Losses()
    body = _out(decoded(max_tokens=9000), losses, max_tokens_field="max_completion_tokens", max_output=4096)
    assert body["max_completion_tokens"] == 4096
    assert "max_tokens" not in body
    assert losses.dropped == ["max_tokens 9000->4096"]


def test_stops_are_a_list_of_at_most_four() -> None:
    losses = Losses()
    assert _out(decoded(stop="a"))["stop"] == ["a"]
    assert _out(decoded(stop=["a", "b", "c", "d", "e"]), losses)["stop"] == ["a", "b", "c", "d"]
    assert "stop" not in _out(decoded(stop="a"), losses, stop=False)
    assert losses.dropped == ["stop[4:]", "stop"]


@pytest.mark.parametrize(
    ("rule", "effort", "left"),
    [
        ("always", "high", {"temperature", "top_p"}),
        ("one_of", None, {"temperature"}),
        ("without_effort", None, {"temperature", "top_p"}),
        ("without_effort", "none", {"temperature", "top_p"}),
        ("without_effort", "low", set()),
        ("effort_none", "none", {"temperature", "top_p"}),
        ("effort_none", None, set()),
        ("never", "none", set()),
    ],
)
def test_sampling_goes_out_when_the_model_takes_it(rule: str, effort: str | None, left: set[str]) -> None:
    losses = Losses()
    request = decoded(temperature=0.5, top_p=0.5, reasoning_effort=effort)
    body = _out(request, losses, sampling=rule)
    assert body.keys() & {"temperature", "top_p"} == left
    assert set(losses.dropped) == {"temperature", "top_p"} - left


def test_one_of_keeps_top_p_where_there_is_no_temperature() -> None:
    assert _out(decoded(top_p=0.5), sampling="one_of")["top_p"] == 0.5


def test_every_setting_a_model_lacks_is_named() -> None:
    losses = Losses()
    request = decoded(
        top_k=1,
        min_p=0.1,
        repetition_penalty=1.1,
        random_seed=1,
        presence_penalty=1,
        frequency_penalty=1,
        logit_bias={"1": 1},
        logprobs=True,
        top_logprobs=1,
    )
    body = _out(request, losses, top_k=False, penalties=False, seed=False, logprobs=False)
    assert body.keys() == {"model", "messages"}
    assert losses.dropped == [
        "top_k",
        "min_p",
        "repetition_penalty",
        "random_seed",
        "presence_penalty",
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "top_logprobs",
    ]


def test_several_answers_are_refused_where_there_is_one() -> None:
    with pytest.raises(Unsayable, match="n: the model gives one answer"):
        _out(decoded(n=2), choices=False)
    assert _out(decoded(n=1), choices=False)["n"] == 1


def test_state_kept_elsewhere_and_a_prefill_nobody_takes_are_refused() -> None:
    request = asking(user(Text("hi")))
    request.continuation = Continuation(previous_response_id="r")
    with pytest.raises(Unsayable, match="send the whole conversation"):
        _out(request)
    with pytest.raises(Unsayable, match=r"messages\[1\]: the model does not continue"):
        _out(asking(user(Text("hi")), assistant(Text("So"))), prefill=False)


@pytest.mark.parametrize(
    ("settings", "reasoning"),
    [
        ({"reasoning_effort": "none"}, Reasoning("off")),
        ({"reasoning_effort": "minimal"}, Reasoning("effort", "minimal")),
        ({"reasoning": {"effort": "low", "exclude": True}}, Reasoning("effort", "low", visibility="omit")),
        ({"reasoning": {"max_tokens": 2000}}, Reasoning("budget", budget=2000)),
        ({"reasoning": {"enabled": True}}, Reasoning("auto")),
        ({"reasoning": {"enabled": False}}, Reasoning("off")),
        ({"reasoning": {"exclude": True}}, Reasoning(visibility="omit")),
        ({"reasoning": {}}, None),
        ({"thinking": {"type": "enabled", "budget_tokens": 5}}, Reasoning("budget", budget=5)),
        ({"thinking": {"type": "enabled"}}, Reasoning("auto")),
        ({"thinking": {"type": "disabled"}}, Reasoning("off")),
        ({"enable_thinking": False}, Reasoning("off")),
        ({"enable_thinking": True}, Reasoning("auto")),
        ({"reasoning_effort": "low", "enable_thinking": True}, Reasoning("effort", "low")),
    ],
)
def test_reasoning_is_understood_in_every_vendors_words(
    settings: dict[str, JsonValue], reasoning: Reasoning | None
) -> None:
    assert decoded(**settings).reasoning == reasoning


def test_words_about_reasoning_without_a_common_meaning_stay_as_they_are() -> None:
    request = decoded(
        reasoning_effort="default",
        reasoning={"effort": "ultra", "summary": "auto"},
        thinking={"clear_thinking": False, "type": "disabled"},
    )
    assert request.extras == {
        "openai_chat": {
            "reasoning_effort": "default",
            "reasoning": {"effort": "ultra", "summary": "auto"},
            "thinking": {"type": "disabled", "clear_thinking": False},
        }
    }


def test_a_vendors_own_field_of_thinking_is_sent_beside_the_type_it_came_with() -> None:
    thinking: JsonObject = {"type": "enabled", "clear_thinking": False}
    assert sent(decoded(thinking=thinking)).body["thinking"] == thinking
    untyped: JsonObject = {"clear_thinking": False}
    assert sent(decoded(thinking=untyped)).body["thinking"] == untyped


@pytest.mark.parametrize(
    ("reasoning", "can", "effort", "noted"),
    [
        (Reasoning("effort", "high"), {}, "high", Losses()),
        (
            Reasoning("effort", "minimal"),
            {"efforts": ("low", "high")},
            "low",
            Losses(["reasoning minimal->low"]),
        ),
        (
            Reasoning("effort", "max"),
            {"efforts": ("low", "xhigh")},
            "xhigh",
            Losses(["reasoning max->xhigh"]),
        ),
        (Reasoning("budget", budget=500), {}, "minimal", Losses(["reasoning 500->minimal"])),
        (Reasoning("budget", budget=99999), {}, "xhigh", Losses(["reasoning 99999->xhigh"])),
        (Reasoning("auto"), {}, None, Losses([], ["reasoning left to the model"])),
        (Reasoning("auto", "low"), {}, "low", Losses([], ["reasoning said as effort low"])),
        (Reasoning("between_tools"), {}, None, Losses(["reasoning"])),
        (Reasoning("off"), {}, "none", Losses()),
        (
            Reasoning("off"),
            {"can_disable": False, "efforts": ("low",)},
            "low",
            Losses(["reasoning none->low"]),
        ),
        (
            Reasoning("off"),
            {"thinking": "none"},
            None,
            Losses([], ["reasoning left out: the model takes no effort"]),
        ),
        (Reasoning("effort", "low"), {"thinking": "none"}, None, Losses(["reasoning"])),
        (Reasoning("effort", "low"), {"efforts": ()}, None, Losses(["reasoning"])),
        (Reasoning(visibility="full"), {}, None, Losses(["visibility"])),
        (Reasoning(visibility="omit"), {}, None, Losses([], ["visibility left out of the reply"])),
    ],
)
def test_reasoning_is_asked_for_as_the_model_takes_it(
    reasoning: Reasoning, can: dict[str, object], effort: str | None, noted: Losses
) -> None:
    losses = Losses()
    request = asking(user(Text("hi")))
    request.reasoning = reasoning
    assert _out(request, losses, **can).get("reasoning_effort") == effort
    assert losses == noted


def test_effort_gives_way_to_tools_where_the_model_takes_only_one_of_them() -> None:
    losses = Losses()
    request = decoded(tools=[_FUNCTION], reasoning_effort="low")
    assert "reasoning_effort" not in _out(request, losses, tools_with_effort=False)
    assert losses.dropped == ["reasoning_effort"]
    off = decoded(tools=[_FUNCTION], reasoning_effort="none")
    assert _out(off, tools_with_effort=False)["reasoning_effort"] == "none"


def test_a_schema_without_a_name_gets_one() -> None:
    losses = Losses()
    request = asking(user(Text("hi")))
    request.output = OutputFormat("json_schema", schema={"type": "object"})
    assert _out(request, losses)["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "response", "schema": {"type": "object"}},
    }
    assert losses.repaired == ["output named response"]


def test_a_json_object_is_asked_for_in_words_too_unless_somebody_did() -> None:
    losses = Losses()
    form: JsonObject = {"type": "json_object"}
    body = _out(decoded(response_format=form), losses)
    assert body["messages"] == [
        {"role": "system", "content": "Answer with a JSON value and nothing else."},
        {"role": "user", "content": "hi"},
    ]
    assert losses.repaired == ["response_format said in words too"]
    asked = decoded([{"role": "user", "content": "as json please"}], response_format=form)
    losses = Losses()
    assert _out(asked, losses)["messages"] == [{"role": "user", "content": "as json please"}]
    assert not losses


def test_a_schema_the_model_cannot_keep_is_said_in_words() -> None:
    losses = Losses()
    request = decoded(
        response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
    )
    body = _out(request, losses, structured_output=False)
    assert body["response_format"] == {"type": "json_object"}
    assert '{"type":"object"}' in str(body["messages"])
    assert losses.dropped == ["response_format json_schema->json_object"]


def test_plain_text_is_asked_for_as_such() -> None:
    assert _out(decoded(response_format={"type": "text"}))["response_format"] == {"type": "text"}


def test_usage_of_a_stream_is_always_asked_for_where_it_can_be() -> None:
    losses = Losses()
    assert _out(decoded(stream=True), losses)["stream_options"] == {"include_usage": True}
    assert losses.repaired == ["include_usage asked for by the gateway"]
    losses = Losses()
    body = _out(decoded(stream=True, stream_options={"include_usage": True}), losses, stream_usage=False)
    assert body["stream"] is True
    assert "stream_options" not in body
    assert losses.dropped == ["stream_options.include_usage"]
    assert "stream_options" not in _out(decoded(stream=True), losses, stream_usage=False)
    assert "stream_options" not in _out(decoded(stream_options={"include_usage": True}), losses)
    assert losses.dropped == ["stream_options.include_usage"] * 2


def test_other_protocols_fields_never_go_out() -> None:
    request = asking(
        Message("user", [Text("hi", extras={"anthropic": {"x": 1}})], extras={"gemini": {"y": 1}})
    )
    request.extras = {"anthropic": {"speed": "fast"}}
    assert _out(request) == {"model": "up", "messages": [{"role": "user", "content": "hi"}]}


def test_the_decoder_of_the_reply_learns_what_it_needs() -> None:
    out = sent(decoded(), finish_optional=True)
    assert out.finish_optional
    assert out.tool_names == {}
    assert not sent(asking(user(Text("hi")))).finish_optional


def test_nothing_said_is_nothing_sent() -> None:
    request = decoded(temperature=None, tools=None, stop=None, user=None)
    assert request.sampling == Sampling()
    assert _out(request) == {"model": "up", "messages": [{"role": "user", "content": "hi"}]}
