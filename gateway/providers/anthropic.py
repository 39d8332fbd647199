"""Anthropic, and hosts that speak its Messages API."""

from gateway.protocols.anthropic import CODEC
from gateway.protocols.codec import Operation
from gateway.providers.provider import Provider

ANTHROPIC = Provider(
    name="claude-custom",
    codec=CODEC,
    base_url="https://api.anthropic.com",
    paths={
        Operation.GENERATE: "/v1/messages",
        Operation.COUNT_TOKENS: "/v1/messages/count_tokens",
        Operation.LIST_MODELS: "/v1/models",
    },
    key_header="x-api-key",
    key_prefix="",
    # The widest support, third-party hosts included; a client's own version wins where it speaks this
    # protocol.
    headers={"anthropic-version": "2023-06-01"},
    forward=frozenset({"anthropic-version", "anthropic-beta"}),
    claims=("claude-*", "anthropic/*"),
    models=(
        "claude-sonnet-5-5",
        "claude-opus-5-5",
        "claude-haiku-5-5",
        "claude-opus-5",
        "claude-sonnet-5",
        "claude-opus-4-8",
        "claude-sonnet-4-6",
        "claude-haiku-4-5",
    ),
    small_model="claude-haiku-5-5",
    env=("CLAUDE_API_KEY", "ANTHROPIC_API_KEY"),
    base_url_env="ANTHROPIC_BASE_URL",
    caches_prompts=True,
)
