"""Upstreams: the table of what exists."""

from collections.abc import Mapping

from gateway.providers.anthropic import ANTHROPIC
from gateway.providers.compatible import ROWS, provider_of
from gateway.providers.demo import DEMO
from gateway.providers.gemini import GEMINI
from gateway.providers.ollama import OLLAMA
from gateway.providers.openai import OPENAI
from gateway.providers.provider import Provider

PROVIDERS: Mapping[str, Provider] = {
    "claude-custom": ANTHROPIC,
    "demo": DEMO,
    "gemini": GEMINI,
    "openai-custom": OPENAI,
    **{row.name: provider_of(row) for row in ROWS},
    # Last: where nothing else is preferred, what others serve comes before one's own machine.
    "ollama": OLLAMA,
}
