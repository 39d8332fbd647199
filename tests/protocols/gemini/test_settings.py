"""The `generationConfig` and what stands beside it, both ways."""

from typing import Any

import pytest

from gateway.canonical.content import Text
from gateway.canonical.json import JsonObject
from gateway.canonical.request import Continuation, OutputFormat, Reasoning, Sampling
from gateway.protocols.codec import Losses
from tests.protocols.gemini.exchange import asking, decoded, sent, user

HELLO = user(Text("hi"))
SCHEMA: JsonObject = {"type": "object", "properties": {"a": {"type": ["string", "null"]}}}
SUBSET: JsonObject = {"type": "OBJECT", "properties": {"a": {"type": "STRING", "nullable": True}}}


@pytest.mark.parametrize(
    ("config", "output"),
    [
        ({"responseMimeType": "application/json"}, OutputFormat("json_object")),
        ({"responseMimeType": "text/plain"}, OutputFormat("text")),
        ({"responseSchema": SUBSET}, OutputFormat("json_schema", schema=SCHEMA)),
        ({"responseJsonSchema": SCHEMA}, OutputFormat("json_schema", schema=SCHEMA)),
        ({"_responseJsonSchema": SCHEMA}, OutputFormat("json_schema", schema=SCHEMA)),
        ({"temperature": 1}, None),
    ],
)
def test_the_form_of_the_answer_is_read(config: JsonObject, output: OutputFormat | None) -> None:
    assert decoded(generationConfig=config).output == output


def test_what_only_this_protocol_knows_of_a_configuration_goes_back_to_it_alone() -> None:
    config: JsonObject = {"responseMimeType": "text/x.enum", "speechConfig": {"languageCode": "de"}}
    request = decoded(generationConfig=config, safetySettings=[], labels={"a_b": "c"})
    assert request.extras == {
        "gemini": {"generationConfig": config, "safetySettings": [], "labels": {"a_b": "c"}}
    }
    body = sent(request)
    assert (body["generationConfig"], body["labels"]) == (config, {"a_b": "c"})


SAMPLING: dict[str, Any] = {
    "temperature": 0.5,
    "topP": 0.9,
    "topK": 3,
    "seed": 7,
    "presencePenalty": 0.1,
    "frequencyPenalty": 0.2,
    "responseLogprobs": True,
    "logprobs": 2,
    "candidateCount": 2,
    "responseModalities": ["TEXT"],
}


def test_settings_go_through_as_they_came() -> None:
    losses = Losses()
    assert sent(decoded(generationConfig=SAMPLING), losses)["generationConfig"] == SAMPLING
    assert not losses


def test_settings_that_the_model_or_the_protocol_lacks_are_named() -> None:
    request = decoded(generationConfig={**SAMPLING, "stopSequences": ["x"]})
    request.sampling.min_p, request.sampling.logit_bias, request.audio = 0.1, {"1": 2}, {"voice": "a"}
    losses = Losses()
    can = {"sampling": "never", "seed": False, "penalties": False, "logprobs": False, "stop": False}
    config = sent(request, losses, **can)["generationConfig"]
    assert config == {"candidateCount": 2, "responseModalities": ["TEXT"]}
    lacking = ("temperature", "topP", "topK", "seed", "presencePenalty", "frequencyPenalty")
    assert losses.dropped == [
        *(f"generationConfig.{name}" for name in (*lacking, "responseLogprobs", "logprobs")),
        *("min_p", "logit_bias", "generationConfig.stopSequences", "audio"),
    ]


def test_a_limit_and_stops_within_the_models_are_kept() -> None:
    request = asking(HELLO)
    request.sampling = Sampling(temperature=1.0)
    request.max_tokens, request.stop = 50, ["a"]
    losses = Losses()
    assert sent(request, losses, max_output=100)["generationConfig"] == {
        "temperature": 1.0,
        "maxOutputTokens": 50,
        "stopSequences": ["a"],
    }
    assert not losses


@pytest.mark.parametrize(
    ("output", "can", "config"),
    [
        (OutputFormat("text"), {}, {"responseMimeType": "text/plain"}),
        (OutputFormat("json_object"), {}, {"responseMimeType": "application/json"}),
        (
            OutputFormat("json_schema", schema={**SCHEMA, "$schema": "s"}, description="d"),
            {},
            {"responseMimeType": "application/json", "responseJsonSchema": {"description": "d", **SCHEMA}},
        ),
        (
            OutputFormat("json_schema"),
            {"schema": "openapi"},
            {"responseMimeType": "application/json", "responseSchema": {}},
        ),
    ],
)
def test_the_form_of_the_answer_is_said(output: OutputFormat, can: JsonObject, config: JsonObject) -> None:
    request = asking(HELLO)
    request.output = output
    losses = Losses()
    assert sent(request, losses, **can)["generationConfig"] == config
    assert losses.dropped == []


@pytest.mark.parametrize(
    ("reasoning", "thinking", "config", "changes"),
    [
        (Reasoning("auto", visibility="full"), "effort", {"includeThoughts": True}, ([], 2)),
        (Reasoning("auto", "low", visibility="omit"), "effort", {"thinkingLevel": "LOW"}, ([], 1)),
        (Reasoning(visibility="summary"), "effort", {"includeThoughts": True}, ([], 0)),
        (Reasoning("budget", budget=2000, visibility="summary"), "budget", {"thinkingBudget": 2000}, ([], 0)),
        (
            Reasoning("budget", budget=1, visibility="summary"),
            "budget",
            {"thinkingBudget": 128},
            (["reasoning 1->128"], 0),
        ),
        (
            Reasoning(extras={"gemini": {"thinkingConfigX": 1}}),
            "effort",
            {"thinkingConfigX": 1},
            ([], 0),
        ),
    ],
)
def test_how_thinking_is_asked_for(
    reasoning: Reasoning, thinking: str, config: JsonObject, changes: tuple[list[str], int]
) -> None:
    request = asking(HELLO)
    request.reasoning = reasoning
    losses = Losses()
    said = sent(request, losses, thinking=thinking)["generationConfig"]["thinkingConfig"]
    assert config.items() <= said.items()
    assert (losses.dropped, len(losses.repaired)) == changes


@pytest.mark.parametrize(("tier", "sent_as"), [("FLEX", "flex"), ("auto", None)])
def test_a_tier_of_this_provider_is_asked_for_and_another_named(tier: str, sent_as: str | None) -> None:
    losses = Losses()
    assert sent(decoded(serviceTier=tier), losses).get("serviceTier") == sent_as
    assert losses.dropped == ([] if sent_as else ["serviceTier"])


def test_its_own_cache_is_named_to_it() -> None:
    request = decoded(cachedContent="cachedContents/1")
    assert request.continuation == Continuation(cached_content="cachedContents/1")
    assert sent(request)["cachedContent"] == "cachedContents/1"
