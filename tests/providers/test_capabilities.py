import pytest

from gateway.providers.capabilities import CapabilityTable, Rule, built_in, capabilities

TABLE = built_in()


@pytest.mark.parametrize(
    ("protocol", "model", "says"),
    [
        ("anthropic", "claude-opus-5", {"sampling": "never", "thinking": "adaptive", "system": "inline"}),
        (
            "anthropic",
            "claude-sonnet-5-5",
            {"sampling": "never", "forced_tool_choice": "never", "system": "top"},
        ),
        ("anthropic", "claude-haiku-5-5", {"thinking": "adaptive", "can_disable": True, "prefill": False}),
        ("anthropic", "claude-opus-4-8", {"sampling": "never", "system": "inline", "thinking": "adaptive"}),
        (
            "anthropic",
            "claude-opus-4-6",
            {"sampling": "one_of", "thinking": "adaptive", "max_output": 128000},
        ),
        ("anthropic", "claude-sonnet-4-5", {"sampling": "one_of", "thinking": "budget", "max_output": 64000}),
        ("anthropic", "claude-sonnet-4-5-20250929", {"sampling": "one_of", "thinking": "budget"}),
        (
            "anthropic",
            "claude-3-5-haiku-20241022",
            {"sampling": "always", "max_output": 8192, "prefill": True},
        ),
        ("anthropic", "anthropic/claude-opus-5", {"sampling": "never"}),
        ("anthropic", "some-other-model", {"sampling": "always", "thinking": "budget", "system": "top"}),
        ("openai_chat", "gpt-5-mini", {"sampling": "never", "can_disable": False, "roles": "developer"}),
        ("openai_chat", "gpt-5.2", {"sampling": "without_effort", "can_disable": True}),
        ("openai_chat", "gpt-5.5", {"sampling": "effort_none", "tools_with_effort": True}),
        ("openai_chat", "gpt-5.6-sol", {"sampling": "effort_none", "tools_with_effort": False}),
        ("openai_chat", "gpt-6-astra", {"can_disable": False, "max_tokens_field": "max_completion_tokens"}),
        ("openai_chat", "o3", {"sampling": "never", "efforts": ("low", "medium", "high"), "stop": False}),
        ("openai_chat", "gpt-5-chat-latest", {"sampling": "always", "thinking": "none", "roles": None}),
        ("openai_chat", "gpt-4o", {"thinking": "none", "sampling": "always"}),
        ("openai_chat", "gpt-4", {"max_tokens_field": "max_tokens"}),
        ("openai_chat", "llama-4", {"max_tokens_field": "max_tokens", "sampling": "always", "roles": None}),
    ],
)
def test_the_models_of_today_are_known(protocol: str, model: str, says: dict[str, object]) -> None:
    found = TABLE.of(protocol, model)

    assert {name: getattr(found, name) for name in says} == says


def test_the_providers_word_beats_the_table_and_the_deployments_beats_both() -> None:
    found = TABLE.of("openai_chat", "gpt-4o", {"seed": False, "stop": False}, {"stop": True})

    assert (found.seed, found.stop) == (False, True)


def test_of_two_rules_the_later_wins_field_by_field() -> None:
    table = CapabilityTable(
        [Rule("p", ("*",), {"seed": False, "stop": False}), Rule("p", ("a*",), {"stop": True})]
    )

    assert (table.of("p", "abc").seed, table.of("p", "abc").stop) == (False, True)
    assert table.of("p", "xyz").stop is False
    assert table.of("q", "abc").seed is True


def test_a_capability_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown capabilities: sed"):
        capabilities({"sed": True})


def test_names_from_clients_are_not_remembered_without_end() -> None:
    table = CapabilityTable([Rule("p", ("*",), {"seed": False})])

    for number in range(1500):
        assert table.of("p", f"model-{number}").seed is False
