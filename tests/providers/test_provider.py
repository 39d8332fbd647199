import pytest

from gateway.protocols.codec import Operation
from gateway.providers import PROVIDERS


@pytest.mark.parametrize(
    ("provider", "base_url", "url"),
    [
        ("claude-custom", "https://api.anthropic.com", "https://api.anthropic.com/v1/messages"),
        ("claude-custom", "https://api.anthropic.com/", "https://api.anthropic.com/v1/messages"),
        ("claude-custom", "https://api.anthropic.com/v1", "https://api.anthropic.com/v1/messages"),
        ("claude-custom", "https://host/anthropic", "https://host/anthropic/v1/messages"),
        ("openai-custom", "https://api.openai.com/v1", "https://api.openai.com/v1/chat/completions"),
        ("openai-custom", "https://host/api/paas/v4/", "https://host/api/paas/v4/chat/completions"),
    ],
)
def test_an_operation_has_its_place_below_the_base_url(provider: str, base_url: str, url: str) -> None:
    assert PROVIDERS[provider].url(Operation.GENERATE, base_url, "m") == url


def test_what_an_upstream_does_not_serve_has_no_place() -> None:
    assert PROVIDERS["openai-custom"].url(Operation.COUNT_TOKENS, "https://host/v1", "m") is None


def test_without_a_key_nothing_is_signed() -> None:
    assert repr(PROVIDERS["openai-custom"].credential(None)) == "NoKey()"
    assert "key-123" not in repr(PROVIDERS["openai-custom"].credential("key-123"))


def test_the_default_model_is_the_first_and_every_name_is_listed_once() -> None:
    for name, provider in PROVIDERS.items():
        assert provider.name == name
        assert provider.default_model == provider.models[0]
        assert provider.small_model in provider.models
        assert len(set(provider.models)) == len(provider.models)
