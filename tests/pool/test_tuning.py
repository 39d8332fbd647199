"""What is changed of requests for one place, and what is said of it."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.canonical.content import Message, Text
from gateway.canonical.request import Reasoning, Request, Sampling, Tool, ToolChoice
from gateway.pool.tuning import Tuning, tuned
from gateway.protocols.codec import Losses


def request(**more: object) -> Request:
    messages = [
        Message("system", [Text("be brief")], origin="messages[0]"),
        Message("user", [Text("hi")], origin="messages[1]"),
    ]
    return Request(**{"model": "m", "messages": messages, **more})  # type: ignore[arg-type]  # by name


def outcome(asked: Request, *tunings: Tuning) -> tuple[Request, Losses]:
    losses = Losses()
    return tuned(asked, tunings, "openai_chat", losses), losses


def test_a_default_stands_in_for_what_the_client_does_not_say() -> None:
    found, losses = outcome(request(), Tuning(defaults={"temperature": 0.7, "stop": ["END"]}))

    assert (found.sampling.temperature, found.stop) == (0.7, ["END"])
    assert losses.repaired == ["temperature 0.7 by default", "stop ['END'] by default"]
    assert losses.dropped == []


def test_a_default_gives_way_to_the_client() -> None:
    asked = request(sampling=Sampling(temperature=0.0), reasoning=Reasoning("off"))
    tuning = Tuning(defaults={"temperature": 0.7, "reasoning_effort": "high"})

    assert outcome(asked, tuning) == (asked, Losses())


def test_what_is_forced_is_a_loss_only_where_the_client_said_otherwise() -> None:
    asked = request(sampling=Sampling(temperature=0.2, top_p=0.9), origins={"temperature": "generation.temp"})
    forced = {"temperature": 1.0, "top_p": 0.9, "max_tokens": 50}

    found, losses = outcome(asked, Tuning(force=forced))

    assert (found.sampling.temperature, found.sampling.top_p, found.max_tokens) == (1.0, 0.9, 50)
    assert losses.dropped == ["generation.temp 0.2->1.0"]
    assert losses.repaired == ["max_tokens 50 by force"]


def test_a_default_of_the_gateways_own_that_is_forced_away_is_no_loss() -> None:
    _, losses = outcome(request(), Tuning(defaults={"temperature": 0.7}), Tuning(force={"temperature": 1.0}))
    assert losses.dropped == []


def test_a_reasoning_effort_is_set_without_changing_what_is_shown() -> None:
    asked = request(reasoning=Reasoning("budget", budget=1000, visibility="summary"))

    found, losses = outcome(asked, Tuning(force={"reasoning_effort": "high"}))

    assert found.reasoning == Reasoning("effort", "high", visibility="summary")
    assert losses.dropped == ["reasoning budget->high"]


def test_reasoning_can_be_forced_off() -> None:
    found, losses = outcome(request(), Tuning(force={"reasoning_effort": "none"}))

    assert found.reasoning == Reasoning("off")
    assert losses.repaired == ["reasoning none by force"]


def test_what_is_removed_is_named_where_it_was_said() -> None:
    asked = request(
        sampling=Sampling(top_k=5),
        tools=[Tool("look")],
        tool_choice=ToolChoice("any"),
        reasoning=Reasoning("effort", "low"),
        extras={"openai_chat": {"store": True, "seed_bank": 1}},
    )
    remove = ("top_k", "top_p", "tools", "reasoning_effort", "store", "unheard_of")

    found, losses = outcome(asked, Tuning(remove=remove))

    assert found == request(extras={"openai_chat": {"seed_bank": 1}})
    assert losses.dropped == [
        f"{name} removed" for name in ("top_k", "tools", "tool_choice", "reasoning", "store")
    ]


def test_fields_in_the_upstreams_own_words_are_added() -> None:
    asked = request(extras={"openai_chat": {"a": 1, "b": 2}, "gemini": {"c": 3}})

    found, losses = outcome(asked, Tuning(extras={"a": 1, "b": 4, "d": 5}))

    assert found.extras == {"openai_chat": {"a": 1, "b": 4, "d": 5}, "gemini": {"c": 3}}
    assert (losses.dropped, losses.repaired) == (["b replaced"], ["d added"])


@pytest.mark.parametrize(
    ("tuning", "words", "dropped"),
    [
        (Tuning(before="speak French"), ["speak French", "be brief", "hi"], []),
        (Tuning(instead="speak French"), ["speak French", "hi"], ["messages[0] replaced"]),
    ],
)
def test_a_system_prompt_stands_before_the_clients_or_instead_of_it(
    tuning: Tuning, words: list[str], dropped: list[str]
) -> None:
    found, losses = outcome(request(), tuning)

    said = [part.text for message in found.messages for part in message.parts if isinstance(part, Text)]
    assert said == words
    assert losses.dropped == dropped
    assert losses.repaired == ["system put in front"]


SETTINGS = st.dictionaries(
    st.sampled_from(["temperature", "top_p", "max_tokens", "verbosity", "service_tier"]), st.integers(1, 3)
)


@given(SETTINGS, SETTINGS, SETTINGS)
def test_what_is_forced_wins_over_the_client_who_wins_over_defaults(
    said: dict[str, Any], defaults: dict[str, Any], force: dict[str, Any]
) -> None:
    sampling = {name: value for name, value in said.items() if name in {"temperature", "top_p"}}
    others = {name: value for name, value in said.items() if name not in sampling}
    asked = request(sampling=replace(Sampling(), **sampling), **others)

    found, losses = outcome(asked, Tuning(defaults=defaults, force=force))

    for name, value in {**defaults, **said, **force}.items():
        assert getattr(found.sampling if name in {"temperature", "top_p"} else found, name) == value
    overruled = [name for name in force if name in said and said[name] != force[name]]
    assert losses.dropped == [f"{name} {said[name]}->{force[name]}" for name in overruled]
