from dataclasses import replace
from typing import Any, Literal

import pytest

from gateway.canonical.request import Continuation, OutputFormat, Reasoning, Sampling
from gateway.errors import InvalidRequest, Unsayable
from gateway.protocols.target import Capabilities
from tests.protocols.anthropic.exchange import SCHEMA, asked_of, decoded, encoded

ADAPTIVE = Capabilities(thinking="adaptive", efforts=("low", "medium", "high", "max"))
BUDGET = Capabilities(thinking="budget", efforts=())


def thought_of(reasoning: Reasoning, capabilities: Capabilities) -> tuple[Any, Any, list[str], list[str]]:
    """The thinking and the effort asked for, with what was dropped and repaired."""
    sent, losses = encoded(asked_of(reasoning=reasoning), capabilities)
    config: Any = sent.body.get("output_config", {})
    return sent.body.get("thinking"), config.get("effort"), losses.dropped, losses.repaired


@pytest.mark.parametrize(
    ("reasoning", "thinking", "effort", "repaired"),
    [
        (Reasoning("off"), {"type": "disabled"}, None, []),
        (Reasoning("between_tools"), {"type": "between_tools"}, None, []),
        (Reasoning("auto"), {"type": "adaptive"}, None, []),
        (Reasoning("effort", "low"), {"type": "adaptive"}, "low", []),
        (Reasoning("auto", "low"), {"type": "adaptive"}, "low", ["reasoning said as adaptive thinking"]),
        (Reasoning("effort"), {"type": "adaptive"}, None, ["reasoning said as adaptive thinking"]),
        (Reasoning(effort="low"), None, "low", []),
    ],
)
def test_a_model_that_decides_itself_is_told_how_much(
    reasoning: Reasoning, thinking: Any, effort: Any, repaired: list[str]
) -> None:
    assert thought_of(reasoning, ADAPTIVE) == (thinking, effort, [], repaired)


@pytest.mark.parametrize(
    ("budget", "effort"),
    [(1024, "low"), (8000, "medium"), (24_576, "high"), (60_000, "max"), (None, "medium")],
)
def test_a_budget_becomes_an_effort(budget: int | None, effort: str) -> None:
    thinking, sent, dropped, _ = thought_of(Reasoning("budget", budget=budget), ADAPTIVE)
    assert (thinking, sent) == ({"type": "adaptive"}, effort)
    assert dropped[0].startswith(f"reasoning budget {budget}->effort")


def test_a_model_that_always_thinks_is_not_told_to_stop() -> None:
    told = thought_of(Reasoning("off"), replace(ADAPTIVE, can_disable=False))
    assert told == (None, None, ["reasoning off->always on"], [])


@pytest.mark.parametrize(
    ("reasoning", "thinking", "repaired"),
    [
        (Reasoning("off"), {"type": "disabled"}, []),
        (Reasoning("budget", budget=2048), {"type": "enabled", "budget_tokens": 2048}, []),
        (Reasoning("budget"), {"type": "enabled", "budget_tokens": 8192}, []),
        (
            Reasoning("effort", "high"),
            {"type": "enabled", "budget_tokens": 24_576},
            ["reasoning effort said as a budget of 24576 tokens"],
        ),
        (
            Reasoning("auto"),
            {"type": "enabled", "budget_tokens": 8192},
            ["reasoning auto said as a budget of 8192 tokens"],
        ),
    ],
)
def test_an_older_model_is_given_a_number_of_tokens(
    reasoning: Reasoning, thinking: Any, repaired: list[str]
) -> None:
    sent, losses = encoded(asked_of(reasoning=reasoning, max_tokens=40_000), BUDGET)
    assert sent.body["thinking"] == thinking
    assert (losses.dropped, losses.repaired) == ([], repaired)


def test_an_effort_alone_is_lost_on_a_model_that_takes_none() -> None:
    assert thought_of(Reasoning(effort="low"), BUDGET) == (None, None, ["reasoning effort low->none"], [])


def test_a_model_that_does_not_think_is_not_asked_to() -> None:
    none = Capabilities(thinking="none")
    assert thought_of(Reasoning("effort", "low"), none) == (None, None, ["reasoning"], [])
    left_out = "reasoning left out: the model does not think"
    assert thought_of(Reasoning("off"), none) == (None, None, [], [left_out])


def test_a_budget_without_a_size_is_given_one() -> None:
    sent, _ = encoded(decoded(max_tokens=9000, thinking={"type": "enabled"}))
    assert sent.body["thinking"] == {"type": "enabled", "budget_tokens": 8192}


def test_thinking_where_the_output_is_too_short_for_it_is_given_up() -> None:
    request = asked_of(reasoning=Reasoning("budget", budget=2048), max_tokens=1000)
    sent, losses = encoded(request, replace(BUDGET, max_output=1500))
    assert "thinking" not in sent.body
    assert losses.dropped == [
        "max_tokens 1000->1500", "reasoning off: the model's output is too short to think in"
    ]  # fmt: skip


def test_a_budget_is_never_smaller_than_the_api_takes() -> None:
    sent, losses = encoded(asked_of(reasoning=Reasoning("budget", budget=100)), BUDGET)
    assert sent.body["thinking"] == {"type": "enabled", "budget_tokens": 1024}
    assert losses.dropped == ["reasoning budget 100->1024"]


@pytest.mark.parametrize(
    ("visibility", "display", "dropped"),
    [
        ("omit", "omitted", []),
        ("summary", "summarized", []),
        ("full", "summarized", ["reasoning visibility full->summarized"]),
    ],
)
def test_what_the_client_wants_to_see_is_said_beside_thinking(
    visibility: Literal["omit", "summary", "full"], display: str, dropped: list[str]
) -> None:
    thinking, _, lost, _ = thought_of(Reasoning("auto", visibility=visibility), ADAPTIVE)
    assert (thinking["display"], lost) == (display, dropped)


def test_of_no_thinking_there_is_nothing_to_see() -> None:
    _, _, _, repaired = thought_of(Reasoning("off", visibility="omit"), ADAPTIVE)
    assert repaired == ["reasoning visibility left out: nothing to see"]


@pytest.mark.parametrize("display", ["summarized", "omitted"])
def test_a_display_goes_there_and_back(display: str) -> None:
    thinking = {"type": "adaptive", "display": display}
    assert encoded(decoded(max_tokens=9000, thinking=thinking))[0].body["thinking"] == thinking


def test_fields_of_thinking_that_only_this_protocol_knows_stay() -> None:
    thinking = {"type": "adaptive", "novel": 1}
    assert encoded(decoded(max_tokens=9000, thinking=thinking))[0].body["thinking"] == thinking


@pytest.mark.parametrize(
    ("asked", "most", "sent", "told"),
    [
        (None, None, 32_000, (["max_tokens 32000 put in: the upstream requires it"], [])),
        (None, 8192, 8192, (["max_tokens 8192 put in: the upstream requires it"], [])),
        (9000, 8192, 8192, ([], ["max_tokens 9000->8192"])),
        (100, 8192, 100, ([], [])),
    ],
)
def test_the_answers_length_is_always_said(
    asked: int | None, most: int | None, sent: int, told: tuple[list[str], list[str]]
) -> None:
    written, losses = encoded(asked_of(max_tokens=asked), Capabilities(max_output=most))
    assert written.body["max_tokens"] == sent
    assert (losses.repaired, losses.dropped) == told


def test_the_older_word_for_a_structured_answer_is_understood() -> None:
    request = decoded(output_format={"type": "json_schema", "schema": SCHEMA})
    assert request.output == OutputFormat("json_schema", schema=SCHEMA)


def test_an_answer_without_a_schema_is_any_object() -> None:
    sent, _ = encoded(asked_of(output=OutputFormat("json_schema", name="answer")))
    config: Any = sent.body["output_config"]
    assert config["format"] == {
        "type": "json_schema", "schema": {"type": "object", "additionalProperties": False}
    }  # fmt: skip


THINKING = Reasoning("auto")
SAMPLING = Sampling(temperature=0.5, top_p=0.9, top_k=40)


@pytest.mark.parametrize(
    ("rule", "reasoning", "sent"),
    [
        ("always", None, {"temperature": 0.5, "top_p": 0.9, "top_k": 40}),
        ("one_of", None, {"temperature": 0.5, "top_k": 40}),
        ("always", THINKING, {}),
        ("without_effort", None, {"temperature": 0.5, "top_p": 0.9, "top_k": 40}),
        ("without_effort", THINKING, {}),
        ("effort_none", None, {}),
        ("effort_none", Reasoning("off"), {"temperature": 0.5, "top_p": 0.9, "top_k": 40}),
        ("never", None, {}),
    ],
)
def test_sampling_goes_as_far_as_the_model_takes_it(
    rule: Any, reasoning: Reasoning | None, sent: dict[str, float]
) -> None:
    request = asked_of(sampling=SAMPLING, reasoning=reasoning)
    written, losses = encoded(request, Capabilities(sampling=rule))
    assert {
        name: written.body[name] for name in ("temperature", "top_p", "top_k") if name in written.body
    } == sent
    assert losses.dropped == [name for name in ("temperature", "top_p", "top_k") if name not in sent]


def test_beside_thinking_only_harmless_sampling_stands() -> None:
    request = asked_of(sampling=Sampling(temperature=1, top_p=0.95, top_k=1), reasoning=THINKING)
    sent, losses = encoded(request)
    assert (sent.body["temperature"], sent.body["top_p"]) == (1, 0.95)
    assert losses.dropped == ["top_k"]


def test_a_choice_among_no_tokens_is_a_named_loss() -> None:
    assert encoded(asked_of(sampling=Sampling(top_k=0)))[1].dropped == ["top_k"]


def test_what_changes_nothing_is_left_out_without_a_loss() -> None:
    sampling = Sampling(min_p=0, repetition_penalty=1, presence_penalty=0)
    settings: dict[str, Any] = {"n": 1, "logprobs": False, "top_logprobs": 0, "modalities": ["text"]}
    _, losses = encoded(asked_of(sampling=sampling, **settings))
    assert losses.dropped == []
    assert losses.repaired == [
        f"{name} left out: it is so anyway"
        for name in ("min_p", "presence_penalty", "repetition_penalty", *settings)
    ]


def test_what_the_api_has_no_word_for_is_named() -> None:
    settings: dict[str, Any] = {
        "logprobs": True, "top_logprobs": 2, "audio": {"voice": "alloy"}, "verbosity": "low",
        "cache_key": "k", "metadata": {"run": "1"},
    }  # fmt: skip
    assert encoded(asked_of(**settings))[1].dropped == list(settings)


@pytest.mark.parametrize(
    "handle",
    [
        Continuation(previous_response_id="resp_1"),
        Continuation(conversation="conv_1"),
        Continuation(cached_content="cached/1"),
    ],
)
def test_state_kept_by_another_provider_is_refused(handle: Continuation) -> None:
    with pytest.raises(Unsayable):
        encoded(asked_of(continuation=handle))


def test_an_unknown_kind_of_answer_is_refused_by_its_path() -> None:
    with pytest.raises(InvalidRequest) as caught:
        decoded(output_format={"type": "xml"})
    assert caught.value.param == "output_format.type"
